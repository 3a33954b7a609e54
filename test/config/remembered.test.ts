import { chmodSync, existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { RememberedConfig } from "../../src/config/remembered.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const TEXT = "default: a\n";
const FILE = { default: "a" };
let path: string;
let copy: string;
beforeEach(() => {
	const home = temporaryFolder("home");
	path = join(home, "config.yaml");
	copy = join(home, ".config-read.json");
});

const remembered = (build: string | null = "b1", env: Record<string, string> = {}) =>
	new RememberedConfig({ path, env }, build);

test("what was read is known to the same program for the same text, and only its user sees it", () => {
	remembered().keep(TEXT, FILE);
	expect(remembered().recall(TEXT)).toEqual(FILE);
	expect(statSync(copy).mode & 0o777).toBe(0o600);
	expect(remembered().recall(`${TEXT}#`)).toBeNull();
	expect(remembered("b2").recall(TEXT)).toBeNull();
	expect(remembered(null).recall(TEXT)).toBeNull();
});

test.each([
	"",
	"{",
	"null",
	"5",
	"[]",
	"{}",
	'{"build":"b1"}',
	`{"build":"b1","text":${JSON.stringify(TEXT)}}`,
])("a copy that is damaged (%j) is passed over", (damaged) => {
	writeFileSync(copy, damaged);
	expect(remembered().recall(TEXT)).toBeNull();
});

test("a copy that others may write to is not believed", () => {
	remembered().keep(TEXT, FILE);
	chmodSync(copy, 0o666);
	expect(remembered().recall(TEXT)).toBeNull();
});

test("a config from elsewhere leaves no copy, and one that is gone takes its copy along", () => {
	remembered("b1", { DISPATCH_CONFIG: path }).keep(TEXT, FILE);
	expect(existsSync(copy)).toBe(false);
	remembered().keep(TEXT, FILE);
	remembered().forget();
	expect(existsSync(copy)).toBe(false);
	remembered().forget();
});

test("what JSON cannot hold is not kept, nor is anything where nothing can be written", () => {
	remembered().keep(TEXT, { default: undefined });
	expect(existsSync(copy)).toBe(false);
	path = join(path, "no-folder/config.yaml");
	remembered().keep(TEXT, FILE);
	expect(remembered().recall(TEXT)).toBeNull();
});
