/**
 * Who writes in a state directory: which boot of which machine, and where it lay. The kernel's lock keeps two
 * processes of one machine apart; it sees neither another machine that has the same directory (a network file
 * system) nor a copy of it. The daemon touches the mark as long as it lives.
 */
import { createHash } from "node:crypto";
import {
	constants,
	readSync,
	realpathSync,
	rmSync,
	type Stats,
	statSync,
	utimesSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DispatchError } from "../task/errors.ts";
import { replaceFile, temporaryName } from "./atomic-file.ts";
import { bootId, livesBy } from "./identity.ts";
import { hasDirectoryLock, hasPlace } from "./place-holders.ts";
import { readRegularFile, withRegularFile } from "./read-file.ts";

const LIMIT_BYTES = 4096;
/** A mark that nobody has touched for so long is of somebody who is gone. */
const SILENT_MS = 45_000;
/** A living daemon touches its mark more often than this. */
const WATCH_MS = 15_000;
const LOOK_MS = 200;

interface Mark {
	boot: string;
	/** a digest of the machine's own id; null where it has none */
	machine: string | null;
	/** for people */
	host: string;
	/** where the directory lay */
	path: string;
}

const markPath = (home: string) => join(home, "writer.json");

/**
 * Makes this machine the one that writes here. Takes a while where another one did so a moment ago: whether it
 * still does is looked at.
 * @param home the state directory's path @param homeId its random id, which a copy has as well
 * @returns the name of another machine that the directory was used on before; null: none
 * @throws DISPATCH_OTHER_WRITER
 */
export async function claimWriter(home: string, homeId: string): Promise<string | null> {
	const mine = ownMark(home);
	const mark = readMark(home);
	if (mark === null || isSame(mark, mine)) {
		if (mark === null) writeMark(home, mine);
		return null;
	}
	if (isCopy(mark, home, homeId)) {
		throw new DispatchError(
			"DISPATCH_OTHER_WRITER",
			`The state directory ${home} is a copy of ${mark.path}: both would run the same tasks.`,
			{ hint: `Remove home-id, host-id and daemon.json from ${home}: it is a host of its own then.` },
		);
	}
	if (mark.boot !== mine.boot && (await isTouched(home))) {
		throw new DispatchError(
			"DISPATCH_OTHER_WRITER",
			`Another machine (${mark.host}) works in the state directory ${home} right now.`,
			{
				hint: "Give each machine a state directory of its own, by DISPATCH_HOME; one Redis serves them all.",
			},
		);
	}
	writeMark(home, mine);
	return mark.machine !== null && mine.machine !== null && mark.machine !== mine.machine ? mark.host : null;
}

/** @returns false: somebody else has made himself the writer */
export function touchWriter(home: string): boolean {
	const mark = readMark(home);
	if (mark !== null && mark.boot !== bootId()) return false;
	if (mark === null) writeMark(home, ownMark(home));
	else touch(markPath(home));
	return true;
}

/** By a write, which the file system's own clock stamps (see `fileSystemNow`): on a network ours may be hours behind it. */
function touch(path: string): void {
	try {
		const written = withRegularFile(path, constants.O_RDWR, {}, (fd) => {
			const first = Buffer.alloc(1);
			return readSync(fd, first) === 1 && writeSync(fd, first, 0, 1, 0) === 1;
		});
		if (written === true) return;
	} catch {
		// A full disk, a lease on it: a touch needs neither room nor a descriptor.
	}
	utimesSync(path, new Date(), new Date());
}

/** One directory on one running kernel: there the kernel's locks are enough. */
export function placeOfHome(home: string): string {
	return placeOf(statSync(home));
}

const placeOf = ({ dev, ino }: Stats) => `${bootId()}:${dev}:${ino}`;

/**
 * Anybody may write such a word, and open the directory: where this process has the directory's lock it names no worker,
 * since there can be none beside it.
 * @param word of `ownIdentity`, or anything
 * @returns the pid of another process that it names, if that lives and has this place in the manner of a worker. null
 * where the system does not show it: there the kernel's lock alone decides
 */
export function workerAt(place: string, word: string): number | null {
	const isIt = (numbers: Stats | null) => numbers !== null && placeOf(numbers) === place;
	const pid = livesBy(word);
	return pid !== null && !hasDirectoryLock(isIt) && hasPlace(pid, isIt) ? pid : null;
}

function ownMark(home: string): Mark {
	return { boot: bootId(), machine: machineId(), host: hostname(), path: realpathSync(home) };
}

function isSame(a: Mark, b: Mark): boolean {
	return a.boot === b.boot && a.path === b.path;
}

/** The one that it names is still there, and another directory. */
function isCopy(mark: Mark, home: string, homeId: string): boolean {
	const [there, here] = [mark.path, home].map((path) => statSync(path, { throwIfNoEntry: false }));
	if (there === undefined || here === undefined || (there.dev === here.dev && there.ino === here.ino))
		return false;
	const id = readRegularFile(join(mark.path, "home-id"), LIMIT_BYTES);
	return id.kind === "text" && id.text.trim() === homeId;
}

async function isTouched(home: string): Promise<boolean> {
	const before = stampOf(home);
	if (fileSystemNow(home) - before > SILENT_MS) return false;
	for (const until = performance.now() + WATCH_MS; performance.now() < until; await sleep(LOOK_MS))
		if (stampOf(home) !== before) return true;
	return false;
}

function stampOf(home: string): number {
	return statSync(markPath(home), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** By the clock that gives files their times: on a network it is the server's. */
function fileSystemNow(home: string): number {
	const path = temporaryName(markPath(home));
	writeFileSync(path, "", { mode: 0o600 });
	const { mtimeMs } = statSync(path);
	rmSync(path, { force: true });
	return mtimeMs;
}

function readMark(home: string): Mark | null {
	const file = readRegularFile(markPath(home), LIMIT_BYTES);
	try {
		const mark = JSON.parse(file.kind === "text" ? file.text : "null") as Mark | null;
		return typeof mark?.boot === "string" && typeof mark.path === "string" ? mark : null;
	} catch {
		return null;
	}
}

function writeMark(home: string, mark: Mark): void {
	replaceFile(markPath(home), JSON.stringify(mark));
}

/** https://www.freedesktop.org/software/systemd/man/machine-id.html asks that it be shown to nobody as it is. */
function machineId(): string | null {
	const file = readRegularFile("/etc/machine-id", LIMIT_BYTES);
	if (file.kind !== "text" || file.text.trim() === "") return null;
	return createHash("sha256").update(`dispatch ${file.text.trim()}`).digest("hex").slice(0, 16);
}
