/** Where the state of a user goes whose HOME is none, as under cron and in containers. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { copyDist, PROGRAM } from "./harness.ts";

const NAMELESS = 54_321;
const PATH = process.env.PATH ?? "";
let folder: string;
let cwd: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "home-"));
	chmodSync(folder, 0o755);
	cwd = join(folder, "project");
	mkdirSync(cwd);
	copyDist(join(folder, "dist"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(["", "relative", "./x"])("HOME=%j puts nothing into the directory one stands in", (home) => {
	const env = { PATH, HOME: home, XDG_CACHE_HOME: "cache" };
	const said = execFileSync(process.execPath, [PROGRAM, "config", "path"], { cwd, env, encoding: "utf8" });
	expect(said).toBe(`${join(userInfo().homedir, ".dispatch", "config.yaml")}\n`);
	expect(readdirSync(cwd)).toEqual([]);
});

test.skipIf(process.getuid?.() !== 0)(
	"a user without HOME and name is told what to set, and may set it",
	() => {
		const run = (args: string[], env: Record<string, string> = {}) =>
			spawnSync(process.execPath, [join(folder, "dist/dispatch.cjs"), ...args], {
				cwd,
				env: { PATH, ...env },
				uid: NAMELESS,
				gid: NAMELESS,
				encoding: "utf8",
			});
		for (const args of [["ls"], ["config", "path"], ["skill", "install"], ["demo"]]) {
			const { status, stderr } = run(args);
			expect([args, status, stderr]).toEqual([args, 2, expect.stringMatching(/HOME.*DISPATCH_NO_HOME/)]);
		}
		const named = run(["config", "path"], { DISPATCH_HOME: "/state" });
		expect([named.stdout, named.status]).toEqual(["/state/config.yaml\n", 0]);
	},
);
