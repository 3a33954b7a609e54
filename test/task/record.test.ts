import { expect, test } from "vitest";
import type { Field } from "../../src/task/field.ts";
import { FIELDS } from "../../src/task/record.ts";
import { FIRST_RECORD } from "./first-record.ts";

test("a field that came later is read in records of an earlier version, which lack it", () => {
	const lacking = Object.entries(FIELDS as Record<string, Field<unknown>>).filter(
		([name, { stored }]) => !((stored ?? name) in FIRST_RECORD),
	);
	expect(lacking.length).toBeGreaterThan(0);
	for (const [name, field] of lacking) expect(() => field.read(undefined, name)).not.toThrow();
});
