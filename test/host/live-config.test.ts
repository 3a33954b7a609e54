import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { LiveConfig } from "../../src/host/live-config.ts";
import { holdShut } from "../leased.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const env = { PATH: process.env.PATH ?? "" };
const backends = (name: string) => `backends:\n  ${name}: { type: command, command: "true" }\n`;

let path: string;
let told: (string | null)[];
let live: LiveConfig;
beforeEach(async () => {
	path = join(temporaryFolder("config"), "config.yaml");
	writeFileSync(path, backends("first"));
	told = [];
	const first = await loadConfig({ path, env });
	live = new LiveConfig({
		path,
		env,
		first,
		changed: async (fault) => {
			told.push(fault);
		},
	});
});

const names = () => Object.keys(live.current.backends);

test("what changed while the daemon waited for its turn is seen at the first look; what did not is not told", async () => {
	await live.refresh();
	expect(told).toEqual([]);
	const late = new LiveConfig({ path, env, first: live.current, changed: async () => {} });
	writeFileSync(path, backends("second"));
	const later = new LiveConfig({ path, env, first: live.current, changed: async () => {} });
	for (const each of [late, later]) {
		await each.refresh();
		expect(Object.keys(each.current.backends)).toEqual(["second"]);
	}
});

const places: [string, (at: string) => void, RegExp][] = [
	["nothing", () => {}, /is gone/],
	["a directory", (at) => mkdirSync(at), /is a directory/],
	["a FIFO", (at) => void spawnSync("mkfifo", [at]), /is a FIFO/],
	["a link in a circle", (at) => symlinkSync(at, at), /circle/],
	["a link that leads nowhere", (at) => symlinkSync("nowhere", at), /is gone/],
	["no YAML", (at) => writeFileSync(at, "backends: {"), /line|flow|YAML/i],
	["bytes", (at) => writeFileSync(at, Buffer.from([0xff, 0xfe, 0x00])), /./],
];
test.each(places)(
	"%s in the place of the config: the one before stays, and why is told once",
	async (_, put, why) => {
		await live.refresh();
		renameSync(path, `${path}.old`);
		put(path);
		await live.refresh();
		await live.refresh();
		expect(names()).toEqual(["first"]);
		expect(live.fault).toMatch(why);
		expect(told).toEqual([expect.stringMatching(why)]);
		rmSync(path, { recursive: true, force: true });
		renameSync(`${path}.old`, path);
		await live.refresh();
		expect([live.fault, names()]).toEqual([null, ["first"]]);
		expect(told.at(-1)).toBeNull();
	},
);

test("a config that is being written is not taken by half", async () => {
	await live.refresh();
	writeFileSync(path, "backends:\n  second:\n    type: claude\n    command: claude -p\n");
	const looking = live.refresh();
	appendFileSync(path, "    permissions: read_only\n");
	await looking;
	expect(names()).toEqual(["second"]);
	expect(told).toHaveLength(1);
	expect(live.current.backends.second?.permissions).toBe("read_only");
});

test("what fails when it is told keeps nobody from going by the new config", async () => {
	const failing = new LiveConfig({
		path,
		env,
		first: live.current,
		changed: () => Promise.reject(new Error("no room")),
	});
	writeFileSync(path, backends("second"));
	await failing.refresh();
	expect(Object.keys(failing.current.backends)).toEqual(["second"]);
});

test("a changed config that could not be read for a moment is read a moment later, though nobody touches it", async () => {
	await live.refresh();
	writeFileSync(path, backends("second"));
	const { letGo } = await holdShut([path]);
	await live.refresh();
	await live.refresh();
	expect(names()).toEqual(["first"]);
	expect(told).toEqual([
		expect.stringMatching(/config\.yaml cannot be looked at: EAGAIN.* It is tried again\.$/),
	]);
	await letGo();
	await live.refresh();
	expect([names(), live.fault]).toEqual([["second"], null]);
	expect(told.at(-1)).toBeNull();
});
