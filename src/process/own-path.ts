/**
 * Whose a file or directory is: what stands in a state directory or a config is executed, so that nobody but
 * this user (and root, who can do so anyway) may write there.
 */
import { lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { DispatchError } from "../task/errors.ts";

const WRITABLE_BY_OTHERS = 0o002;
const WRITABLE_BY_GROUP = 0o020;
/** In such a directory others replace nothing of this user's. */
const STICKY = 0o1000;

/**
 * Nothing where there is nothing. A link counts as what it leads to, and must be this user's itself.
 * @param what names it in the refusal: "The state directory"
 * @throws DISPATCH_DISK
 */
export function requireOwn(path: string, what: string): void {
	const me = process.geteuid?.();
	const link = lstatSync(path, { throwIfNoEntry: false });
	const target = statSync(path, { throwIfNoEntry: false });
	if (me === undefined || link === undefined || target === undefined) return;
	for (const { uid } of [link, target]) {
		if (uid === me || uid === 0) continue;
		throw refused(
			what,
			path,
			`belongs to another user (uid ${uid})`,
			`Use one of your own: DISPATCH_HOME names it.`,
		);
	}
	if (!isLoose(target)) return;
	const hint = `If you trust what is in it: chmod go-w ${path}`;
	throw refused(what, path, "can be written by other users", hint);
}

/**
 * Where other users may change what a file holds: itself, its directory, or that of the link which leads to it. Whose it
 * is does not count: in a container files of the host belong to any number.
 * @returns the path; null: nowhere. @throws where it is not there
 */
export function looseAt(path: string): string | null {
	const file = realpathSync(path);
	if (isLoose(statSync(file))) return file;
	const folders = new Set([dirname(file), dirname(path)]);
	return [...folders].find((folder) => isOpenFolder(statSync(folder))) ?? null;
}

/**
 * Whose what stands there is, where it is not this user's: "belongs to root", "lies in /root, which belongs to root" where
 * that one lets nobody look further. null: nobody else's, or nobody knows.
 */
export function otherOwnerOf(path: string): string | null {
	const me = process.geteuid?.();
	const { seen, uid } = nearestSeen(path);
	if (me === undefined || uid === undefined || uid === me) return null;
	const who = `belongs to ${uid === 0 ? "root" : `uid ${uid}`}`;
	return seen === path ? who : `lies in ${seen}, which ${who}`;
}

function nearestSeen(path: string): { seen: string; uid: number | undefined } {
	try {
		return { seen: path, uid: statSync(path, { throwIfNoEntry: false })?.uid };
	} catch {
		const around = dirname(path);
		return around === path ? { seen: path, uid: undefined } : nearestSeen(around);
	}
}

function isOpenFolder(stats: Stats): boolean {
	return isLoose(stats) && (stats.mode & STICKY) === 0;
}

/** A group of which this user is the usual member is taken for the user's own. */
function isLoose({ mode, gid }: Stats): boolean {
	if ((mode & WRITABLE_BY_OTHERS) !== 0) return true;
	return (mode & WRITABLE_BY_GROUP) !== 0 && gid !== process.getegid?.();
}

function refused(what: string, path: string, why: string, hint: string): DispatchError {
	return new DispatchError("DISPATCH_DISK", `${what} ${path} ${why}: what stands in it would run as you.`, {
		hint,
	});
}
