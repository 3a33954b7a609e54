import { execFile, execFileSync } from "node:child_process";
import {
	chmodSync,
	chownSync,
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { beforeEach, expect, test } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const DIST = resolve(import.meta.dirname, "../../dist");
const PROGRAM =
	'exports.main = async () => { const { basename } = require("node:path"); console.log(basename(__filename), ...process.argv.slice(2)); };';

const BUNDLES = ["main.cjs", "worker.cjs", "client.cjs", "hot.cjs", "tab.cjs"];

let dist: string;
let userCache: string;

beforeEach(() => {
	dist = temporaryFolder("start");
	userCache = join(temporaryFolder("cache"), "xdg");
	cpSync(join(DIST, "dispatch.cjs"), join(dist, "dispatch.cjs"));
	for (const name of BUNDLES) writeFileSync(join(dist, name), PROGRAM);
});

async function start(...args: string[]): Promise<string> {
	const env = { PATH: process.env.PATH, XDG_CACHE_HOME: userCache };
	const { stdout } = await promisify(execFile)(process.execPath, [join(dist, "dispatch.cjs"), ...args], {
		env,
		timeout: CONDITION_LIMIT_MS,
	});
	return stdout;
}

const cachesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);

test("a command leaves its compiled code beside the program, and starts with it the next time", async () => {
	const folder = join(dist, "code-cache");
	expect(await start("ls")).toBe("hot.cjs ls\n");
	expect(cachesIn(folder)).toEqual([expect.stringMatching(/^ls-[0-9a-f]{16}\.cache$/)]);
	expect(await start("ls")).toBe("hot.cjs ls\n");
	expect(await start("wait")).toBe("client.cjs wait\n");
	expect(cachesIn(folder)).toHaveLength(2);
	expect(existsSync(userCache)).toBe(false);
});

test.each([
	["hot.cjs", ["enqueue", "Look at the web view"]],
	["tab.cjs", ["complete", "--", "worker", ""]],
	["client.cjs", ["enqueue", "--worktree", "x"]],
	["client.cjs", ["enqueue", "--wait", "x"]],
	["client.cjs", ["enqueue", "--follow", "x"]],
	["client.cjs", ["run", "x"]],
	["client.cjs", ["ps"]],
	["client.cjs", ["no-such-command"]],
	["client.cjs", ["--redis", "redis://r", "cancel", "a"]],
	["main.cjs", ["--redis", "redis://r", "worker"]],
	["worker.cjs", ["worker", "--background"]],
	["main.cjs", ["config", "check"]],
	["main.cjs", ["batch", "tasks.yaml", "--with-worker"]],
])("%s has what %j needs", async (bundle, args) => {
	expect(await start(...args)).toBe(`${[bundle, ...args].join(" ")}\n`);
});

test("another program of the same place never runs by the old code", async () => {
	await start("ls");
	writeFileSync(join(dist, "hot.cjs"), PROGRAM.replace("console.log(", 'console.log("new",'));
	expect(await start("ls")).toBe("new hot.cjs ls\n");
	expect(cachesIn(join(dist, "code-cache"))).toHaveLength(1);
});

test("a cache made by another form of the command grows with the forms that follow", async () => {
	const used = Array.from({ length: 300 }, (_, n) => `f${n}: (x) => x + ${n} * Math.sqrt(x + ${n}),`);
	writeFileSync(
		join(dist, "hot.cjs"),
		`const used = {${used.join("")}}; exports.main = () => { if (!process.argv.includes("--help")) for (const f of Object.values(used)) f(1); };`,
	);
	const size = () => {
		const folder = join(dist, "code-cache");
		const sizes = cachesIn(folder).map((name) => statSync(join(folder, name)).size);
		expect(sizes).toHaveLength(1);
		return sizes[0] ?? 0;
	};
	await start("ls", "--help");
	const ofHelp = size();
	await start("ls");
	expect(size()).toBeGreaterThan(ofHelp * 2);
});

test("--version loads nothing but itself", async () => {
	for (const name of BUNDLES) rmSync(join(dist, name));
	expect(await start("--version")).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test("a damaged cache is passed over and made again", async () => {
	await start("ls");
	const [name = ""] = cachesIn(join(dist, "code-cache"));
	writeFileSync(join(dist, "code-cache", name), "damaged");
	expect(await start("ls")).toBe("hot.cjs ls\n");
	expect(await start("ls")).toBe("hot.cjs ls\n");
});

test.each(["FIFO", "directory", "link to itself"])(
	"a %s in the place of a cache holds no start up",
	async (what) => {
		await start("ls");
		const [name = ""] = cachesIn(join(dist, "code-cache"));
		const path = join(dist, "code-cache", name);
		rmSync(path);
		if (what === "FIFO") execFileSync("mkfifo", [path]);
		else if (what === "directory") mkdirSync(path);
		else symlinkSync(path, path);
		expect(await start("ls")).toContain("ls");
	},
);

test("a cache that somebody else could have written runs nothing", async () => {
	const folder = join(dist, "code-cache");
	writeFileSync(join(dist, "hot.cjs"), PROGRAM.replace("basename(__filename)", '"evil"  /*filledup*/'));
	expect(await start("ls")).toBe("evil ls\n");
	const [evil = ""] = cachesIn(folder);
	const poison = readFileSync(join(folder, evil));
	writeFileSync(join(dist, "hot.cjs"), PROGRAM);
	await start("ls");
	const path = join(folder, cachesIn(folder).find((name) => name !== evil) ?? "");
	writeFileSync(path, poison);
	// V8 takes it for the program's: it compares no more than the length.
	expect(await start("ls")).toBe("evil ls\n");
	chmodSync(path, 0o666);
	expect(await start("ls")).toBe("hot.cjs ls\n");
});

test("a cache of which a disk has changed or lost some bytes ends nobody", async () => {
	const used = Array.from({ length: 300 }, (_, n) => `f${n}: (x) => x + ${n} * Math.sqrt(x + ${n}),`);
	const program = `const used = {${used.join("")}}; for (const f of Object.values(used)) f(1);\n${PROGRAM}`;
	writeFileSync(join(dist, "hot.cjs"), program);
	await start("ls");
	const [name = ""] = cachesIn(join(dist, "code-cache"));
	const path = join(dist, "code-cache", name);
	const good = readFileSync(path);
	const bad = Array.from({ length: 10 }, (_, n) => {
		const bytes = Buffer.from(good);
		const at = 1_100 + Math.floor(((good.length - 1_200) * n) / 10);
		return n % 2 === 0 ? bytes.fill(0, at, at + 64) : bytes.fill(0xff, at, at + 64);
	});
	const heads = ["null", "[]", '"x"', "{}"].map((head) =>
		Buffer.concat([Buffer.from(head.padEnd(1_024)), good.subarray(1_024)]),
	);
	for (const bytes of [...bad, ...heads, good.subarray(0, good.length / 2), Buffer.alloc(good.length)]) {
		writeFileSync(path, bytes);
		expect(await start("ls")).toBe("hot.cjs ls\n");
		// It was made again.
		expect(readFileSync(path).length).toBeGreaterThan(good.length / 2);
	}
});

test("where the program's folder takes none, the user's cache folder does; where neither does, it starts too", async () => {
	writeFileSync(join(dist, "code-cache"), "a file is in the way");
	expect(await start("ls")).toBe("hot.cjs ls\n");
	expect(cachesIn(join(userCache, "dispatch"))).toHaveLength(1);
	rmSync(userCache, { recursive: true });
	mkdirSync(join(userCache, "dispatch"), { recursive: true, mode: 0o777 });
	rmSync(join(userCache, "dispatch"), { recursive: true });
	writeFileSync(join(userCache, "dispatch"), "a file is in the way");
	expect(await start("ls")).toBe("hot.cjs ls\n");
});

const SPOILED: [string, (folder: string) => void][] = [
	["writable for everybody", (folder) => chmodSync(folder, 0o777)],
	["writable for a group", (folder) => chmodSync(folder, 0o770)],
	[
		"a link",
		(folder) => {
			renameSync(folder, `${folder}-elsewhere`);
			symlinkSync(`${folder}-elsewhere`, folder);
		},
	],
];
// Only root can give it away.
if (process.getuid?.() === 0) SPOILED.push(["another user's", (folder) => chownSync(folder, 65_533, 65_533)]);

test.each(SPOILED)(
	"compiled code from a folder that is %s is not run, nor is any left there",
	async (_what, spoil) => {
		const folder = join(dist, "code-cache");
		const umask = process.umask(0);
		try {
			await start("ls");
		} finally {
			process.umask(umask);
		}
		expect(statSync(folder).mode & 0o777).toBe(0o700);
		const before = cachesIn(folder).map((name) => readFileSync(join(folder, name)));
		spoil(folder);
		expect(await start("ls")).toBe("hot.cjs ls\n");
		expect(cachesIn(folder).map((name) => readFileSync(join(folder, name)))).toEqual(before);
		expect(cachesIn(join(userCache, "dispatch"))).toHaveLength(1);
	},
);

test("a fault of the program itself is told once, and leaves no cache", async () => {
	writeFileSync(join(dist, "hot.cjs"), 'console.log("once"); throw new Error("a fault");');
	await expect(start("ls")).rejects.toMatchObject({
		code: 1,
		stdout: "once\n",
		stderr: expect.stringContaining("a fault"),
	});
	expect(cachesIn(join(dist, "code-cache"))).toEqual([]);
});
