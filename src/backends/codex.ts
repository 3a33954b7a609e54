/** OpenAI's Codex CLI: https://developers.openai.com/codex/noninteractive (recorded from 0.169.0). */
import { type Clock, systemClock } from "../task/clock.ts";
import type { Permissions } from "../task/spec.ts";
import { hasFlag, modelWords, rewritten, shellInvocation, unlessGiven } from "./command-line.ts";
import type { AgentEvent, Backend, OutputParser, StartInput } from "./contract.ts";
import { errorEvents, plainLine, tellingErrorsOnce } from "./failure.ts";
import { type Json, listAt, objectAt, parseObject, stringAt, sumOf } from "./json.ts";
import { activityText, eventText, sessionEvents } from "./text.ts";

const FREEDOM_FLAGS = {
	flags: ["--full-auto", "--dangerously-bypass-approvals-and-sandbox", "--yolo"],
	withValue: ["--sandbox", "-s"],
};

export const codex: Backend = {
	type: "codex",
	permit,
	addEnv: {},
	start: (input) => ({
		argv: shellInvocation(input.command, [...options(input), "--", input.prompt]),
		sessionId: null,
	}),
	resume(input) {
		// Options of `exec`, such as the user's `--sandbox`, are not known to `resume`: they stand before it.
		const words = [...options(input), "resume", input.sessionId, "--", input.prompt];
		return { argv: shellInvocation(input.command, words), sessionId: input.sessionId };
	},
	parser: codexParser,
};

/** Profiles: https://developers.openai.com/codex/permissions (read in November 2026, tried with 0.169.0). */
function permit(command: string, permissions: Permissions, taskDir: string): string {
	if (permissions === "full") return rewritten(command, FREEDOM_FLAGS, ["--sandbox", "danger-full-access"]);
	if (permissions === "edit") return rewritten(command, FREEDOM_FLAGS, ["--sandbox", "workspace-write"]);
	// `--sandbox read-only` would keep it from its own plan, too.
	const profile = `{extends=":read-only",filesystem={${JSON.stringify(taskDir)}="write"}}`;
	const settings = [`permissions.dispatch=${profile}`, 'default_permissions="dispatch"'];
	return rewritten(
		command,
		FREEDOM_FLAGS,
		settings.flatMap((setting) => ["-c", setting]),
	);
}

function options(input: StartInput): string[] {
	// A model may also be set by `-c model=…`; giving both would override the user's.
	const configured = /(?:-c|--config)[\s=]+['"]?model\s*=/.test(input.command);
	return [
		...unlessGiven(input.command, "--json"),
		...unlessGiven(input.command, "--skip-git-repo-check"),
		...(configured || hasFlag(input.command, "--model") ? [] : modelWords(input, "-m")),
	];
}

/** The result carries no text of its own: the parser remembers the last message. */
function codexParser(clock: Clock = systemClock): OutputParser {
	let lastMessage: string | null = null;
	return tellingErrorsOnce({
		line(text) {
			const json = parseObject(text);
			if (json === null) return plainLine(text, clock);
			switch (stringAt(json, "type")) {
				case "thread.started":
					return sessionEvents(stringAt(json, "thread_id"));
				case "item.started":
					return activityEvents(objectAt(json, "item"));
				case "item.completed": {
					const item = objectAt(json, "item");
					if (item.type === "agent_message") lastMessage = eventText(stringAt(item, "text") ?? "");
					return completedEvents(item);
				}
				case "error": {
					const message = stringAt(json, "message") ?? text;
					if (/^reconnecting/i.test(message)) return [retryEvent(message)];
					return errorEvents(message, clock);
				}
				case "turn.completed":
					return [usageEvent(objectAt(json, "usage")), { kind: "result", ok: true, message: lastMessage }];
				case "turn.failed": {
					const message = stringAt(objectAt(json, "error"), "message") ?? "the turn failed";
					return [...errorEvents(message, clock), { kind: "result", ok: false, message: eventText(message) }];
				}
				case "turn.started":
				case "item.updated":
					return [];
				default:
					return [{ kind: "text", text: eventText(text) }];
			}
		},
	});
}

/** "Reconnecting... 2/5 (unexpected status 401 Unauthorized: …)" */
function retryEvent(message: string): AgentEvent {
	const [, attempt, cause] = /(\d+)\/\d+(?: \((.*)\)$)?/s.exec(message) ?? [];
	return { kind: "activity", text: activityText(`retrying (attempt ${attempt ?? "?"})`, cause ?? null) };
}

function activityEvents(item: Json): AgentEvent[] {
	const text = activityOf(item);
	return text === null ? [] : [{ kind: "activity", text }];
}

function activityOf(item: Json): string | null {
	switch (stringAt(item, "type")) {
		case "command_execution":
			return activityText("Shell", withoutShell(stringAt(item, "command") ?? ""));
		case "file_change":
			return activityText(
				"Edit",
				listAt(item, "changes")
					.map((change) => stringAt(change, "path") ?? "")
					.join(", "),
			);
		case "mcp_tool_call":
			return activityText(`${stringAt(item, "server") ?? "mcp"}.${stringAt(item, "tool") ?? "tool"}`, null);
		case "web_search":
			return activityText("WebSearch", stringAt(item, "query"));
		default:
			return null;
	}
}

/** codex shows a command as `/bin/bash -lc 'npm test'`. */
function withoutShell(command: string): string {
	const [, quote, inner] = /^(?:\/\S*\/)?(?:ba|z|da)?sh -l?c (['"])(.*)\1$/s.exec(command) ?? [];
	if (inner === undefined) return command.replace(/^(?:\/\S*\/)?(?:ba|z|da)?sh -l?c /, "");
	return quote === '"' ? inner.replace(/\\(["\\$`])/g, "$1") : inner;
}

function completedEvents(item: Json): AgentEvent[] {
	switch (stringAt(item, "type")) {
		case "agent_message":
			return [{ kind: "message", text: eventText(stringAt(item, "text") ?? "") }];
		// An item of this type is a warning ("Model metadata … not found"): the turn goes on.
		case "error":
			return [{ kind: "text", text: eventText(stringAt(item, "message") ?? "") }];
		// Edits and searches may come without `item.started`.
		case "file_change":
		case "web_search":
			return activityEvents(item);
		default:
			return [];
	}
}

/** Totals of the thread, resumed runs included; codex reports no cost. Cached tokens are part of the input. */
function usageEvent(usage: Json): AgentEvent {
	const inputTokens = sumOf(usage, ["input_tokens"]);
	const outputTokens = sumOf(usage, ["output_tokens"]);
	return {
		kind: "usage",
		scope: "session",
		usage: { inputTokens, outputTokens, costUsd: null, estimated: false },
	};
}
