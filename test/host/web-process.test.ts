/** `web.json`, as `dispatch web`, `up --web` and `down` read it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { announceWeb, runningWeb, stopWebProcess } from "../../src/host/web-process.ts";
import { processIdentity } from "../../src/process/identity.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const identity = processIdentity(process.pid);
const URL = "http://127.0.0.1:7777/0123456789abcdef/?token=a-b_C9";

test.each([URL, "http://localhost:1/?token=x", "http://[::1]:7777/0f/?token=x"])(
	"the link of the one that runs is told: %s",
	(url) => {
		const home = temporaryFolder("web-process");
		const forget = announceWeb(home, url, true);
		expect(runningWeb(home)).toEqual({ identity, url, background: true });
		forget();
		expect(runningWeb(home)).toBeNull();
	},
);

test("one in a terminal is told, also beside a later one, and is not stopped by `down`", async () => {
	const home = temporaryFolder("web-process");
	const forget = announceWeb(home, URL, false);
	announceWeb(home, URL.replace("7777", "7778"), false)();
	expect(runningWeb(home)).toEqual({ identity, url: URL, background: false });
	expect(await stopWebProcess(home)).toBe(false);
	forget();
	expect(runningWeb(home)).toBeNull();
});

test.each([
	["no link", { identity, url: 7 }],
	["nothing", {}],
	["null", null],
	["a list", [1]],
	["no process", { url: URL }],
	["a process of words", { identity: { ...identity, pid: `${process.pid}` }, url: URL }],
	["a path for a process", { identity: { ...identity, pid: "../etc" }, url: URL }],
	["null for a process", { identity: null, url: URL }],
	["another machine", { identity, url: "http://evil.example:80/?token=x" }],
	["a user before another machine", { identity, url: "http://127.0.0.1:80@evil.example/?token=x" }],
	["another scheme", { identity, url: "javascript:alert(1)//127.0.0.1:80/?token=x" }],
	["a file", { identity, url: "file:///etc/passwd" }],
	["an escape sequence", { identity, url: `${URL}\x1b[2J` }],
	["a line more", { identity, url: `${URL}\nRun: rm -rf ~` }],
	["neither in the background nor not", { identity, url: URL, background: "yes" }],
	["no token", { identity, url: "http://127.0.0.1:80/" }],
])("what is of another form is none that runs: %s", async (_, file) => {
	const home = temporaryFolder("web-process");
	writeFileSync(
		join(home, "web.json"),
		JSON.stringify(file === null || Array.isArray(file) ? file : { background: true, ...file }),
	);
	expect(runningWeb(home)).toBeNull();
	expect(await stopWebProcess(home)).toBe(false);
});
