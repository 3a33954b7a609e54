/**
 * Which state directory an address has: each has a worker of its own, and so an identity, a key and runs of its own.
 * The base directory (`DISPATCH_HOME`) belongs to the first address that something was submitted at, or a worker
 * served; every other one has a directory in it. Config, templates and the local Redis are the base's, for all.
 *
 *   address              whose the base is, without user and password; written once
 *   at/<hash>/           the directory of another address, by its place
 *   at/<hash>/address    which one, for people, and for what runs inside its tasks
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { codeOf, isThere, publishNew } from "../process/atomic-file.ts";
import { otherOwnerOf } from "../process/own-path.ts";
import { type FileText, isLocked, meansAbsent, notLookedAt, readRegularFile } from "../process/read-file.ts";
import { faultOfAddress, LOCAL_ADDRESS, LOCAL_PLACE, placeOf } from "../task/address.ts";
import { DispatchError } from "../task/errors.ts";

const OTHERS = "at";
const HASH_FORM = /^[0-9a-f]{16}$/;
const LIMIT_BYTES = 4096;
const JSON_LIMIT_BYTES = 256 * 1024;

/** An address, null for the local server; without user and password where it comes from a file. */
export interface Address {
	url: string | null;
}

const fileIn = (directory: string) => join(directory, "address");

/**
 * A base directory, or the one that a directory of another address lies in. Either of the two says so: who lost its
 * file would be a base of its own, with no config and no agents.
 */
export function baseOf(path: string): string {
	const others = dirname(path);
	if (!HASH_FORM.test(basename(path)) || basename(others) !== OTHERS) return path;
	const base = dirname(others);
	return hasName(path) || hasName(base) ? base : path;
}

/** @param url null: the local server. @throws DISPATCH_DISK when it cannot be known whose the base is */
export function directoryFor(base: string, url: string | null): string {
	// What is no address has no directory: it is refused before anything is done there.
	if (url !== null && faultOfAddress(url) !== null) return base;
	const place = placeOf(url);
	const owner = ownerOf(base);
	if (owner !== null) return placeOf(owner.url) === place ? base : otherIn(base, place);
	// Other addresses were served here, so it had an owner. Nobody takes its place.
	const [, ...others] = directoriesOf(base);
	if (others.length === 0) return base;
	if (others.includes(otherIn(base, place))) return otherIn(base, place);
	throw unnamed(base, "is gone");
}

function otherIn(base: string, place: string): string {
	return join(base, OTHERS, createHash("sha256").update(place).digest("hex").slice(0, 16));
}

/** From here on the base is this address's, unless it is another's already: of two at once one wins. @throws DISPATCH_DISK */
export function ownBase(base: string, url: string | null): void {
	if (hasName(base)) return;
	const owner = ownerOf(base);
	if (owner !== null || directoryFor(base, url) === base) nameAddress(base, (owner ?? { url }).url);
}

/** Says in a directory whose it is. @throws DISPATCH_DISK */
export function nameAddress(directory: string, url: string | null): void {
	publishNew(fileIn(directory), `${spelled(url)}\n`);
}

/** Without user and password, so that everything may show it. */
function spelled(url: string | null): string {
	if (url === null) return LOCAL_ADDRESS;
	const place = placeOf(url);
	return /^rediss/i.test(url) ? place.replace(/^redis/, "rediss") : place;
}

/** The address that a directory is of; null where none is said. @throws DISPATCH_DISK */
export function addressOf(directory: string): Address | null {
	const path = fileIn(directory);
	// First: another command may write it in this moment.
	if (!hasName(directory)) return null;
	const file = lookAt(path);
	const text = file.kind === "text" ? file.text.trim() : "";
	if (text === LOCAL_ADDRESS) return { url: null };
	if (file.kind === "text" && faultOfAddress(text) === null) return { url: text };
	if (file.kind === "text") throw unnamed(directory, "names no Redis address");
	const failed = unnamed(directory, file.kind === "absent" ? "is a link that leads nowhere" : file.why);
	throw isLocked(file) ? keptFrom(directory, failed) : failed;
}

/** @throws DISPATCH_DISK where it cannot be known */
function hasName(directory: string): boolean {
	const path = fileIn(directory);
	return isThere(path, (error) => {
		const failed = notLookedAt(path, error);
		return codeOf(error) === "EACCES" ? keptFrom(directory, failed) : failed;
	});
}

/** What another user, or root, keeps to themselves is no directory to mend: who asks needs one of their own. */
function keptFrom(directory: string, cause: DispatchError): DispatchError {
	const whose = otherOwnerOf(directory);
	if (whose === null) return cause;
	return new DispatchError(
		"DISPATCH_DISK",
		`The state directory ${directory} ${whose}, and is not for you.`,
		{
			hint: "Use one of your own: DISPATCH_HOME names it.",
			cause,
		},
	);
}

function unnamed(directory: string, why: string): DispatchError {
	return new DispatchError("DISPATCH_DISK", `${fileIn(directory)} ${why}.`, {
		hint: `Write into it which address the tasks in ${directory} are of: redis://host:port/0, or ${LOCAL_ADDRESS}.`,
	});
}

/** What may be a link of the user's. @throws DISPATCH_DISK where this process has no descriptor left */
function lookAt(path: string, limitBytes = LIMIT_BYTES): FileText {
	try {
		return readRegularFile(path, limitBytes, { links: true });
	} catch (error) {
		throw notLookedAt(path, error);
	}
}

/**
 * The address of the worker that this command belongs to: inside a task, or where DISPATCH_HOME names the directory
 * of one address. @returns null where it belongs to none, or that is not known
 */
export function addressOfWorker(env: Readonly<Record<string, string | undefined>>): Address | null {
	if (!env.DISPATCH_HOME) return null;
	const path = resolve(env.DISPATCH_HOME);
	return env.DISPATCH_TASK || baseOf(path) !== path ? ownerOf(path) : null;
}

/** The base, and those of other addresses in it. @throws DISPATCH_DISK when it cannot be known which there are */
export function directoriesOf(base: string): string[] {
	return [base, ...namesIn(join(base, OTHERS)).map((name) => join(base, OTHERS, name))];
}

function namesIn(folder: string): string[] {
	try {
		return readdirSync(folder).filter((name) => HASH_FORM.test(name));
	} catch (error) {
		if (meansAbsent(error)) return [];
		const failed = notLookedAt(folder, error);
		throw codeOf(error) === "EACCES" ? keptFrom(dirname(folder), failed) : failed;
	}
}

/** Whose the base directory is; null: nobody has worked here yet. @throws DISPATCH_DISK */
export function ownerOf(base: string): Address | null {
	return addressOf(base) ?? earlierOwner(base);
}

/**
 * Whose a directory of an earlier version is, which did not say so: the address that its worker serves, or served
 * last. Where nothing was left open it does not say; it is the local server's then, if agents ran beside one.
 */
function earlierOwner(base: string): Address | null {
	const { redis } = (jsonIn(join(base, "daemon.json")) ?? {}) as { redis?: unknown };
	const left = Object.entries(
		(jsonIn(join(base, "left.json")) ?? {}) as Record<string, { at?: unknown } | null>,
	);
	const [last] = left.sort(([, a], [, b]) => Number(b?.at ?? 0) - Number(a?.at ?? 0));
	// The local server's data lie there for all: they tell nothing where other addresses are served.
	const isAlone = directoriesOf(base).length === 1;
	const hadLocal = isAlone && ["redis", "runs"].every((name) => existsSync(join(base, name)));
	const place = [redis, last?.[0], hadLocal ? LOCAL_PLACE : null].find(isPlace);
	return place === undefined ? null : { url: place === LOCAL_PLACE ? null : place };
}

function isPlace(said: unknown): said is string {
	return typeof said === "string" && (said === LOCAL_PLACE || faultOfAddress(said) === null);
}

/** What cannot be read as such says nothing. @throws DISPATCH_DISK where this process has no descriptor left */
function jsonIn(path: string): object | null {
	const file = lookAt(path, JSON_LIMIT_BYTES);
	try {
		const value: unknown = JSON.parse(file.kind === "text" ? file.text : "null");
		return typeof value === "object" ? value : null;
	} catch {
		return null;
	}
}
