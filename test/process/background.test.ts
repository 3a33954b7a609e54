import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { startInBackground } from "../../src/process/background.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 10 });

test("its output goes to its log, our descriptor to it, and its end is told", async () => {
	const cwd = temporaryFolder("background");
	const log = { path: join(cwd, "log"), flags: "a" as const };
	const held = openSync(join(cwd, "held"), "a");
	const line = "readlink /proc/$$/fd/3; pwd; echo $0 >&2; while [ ! -e go ]; do sleep 0.02; done; exit 7";
	const start = {
		file: "sh",
		argv0: "other",
		args: ["-c", line],
		cwd,
		env: process.env,
		log,
		inherits: [held],
	};
	const child = startInBackground(start);
	closeSync(held);
	await child.started;
	await until(() => expect(readFileSync(log.path, "utf8")).toBe(`${join(cwd, "held")}\n${cwd}\nother\n`));
	expect(child.fault()).toBeNull();
	expect(statSync(log.path).mode & 0o777).toBe(0o600);
	closeSync(openSync(join(cwd, "go"), "w"));
	await until(() => expect(child.fault()).toBe("it ended with code 7"));
	const ours = process.getActiveResourcesInfo();
	expect(ours.filter((name) => name === "ProcessWrap")).toEqual([]);
});

test("what it makes is its user's alone where that is asked for, and the caller's umask stays as it was", async () => {
	const cwd = temporaryFolder("background");
	const umask = process.umask(0);
	try {
		const start = { file: "sh", cwd, env: process.env, log: null };
		const own = startInBackground({ ...start, args: ["-c", "echo x >own; mkdir folder"], isPrivate: true });
		expect(process.umask()).toBe(0);
		startInBackground({ ...start, args: ["-c", "echo x >other"] });
		await until(() => expect(own.fault()).toBe("it ended with code 0"));
		await until(() => expect(statSync(join(cwd, "other")).mode & 0o777).toBe(0o666));
		expect(["own", "folder"].map((name) => statSync(join(cwd, name)).mode & 0o777)).toEqual([0o600, 0o700]);
	} finally {
		process.umask(umask);
	}
});

test("what cannot be made is told, and its signal is when it was ended by one", async () => {
	const missing = startInBackground({ file: "/nonexistent", args: [], env: {}, log: null });
	await expect(missing.started).rejects.toThrow("ENOENT");
	expect(missing.fault()).toContain("ENOENT");
	const killed = startInBackground({ file: "sh", args: ["-c", "kill -9 $$"], env: process.env, log: null });
	await until(() => expect(killed.fault()).toBe("it was ended by SIGKILL"));
});
