/**
 * `npm start` on a copy of the sources, as a clone has them. The first run would fetch the packages; here
 * they are linked in, and what is tested is all the rest of it, and that a second run installs nothing.
 */
import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { TEST_LIMIT_MS } from "../patience.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const NOT_CLONED = [".git", "node_modules", "dist", ".cache", "coverage"];

const folder = mkdtempSync(join(tmpdir(), "fc-"));
const clone = join(folder, "clone");
const env = { PATH: process.env.PATH, HOME: folder, DISPATCH_HOME: join(folder, "h") };

afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

test(
	"npm start runs the story to its end without a terminal; the second time nothing is installed or built",
	async () => {
		cpSync(ROOT, clone, {
			recursive: true,
			filter: (path) => path === ROOT || !NOT_CLONED.includes(basename(path)),
		});
		// Hard links where the file system allows them: the packages are many and large.
		const from = join(ROOT, "node_modules");
		const to = join(clone, "node_modules");
		try {
			execFileSync("cp", ["-al", from, to], { stdio: "ignore" });
		} catch {
			rmSync(to, { recursive: true, force: true });
			cpSync(from, to, { recursive: true, verbatimSymlinks: true });
		}
		const start = async () => {
			const { stdout, stderr } = await promisify(execFile)("npm", ["start"], { cwd: clone, env });
			expect(stdout).toMatch(
				/Worker is asking:.+`demo-review` complete\. .+\nNow yours: dispatch enqueue "review src\/"\n$/s,
			);
			return stderr;
		};
		await start();
		const built = statSync(join(clone, "dist/main.cjs")).mtimeMs;
		const lock = readFileSync(join(clone, "package-lock.json"), "utf8");
		expect(await start()).not.toMatch(/Install|npm ci|added \d+ packages|Build/);
		expect(statSync(join(clone, "dist/main.cjs")).mtimeMs).toBe(built);
		expect(readFileSync(join(clone, "package-lock.json"), "utf8")).toBe(lock);
	},
	TEST_LIMIT_MS,
);
