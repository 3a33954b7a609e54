/** Two take one place at the same time, while its file is removed or replaced, and its directory's lock is of no help. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { holderAt } from "./apart.ts";
import { bundled, source } from "./bundled.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 20 };

let program: string;
beforeAll(async () => {
	program = await bundled(
		temporaryFolder("taker"),
		`import { takePlaceLock } from ${source("process/lock.ts")};
		const lock = await takePlaceLock(process.argv[2]);
		console.log(lock === null ? "refused" : "held");
		process.stdin.on("end", () => process.exit()).resume();`,
	);
});

const HOLDS = 'exec 9<"$1"; flock 9; echo held; exec sleep 1000';

/** How the directory's lock keeps out nobody, or does; as what `flock` does with a directory. */
const DIRECTORIES: Record<string, string> = {
	"that a stranger has locked": 'exec "$real" "$@"',
	"of a file system that locks none": "exit 65",
	"that is free": 'exec "$real" "$@"',
};

/** What `flock` does with the file when somebody comes between. */
const MOMENTS: Record<string, string> = {
	"before the file is locked": 'come_between; exec "$real" "$@"',
	"when the file is locked": '"$real" "$@"; code=$?; come_between; exit $code',
};

const CHANGES: Record<string, (path: string) => void> = {
	removed: (path) => rmSync(path),
	replaced: (path) => {
		writeFileSync(`${path}.new`, "");
		renameSync(`${path}.new`, path);
	},
	"left alone": () => {},
};

/** @returns a folder with a `flock` of that kind, for a PATH, and what lets it go on once it has come there */
function flockOf(ofDirectory: string, ofFile: string) {
	const tools = temporaryFolder("flock");
	const real = execFileSync("sh", ["-c", "command -v flock"], { encoding: "utf8" }).trim();
	const [came, go] = [join(tools, "came"), join(tools, "go")];
	const script = `#!/bin/sh
real=${real}
come_between() { : >${came}; until [ -e ${go} ]; do sleep 0.02; done; }
[ -d /proc/self/fd/3 ] && { ${ofDirectory}; }
${ofFile}
`;
	writeFileSync(join(tools, "flock"), script, { mode: 0o755 });
	return { tools, hasCome: () => existsSync(came), goOn: () => writeFileSync(go, "") };
}

interface Taker {
	said: Promise<string>;
}

function take(path: string, tools: string): Taker {
	const child: ChildProcess = spawn(process.execPath, [program, path], {
		stdio: ["pipe", "pipe", "inherit"],
		env: { ...process.env, PATH: `${tools}:${process.env.PATH}` },
	});
	const closed = once(child, "close");
	onTestFinished(async () => {
		child.stdin?.end();
		await closed;
	});
	const said = once(child.stdout as NodeJS.EventEmitter, "data").then(([text]) => String(text).trim());
	return { said };
}

const CASES = Object.keys(DIRECTORIES).flatMap((directory) =>
	Object.keys(MOMENTS).flatMap((moment) =>
		Object.keys(CHANGES).map((change) => [directory, moment, change] as const),
	),
);

test.each(CASES)(
	"one has the place in a directory %s, where another comes %s and that is %s",
	async (...of) => {
		const [directory = "", moment = "", change = ""] = of;
		const home = temporaryFolder("place");
		const path = join(home, "lock");
		writeFileSync(path, "");
		if (directory.includes("stranger")) await holderAt("sh", ["-c", HOLDS, "sh", home], home);
		const ofDirectory = DIRECTORIES[directory] ?? "";
		const slow = flockOf(ofDirectory, MOMENTS[moment] ?? "");
		const quick = flockOf(ofDirectory, 'exec "$real" "$@"');
		const first = take(path, slow.tools);
		await expect.poll(slow.hasCome, LIMIT).toBe(true);
		CHANGES[change]?.(path);
		const second = take(path, quick.tools);
		const secondSaid = await second.said;
		slow.goOn();
		const said = [await first.said, secondSaid].sort();
		expect(said).toEqual(["held", "refused"]);
		rmSync(path, { force: true });
		expect(await take(path, quick.tools).said).toBe("refused");
	},
);
