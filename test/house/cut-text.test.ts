import { readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { TEST_LIMIT_MS } from "../patience.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** Texts of ASCII alone: hashes and times. */
const IS_ASCII =
	/\.(?:digest\("hex"\)|toISOString\(\)|toTimeString\(\)|replace\(\/\[\^a-z0-9-\]\+\/g, "-"\)[\s\S]*)$/;
const CUTS = new Set(["slice", "substring", "substr"]);

function sources(): string[] {
	const entries = readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true });
	return entries
		.filter((entry) => entry.name.endsWith(".ts"))
		.map((entry) => join(entry.parentPath, entry.name));
}

/** A text cut to a length that is a constant or a parameter; a place that was searched for is no such length. */
function isShortening(call: ts.CallExpression, checker: ts.TypeChecker): boolean {
	const { expression, arguments: given } = call;
	if (!ts.isPropertyAccessExpression(expression) || !CUTS.has(expression.name.text)) return false;
	const [from, end] = given;
	if (from?.getText() !== "0" || end === undefined || IS_ASCII.test(expression.expression.getText()))
		return false;
	const isText = (checker.getTypeAtLocation(expression.expression).flags & ts.TypeFlags.StringLike) !== 0;
	return isText && /^[\d_]{2,}|^[A-Z][A-Z_]{2,}\b|\b(?:limit|max|most|width|chars)\b/.test(end.getText());
}

function shortenings(paths: string[]): string[] {
	const program = ts.createProgram(paths, {
		strict: true,
		target: ts.ScriptTarget.ES2023,
		types: [],
		noLib: false,
	});
	const checker = program.getTypeChecker();
	const found: string[] = [];
	for (const file of program.getSourceFiles().filter(({ fileName }) => paths.includes(fileName))) {
		const visit = (node: ts.Node): void => {
			if (ts.isCallExpression(node) && isShortening(node, checker)) {
				const { line } = file.getLineAndCharacterOfPosition(node.getStart());
				found.push(`${relative(ROOT, file.fileName)}:${line + 1} ${node.getText()}`);
			}
			ts.forEachChild(node, visit);
		};
		visit(file);
	}
	return found;
}

test("text is shortened by cutText alone, never through a character", { timeout: TEST_LIMIT_MS }, () => {
	const own = join(ROOT, "src/task/cut-text.ts");
	expect(shortenings(sources().filter((path) => path !== own))).toEqual([]);
});

test("a cut by hand would be seen", { timeout: TEST_LIMIT_MS }, () => {
	const sample = join(import.meta.dirname, "../fixtures/cuts-by-hand.ts");
	expect(shortenings([sample])).toHaveLength(3);
});
