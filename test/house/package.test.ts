import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { KNOWN_CLIS } from "../../src/backends/known.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
	version: string;
	bin: Record<string, string>;
	scripts: Record<string, string>;
	dependencies: Record<string, string>;
	devDependencies: Record<string, string>;
};

interface LockFile {
	packages: Record<string, { optionalDependencies?: Record<string, string> }>;
}

/** What BullMQ and msgpackr look for, and do without: a native codec, and stores that are not used here. */
/** ajv and ajv-formats stand in texts of code that ajv would write for a file of its own. */
const OPTIONAL = ["msgpackr-extract", "pg", "@valkey/valkey-glide", "ajv", "ajv-formats"];

describe("the package", () => {
	test("pins every version exactly", () => {
		const versions = Object.values({ ...manifest.dependencies, ...manifest.devDependencies });
		expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
	});

	test("calls only scripts that are there", () => {
		const called = Object.values(manifest.scripts).flatMap(
			(line) => line.match(/scripts\/[\w-]+\.mjs/g) ?? [],
		);
		expect(called.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
	});

	test("brings along, as a dependency, all that its bundles load at run time", () => {
		const bundles = readdirSync(join(ROOT, "dist"), { recursive: true, encoding: "utf8" }).filter((name) =>
			name.endsWith(".cjs"),
		);
		const seldom = ["clack-prompts", "execa", "redis-special", "string-width", "yaml", "zod"].map(
			(name) => `seldom/${name}.cjs`,
		);
		expect(bundles.sort()).toEqual([
			"client.cjs",
			"demo-agent.cjs",
			"dispatch.cjs",
			"hot.cjs",
			"main.cjs",
			...seldom,
			"tab.cjs",
			"worker.cjs",
		]);
		const loaded = bundles.flatMap((name) => {
			const text = readFileSync(join(ROOT, "dist", name), "utf8");
			return [...text.matchAll(/\brequire\("((?:@[\w-]+\/)?[a-z][\w.-]*)(?:\/[\w./-]+)?"\)/g)].map(
				([, found]) => found as string,
			);
		});
		const foreign = new Set(loaded.filter((name) => !isBuiltin(name)));
		expect(foreign).toContain("express");
		const needed = [...foreign].filter((name) => !OPTIONAL.includes(name));
		expect(needed.filter((name) => !(name in manifest.dependencies))).toEqual([]);
	});

	test("stands on the packages that its user has chosen: each is a dependency, and used", () => {
		const chosen = "bullmq ioredis yaml execa zod pino @bull-board/express express".split(" ");
		const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" });
		const code = sources
			.filter((name) => name.endsWith(".ts"))
			.map((name) => readFileSync(join(ROOT, "src", name), "utf8"));
		const isUsed = (name: string) =>
			code.some((text) => new RegExp(`(from |import\\()"${name}["/]`).test(text));
		expect(chosen.filter((name) => !(name in manifest.dependencies) || !isUsed(name))).toEqual([]);
	});

	test("is executable and knows its version", () => {
		const program = join(ROOT, manifest.bin.dispatch as string);
		expect(execFileSync(program, ["--version"], { encoding: "utf8" }).trim()).toBe(manifest.version);
	});

	test("is locked for every platform: `npm ci` refuses a lock file that leaves some out", () => {
		const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as LockFile;
		const wanted = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
		expect(wanted.filter((name) => !(`node_modules/${name}` in packages))).toEqual([]);
	});

	test("is set up once: where nothing is missing, `ensure` does nothing and says nothing", () => {
		const script = join(ROOT, "scripts/ensure.mjs");
		const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--redis=test"], {
			encoding: "utf8",
		});
		expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: "" });
	});

	test("has a changelog", () => {
		expect(readFileSync(join(ROOT, "CHANGELOG.md"), "utf8")).toMatch(/^## \[(Unreleased|\d+\.\d+\.\d+)\]/m);
	});
});

test("the versions that doctor calls tested are those that the tests of the real CLIs run with", () => {
	const pinned = JSON.parse(readFileSync(join(ROOT, "test/fixtures/cli-agents/package.json"), "utf8")) as {
		dependencies: Record<string, string>;
	};
	const tested = Object.fromEntries(KNOWN_CLIS.map((cli) => [cli.type, cli.tested]));
	expect(pinned.dependencies).toEqual({
		"@anthropic-ai/claude-code": tested.claude,
		"@openai/codex": tested.codex,
	});
});
