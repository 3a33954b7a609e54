/**
 * The key of the state directory: what a host executes must carry a signature that only somebody who can read
 * this directory can make.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { placeTaker } from "../process/place-holders.ts";
import type { Seals } from "../process/sealed-file.ts";
import { cutText } from "../task/cut-text.ts";
import { DispatchError, isKeyFault } from "../task/errors.ts";
import type { Order } from "../task/order.ts";
import { rememberSecret } from "../task/secrets.ts";
import { otherWorker, readOrMake } from "./home.ts";

/** More than a worker takes until its next look. */
const KEPT_LIMIT_MS = 5_000;
const LOOK_MS = 50;
const pause = new Int32Array(new SharedArrayBuffer(4));

/** in the state directory */
export const KEY_FILE = "signing-key";
const KEY_BYTES = 32;
/** Begins every signature: another way of signing gets another one. */
const VERSION = "1";
const NONCE_BYTES = 8;
/** 96 bits of it: nobody guesses one. */
const SEAL_CHARS = 16;

export interface Signer extends Seals {
	sign(order: Order): string;
	/** as `sign`, of many at once: the key is read once */
	signAll(orders: readonly Order[]): string[];
	/** @returns whether `signature` was made of this very order by this key */
	isSigned(order: Order, signature: string | null): boolean;
	/** @returns a new nonce for a task, which whoever has the key knows again without its record */
	newNonce(): string;
	/** as `newNonce`, many at once: the key is read once */
	newNonces(many: number): string[];
}

/** Where a signer has its key from, at each use. @throws DISPATCH_KEY_UNUSABLE, and what passes (`isOurTrouble`) */
type ReadKey = () => Buffer;

/**
 * Makes the key at first use, and reads it at each: who lost it and made a new one, or put one back from a backup,
 * must not find worker and commands signing by two of them.
 * @param home the state directory's path @param readKey a worker's: it remembers
 * @throws DISPATCH_KEY_UNUSABLE, as each use does, when it is damaged: a guessable key would be worse than none
 */
export function openSigner(home: string, readKey: ReadKey = () => keyOf(home)): Signer {
	readKey();
	const signBy = (key: Buffer) => (order: Order) =>
		`${VERSION}.${createHmac("sha256", key).update(canonical(order)).digest("base64url")}`;
	const sign = (order: Order) => signBy(readKey())(order);
	const newNonces = (many: number) => {
		const [key, random] = [readKey(), randomBytes(many * NONCE_BYTES).toString("hex")];
		return Array.from({ length: many }, (_, n) => {
			const own = random.slice(n * NONCE_BYTES * 2, (n + 1) * NONCE_BYTES * 2);
			return own + nonceSeal(key, own);
		});
	};
	return {
		...sealsOf(home, readKey),
		newNonce: () => newNonces(1).join(),
		newNonces,
		sign,
		signAll: (orders) => orders.map(signBy(readKey())),
		isSigned: (order, signature) => isSame(sign(order), signature),
	};
}

/** As those of `openSigner`; the key is read at their use only, for what must be done without one, too. @param home the state directory's path */
export function sealsOf(home: string, readKey: ReadKey = () => keyOf(home)): Seals {
	const seal = (kind: string, facts: object) =>
		createHmac("sha256", readKey())
			.update(`${kind} ${canonical(facts)}`)
			.digest("base64url");
	return {
		seal,
		isSealed: (kind, facts, given) => isSame(seal(kind, facts), given),
		hasMade: (nonce) => {
			const random = cutText(nonce, NONCE_BYTES * 2, "");
			return sameBytes(Buffer.from(random + nonceSeal(readKey(), random)), Buffer.from(nonce));
		},
	};
}

/** No order begins like that. */
function nonceSeal(key: Buffer, random: string): string {
	const whole = createHmac("sha256", key).update(`nonce ${random}`).digest("base64url");
	return cutText(whole, SEAL_CHARS, "");
}

function isSame(mine: string, given: string | null): boolean {
	return given !== null && sameBytes(Buffer.from(mine), Buffer.from(given));
}

/** @param home the state directory's path @throws DISPATCH_KEY_UNUSABLE, and what passes (`isOurTrouble`) */
export function keyOf(home: string): Buffer {
	const path = join(home, KEY_FILE);
	const key = keyFrom(textOf(home, path));
	if (key !== null) return key;
	throw unusable(home, `The signing key ${path} is damaged.`, {
		hint: "Remove it: a new one is made, and tasks that have not ended must be signed again.",
	});
}

/**
 * Hides it from then on: an agent can read it, and whoever reads what it says of it would sign as this host's user.
 * @param line of the key's file @returns null: it is no key
 */
export function keyFrom(line: string | null): Buffer | null {
	if (line === null || !/^[0-9a-f]{64}$/.test(line)) return null;
	rememberSecret(KEY_FILE, line);
	return Buffer.from(line, "hex");
}

function textOf(home: string, path: string): string {
	try {
		return readOrMake(path, () => {
			if (!isOursToMake(home, path)) throw unusable(home, `The signing key ${path} is gone.`);
			return randomBytes(KEY_BYTES).toString("hex");
		});
	} catch (cause) {
		if (!(cause instanceof DispatchError) || isKeyFault(cause)) throw cause;
		throw unusable(home, `The signing key: ${cause.message}`, {
			cause,
			...(cause.hint !== undefined && { hint: cause.hint }),
		});
	}
}

/**
 * A worker that lives knows the key, and puts it back: another one must not be made beside it. Who has the place for a
 * moment only (one that looks, a worker that is about to make the key) is waited for.
 * @returns also true where the key is there again meanwhile
 */
function isOursToMake(home: string, path: string): boolean {
	const until = performance.now() + KEPT_LIMIT_MS;
	while (workerOf(home) !== null) {
		if (performance.now() > until) return false;
		Atomics.wait(pause, 0, 0, LOOK_MS);
		if (existsSync(path)) return true;
	}
	return true;
}

/** By what it says of itself or, where that was lost, too, by the place that it has. */
function workerOf(home: string): number | null {
	return otherWorker(home) ?? placeTaker(home);
}

function unusable(
	home: string,
	message: string,
	options: { hint?: string; cause?: unknown } = {},
): DispatchError {
	const pid = workerOf(home);
	const hint = `The worker (pid ${pid}) puts it back in a moment: try again. For a new one, give \`dispatch down\` first.`;
	return new DispatchError("DISPATCH_KEY_UNUSABLE", message, { ...options, ...(pid !== null && { hint }) });
}

function sameBytes(a: Buffer, b: Buffer): boolean {
	return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * One text for one meaning: the order of fields does not count, nor does what is null or empty, which a record
 * of an earlier version may lack. The record's schema has fixed the type of every field before.
 */
function canonical(value: unknown): string {
	if (typeof value === "string") return JSON.stringify(value.toWellFormed());
	if (typeof value !== "object" || value === null) return JSON.stringify(value);
	if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
	const fields = Object.entries(value)
		.filter(([, field]) => !isNothing(field))
		// As Redis gives them back: halves of characters sort elsewhere.
		.map(([name, field]) => [name.toWellFormed(), field] as const)
		.sort(([a], [b]) => (a < b ? -1 : 1));
	return `{${fields.map(([name, field]) => `${canonical(name)}:${canonical(field)}`).join()}}`;
}

function isNothing(value: unknown): boolean {
	if (value === null || value === undefined) return true;
	return typeof value === "object" && Object.keys(value).length === 0;
}
