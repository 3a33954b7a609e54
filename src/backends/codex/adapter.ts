/** OpenAI's Codex CLI: https://developers.openai.com/codex/noninteractive (recorded from 0.169.0). */
import { type Clock, systemClock } from "../../task/clock.ts";
import type { Permissions } from "../../task/spec.ts";
import { hasFlag, modelWords, rewritten, shellInvocation, unlessGiven } from "../command-line.ts";
import type { AgentEvent, Backend, OutputParser, StartInput } from "../contract.ts";
import { errorEvents, failureClass, plainLine, tellingErrorsOnce, unknownEvent } from "../failure.ts";
import { type Json, listAt, objectAt, parseObject, stringAt, sumOf } from "../json.ts";
import { activityText, eventText, isSessionId, sessionEvents } from "../text.ts";

const FREEDOM_FLAGS = {
	flags: ["--full-auto", "--dangerously-bypass-approvals-and-sandbox", "--yolo"],
	withValue: ["--sandbox", "-s"],
};

export const codex: Backend = {
	type: "codex",
	permit,
	promptBy: "stdin",
	addEnv: {},
	start: (input) => ({
		argv: shellInvocation(input.command, [...options(input), ...promptWords(input)], input.promptFile),
		sessionId: null,
	}),
	resume(input) {
		// Options of `exec`, such as the user's `--sandbox`, are not known to `resume`: they stand before it.
		if (!isSessionId(input.sessionId)) return null;
		const words = [...options(input), "resume", input.sessionId, ...promptWords(input)];
		return { argv: shellInvocation(input.command, words, input.promptFile), sessionId: input.sessionId };
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

function promptWords({ prompt, promptFile }: StartInput): string[] {
	return promptFile ? ["-"] : ["--", prompt];
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
	let worked = false;
	const retries = new Retries(clock);
	const failure = (message: string) => errorEvents({ message, beforeWork: !worked }, clock);
	return tellingErrorsOnce({
		line(text) {
			const json = parseObject(text);
			if (json === null) return plainLine(text, clock);
			const type = stringAt(json, "type") ?? "";
			if (type === "error") {
				const message = stringAt(json, "message") ?? text;
				return /^reconnecting/i.test(message) ? [retries.next(message)] : failure(message);
			}
			if (type.startsWith("item.")) {
				const item = objectAt(json, "item");
				// An item of this type is a warning of its own.
				worked ||= item.type !== "error";
				retries.over();
				if (type === "item.started") return activityEvents(item);
				if (type !== "item.completed") return [];
				if (item.type === "agent_message") lastMessage = eventText(stringAt(item, "text") ?? "");
				return completedEvents(item);
			}
			switch (type) {
				case "thread.started":
					return sessionEvents(stringAt(json, "thread_id"));
				case "turn.completed":
					return [usageEvent(objectAt(json, "usage")), { kind: "result", ok: true, message: lastMessage }];
				case "turn.failed": {
					const message = stringAt(objectAt(json, "error"), "message") ?? "the turn failed";
					return [...failure(message), { kind: "result", ok: false, message: eventText(message) }];
				}
				case "turn.started":
					return [];
				default:
					return unknownEvent(json, text);
			}
		},
	});
}

/** So often in a row it may say that it waits for the network (about a minute): it would wait for ever. */
const NETWORK_WAITS = 4;

/** "Reconnecting... 2/5 (unexpected status 503 …)", "Reconnecting... waiting for network (Connection failed: …)" */
class Retries {
	readonly #clock: Clock;
	#count = 0;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	next(message: string): AgentEvent {
		this.#count += 1;
		const [, numbered, why, inside] =
			/^reconnecting[.…\s]*(?:(\d+)\/\d+)?([^(]*)(?:\((.*)\))?$/is.exec(message) ?? [];
		const words = [why, inside].map((each) => each?.trim() ?? "").filter((each) => each !== "");
		const cause = activityText(words.join(": ") || message, null);
		const failure = failureClass(message);
		return {
			kind: "retrying",
			cause,
			attempt: numbered === undefined ? this.#count : Number(numbered),
			failure,
			// It does not say for how long it waits.
			until: this.#clock.now(),
			// The numbered ones end by themselves.
			givesUp: numbered === undefined && this.#count >= NETWORK_WAITS,
		};
	}

	over(): void {
		this.#count = 0;
	}
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
