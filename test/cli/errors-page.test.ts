import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ERRORS, EXIT } from "../../src/task/errors.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/ERRORS.md"), "utf8");

test("docs/ERRORS.md lists exactly the registered errors with their exit codes", () => {
	const rows = [...PAGE.matchAll(/^\| `(DISPATCH_\w+)` \| (\d+) \| (yes|no) \| (.+?) \| .+ \|$/gm)];
	const documented = rows.map(([, code, exit, retry, means]) => [code, Number(exit), retry === "yes", means]);
	expect(documented).toEqual(
		Object.entries(ERRORS).map(([code, { exit, retryable, means }]) => [code, exit, retryable, means]),
	);
});

test("docs/ERRORS.md lists exactly the exit codes", () => {
	const rows = [...PAGE.matchAll(/^\| (\d+) \| /gm)].map(([, code]) => Number(code));
	expect(rows).toEqual(Object.values(EXIT));
});
