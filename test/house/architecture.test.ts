import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");

test("every file and folder that docs/ARCHITECTURE.md names is there", () => {
	const page = readFileSync(resolve(ROOT, "docs/ARCHITECTURE.md"), "utf8");
	const named = [...page.matchAll(/`((?:src|test|docs)\/[\w./-]+)`/g)].map(([, path]) => path ?? "");
	expect(named.length).toBeGreaterThan(20);
	expect(named.filter((path) => !existsSync(resolve(ROOT, path)))).toEqual([]);
});
