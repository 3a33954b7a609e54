/**
 * Cursor's `agent`: https://cursor.com/docs/cli/reference/output-format and …/parameters (read in November
 * 2026; the CLI is in no registry, so this adapter is tested against what the documentation shows).
 */
import { isObject } from "../../task/check.ts";
import { type Clock, systemClock } from "../../task/clock.ts";
import type { Permissions } from "../../task/spec.ts";
import { hasFlag, modelWords, rewritten, shellInvocation, unlessGiven } from "../command-line.ts";
import type { AgentEvent, Backend, OutputParser, StartInput } from "../contract.ts";
import { errorEvents, plainLine, tellingErrorsOnce, unknownEvent } from "../failure.ts";
import { type Json, listAt, objectAt, parseObject, stringAt, sumOf } from "../json.ts";
import { activityText, eventText, isSessionId, sessionEvents } from "../text.ts";

const FREEDOM_FLAGS = { flags: ["--force", "-f", "--yolo"], withValue: ["--sandbox"] };

export const cursor: Backend = {
	type: "cursor",
	permit,
	// That it reads its stdin is not documented.
	promptBy: "file",
	addEnv: {},
	start: (input) => ({ argv: argvOf(input, []), sessionId: null }),
	resume(input) {
		if (hasFlag(input.command, "--resume", "--continue") || !isSessionId(input.sessionId)) return null;
		return { argv: argvOf(input, [`--resume=${input.sessionId}`]), sessionId: input.sessionId };
	},
	parser: cursorParser,
};

/** Its read-only modes would keep it from its own plan, and allow lists are no flags but files. */
function permit(command: string, permissions: Permissions): string | null {
	if (permissions === "full") return rewritten(command, FREEDOM_FLAGS, ["--force"]);
	if (permissions === "edit") return rewritten(command, FREEDOM_FLAGS, ["--force", "--sandbox", "enabled"]);
	return null;
}

function argvOf(input: StartInput, session: string[]): string[] {
	const words = [
		...unlessGiven(input.command, "--output-format", "stream-json"),
		...unlessGiven(input.command, "--trust"),
		...modelWords(input, "--model", "-m"),
		...session,
		...(input.promptFile ? [] : [promptWord(input.prompt)]),
	];
	return shellInvocation(input.command, words, input.promptFile);
}

/** Whether it knows `--` is not documented; no option begins with a newline. */
function promptWord(prompt: string): string {
	return prompt.startsWith("-") ? `\n${prompt}` : prompt;
}

function cursorParser(clock: Clock = systemClock): OutputParser {
	return tellingErrorsOnce({
		line(text) {
			const json = parseObject(text);
			if (json === null) return plainLine(text, clock);
			switch (stringAt(json, "type")) {
				case "system":
					return json.subtype === "init" ? sessionEvents(stringAt(json, "session_id")) : [];
				case "assistant":
					return messageEvents(objectAt(json, "message"));
				case "tool_call":
					return json.subtype === "started" ? toolEvents(objectAt(json, "tool_call")) : [];
				case "result":
					return resultEvents(json, clock);
				case "user":
				case "thinking":
					return [];
				default:
					return unknownEvent(json, text);
			}
		},
	});
}

function messageEvents(message: Json): AgentEvent[] {
	const text = listAt(message, "content")
		.map((block) => stringAt(block, "text") ?? "")
		.join("");
	return text === "" ? [] : [{ kind: "message", text: eventText(text) }];
}

/** One key names the tool: `{"shellToolCall": {"args": {"command": "npm test"}}}`; others come as `function`. */
function toolEvents(call: Json): AgentEvent[] {
	const [key, value] = Object.entries(call).find(([, candidate]) => isObject(candidate)) ?? [];
	if (key === undefined || !isObject(value)) return [];
	const args = objectAt(value, "args");
	const detail = Object.values(args).find((arg) => typeof arg === "string") ?? value.arguments;
	const name = key === "function" ? (stringAt(value, "name") ?? "tool") : toolName(key);
	return [{ kind: "activity", text: activityText(name, typeof detail === "string" ? detail : null) }];
}

/** shellToolCall → Shell */
function toolName(key: string): string {
	const name = key.replace(/ToolCall$/, "");
	return name.charAt(0).toUpperCase() + name.slice(1);
}

function resultEvents(json: Json, clock: Clock): AgentEvent[] {
	const ok = json.is_error !== true && json.subtype === "success";
	const message = stringAt(json, "result");
	const usage = isObject(json.usage) ? [usageEvent(json.usage)] : [];
	const result: AgentEvent = { kind: "result", ok, message: message === null ? null : eventText(message) };
	return [...usage, ...(ok ? [] : errorEvents({ message: message ?? "the run failed" }, clock)), result];
}

function usageEvent(usage: Json): AgentEvent {
	const inputTokens = sumOf(usage, ["inputTokens", "cacheReadTokens", "cacheWriteTokens"]);
	const outputTokens = sumOf(usage, ["outputTokens"]);
	return {
		kind: "usage",
		scope: "run",
		usage: { inputTokens, outputTokens, costUsd: null, estimated: false },
	};
}
