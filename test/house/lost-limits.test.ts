import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const SOURCES = resolve(import.meta.dirname, "../../src");

/** What hangs on an object that nobody holds: a garbage collection later it never comes (nodejs/node#57736). */
const LOSES_ITS_HOLD = ["AbortSignal", "WeakRef", "FinalizationRegistry"];

/** Whether one of them stands there as a value, however its methods are reached; as types they are harmless. */
function losesItsHold(text: string): boolean {
	const visit = (node: ts.Node): boolean =>
		(ts.isIdentifier(node) && LOSES_ITS_HOLD.includes(node.text) && !ts.isTypeReferenceNode(node.parent)) ||
		(ts.isStringLiteral(node) && LOSES_ITS_HOLD.includes(node.text)) ||
		(ts.forEachChild(node, (child) => visit(child) || undefined) ?? false);
	return visit(ts.createSourceFile("x.ts", text, ts.ScriptTarget.Latest, true));
}

test("a time limit is a timer that somebody holds: timeLimit of src/task/time-limit.ts", () => {
	const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) =>
		name.endsWith(".ts"),
	);
	expect(files.length).toBeGreaterThan(100);
	expect(files.filter((name) => losesItsHold(readFileSync(join(SOURCES, name), "utf8")))).toEqual([]);
});

test.each([
	"await work(AbortSignal.timeout(5));",
	"const { any } = AbortSignal;",
	'AbortSignal["any"]([]);',
	'globalThis["AbortSignal"].timeout(5);',
	"const held = new WeakRef(work);",
	"new FinalizationRegistry(() => {});",
])("%s is seen", (text) => {
	expect(losesItsHold(text)).toBe(true);
});

test("a signal as a type is no such thing", () => {
	const text =
		"// AbortSignal.any\nexport function wait(signal: AbortSignal, all: readonly AbortSignal[]) {}";
	expect(losesItsHold(text)).toBe(false);
});
