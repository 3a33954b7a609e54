/** Whatever stands in the fields of a CLI's output: it is never thrown over, believed, or kept without bound. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getHeapStatistics } from "node:v8";
import { describe, expect, test } from "vitest";
import type { AgentEvent } from "../../src/backends/contract.ts";
import { backendOf } from "../../src/backends/index.ts";
import { addUp, type Followed, NOTHING } from "../../src/monitor/followed.ts";
import { checkProgress, MOST_TOKENS, MOST_USD } from "../../src/task/spec.ts";
import { collectGarbage } from "../collect-garbage.ts";
import { RECORDED_AT, SCENARIOS, type Scenario } from "../fixtures/recorded/scenarios.ts";
import { TEST_LIMIT_MS } from "../patience.ts";

type Type = Scenario["type"];
const DAY_MS = 86_400_000;
const MB = 1024 * 1024;

const TEXTS = ["constructor", "__proto__", "toString", "hasOwnProperty", "", "-1", "9".repeat(400)];
const NUMBERS = [-1, -1e300, 1e300, 1e15, 99_999_999_999, 0.5, 2 ** 53];
const OTHERS: unknown[] = [null, true, [], {}, [[]], [null], JSON.parse('{"__proto__":1,"constructor":1}')];

/** Lines that no recording holds, with every field that some parser reads. */
const MADE: Record<string, object[]> = {
	claude: [
		{
			type: "system",
			subtype: "api_retry",
			error: "rate_limit",
			error_status: 429,
			attempt: 1,
			retry_delay_ms: 9,
		},
		{ type: "system", subtype: "permission_denied", tool_use_id: "a", tool_name: "b", message: "c" },
		{
			type: "rate_limit_event",
			rate_limit_info: { status: "rejected", resetsAt: 1, rateLimitType: "five_hour" },
		},
		{
			type: "assistant",
			message: {
				id: "m",
				model: "claude-opus-4-5",
				usage: {
					input_tokens: 1,
					output_tokens: 2,
					cache_read_input_tokens: 3,
					cache_creation_input_tokens: 4,
				},
			},
		},
		{
			type: "assistant",
			is_api_error_message: true,
			error: "rate_limit",
			message: { content: [{ type: "text", text: "limit reached" }] },
		},
		{
			type: "assistant",
			message: {
				id: "w",
				content: [{ type: "tool_use", name: "ScheduleWakeup", input: { delaySeconds: 60, reason: "r" } }],
			},
		},
		{
			type: "system",
			subtype: "background_tasks_changed",
			tasks: [{ task_type: "local_bash", description: "d" }],
		},
		{
			type: "result",
			subtype: "success",
			is_error: false,
			total_cost_usd: 1,
			modelUsage: { m: { inputTokens: 1, outputTokens: 2 } },
			result: "done",
		},
		{
			type: "result",
			subtype: "error",
			is_error: true,
			api_error_status: 429,
			errors: ["limit reached, try again in 2 hours"],
		},
	],
	codex: [
		{ type: "turn.completed", usage: { input_tokens: 1, output_tokens: 2 } },
		{ type: "error", message: "usage limit reached, try again in 2 days" },
	],
	cursor: [
		{ type: "result", subtype: "success", usage: { inputTokens: 1, outputTokens: 2, cacheReadTokens: 3 } },
	],
	command: [],
};

function recorded(type: Type): object[] {
	const lines = SCENARIOS.filter((scenario) => scenario.type === type).flatMap(({ name }) =>
		readFileSync(join(import.meta.dirname, `../fixtures/recorded/${name}.jsonl`), "utf8").split("\n"),
	);
	const shapes = new Map<string, object>();
	for (const line of lines) {
		if (!line.startsWith("{")) continue;
		const event = JSON.parse(line) as { type?: string; subtype?: string; item?: { type?: string } };
		shapes.set(`${event.type} ${event.subtype} ${event.item?.type}`, event);
	}
	return [...shapes.values()];
}

/** The value with each of its fields replaced, one after the other, by each hostile one. */
function* replaced(value: unknown): Generator<unknown> {
	yield* typeof value === "string" ? TEXTS : typeof value === "number" ? NUMBERS : [];
	yield* OTHERS;
	if (typeof value !== "object" || value === null) return;
	for (const [key, field] of Object.entries(value))
		for (const other of replaced(field)) {
			const copy = Array.isArray(value) ? [...value] : { ...value };
			Object.defineProperty(copy, key, { value: other, enumerable: true });
			yield copy;
		}
}

function expectBelievable(event: AgentEvent): void {
	const now = RECORDED_AT.now();
	if ("until" in event && event.until !== null) {
		expect(event.until).toBeGreaterThanOrEqual(now);
		expect(event.until).toBeLessThanOrEqual(now + 33 * DAY_MS);
	}
	if (event.kind !== "usage") return;
	const { inputTokens, outputTokens, costUsd } = event.usage;
	for (const [figure, most] of [
		[inputTokens, 3 * MOST_TOKENS],
		[outputTokens, MOST_TOKENS],
		[costUsd ?? 0, 1e9],
	] as const) {
		expect(figure).toBeGreaterThanOrEqual(0);
		expect(figure).toBeLessThanOrEqual(most);
	}
	expect(Number.isSafeInteger(inputTokens) && Number.isSafeInteger(outputTokens)).toBe(true);
}

const follow = (type: Type, lines: readonly object[], from: Followed = NOTHING): Followed => {
	const parser = backendOf(type).parser(RECORDED_AT);
	return lines.flatMap((line) => parser.line(JSON.stringify(line))).reduce(addUp, from);
};

describe.each(["claude", "codex", "cursor"] as const)("%s", (type) => {
	test("no value in any field is thrown over or believed", { timeout: TEST_LIMIT_MS }, () => {
		let tried = 0;
		for (const event of [...recorded(type), ...(MADE[type] ?? [])])
			for (const hostile of replaced(event)) {
				for (const each of backendOf(type).parser(RECORDED_AT).line(JSON.stringify(hostile)))
					expectBelievable(each);
				tried++;
			}
		expect(tried).toBeGreaterThan(200);
	});
});

const spent = (usage: object, model = "claude-opus-4-5", id = "m") => ({
	type: "assistant",
	message: { id, model, usage },
});
const costOf = (lines: object[]) => follow("claude", lines).runUsage?.costUsd ?? 0;

test("no message takes back what the others cost", () => {
	const honest = spent({ input_tokens: 1_000_000, output_tokens: 0 }, "claude-opus-4-5", "honest");
	for (const hostile of [
		spent({ input_tokens: -1e9, cache_read_input_tokens: 1e9 + 1 }),
		spent({ input_tokens: 1 }, "no-such-model"),
		spent({ input_tokens: 1e300 }),
		spent({ input_tokens: 1e308, output_tokens: 1e308 }),
		spent({ input_tokens: 0.5 }),
	]) {
		expect(costOf([honest, hostile])).toBeGreaterThanOrEqual(5);
		expect(costOf([hostile, honest])).toBeGreaterThanOrEqual(5);
	}
});

test("what adds up stays within what a record takes", () => {
	const many = Array.from({ length: 2_000 }, (_, n) =>
		spent({ input_tokens: 1e13, output_tokens: 1e13 }, "opus", `m${n}`),
	);
	const { runUsage } = follow("claude", many);
	expect(runUsage?.costUsd).toBe(MOST_USD);
	expect(
		checkProgress({ plan: { title: null, items: [] }, activity: null, usage: runUsage, lastSignAt: 0 }, "p")
			.usage,
	).toEqual(runUsage);
});

const limit = "Error: usage limit reached, try again in 20 days";

test("a line of text that reads like a limit counts only when the run ends with it", () => {
	const parser = backendOf("claude").parser(RECORDED_AT);
	const said = parser.line(limit).reduce(addUp, NOTHING);
	expect(said).toMatchObject({ failure: "rate_limited", unsure: true });
	const work = { type: "assistant", message: { id: "a", content: [{ type: "text", text: "On I go." }] } };
	const after = parser.line(JSON.stringify(work)).reduce(addUp, said);
	expect(after).toMatchObject({ failure: null, failureMessage: null, rateLimitUntil: null, unsure: false });
	// The same line at the end is said anew.
	expect(parser.line(limit).reduce(addUp, after)).toMatchObject({ failure: "rate_limited", unsure: true });
});

test("no line of text stands against what the service itself said", () => {
	const service = {
		type: "assistant",
		is_api_error_message: true,
		error: "authentication_failed",
		message: { content: [{ type: "text", text: "Please run /login" }] },
	};
	const seen = follow("claude", [service]);
	const after = backendOf("claude").parser(RECORDED_AT).line(limit).reduce(addUp, seen);
	expect(after).toMatchObject({ failure: "auth", unsure: false, rateLimitUntil: null });
});

function heap(): number {
	collectGarbage();
	return getHeapStatistics().used_heap_size + process.memoryUsage().external;
}

test("what a parser remembers is bounded, however long the names and however many", {
	timeout: TEST_LIMIT_MS,
}, () => {
	const flood: [Type, (n: number) => object][] = [
		["claude", (n) => spent({ input_tokens: 1 }, "opus", `${n}${"m".repeat(MB)}`)],
		[
			"claude",
			(n) => ({ type: "system", subtype: "permission_denied", tool_use_id: `${n}${"m".repeat(MB)}` }),
		],
		[
			"claude",
			(n) => ({
				type: "stream_event",
				parent_tool_use_id: `${n}${"p".repeat(MB)}`,
				event: { type: "message_start", message: { id: "a" } },
			}),
		],
		["codex", (n) => ({ type: "error", message: `${n} ${"e".repeat(MB)}` })],
	];
	for (const [type, line] of flood) {
		const parser = backendOf(type).parser(RECORDED_AT);
		const before = heap();
		for (let n = 0; n < 40; n++) parser.line(JSON.stringify(line(n)));
		expect(heap() - before).toBeLessThan(30 * MB);
		expect(parser.line("still there")).toHaveLength(1);
	}
});

test("a run has a few sessions, however many it tells", () => {
	const many = Array.from({ length: 1_000 }, (_, n) => ({
		type: "system",
		subtype: "init",
		session_id: `s-${n}`,
	}));
	const { sessionId, sessions } = follow("claude", many);
	expect(sessions).toBe(20);
	expect(sessionId).toBe("s-19");
	expect(follow("claude", [many[0] ?? {}, many[0] ?? {}, many[1] ?? {}])).toMatchObject({
		sessionId: "s-1",
		sessions: 2,
	});
});
