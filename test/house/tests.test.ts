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
const LOGICAL = [
	ts.SyntaxKind.AmpersandAmpersandToken,
	ts.SyntaxKind.BarBarToken,
	ts.SyntaxKind.QuestionQuestionToken,
];
/** What a clock has shown, less what it showed before. */
const STOPWATCH = /\b(?:performance|Date)\.now\(\) -/;

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
	if (isOwnLimit(node)) return "a limit of its own: test/patience.ts has them";
	if (ts.isCallExpression(node)) return suspiciousCall(node);
	if (ts.isReturnStatement(node) && node.expression === undefined && isConditional(node) && isInTest(node))
		return "a test that may return early: test.runIf or fc.pre";
	return null;
}

function suspiciousCall(node: ts.CallExpression): string | null {
	const called = node.expression.getText();
	if (called === "expect" && isConditional(node)) return "an expectation under a condition";
	if (called === "expect" && isStopwatch(node.arguments[0])) return "a stopwatch as an expectation";
	if (/^(sleep|setTimeout)$/.test(called) && isAwaited(node) && !isInLoop(node)) return "a sleep for luck";
	if (/^(?:test|describe)\.(?:skip|only|todo|fails)\b/.test(called)) return "a test that does not run";
	if (/^vi\.wait(?:For|Until)$/.test(called) && node.arguments.length < 2) return "a wait of one second";
	if (isUnawaited(node)) return "an expectation that nobody waits for";
	if (/^expect\([^;]*\?\.[^;]*\)\.not\.to(?:Be|Equal|StrictEqual)\w*$/s.test(called))
		return "a denial of what may not be there";
	if (isKeyOfJson(node)) return "a key that is always there";
	return null;
}

/** Less than an hour in figures, for a condition or a whole test: a slow machine meets it. */
function isOwnLimit(node: ts.Node): boolean {
	if (!ts.isNumericLiteral(node) || Number(node.text) >= 3_600_000) return false;
	const { parent } = node;
	if (ts.isPropertyAssignment(parent)) return parent.name.getText() === "timeout";
	return isTestCall(parent) && (parent as ts.CallExpression).arguments.at(-1) === node;
}

/** The reading itself, or a constant that was given one. */
function isStopwatch(given: ts.Expression | undefined): boolean {
	if (given === undefined) return false;
	if (/performance\.now\(\)/.test(given.getText()) || STOPWATCH.test(given.getText())) return true;
	if (!ts.isIdentifier(given)) return false;
	const named = new RegExp(`(?:const|let) ${given.text} = [^;]*?${STOPWATCH.source}`);
	return named.test(given.getSourceFile().text);
}

/** By `await`, or by a promise of one's own. */
function isAwaited(node: ts.Node): boolean {
	if (ts.isAwaitExpression(node.parent)) return true;
	for (let at = node; at.parent !== undefined && !isTestCall(at); at = at.parent)
		if (ts.isNewExpression(at) && at.expression.getText() === "Promise")
			return ts.isAwaitExpression(at.parent);
	return false;
}

/** A promise of an expectation that stands alone. */
function isUnawaited(node: ts.CallExpression): boolean {
	if (!ts.isExpressionStatement(node.parent)) return false;
	return /^expect\.poll\b|^expect\b.*\.(?:resolves|rejects)\.|^vi\.waitFor$/s.test(node.expression.getText());
}

/** A bare word in what is printed as JSON: the key stands there whatever its value is. */
function isKeyOfJson(node: ts.CallExpression): boolean {
	const called = node.expression.getText();
	if (!/^expect\(.*(?:JSON\.stringify\(|"--json").*\.(?:toContain|toMatch)$/s.test(called)) return false;
	const isWord = /^(?:"\w+"|\/\w+\/)$/.test(node.arguments[0]?.getText() ?? "");
	return isWord && !/\.not\.\w+$/.test(called);
}

/** Under a condition, within a test; the invariants of a model's states may depend on the state. */
function isConditional(node: ts.Node): boolean {
	let found = false;
	for (let at = node; at.parent !== undefined; at = at.parent) {
		if (isTestCall(at.parent)) return found;
		// Both ways of an `if … else` may assert; one alone may not.
		if (ts.isIfStatement(at.parent) && at.parent.elseStatement !== undefined) continue;
		found ||= (CONDITIONS.includes(at.parent.kind) && !isTheCondition(at)) || isAfterLogical(at);
	}
	return false;
}

function isAfterLogical(node: ts.Node): boolean {
	const { parent } = node;
	return (
		ts.isBinaryExpression(parent) && parent.right === node && LOGICAL.includes(parent.operatorToken.kind)
	);
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
			'test("a", async () => { expect(await user.ok(["status", "t", "--json"])).toMatch(/warnings/); });',
			'test("a", () => { x && expect(x).toBe(1); });',
			'test("a", async () => { await new Promise((done) => setTimeout(done, 5)); });',
			'test("a", async () => { await new Promise((done) => { setTimeout(() => done(1), 5); }); });',
			'test("a", () => { const took = performance.now() - begun; expect(took).toBeLessThan(5); });',
			'test.skip("a", () => { expect(1).toBe(2); });',
			'describe.only("a", () => {});',
			'test("a", () => { expect(work()).rejects.toThrow("x"); });',
			'test("a", () => { expect.poll(look).toBe(1); });',
			'test("a", () => { vi.waitFor(() => expect(x).toBe(1)); });',
			'test("a", () => { expect(questions[0]?.deliveredAt).not.toBeNull(); });',
			'test("a", async () => { await vi.waitFor(() => expect(x).toBe(1)); });',
			'test("a", async () => { await expect.poll(look, { timeout: 20_000 }).toBe(1); });',
			"const LIMIT = { timeout: 20_000, interval: 50 };",
			'test("a", async () => { expect(await work()).toBe(1); }, 90_000);',
			'test("a", { timeout: 120_000 }, () => { expect(work()).toBe(1); });',
		];
		expect(bad.filter((text) => suspects(text).length === 0)).toEqual([]);
		const good = [
			'test("a", () => { if (expected === null) expect(x).toBe(1); else expect(x).toBe(2); });',
			'test("a", () => { const found = list.find((each) => { if (!each) return; return each; }); expect(found).toBe(1); });',
			'test("a", () => { expect(JSON.stringify(x)).not.toContain("secret"); });',
			'test("a", async () => { await expect(work()).rejects.toThrow("x"); await expect.poll(look).toBe(1); });',
			'const LIMIT = { timeout: 2 * CONDITION_LIMIT_MS }; const until = (look) => vi.waitFor(look, LIMIT); test("a", async () => { expect(await until(look)).toBe(1); });',
			'test("a", () => { expect(x ?? y).toBe(1); expect(a && b).toBe(true); });',
			'test("a", async () => { while (!x) await new Promise((done) => setTimeout(done, 5)); expect(x).toBe(1); });',
		];
		expect(good.flatMap(suspects)).toEqual([]);
	});

	test.each(files)("%s", (path) => {
		expect(suspects(readFileSync(join(ROOT, path), "utf8"))).toEqual([]);
	});
});

/** What is done when such a file is loaded is done for the first test file of a process alone: they share it. */
const ONCE =
	/^(?:(?:after|before)(?:All|Each)\(|(?:export )?const .*\b(?:temporaryFolder|mkdtempSync|tmpdir)\()/m;
const APART = ["test/leaks.ts"];

test("a file that tests share does nothing for the file that loads it first", () => {
	for (const bad of ["afterAll(() => {});", 'export const folder = temporaryFolder("x");'])
		expect(bad).toMatch(ONCE);
	const shared = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
		.filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
		.map((name) => join("test", name));
	expect(shared).toContain("test/e2e/harness.ts");
	expect(shared.filter((path) => ONCE.test(readFileSync(join(ROOT, path), "utf8")))).toEqual(APART);
});
