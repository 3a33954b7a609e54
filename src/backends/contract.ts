/**
 * What dispatch needs to know of an agent CLI: how it is started and resumed, and what its output says.
 * One folder per CLI; nothing outside this folder knows their flags or their events.
 */
import type { Clock } from "../task/clock.ts";
import type { FailureClass } from "../task/outcome/failure.ts";
import type { Permissions, Usage } from "../task/spec.ts";
import type { BackendType, PromptWay } from "./known.ts";

/** A backend as it is configured. */
export interface BackendConfig {
	name: string;
	type: BackendType;
	/** a shell command line of the user's own */
	command: string;
	/** whether dispatch passes `--model` */
	modelFlag: boolean;
	/** not given: as its type and its command allow */
	promptBy?: PromptWay;
	/** how many of its agents may work at once on this host; not given: as many as there are places */
	concurrency?: number;
	startsPerMinute?: number;
	/** null: as its command says */
	permissions: Permissions | null;
}

export interface StartInput {
	/** the user's own shell command line, as configured */
	command: string;
	/** null: pass no `--model` */
	model: string | null;
	prompt: string;
	/** absolute: the prompt stands in this file, which becomes the CLI's stdin, and in no argument */
	promptFile?: string | null;
	/** a fresh uuid, for CLIs that let the caller name the session */
	sessionId: string;
	/** USD that this process may still spend; CLIs that cannot be told are watched instead */
	budgetUsd?: number | null;
	/** false: pass no `--model` whatever `model` says */
	modelFlag: boolean;
}

export interface Invocation {
	argv: string[];
	/** the session's id where it is known before the start; else a `session` event tells it */
	sessionId: string | null;
}

/** Times are ms since the Unix epoch. Every text is free of terminal control sequences. */
export type AgentEvent =
	| { kind: "session"; id: string }
	/** what it does now, one line of at most 200 characters */
	| { kind: "activity"; text: string }
	/** what the agent said */
	| { kind: "message"; text: string }
	/** Totals of the session, resumed runs included; of this process alone; or what came on top in it. */
	| { kind: "usage"; usage: Usage; scope: "session" | "run" | "more" }
	/**
	 * What it lives on for after its final word: "a background command: npm test"; null: for nothing any more.
	 * `until`: when it will go on by itself, ms since the Unix epoch; null: nobody knows
	 */
	| { kind: "background"; waitsFor: string | null; until: number | null }
	/** the process lives, which says nothing of its work */
	| { kind: "heartbeat" }
	/**
	 * A limit, or a service without room. `until` is null when nobody says; only a fatal one ends the run.
	 * `model`: of which model, `""` for the one in use, null for the whole account.
	 */
	| {
			kind: "rate_limit";
			until: number | null;
			fatal: boolean;
			model: string | null;
			failure: FailureClass;
			unsure?: true;
	  }
	/**
	 * The CLI waits until then to ask its service again. `givesUp`: it would go on for so long that dispatch
	 * ends it: waiting in the queue takes no place, and a dead login must not look like a long silence.
	 */
	| {
			kind: "retrying";
			cause: string;
			attempt: number;
			failure: FailureClass | null;
			/** null: nobody says, or it cannot be */
			until: number | null;
			givesUp: boolean;
	  }
	/**
	 * `unsure`: a line of text that reads like the CLI's own complaint; anything that it starts may print such.
	 * It counts when the run ends with it.
	 */
	| { kind: "error"; message: string; failure: FailureClass | null; unsure?: true }
	/** the agent's own verdict; it may still live for a while */
	| { kind: "result"; ok: boolean; message: string | null }
	/** anything else it printed */
	| { kind: "text"; text: string };

/** Reads one process's output in order. It never throws, whatever it is fed. */
export interface OutputParser {
	/** @param text one line without its end */
	line(text: string): AgentEvent[];
}

export interface Backend {
	readonly type: BackendType;
	/**
	 * The user's command line with flags that hold the agent to `permissions`, in place of those that say
	 * otherwise. @param taskDir absolute: whatever the degree, the agent may write its task's files.
	 * @returns null when this CLI has no flags for it
	 */
	permit(command: string, permissions: Permissions, taskDir: string): string | null;
	start(input: StartInput): Invocation;
	/** Goes on in the session `sessionId`; null when this CLI cannot. */
	resume(input: StartInput): Invocation | null;
	/** @param clock for prose such as "try again at 12:16 PM" */
	parser(clock?: Clock): OutputParser;
	/** where its command line allows it */
	readonly promptBy: PromptWay;
	/** defaults; a value the user has set stays */
	readonly addEnv: Readonly<Record<string, string>>;
}
