/** Files of tests share a process: a fault of one of them uses up none of another's. */
import { afterEach, expect, test } from "vitest";
import { faultPoint } from "../../src/process/fault.ts";

afterEach(() => {
	delete process.env.DISPATCH_FAULT;
});

const reach = (mode: string) => () => {
	process.env.DISPATCH_FAULT = `start.read:${mode}:of-faults`;
	faultPoint("start.read", "of-faults");
};

test("what is thrown always was not thrown once; what was thrown once is not thrown again", () => {
	for (let again = 0; again < 2; again++) expect(reach("throw-always")).toThrow("start.read");
	expect(reach("throw-once")).toThrow("start.read");
	expect(reach("throw-once")).not.toThrow();
	expect(reach("throw-always")).toThrow("start.read");
});
