import { expect, test } from "vitest";
import type { Field } from "../../src/task/field.ts";
import { FIELDS } from "../../src/task/record.ts";

/** Every record has had them from the first version on. */
const ALWAYS_THERE = [
	"spec",
	"host",
	"state",
	"revision",
	"epoch",
	"attempt",
	"startMode",
	"generation",
	"ipcGeneration",
	"progress",
	"takenDown",
	"takenAway",
	"rateLimits",
	"workedMs",
	"createdAt",
];

const canBeMissing = ([name, field]: [string, Field<unknown>]): boolean => {
	try {
		field.read(undefined, name);
		return true;
	} catch {
		return false;
	}
};

test("a field that came later is read in records of an earlier version, which lack it", () => {
	const needed = Object.entries(FIELDS as Record<string, Field<unknown>>).filter(
		(each) => !canBeMissing(each),
	);
	expect(needed.map(([name]) => name)).toEqual(ALWAYS_THERE);
});
