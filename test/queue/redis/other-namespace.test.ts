/**
 * Two servers over one directory would write one file. Who is in another pid namespace sees no process of ours: the
 * kernel's locks alone keep it out, whichever of them another program has had when our server began.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { ensureLocalServer, stopLocalServer } from "../../../src/queue/redis/local-server.ts";
import { serverPlace, serversAt } from "../../../src/queue/redis/server-place.ts";
import { APART, mayLiveApart } from "../../process/apart.ts";
import { bundled, source } from "../../process/bundled.ts";
import { temporaryFolder } from "../../temporary-folder.ts";

const IN_ANOTHER = [`${APART}pf`, "--mount-proc", process.execPath];
const HOLDS = 'exec 9<"$1"; flock 9; echo held; exec sleep 1000';

let program: string;
beforeAll(async () => {
	program = await bundled(
		temporaryFolder("starter"),
		`import { ensureLocalServer } from ${source("queue/redis/local-server.ts")};
		await ensureLocalServer({ path: process.argv[2] }, () => {}, { answerMs: 2_000, loadingMs: 60_000 })
			.then(() => console.log("started"), ({ code }) => console.log(code));`,
	);
});

let home: { path: string };
beforeEach(() => {
	home = { path: temporaryFolder("on") };
});
afterEach(() => stopLocalServer(home));

/** Another program locks a directory. @returns ends it */
async function lockedBy(directory: string): Promise<() => Promise<void>> {
	mkdirSync(directory, { recursive: true, mode: 0o700 });
	const child = spawn("sh", ["-c", HOLDS, "sh", directory], { stdio: ["ignore", "pipe", "inherit"] });
	const ended = once(child, "exit");
	const end = async () => {
		child.kill("SIGKILL");
		await ended;
	};
	onTestFinished(end);
	await once(child.stdout, "data");
	return end;
}

const LOCKED = ["none", "redis", "redis/appendonlydir"];

test.skipIf(!mayLiveApart).each(LOCKED)(
	"no second server from another pid namespace, whatever is removed, where another program had locked the directory: %s",
	async (name) => {
		const end = name === "none" ? async () => {} : await lockedBy(join(home.path, name));
		const { socketPath } = await ensureLocalServer(home);
		const place = serverPlace(home.path);
		const servers = serversAt(place);
		expect(servers).toHaveLength(1);
		await end();
		for (const path of [place.lock, place.pidFile, socketPath]) rmSync(path);
		const { stdout } = await promisify(execFile)("unshare", [...IN_ANOTHER, program, home.path]);
		expect({ said: stdout.trim(), servers: serversAt(place) }).toEqual({
			said: "DISPATCH_REDIS_UNREACHABLE",
			servers,
		});
	},
);

test("where other programs have locked all of its directories none starts, and one is named; then one does", async () => {
	const ends = [await lockedBy(join(home.path, "redis")), await lockedBy(serverPlace(home.path).data)];
	await expect(ensureLocalServer(home)).rejects.toMatchObject({
		code: "DISPATCH_LOCKED",
		message: expect.stringContaining(serverPlace(home.path).data),
	});
	await ends[0]?.();
	await ensureLocalServer(home);
	expect(serversAt(serverPlace(home.path))).toHaveLength(1);
});
