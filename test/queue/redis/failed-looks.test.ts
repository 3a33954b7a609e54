/** A look at the processes that fails, at whichever moment of a start or stop: it is told, and keeps nobody out later. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, beforeEach, expect, test } from "vitest";
import { takePlaceLock } from "../../../src/process/lock.ts";
import {
	ensureLocalServer,
	localServerState,
	stopLocalServer,
} from "../../../src/queue/redis/local-server.ts";
import { serverPlace } from "../../../src/queue/redis/server-place.ts";
import { temporaryFolder } from "../../temporary-folder.ts";

/** One after the other; what is tried may make fewer. */
const LOOKS = [1, 2, 3, 4, 5, 6];

let home: { path: string };
const { readdirSync } = fs;

beforeEach(() => {
	home = { path: temporaryFolder("fl") };
});

afterEach(async () => {
	failNone();
	await stopLocalServer(home);
});

/** As where this process is short of descriptors for a moment. @param nth look at all processes, from now on */
function failLook(nth: number): void {
	let left = nth;
	const read = (...args: Parameters<typeof readdirSync>) => {
		if (args[0] === "/proc" && --left === 0)
			throw Object.assign(new Error("EMFILE: too many open files, scandir '/proc'"), { code: "EMFILE" });
		return readdirSync(...args);
	};
	Object.assign(fs, { readdirSync: read });
	syncBuiltinESMExports();
}

function failNone(): void {
	Object.assign(fs, { readdirSync });
	syncBuiltinESMExports();
}

/** @returns how it ended: the code of its error, or that it was done */
async function tried(act: () => Promise<unknown>): Promise<string> {
	try {
		await act();
		return "done";
	} catch (error) {
		return (error as NodeJS.ErrnoException).code ?? String(error);
	} finally {
		failNone();
	}
}

test("of a start: the next one has the place, and starts the server", async () => {
	const ends: string[] = [];
	for (const nth of LOOKS) {
		failLook(nth);
		ends.push(await tried(() => ensureLocalServer(home)));
		await ensureLocalServer(home);
		expect([nth, localServerState(home)]).toEqual([nth, "running"]);
		await stopLocalServer(home);
	}
	expect(ends).toContain("done");
	expect(ends.filter((end) => end === "EMFILE").length).toBeGreaterThan(1);
});

test("of a stop: the next one ends the server", async () => {
	const ends: string[] = [];
	for (const nth of LOOKS) {
		await ensureLocalServer(home);
		failLook(nth);
		ends.push(await tried(() => stopLocalServer(home)));
		await stopLocalServer(home);
		expect([nth, localServerState(home)]).toEqual([nth, "stopped"]);
	}
	expect(ends.filter((end) => end === "EMFILE").length).toBeGreaterThan(1);
});

test("of who takes a place: it is free", async () => {
	const { lock: path } = serverPlace(home.path);
	failLook(1);
	expect(await tried(() => takePlaceLock(path))).toBe("EMFILE");
	const lock = await takePlaceLock(path);
	expect(lock?.fds).toHaveLength(2);
	lock?.release();
});
