/** What claude uses, message by message: its own totals come only with an orderly end. */
import { isObject } from "../../task/check.ts";
import type { Usage } from "../../task/spec.ts";
import { Bounded, isName } from "../bounded.ts";
import type { AgentEvent } from "../contract.ts";
import { type Json, objectAt, stringAt, sumOf, tokensAt, usdAt } from "../json.ts";

const PER_MILLION = 1_000_000;
/** Parts of a message come one after the other, those of its sub-agents beside them. */
const MESSAGES_KEPT = 1_000;
const AGENTS_KEPT = 100;
/** Of the price of input. */
const CACHE_READ = 0.1;
const CACHE_WRITE = 1.25;

/** USD per million tokens of input and output, as claude 2.1.332 counts them (November 2026); the first that fits. */
const PRICES: readonly [RegExp, { input: number; output: number }][] = [
	[/opus-(?:4-[5-9]|[5-9])/, { input: 5, output: 25 }],
	[/opus/, { input: 15, output: 75 }],
	[/sonnet-[5-9]/, { input: 2, output: 10 }],
	[/sonnet/, { input: 3, output: 15 }],
	[/haiku-(?:4-[5-9]|[5-9])/, { input: 1, output: 5 }],
];

interface Message {
	model: string;
	input: number;
	output: number;
}

/** Counts each message once, however often and in however many parts it is told. */
export class MessageUsage {
	readonly #messages = new Bounded<Message>(MESSAGES_KEPT);
	/** the message that is being streamed, by the agent (`parent_tool_use_id`) that streams it */
	readonly #streamed = new Bounded<string>(AGENTS_KEPT);

	/** An `assistant` event: its input is final, its output is what was known at its beginning. */
	assistant(json: Json): AgentEvent[] {
		const message = objectAt(json, "message");
		const id = stringAt(message, "id");
		return id === null || !isName(id)
			? []
			: this.#count(id, stringAt(message, "model") ?? "", objectAt(message, "usage"));
	}

	/** A `stream_event`: the beginning and the end of a message carry its usage. */
	streamed(json: Json): AgentEvent[] {
		const agent = stringAt(json, "parent_tool_use_id") ?? "";
		const event = objectAt(json, "event");
		if (event.type === "message_start") {
			const id = stringAt(objectAt(event, "message"), "id");
			if (id !== null && isName(id) && isName(agent)) this.#streamed.set(agent, id);
			return this.assistant(event);
		}
		const id = this.#streamed.get(agent);
		if (event.type !== "message_delta" || id === undefined) return [];
		return this.#count(id, this.#messages.get(id)?.model ?? "", objectAt(event, "usage"));
	}

	#count(id: string, model: string, told: Json): AgentEvent[] {
		const before = this.#messages.get(id) ?? { model, input: 0, output: 0 };
		const read = tokensAt(told, "cache_read_input_tokens") ?? 0;
		const written = tokensAt(told, "cache_creation_input_tokens") ?? 0;
		const fresh = tokensAt(told, "input_tokens") ?? 0;
		const input = Math.max(before.input, fresh + read + written);
		const output = Math.max(before.output, tokensAt(told, "output_tokens") ?? 0);
		const price = PRICES.find(([name]) => name.test(model))?.[1];
		const inputUsd =
			price && ((fresh + read * CACHE_READ + written * CACHE_WRITE) * price.input) / PER_MILLION;
		const newInput = input > before.input ? (inputUsd ?? 0) : 0;
		const newOutput = price ? ((output - before.output) * price.output) / PER_MILLION : 0;
		const more = { inputTokens: input - before.input, outputTokens: output - before.output };
		if (more.inputTokens === 0 && more.outputTokens === 0) return [];
		this.#messages.set(id, { model, input, output });
		const usage: Usage = { ...more, costUsd: price ? newInput + newOutput : null, estimated: true };
		return [{ kind: "usage", scope: "more", usage }];
	}
}

/** The totals of a `result`: `modelUsage` and the cost count the whole session, resumed runs included. */
export function sessionUsage(json: Json): AgentEvent[] {
	const models = Object.values(objectAt(json, "modelUsage")).filter(isObject);
	if (models.length === 0) return [];
	const total = (keys: string[]) => models.reduce((sum, model) => sum + sumOf(model, keys), 0);
	const usage: Usage = {
		inputTokens: total(["inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens"]),
		outputTokens: total(["outputTokens"]),
		costUsd: usdAt(json, "total_cost_usd"),
		estimated: false,
	};
	return [{ kind: "usage", scope: "session", usage }];
}
