/** Forms that make a test pass whatever the code does. Each was found in this repository once. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const HERE = "test/house/tests.test.ts";
/** True of nearly everything: say what it is instead. */
const SAYS_LITTLE = ["toBeDefined", "toBeTruthy", "toBeFalsy"];
const CONDITIONS = [
	ts.SyntaxKind.IfStatement,
	ts.SyntaxKind.ConditionalExpression,
	ts.SyntaxKind.CatchClause,
	ts.SyntaxKind.SwitchStatement,
];

/** @returns a line for each form that the text has, `LINE: what` */
function suspects(text: string): string[] {
	const source = ts.createSourceFile("x.test.ts", text, ts.ScriptTarget.Latest, true);
	const found: string[] = [];
	const visit = (node: ts.Node): void => {
		const what = suspicion(node);
		if (what !== null)
			found.push(`${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${what}`);
		ts.forEachChild(node, visit);
	};
	visit(source);
	return found;
}

function suspicion(node: ts.Node): string | null {
	if (ts.isPropertyAccessExpression(node) && SAYS_LITTLE.includes(node.name.text))
		return `${node.name.text}()`;
	if (ts.isCallExpression(node)) return suspiciousCall(node);
	if (ts.isReturnStatement(node) && node.expression === undefined && isConditional(node) && isInTest(node))
		return "a test that may return early: test.runIf or fc.pre";
	return null;
}

function suspiciousCall(node: ts.CallExpression): string | null {
	const called = node.expression.getText();
	if (called === "expect" && isConditional(node)) return "an expectation under a condition";
	if (called === "expect" && /performance\.now\(\)|Date\.now\(\) -/.test(node.getText()))
		return "a stopwatch as an expectation";
	if (called === "setTimeout" && node.arguments[0]?.getText() === "resolve") return "a sleep for luck";
	if (/^(sleep|setTimeout)$/.test(called) && ts.isAwaitExpression(node.parent) && !isInLoop(node))
		return "a sleep for luck";
	if (
		/^expect\(JSON\.stringify\(.*\.toContain$/s.test(called) &&
		/^"\w+"$/.test(node.arguments[0]?.getText() ?? "")
	)
		return called.endsWith("not.toContain") ? null : "a key that is always there";
	return null;
}

/** Under a condition, within a test; the invariants of a model's states may depend on the state. */
function isConditional(node: ts.Node): boolean {
	let found = false;
	for (let at = node; at.parent !== undefined; at = at.parent) {
		if (isTestCall(at.parent)) return found;
		// Both ways of an `if … else` may assert; one alone may not.
		if (ts.isIfStatement(at.parent) && at.parent.elseStatement !== undefined) continue;
		found ||= CONDITIONS.includes(at.parent.kind) && !isTheCondition(at);
	}
	return false;
}

/** Between two looks at a condition. */
function isInLoop(node: ts.Node): boolean {
	for (let at = node; at.parent !== undefined && !isTestCall(at); at = at.parent)
		if (ts.isIterationStatement(at.parent, false)) return true;
	return false;
}

function isTheCondition(node: ts.Node): boolean {
	const { parent } = node;
	return (
		(ts.isIfStatement(parent) && parent.expression === node) ||
		(ts.isConditionalExpression(parent) && parent.condition === node)
	);
}

const isTestCall = (node: ts.Node): boolean =>
	ts.isCallExpression(node) && /^test\b/.test(node.expression.getText());

function isInTest(node: ts.Node): boolean {
	let inner = 0;
	for (let at: ts.Node | undefined = node; at !== undefined; at = at.parent) {
		if (ts.isFunctionLike(at)) inner += 1;
		if (isTestCall(at)) return inner <= 1;
	}
	return false;
}

const files = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
	.filter((name) => name.endsWith(".test.ts") && !name.startsWith("chaos/"))
	.map((name) => relative(ROOT, join(ROOT, "test", name)))
	.filter((path) => path !== HERE);

describe("no test is of a form that cannot fail", () => {
	test("the forms are seen", () => {
		const bad = [
			'test("a", () => { expect(x).toBeDefined(); });',
			'test("a", () => { if (x) expect(x).toBe(1); });',
			'test("a", () => { try { run(); } catch (error) { expect(error).toBe(1); } });',
			'test("a", () => { const y = x ? expect(x).toBe(1) : 2; });',
			'test("a", () => { if (x) return; expect(1).toBe(2); });',
			'test("a", async () => { await sleep(100); expect(1).toBe(2); });',
			'test("a", async () => { await new Promise((resolve) => setTimeout(resolve, 5)); });',
			'test("a", () => { expect(performance.now() - begun).toBeLessThan(5); });',
			'test("a", () => { expect(JSON.stringify(x)).toContain("warnings"); });',
		];
		expect(bad.filter((text) => suspects(text).length === 0)).toEqual([]);
		const good = [
			'test("a", () => { if (expected === null) expect(x).toBe(1); else expect(x).toBe(2); });',
			'test("a", () => { const found = list.find((each) => { if (!each) return; return each; }); expect(found).toBe(1); });',
			'test("a", () => { expect(JSON.stringify(x)).not.toContain("secret"); });',
		];
		expect(good.flatMap(suspects)).toEqual([]);
	});

	test.each(files)("%s", (path) => {
		expect(suspects(readFileSync(join(ROOT, path), "utf8"))).toEqual([]);
	});
});
