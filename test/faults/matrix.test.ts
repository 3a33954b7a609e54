/**
 * No exception loses a task, hangs it, keeps its place or runs it twice. Here a part of the matrix, chosen by a
 * seed; the whole of it by `npm run test:faults`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FAULT_POINTS } from "../../src/process/fault.ts";
import { CHOSEN, part, WHOLE } from "../chance.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { type Case, MOVES, runCase } from "./matrix.ts";

const SRC = resolve(import.meta.dirname, "../../src");
const RELIABILITY = resolve(import.meta.dirname, "../../docs/RELIABILITY.md");
const MODES = ["throw-once", "throw-always"] as const;
const SIDE_BY_SIDE = 4;
const SEEDED_CASES = 8;
const only = process.env.FAULT_ONLY;

let redis: TestRedis;
beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--maxmemory-policy", "noeviction"] });
});
afterAll(() => redis.stop());

const every: Case[] = FAULT_POINTS.flatMap((point) =>
	MODES.flatMap((mode) => MOVES.map((move) => ({ point, mode, move }))),
);

/** Of every run: an exception before the spawn fails nothing, and one after it starts no second agent. */
const ALWAYS: readonly Case[] = [
	{ point: "start.permitted", mode: "throw-once", move: "plain" },
	{ point: "fallback.queued", mode: "throw-once", move: "fallback" },
	{ point: "start.spawned", mode: "throw-once", move: "answer" },
	{ point: "start.spawned", mode: "throw-always", move: "cancel" },
];

function chosen(): Case[] {
	if (only !== undefined)
		return every.filter(({ point, mode, move }) => `${point} ${mode} ${move}`.includes(only));
	return WHOLE ? every : [...ALWAYS, ...part(every, SEEDED_CASES)];
}

test(`exceptions at points, ${CHOSEN}, once and always, over every move`, async () => {
	const cases = chosen();
	const faults = cases.map(({ point, mode }, n) => `${point}:${mode}:t${n}`);
	process.env.DISPATCH_FAULT = faults.join(",");
	const findings: string[] = [];
	const left = [...cases.entries()];
	const began = performance.now();
	const line = async () => {
		for (let next = left.shift(); next !== undefined; next = left.shift()) {
			const [n, one] = next;
			findings.push(
				...(await runCase(redis, one, `t${n}`).catch((error: unknown) => [`${one.point}: ${error}`])),
			);
			if (n % 20 === 0 || process.env.FAULT_ONLY !== undefined)
				console.log(`${n} of ${cases.length}, ${findings.length} findings`);
		}
	};
	try {
		await Promise.all(Array.from({ length: SIDE_BY_SIDE }, line));
	} finally {
		delete process.env.DISPATCH_FAULT;
	}
	const seconds = Math.round((performance.now() - began) / 1000);
	if (WHOLE) console.log(`${cases.length} cases, ${findings.length} findings, ${seconds} s`);
	expect(findings, CHOSEN).toEqual([]);
}, 3_600_000);

test("docs/RELIABILITY.md counts the cases there are", () => {
	const counted = `${FAULT_POINTS.length} points × ${MODES.length} modes × ${MOVES.length} moves = ${every.length} cases`;
	expect(readFileSync(RELIABILITY, "utf8")).toContain(counted);
});

test("every point of the registry stands in the sources, once", () => {
	const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) =>
		name.endsWith(".ts"),
	);
	const text = files.map((name) => readFileSync(join(SRC, name), "utf8")).join("\n");
	const used = [...text.matchAll(/faultPoint\([^"\n]*"([^"]+)"/g)].map(([, name]) => name);
	const inChoice = [...text.matchAll(/\? "([a-z.-]+)" : "([a-z.-]+)", id\)/g)].flatMap(([, a, b]) => [a, b]);
	const all = new Set([...used, ...inChoice]);
	expect([...FAULT_POINTS].filter((name) => !all.has(name))).toEqual([]);
	expect(
		[...all].filter((name) => !(FAULT_POINTS as readonly (string | undefined)[]).includes(name)),
	).toEqual([]);
});
