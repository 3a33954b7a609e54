import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const MAX_LINES = 400;
const SAYS_NOTHING = ["utils", "common", "helpers", "types", "misc", "lib"];
const NOT_OURS = ["node_modules", "dist", ".git", ".cache", "coverage"];

function filesUnder(folder: string): string[] {
	return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
		if (NOT_OURS.includes(entry.name)) return [];
		const path = join(folder, entry.name);
		return entry.isDirectory() ? filesUnder(path) : entry.isFile() ? [path] : [];
	});
}

const all = filesUnder(ROOT).map((path) => relative(ROOT, path));
const written = all.filter((path) => /^(src|test|scripts)\/.*\.(ts|mjs|cjs|sh)$/.test(path));
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

describe("the layout", () => {
	test("is seen by this test at all", () => {
		expect(written).toContain("src/task/states.ts");
		expect(written).toContain("test/house/layout.test.ts");
		expect(written).toContain("scripts/build.mjs");
	});

	test(`has no file of more than ${MAX_LINES} lines`, () => {
		const long = written.filter((path) => read(path).split("\n").length - 1 > MAX_LINES);
		expect(long).toEqual([]);
	});

	test("has no folder whose name says nothing", () => {
		const folders = new Set(
			all.filter((path) => path.startsWith("src/")).flatMap((path) => path.split("/").slice(0, -1)),
		);
		expect([...folders].filter((name) => SAYS_NOTHING.includes(name))).toEqual([]);
	});

	test("names no folder of the machine that it was written on", () => {
		// A checkout right under the root has too common a name to look for.
		const place = ROOT.split("/").length > 2 ? ROOT : "a checkout right under the root";
		const texts = all.filter((path) => /\.(ts|mjs|cjs|sh|json|jsonl|md|yml)$|^\.ci\//.test(path));
		expect(texts.filter((path) => read(path).includes(place))).toEqual([]);
	});
});
