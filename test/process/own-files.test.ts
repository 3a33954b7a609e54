/** What the user names or keeps: it hangs nothing, and nobody else may have written it. */
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, lchownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readCursor } from "../../src/cli/options/cursor-file.ts";
import { readTextFile } from "../../src/cli/options/values.ts";
import { openHome } from "../../src/config/home.ts";
import { loadConfig } from "../../src/config/load.ts";
import { findTemplate } from "../../src/config/templates.ts";
import { readDaemonFile, takeStopRequest, writeStopRequest } from "../../src/host/files.ts";
import { createTaskDir } from "../../src/ipc/task-dir.ts";
import { processIdentity } from "../../src/process/identity.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const isRoot = process.getuid?.() === 0;
const STRANGER = 65_534;

const PUT: Record<string, (path: string) => void> = {
	"a FIFO": (path) => void spawnSync("mkfifo", [path]),
	"a link to /dev/zero": (path) => symlinkSync("/dev/zero", path),
	"a directory": (path) => mkdirSync(path),
	"a link to itself": (path) => symlinkSync(path, path),
	"a file of 8 GiB": (path) => void spawnSync("truncate", ["-s", "8G", path]),
};

describe.each(Object.keys(PUT))("%s", (kind) => {
	const folder = temporaryFolder("own");
	mkdirSync(join(folder, "templates"));
	const path = join(folder, "templates/named.md");
	PUT[kind]?.(path);

	test.each([
		["as a prompt, plan or batch", () => readTextFile(path)],
		["as a template", () => findTemplate({ project: "/nonexistent", home: folder }, "named")],
		["as a cursor", () => readCursor(path, "default")],
		["as a config", () => loadConfig({ path, env: {} })],
	])("%s is refused with its reason", async (_as, read) => {
		await expect((async () => read())()).rejects.toMatchObject({
			code: expect.stringMatching(/^DISPATCH_(BAD_FILE|CONFIG_INVALID)$/),
			message: expect.stringMatching(/it is (a|larger)|leads in a circle/),
		});
	});
});

test("a link to a file of the user's own is followed", async () => {
	const folder = temporaryFolder("own");
	writeFileSync(join(folder, "real"), "text");
	symlinkSync(join(folder, "real"), join(folder, "link"));
	expect(readTextFile(join(folder, "link"))).toBe("text");
});

test("a byte order mark is no part of what the user's files say", async () => {
	const folder = temporaryFolder("own");
	mkdirSync(join(folder, "templates"));
	const put = (name: string, text: string) => {
		writeFileSync(join(folder, name), `\uFEFF${text}`);
		return join(folder, name);
	};
	const file = put("bom.yaml", "- prompt: One\n- prompt: Two\n");
	expect(readTextFile(file)).toBe("- prompt: One\n- prompt: Two\n");
	put("templates/named.md", "---\ndescription: d\nprompt: Look\n---\n- [ ] One\n");
	expect(findTemplate({ project: "/nonexistent", home: folder }, "named").prompt).toBe("Look");
	const path = put("config.yaml", "backends: { own: { command: my-agent } }\n");
	expect(Object.keys((await loadConfig({ path, env: {} })).backends)).toEqual(["own"]);
});

describe("the state directory and the config", () => {
	test.each([
		[0o700, true],
		[0o755, true],
		[0o775, true],
		[0o777, false],
		[0o1777, false],
		[0o702, false],
	])("of mode %o are used: %s", async (mode, used) => {
		const home = join(temporaryFolder("own"), "home");
		mkdirSync(home);
		writeFileSync(join(home, "config.yaml"), "");
		chmodSync(home, mode);
		const open = () => openHome({ DISPATCH_HOME: home });
		if (used) expect(open().path).toBe(home);
		else expect(open).toThrow(/can be written by other users/);
		chmodSync(join(home, "config.yaml"), mode & 0o666);
		const load = loadConfig({ path: join(home, "config.yaml"), env: {} });
		if (used) await load;
		else await expect(load).rejects.toThrow(/can be written by other users/);
	});

	test.runIf(isRoot)("of another user are not, nor by a link of another user's", () => {
		const folder = temporaryFolder("own");
		mkdirSync(join(folder, "theirs"), { mode: 0o700 });
		mkdirSync(join(folder, "mine"), { mode: 0o700 });
		chownSync(join(folder, "theirs"), STRANGER, STRANGER);
		symlinkSync(join(folder, "mine"), join(folder, "their-link"));
		lchownSync(join(folder, "their-link"), STRANGER, STRANGER);
		symlinkSync(join(folder, "mine"), join(folder, "my-link"));
		const open = (name: string) => openHome({ DISPATCH_HOME: join(folder, name) });
		expect(() => open("theirs")).toThrow(/belongs to another user/);
		expect(() => open("their-link")).toThrow(/belongs to another user/);
		expect(open("my-link").homeId).toBe(open("mine").homeId);
	});
});

test.runIf(isRoot)("a directory that a group of others may write to is not used", () => {
	const home = join(temporaryFolder("own"), "home");
	mkdirSync(home);
	chmodSync(home, 0o770);
	chownSync(home, process.getuid?.() ?? 0, STRANGER);
	expect(() => openHome({ DISPATCH_HOME: home })).toThrow(/can be written by other users/);
	chmodSync(home, 0o750);
	expect(openHome({ DISPATCH_HOME: home }).path).toBe(home);
});

test("a task's directories and files are its owner's alone, under umask 000 too", async () => {
	const cwd = temporaryFolder("own");
	const umask = process.umask(0);
	try {
		const spec = {
			id: "t",
			nonce: "n",
			namespace: "d",
			host: "h",
			planText: null,
			title: "t",
			givenItems: ["a"],
		};
		await createTaskDir(cwd, spec);
	} finally {
		process.umask(umask);
	}
	const found = spawnSync("find", [join(cwd, ".dispatch"), "-perm", "/077"], { encoding: "utf8" });
	expect(found.stdout).toBe("");
	expect(statSync(join(cwd, ".dispatch/tasks/t/ipc")).mode & 0o777).toBe(0o700);
});

test.each([".dispatch", ".dispatch/tasks"])("%s that others may write to is so no longer", async (name) => {
	const cwd = temporaryFolder("own");
	mkdirSync(join(cwd, ".dispatch/tasks"), { recursive: true });
	chmodSync(join(cwd, name), 0o777);
	const base = { id: "t", nonce: "n", namespace: "d", host: "h" };
	await createTaskDir(cwd, { ...base, planText: null, title: "t", givenItems: [] });
	expect(statSync(join(cwd, name)).mode & 0o777).toBe(0o755);
});

test("a request to stop is for the daemon that it names, and for one stop", () => {
	const home = temporaryFolder("own");
	const me = processIdentity(process.pid);
	if (me === null) throw new Error("no identity");
	const request = { drain: false, stopAgents: true };
	const plain = { drain: false, stopAgents: false };
	for (const dead of [
		{ ...me, pid: me.pid + 1 },
		{ ...me, startTime: "1" },
		{ ...me, bootId: "another" },
	]) {
		writeStopRequest(home, dead, request);
		expect(takeStopRequest(home, me)).toEqual(plain);
		writeStopRequest(home, me, request);
		expect(takeStopRequest(home, me)).toEqual(request);
		expect(takeStopRequest(home, me)).toEqual(plain);
	}
	// The first one is read before there is a second.
	expect(writeStopRequest(home, me, request)).toBe(true);
	expect(writeStopRequest(home, me, plain)).toBe(false);
	expect(takeStopRequest(home, me)).toEqual(request);
	spawnSync("mkfifo", [join(home, "stop.json"), join(home, "daemon.json")]);
	expect(takeStopRequest(home, me)).toEqual(plain);
	expect(readDaemonFile(home)).toBeNull();
});
