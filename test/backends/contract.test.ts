/** One suite over every backend: what they print is fed from recordings of the real programs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AgentEvent } from "../../src/backends/contract.ts";
import { backendOf } from "../../src/backends/index.ts";
import { BACKEND_TYPES, KNOWN_CLIS } from "../../src/backends/known.ts";
import { renderEvent } from "../../src/backends/render.ts";
import { PERMISSIONS } from "../../src/task/spec.ts";
import { expectScenario } from "../fixtures/recorded/expect-scenario.ts";
import { RECORDED_AT, SCENARIOS, type Scenario } from "../fixtures/recorded/scenarios.ts";

function linesOf({ name }: Scenario): string[] {
	const path = join(import.meta.dirname, `../fixtures/recorded/${name}.jsonl`);
	return readFileSync(path, "utf8").trimEnd().split("\n");
}

function parse(type: Scenario["type"], lines: readonly string[]): AgentEvent[] {
	const parser = backendOf(type).parser(RECORDED_AT);
	return lines.flatMap((line) => parser.line(line));
}

describe("recorded output", () => {
	test.each(SCENARIOS)("$name: $source", (scenario) => {
		expectScenario(scenario, parse(scenario.type, linesOf(scenario)));
	});

	test("reads as a log", () => {
		const scenario = SCENARIOS.find(({ name }) => name === "cursor-documented");
		if (scenario === undefined) throw new Error("The scenario is gone.");
		const log = parse(scenario.type, linesOf(scenario)).map(renderEvent);
		expect(log.filter((line) => line !== null)).toEqual([
			"session c6b62c6f-7ead-4fd6-9922-e952131177ff",
			"I read the README first.",
			"› Read: README.md",
			"› Shell: npm test",
			"All tests pass.",
		]);
	});
});

test.each(KNOWN_CLIS)("$type: what it says of its permissions is what it has flags for", (cli) => {
	const { permit } = backendOf(cli.type);
	const held = PERMISSIONS.filter(
		(degree) => permit(cli.programs[0], degree, "/project/.dispatch/t") !== null,
	);
	expect(held.filter((degree) => degree !== "full")).toEqual(cli.permissions);
	expect(held).toContain("full");
});

describe.each(BACKEND_TYPES)("%s", (type) => {
	test("no input makes its parser throw, and no event is longer than the limit or steers a terminal", () => {
		const recorded = SCENARIOS.filter((scenario) => scenario.type === type).flatMap(linesOf);
		const damaged = fc
			.tuple(fc.constantFrom("{}", ...recorded), fc.nat(), fc.string())
			.map(
				([line, at, junk]) =>
					line.slice(0, at % (line.length + 1)) + junk + line.slice(at % (line.length + 1)),
			);
		const shaped = fc
			.jsonValue()
			.map((value) => JSON.stringify({ type: "assistant", message: value, item: value }));
		fc.assert(
			fc.property(fc.array(fc.oneof(damaged, shaped, fc.string({ unit: "binary" }))), (lines) => {
				for (const event of parse(type, lines)) expectPrintable(event);
			}),
			{ numRuns: 200 },
		);
	});

	test("what cannot be a session's id is none: it would become an argument of the next start", () => {
		for (const id of ["--dangerous", "a\u0008b", "a b", "", "x".repeat(300), "$(id)", "a\nb"]) {
			const lines = [
				{ type: "system", subtype: "init", session_id: id },
				{ type: "thread.started", thread_id: id },
			].map((line) => JSON.stringify(line));
			expect(parse(type, lines).filter(({ kind }) => kind === "session")).toEqual([]);
		}
	});

	test("a line of any length becomes events of at most 16 KiB, and what is no JSON is kept as text", () => {
		const [long] = parse(type, ["x".repeat(100_000)]);
		expect(long).toMatchObject({ kind: "text" });
		expectPrintable(long);
		expect(parse(type, ["\u001b[31mred\u001b[0m", '{"type":"no-such-event"}', "", "[1,2]"])).toEqual([
			{ kind: "text", text: "red" },
			{ kind: "text", text: type === "command" ? '{"type":"no-such-event"}' : "no-such-event" },
			{ kind: "text", text: "[1,2]" },
		]);
	});
});

function expectPrintable(event: AgentEvent | undefined): void {
	for (const value of Object.values(event ?? {})) {
		if (typeof value !== "string") continue;
		expect(value.length).toBeLessThanOrEqual(16 * 1024);
		expect(value).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
	}
}
