/**
 * The key of the state directory: what a host executes must carry a signature that only somebody who can read
 * this directory can make.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import type { Seals } from "../process/sealed-file.ts";
import { cutText } from "../task/cut-text.ts";
import { DispatchError } from "../task/errors.ts";
import type { Order } from "../task/order.ts";
import { readOrMake } from "./home.ts";

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

/**
 * Makes the key at first use, and reads it at each: who lost it and made a new one, or put one back from a backup,
 * must not find worker and commands signing by two of them.
 * @param home the state directory's path
 * @throws DISPATCH_KEY_UNUSABLE, as each use does, when it is damaged: a guessable key would be worse than none
 */
export function openSigner(home: string): Signer {
	const path = join(home, KEY_FILE);
	keyOf(path);
	const signBy = (key: Buffer) => (order: Order) =>
		`${VERSION}.${createHmac("sha256", key).update(canonical(order)).digest("base64url")}`;
	const sign = (order: Order) => signBy(keyOf(path))(order);
	const newNonces = (many: number) => {
		const [key, random] = [keyOf(path), randomBytes(many * NONCE_BYTES).toString("hex")];
		return Array.from({ length: many }, (_, n) => {
			const own = random.slice(n * NONCE_BYTES * 2, (n + 1) * NONCE_BYTES * 2);
			return own + nonceSeal(key, own);
		});
	};
	return {
		...sealsOf(home),
		newNonce: () => newNonces(1).join(),
		newNonces,
		sign,
		signAll: (orders) => orders.map(signBy(keyOf(path))),
		isSigned: (order, signature) => isSame(sign(order), signature),
	};
}

/** As those of `openSigner`; the key is read at their use only, for what must be done without one, too. @param home the state directory's path */
export function sealsOf(home: string): Seals {
	const seal = (kind: string, facts: object) =>
		createHmac("sha256", keyOf(join(home, KEY_FILE)))
			.update(`${kind} ${canonical(facts)}`)
			.digest("base64url");
	return {
		seal,
		isSealed: (kind, facts, given) => isSame(seal(kind, facts), given),
		hasMade: (nonce) => {
			const random = cutText(nonce, NONCE_BYTES * 2, "");
			return sameBytes(
				Buffer.from(random + nonceSeal(keyOf(join(home, KEY_FILE)), random)),
				Buffer.from(nonce),
			);
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

function keyOf(path: string): Buffer {
	const hex = textOf(path);
	if (/^[0-9a-f]{64}$/.test(hex)) return Buffer.from(hex, "hex");
	throw new DispatchError("DISPATCH_KEY_UNUSABLE", `The signing key ${path} is damaged.`, {
		hint: "Remove it: a new one is made, and tasks that have not ended must be signed again.",
	});
}

function textOf(path: string): string {
	try {
		return readOrMake(path, () => randomBytes(KEY_BYTES).toString("hex"));
	} catch (cause) {
		if (!(cause instanceof DispatchError)) throw cause;
		throw new DispatchError("DISPATCH_KEY_UNUSABLE", `The signing key: ${cause.message}`, {
			cause,
			...(cause.hint !== undefined && { hint: cause.hint }),
		});
	}
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
