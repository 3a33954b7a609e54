import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";

const ROOT = resolve(import.meta.dirname, "../..");

interface Violation {
	from: string;
	to: string;
	rule: { name: string };
}

/** What each planted file imports; the checker sees all of them in one go. */
const REFUSED: [file: string, statement: string, rule: string][] = [
	["src/task/plant.ts", 'import "../process/lock.ts";', "from-task"],
	[
		"src/task/plant-type.ts",
		'import type { Lock } from "../process/lock.ts"; export type A = Lock;',
		"from-task",
	],
	[
		"src/process/plant-type.ts",
		'import { type Store } from "../queue/records/store.ts"; export type A = Store;',
		"from-process",
	],
	["src/worker/plant.ts", 'import "../monitor/reconcile.ts";', "from-worker"],
	["src/monitor/plant-type.ts", 'export type { RunJobDeps } from "../worker/run-job.ts";', "from-monitor"],
	[
		"src/producer/plant-lazy.ts",
		'export const later = () => import("../worker/run-job.ts");',
		"from-producer",
	],
	["src/web/plant.ts", 'import "../ipc/questions.ts";', "from-web"],
	["src/queue/plant.ts", 'import "../config/home.ts";', "from-queue"],
	["src/queue/plant-up.ts", 'import "../cli/main.ts";', "from-queue"],
	["src/queue/redis/plant.ts", 'import "../records/keys.ts";', "queue-rooms"],
	["src/queue/records/plant.ts", 'import "../jobs/bull.ts";', "queue-rooms"],
	["src/actions/plant.ts", 'import "../cli/show/output.ts";', "from-actions"],
	["src/host/plant.ts", 'import "../cli/main.ts";', "from-host"],
	["src/cli/plant-start.ts", 'import "node:child_process";', "programs-only-in-process"],
	["src/host/plant-start.ts", 'export const later = () => import("execa");', "programs-only-in-process"],
	[
		"src/queue/redis/plant-start.ts",
		'import { spawn } from "child_process"; export { spawn };',
		"programs-only-in-process",
	],
	["src/config/plant-start.ts", 'import "node:cluster";', "programs-only-in-process"],
	["src/task/plant-circle-too.ts", 'import "./plant-circle.ts";', "no-circles"],
	["src/misplaced/plant.ts", 'import "../task/states.ts";', "unlisted-folder"],
	["src/worker/plant-redis.ts", 'import "ioredis";', "redis-only-in-queue"],
	[
		"src/web/plant-bull-type.ts",
		'import type { Queue } from "bullmq"; export type A = Queue;',
		"redis-only-in-queue",
	],
	["src/cli/plant-tool.ts", 'import "esbuild";', "no-tools-at-run-time"],
	["src/cli/plant-test.ts", 'import "../../test/redis.ts";', "only-src-and-dependencies"],
];

const ALLOWED: [file: string, statement: string][] = [
	// The other half of the circle above, which is told once.
	["src/task/plant-circle.ts", 'import "./plant-circle-too.ts";'],
	["src/cli/plant.ts", 'import "../worker/run-job.ts"; import "../web/server.ts";'],
	["src/worker/plant-allowed.ts", 'import "../queue/records/store.ts"; import "../backends/index.ts";'],
	[
		"src/queue/plant-redis.ts",
		'import "ioredis"; import type { Queue } from "bullmq"; export type A = Queue;',
	],
];

function cruise(folder: string): Violation[] {
	const program = join(ROOT, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
	const args = [program, "src", "--config", ".dependency-cruiser.cjs", "--output-type", "json"];
	const options = { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 27 } as const;
	try {
		return violationsIn(execFileSync(process.execPath, args, options));
	} catch (error) {
		return violationsIn((error as { stdout: string }).stdout);
	}
}

function violationsIn(json: string): Violation[] {
	return (JSON.parse(json) as { summary: { violations: Violation[] } }).summary.violations;
}

/** Ways to a program, or to code of another folder, that are no imports. */
const PAST_THE_IMPORTS =
	/\b(?:getBuiltinModule|createRequire|worker_threads|execve|process\.binding|dlopen)\b|\bimport\([^"]/g;
/** The bundle of a hot command, by its path. */
const KNOWN = ["cli/program/code-cache.ts createRequire"];

test("nothing goes round the imports", () => {
	const found = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
		.filter((name) => name.endsWith(".ts") && !name.startsWith("process/"))
		.flatMap((name) =>
			[...readFileSync(join(ROOT, "src", name), "utf8").matchAll(PAST_THE_IMPORTS)].map(
				([way]) => `${name} ${way}`,
			),
		);
	expect([...new Set(found)]).toEqual(KNOWN);
});

describe("the directions of imports", () => {
	let found: Violation[];

	beforeAll(() => {
		const copy = temporaryFolder("directions");
		for (const name of ["src", "package.json", "tsconfig.json", ".dependency-cruiser.cjs", "test/redis.ts"]) {
			cpSync(join(ROOT, name), join(copy, name), { recursive: true });
		}
		symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
		for (const [file, statement] of [...REFUSED, ...ALLOWED]) {
			mkdirSync(dirname(join(copy, file)), { recursive: true });
			writeFileSync(join(copy, file), `${statement}\n`);
		}
		found = cruise(copy);
	});

	test.each(REFUSED)("%s is refused: %s", (file, _statement, rule) => {
		expect(found.filter(({ from }) => from === file).map((violation) => violation.rule.name)).toContain(rule);
	});

	test("are kept by the sources, and by planted files that follow them", () => {
		const planted = new Set(REFUSED.map(([file]) => file));
		expect(found.filter(({ from }) => !planted.has(from)).map(({ from, to }) => `${from} → ${to}`)).toEqual(
			[],
		);
	});
});
