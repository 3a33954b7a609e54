/**
 * What a kind of target is: the keys of its entry in the config, and how it is told. From the kinds of its keys
 * come their forms, what of them is secret and what is looked for in doctor: nothing else knows a target's name.
 */
import type { NotificationEvent, NotificationPayload } from "../task/notification.ts";

/**
 * `address`: an http(s) URL, which is secret; `secret`: may be left out. For both the config may name a variable
 * of the daemon instead (`url_env`). `line`: a shell line. `variables`: names of variables of the daemon, which a line is given
 * beside what any program gets.
 */
export type FieldKind = "address" | "secret" | "line" | "variables";

export type Fields = Readonly<Record<string, FieldKind>>;

/** What the sender gets; null: a secret that the config leaves out. */
type ValuesOf<F extends Fields> = {
	readonly [N in keyof F]: F[N] extends "variables"
		? Readonly<Record<string, string>>
		: F[N] extends "secret"
			? string | null
			: string;
};

/** Runs a shell line with its stdin; @returns its exit code, null when it was ended */
export type RunCommand = (run: {
	command: string;
	env: Record<string, string>;
	input: string;
	limitMs: number;
}) => Promise<number | null>;

export interface SendDeps {
	env: Readonly<Record<string, string | undefined>>;
	run: RunCommand;
	/** ms since the Unix epoch */
	now: () => number;
}

/** Told by the host's daemon. */
export interface Receiver<F extends Fields = Fields> {
	readonly fields: F;
	/** @throws DeliveryError */
	deliver(values: ValuesOf<F>, payload: NotificationPayload, deps: SendDeps): Promise<void>;
}

/** Told where somebody waits at a terminal: by the command that waits, never by the daemon. */
export interface AtTerminal {
	readonly fields: Fields;
	/** what is written there */
	readonly signal: string;
}

export type TargetKind = Receiver | AtTerminal;

/** Infers the values that `deliver` gets. */
export function receiver<const F extends Fields>(kind: Receiver<F>): Receiver<F> {
	return kind;
}

/** A value of the config, or the variable that holds it; both null where it is left out. */
export interface Value {
	value: string | null;
	/** the name of a variable of the daemon */
	env: string | null;
	/** names of several, each of which is handed on under its name */
	variables?: readonly string[];
}

/** An entry of the config. */
export interface TargetOf<Type extends string> {
	type: Type;
	/** unique among the targets; in the queue it stands for the target, whose secrets stay in the config */
	name: string;
	on: readonly NotificationEvent[];
	/** by the names of its kind's fields */
	values: Readonly<Record<string, Value>>;
}

/** Not delivered. `final`: another try would not help. */
export class DeliveryError extends Error {
	readonly final: boolean;
	/** the receiver's own wish, ms from now */
	readonly retryAfterMs: number | null;

	constructor(message: string, options: { final?: boolean; retryAfterMs?: number | null } = {}) {
		super(message);
		this.final = options.final ?? false;
		this.retryAfterMs = options.retryAfterMs ?? null;
	}
}
