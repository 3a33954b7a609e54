/** What claude prints (`--output-format stream-json --verbose --include-partial-messages`), as events. */
import { type Clock, systemClock } from "../../task/clock.ts";
import { type FailureClass, lastingHold } from "../../task/outcome/failure.ts";
import { LONGEST_LIMIT_MS, limitEnd } from "../../task/reset-time/read.ts";
import { Bounded, isName } from "../bounded.ts";
import type { AgentEvent, OutputParser } from "../contract.ts";
import {
	errorEvents,
	failureClass,
	plainLine,
	type Said,
	tellingErrorsOnce,
	unknownEvent,
} from "../failure.ts";
import { type Json, listAt, numberAt, objectAt, parseObject, stringAt } from "../json.ts";
import { activityText, eventText, sessionEvents } from "../text.ts";
import { classOfStatus, limitedModel } from "../wordings.ts";
import { MessageUsage, sessionUsage } from "./usage.ts";

/** Tell nothing that the agent's files and its next steps would not tell. */
const SILENT: readonly string[] = [
	"user",
	"attachment",
	"auth_status",
	"prompt_suggestion",
	"tool_use_summary",
	"streamlined_text",
	"control_request",
	"control_response",
	"control_cancel_request",
];

export function claudeParser(clock: Clock = systemClock): OutputParser {
	return tellingErrorsOnce(new ClaudeOutput(clock));
}

class ClaudeOutput implements OutputParser {
	readonly #clock: Clock;
	readonly #usage = new MessageUsage();
	/** The end of a limit comes in an event of its own, before the error that it explains. */
	#limit: { until: number | null; model: string | null } = { until: null, model: null };
	/** it has had an answer of its service */
	#worked = false;
	readonly #refused = new Bounded<true>(REFUSALS_KEPT);
	/** what the last tools were asked to do, by the call's id: a refusal names only that */
	readonly #asked = new Bounded<string>(CALLS_REMEMBERED);

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	line(text: string): AgentEvent[] {
		const json = parseObject(text);
		if (json === null) return plainLine(text, this.#clock);
		const type = stringAt(json, "type");
		if (type !== null && SILENT.includes(type)) return [];
		switch (type) {
			case "system":
				return this.#system(json);
			case "assistant":
				return this.#assistant(json);
			case "stream_event":
				return this.#usage.streamed(json);
			case "rate_limit_event":
				return this.#rateLimit(objectAt(json, "rate_limit_info"));
			case "tool_progress":
			case "keep_alive":
				return [{ kind: "heartbeat" }];
			case "command_lifecycle":
				// A wake-up that was scheduled has come.
				return json.state === "started" && json.wakeup_source !== undefined
					? [NOT_WAITING]
					: [{ kind: "heartbeat" }];
			case "result":
				return this.#result(json);
			default:
				return unknownEvent(json, text);
		}
	}

	#system(json: Json): AgentEvent[] {
		switch (stringAt(json, "subtype")) {
			case "init":
				return sessionEvents(stringAt(json, "session_id"));
			case "api_retry":
				return [retryEvent(json, this.#clock.now())];
			case "background_tasks_changed":
				return [backgroundEvent(listAt(json, "tasks"))];
			case "permission_denied":
				return this.#denied(json);
			default:
				return [];
		}
	}

	#assistant(json: Json): AgentEvent[] {
		const refusal = apiErrorOf(json);
		if (refusal !== null) return this.#failure(refusal);
		this.#worked = true;
		const blocks = listAt(objectAt(json, "message"), "content");
		return [...this.#usage.assistant(json), ...blocks.flatMap((block) => this.#block(block))];
	}

	#block(block: Json): AgentEvent[] {
		const text = stringAt(block, "text");
		if (block.type === "text" && text) return [{ kind: "message", text: eventText(text) }];
		if (block.type !== "tool_use") return [];
		const input = objectAt(block, "input");
		const name = stringAt(block, "name") ?? "tool";
		const detail = detailOf(input);
		const activity: AgentEvent = { kind: "activity", text: activityText(name, detail) };
		this.#remember(stringAt(block, "id"), detail);
		const delayS = name === "ScheduleWakeup" ? numberAt(input, "delaySeconds") : null;
		if (delayS === null) return [activity];
		const until = this.#clock.now() + Math.min(Math.max(0, delayS), LONGEST_SLEEP_S) * 1_000;
		const waitsFor = activityText("its own wake-up", stringAt(input, "reason"));
		return [activity, { kind: "background", waitsFor, until }];
	}

	/** Of a rejection the error that follows makes an end; without one the run goes on (extra usage). */
	#rateLimit(info: Json): AgentEvent[] {
		const seconds = numberAt(info, "resetsAt");
		const kind = stringAt(info, "rateLimitType") ?? "";
		const until = seconds === null ? null : limitEnd(seconds * 1_000, this.#clock.now(), kind);
		this.#limit = { until, model: limitedModel(kind) };
		const status = stringAt(info, "status");
		if (status !== "rejected" && status !== "allowed_warning") return [];
		return [{ kind: "rate_limit", fatal: false, ...this.#limit, failure: "rate_limited" }];
	}

	#failure(said: Omit<Said, "beforeWork">): AgentEvent[] {
		const events = errorEvents({ ...said, beforeWork: !this.#worked }, this.#clock);
		return events.map((event) =>
			event.kind === "rate_limit" && event.failure === "rate_limited"
				? { ...event, until: event.until ?? this.#limit.until, model: event.model ?? this.#limit.model }
				: event,
		);
	}

	#result(json: Json): AgentEvent[] {
		const ok = json.is_error !== true && json.subtype === "success";
		const errors = Array.isArray(json.errors) ? json.errors.filter((error) => typeof error === "string") : [];
		const message = stringAt(json, "result") ?? (errors.join("\n") || stringAt(json, "subtype"));
		const said = { message: message ?? "the run failed", status: numberAt(json, "api_error_status") };
		const refusals = listAt(json, "permission_denials").flatMap((denial) => this.#denied(denial));
		return [
			...sessionUsage(json),
			...refusals,
			...(stringAt(json, "subtype") === "error_max_budget_usd"
				? [OVER_BUDGET]
				: ok
					? []
					: this.#failure(said)),
			{ kind: "result", ok, message: message === null ? null : eventText(message) },
		];
	}

	#remember(id: string | null, detail: string | null): void {
		if (id !== null && isName(id) && detail !== null) this.#asked.set(id, activityText(detail, null));
	}

	/** A tool that it was not allowed to use; told by an event, by the result, or by both. */
	#denied(json: Json): AgentEvent[] {
		const id = stringAt(json, "tool_use_id") ?? "";
		if (this.#refused.has(id)) return [];
		if (isName(id)) this.#refused.set(id, true);
		const name = stringAt(json, "tool_name") ?? "a tool";
		const detail = detailOf(objectAt(json, "tool_input")) ?? this.#asked.get(id) ?? stringAt(json, "message");
		return [{ kind: "text", text: activityText(`not permitted, so not run: ${name}`, detail) }];
	}
}

const OVER_BUDGET: AgentEvent = { kind: "error", message: "the budget is spent", failure: "budget" };
const NOT_WAITING: AgentEvent = { kind: "background", waitsFor: null, until: null };
/** Refusals follow their call at once; several tools may be asked for in one message. */
const CALLS_REMEMBERED = 64;
const LONGEST_SLEEP_S = 86_400;
const REFUSALS_KEPT = 1_000;

/** Tasks that only watch do not keep it alive. */
function backgroundEvent(tasks: readonly Json[]): AgentEvent {
	const [first, ...more] = tasks.filter(({ ambient }) => ambient !== true);
	if (first === undefined) return NOT_WAITING;
	const what = first.task_type === "local_bash" ? "a background command" : "a background task";
	const others = more.length === 0 ? "" : ` and ${more.length} more`;
	const waitsFor = `${activityText(what, stringAt(first, "description"))}${others}`;
	return { kind: "background", waitsFor, until: null };
}

/** Maps: any word may come, `constructor` too. */
const RETRY_CAUSES: ReadonlyMap<string, { text: string; failure: FailureClass }> = new Map([
	["rate_limit", { text: "rate limited", failure: "rate_limited" }],
	["overloaded", { text: "the service is overloaded", failure: "overloaded" }],
	["server_error", { text: "the service fails", failure: "outage" }],
	["authentication_failed", { text: "not authorised", failure: "auth" }],
	["billing_error", { text: "billing", failure: "billing" }],
]);

/** It tries up to 10 times, with delays that double from 1 s on. A login may be refreshed by the second try. */
const LOGIN_RETRIES = 2;
/** A longer wait is cheaper in the queue. */
const PATIENCE_MS = 15_000;

function retryEvent(json: Json, now: number): AgentEvent {
	const error = stringAt(json, "error") ?? "unknown error";
	const { text, failure } = RETRY_CAUSES.get(error) ?? otherCause(error, numberAt(json, "error_status"));
	const attempt = numberAt(json, "attempt") ?? 1;
	const delayMs = Math.max(0, numberAt(json, "retry_delay_ms") ?? 0);
	const givesUp = lastingHold(failure) !== null ? attempt > LOGIN_RETRIES : delayMs > PATIENCE_MS;
	return {
		kind: "retrying",
		cause: activityText(text, null),
		attempt,
		failure,
		until: delayMs <= LONGEST_LIMIT_MS ? now + delayMs : null,
		givesUp,
	};
}

/** No status is no answer: the network, or the service behind it, is away. */
function otherCause(error: string, status: number | null): { text: string; failure: FailureClass } {
	if (status === null)
		return { text: `no answer from the service (${error})`, failure: failureClass(error) ?? "outage" };
	return { text: `${error} (${status})`, failure: failureClass(error, status) ?? "refused" };
}

const ERROR_STATUSES: ReadonlyMap<string, number> = new Map([
	["authentication_failed", 401],
	["billing_error", 402],
	["model_not_found", 404],
	["rate_limit", 429],
	["server_error", 500],
	["overloaded", 529],
]);

/** What the CLI says in the agent's place when the API refuses: "Not logged in · Please run /login". */
function apiErrorOf(json: Json): { message: string; status: number | null } | null {
	if (json.is_api_error_message !== true && json.isApiErrorMessage !== true) return null;
	const texts = listAt(objectAt(json, "message"), "content").map((block) => stringAt(block, "text") ?? "");
	const status =
		numberAt(json, "api_error_status") ?? ERROR_STATUSES.get(stringAt(json, "error") ?? "") ?? null;
	return { message: texts.join("\n"), status: classOfStatus(status ?? 0) === null ? null : status };
}

const TELLING_KEYS = [
	"command",
	"file_path",
	"notebook_path",
	"pattern",
	"query",
	"url",
	"skill",
	"description",
	"prompt",
];

/** The one field of a tool's input that says most. */
function detailOf(input: Json): string | null {
	const key = TELLING_KEYS.find((candidate) => typeof input[candidate] === "string");
	return key === undefined ? null : stringAt(input, key);
}
