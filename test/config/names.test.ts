/** The names of a state directory, damaged: the file is named, and a worker that knows them puts them back. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openHome, servedNames } from "../../src/config/home.ts";
import { keepNames } from "../../src/config/kept-marks.ts";
import { temporaryFolder } from "../temporary-folder.ts";

test.each(["", "\n", "No Name\n", "../up\n", "\0\0\0\0"])("names that read %j", (damage) => {
	const env = { DISPATCH_HOME: temporaryFolder("names-") };
	const home = openHome(env);
	const names = servedNames(home, env);
	const files = ["home-id", "host-id"].map((name) => join(home.path, name));
	for (const file of files) writeFileSync(file, damage);
	expect(() => openHome(env)).toThrowError(
		expect.objectContaining({ message: expect.stringContaining(join(home.path, "host-id")) }),
	);
	keepNames(home.path, names);
	expect(files.map((file) => readFileSync(file, "utf8").trim())).toEqual([home.homeId, home.hostId]);
	expect(openHome(env)).toEqual(home);
});

test("an id of the environment that is none is told as that", () => {
	const env = { DISPATCH_HOME: temporaryFolder("names-"), DISPATCH_HOST_ID: "No Name" };
	expect(() => openHome(env)).toThrowError(
		expect.objectContaining({ message: expect.stringContaining("Expected DISPATCH_HOST_ID") }),
	);
});
