/** One delivery to one target. */
import { createHmac } from "node:crypto";
import type { NotificationPayload, NotificationTarget, Secret } from "../task/notification.ts";
import { retryAfterMs } from "../task/reset-time/read.ts";
import { timeLimit } from "../task/time-limit.ts";
import { slackText, textOf, titleOf } from "./text.ts";

const REQUEST_LIMIT_MS = 10_000;
const COMMAND_LIMIT_MS = 30_000;
const TIMEOUTS = new Set([408, 425, 429]);

/** Not delivered. `final`: another try would not help. */
export class DeliveryError extends Error {
	readonly final: boolean;
	/** the receiver's own wish, ms from now */
	readonly retryAfterMs: number | null;

	constructor(message: string, options: { final?: boolean; retryAfterMs?: number | null } = {}) {
		super(message);
		this.final = options.final ?? false;
		this.retryAfterMs = options.retryAfterMs ?? null;
	}
}

/** Runs a shell line with its stdin; @returns its exit code, null when it was ended */
export type RunCommand = (run: {
	command: string;
	env: Record<string, string>;
	input: string;
	limitMs: number;
}) => Promise<number | null>;

export interface SendDeps {
	env: Readonly<Record<string, string | undefined>>;
	run: RunCommand;
	/** ms since the Unix epoch */
	now: () => number;
}

/** @throws DeliveryError */
export async function deliver(
	target: NotificationTarget,
	payload: NotificationPayload,
	deps: SendDeps,
): Promise<void> {
	switch (target.type) {
		case "webhook":
			return sendWebhook(target, payload, deps);
		case "slack": {
			const body = JSON.stringify({ text: slackText(payload) });
			return post(secretOf(target.url, "url", deps), body, { "content-type": "application/json" });
		}
		case "command":
			return runCommand(target.command, payload, deps);
		case "bell":
			return;
	}
}

/** `sha256=` and the HMAC of `<timestamp>.<body>`. */
export function signatureOf(secret: string, timestamp: string, body: string): string {
	return `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
}

async function sendWebhook(
	target: NotificationTarget & { type: "webhook" },
	payload: NotificationPayload,
	deps: SendDeps,
): Promise<void> {
	const body = JSON.stringify(payload);
	const timestamp = String(Math.floor(deps.now() / 1_000));
	const isSigned = target.secret.value !== null || target.secret.env !== null;
	await post(secretOf(target.url, "url", deps), body, {
		"content-type": "application/json",
		"user-agent": "dispatch",
		"x-dispatch-event": payload.event,
		"x-dispatch-delivery": payload.id,
		"x-dispatch-timestamp": timestamp,
		...(isSigned
			? { "x-dispatch-signature": signatureOf(secretOf(target.secret, "secret", deps), timestamp, body) }
			: {}),
	});
}

async function post(url: string, body: string, headers: Record<string, string>): Promise<void> {
	let response: Response;
	const limit = timeLimit(REQUEST_LIMIT_MS);
	try {
		const { signal } = limit;
		// A redirect would hand the text on to somebody whom the config does not name.
		response = await fetch(url, { method: "POST", body, headers, redirect: "manual", signal });
	} catch (error) {
		const { message, cause } = error as Error & { cause?: { code?: string } };
		const why = limit.signal.aborted ? `none within ${REQUEST_LIMIT_MS / 1_000} s` : (cause?.code ?? message);
		throw new DeliveryError(`no answer: ${why}`);
	} finally {
		limit.release();
	}
	void response.body?.cancel().catch(() => {});
	if (response.ok) return;
	const { status } = response;
	const retryAfter = retryAfterMs(response.headers.get("retry-after"), Date.now());
	throw new DeliveryError(`HTTP ${status}`, {
		final: status < 500 && !TIMEOUTS.has(status),
		retryAfterMs: retryAfter,
	});
}

async function runCommand(command: string, payload: NotificationPayload, { run }: SendDeps): Promise<void> {
	const env = {
		DISPATCH_EVENT: payload.event,
		DISPATCH_TASK_ID: payload.task.id,
		DISPATCH_TITLE: withoutNul(titleOf(payload)),
		DISPATCH_TEXT: withoutNul(textOf(payload)),
	};
	const code = await run({ command, env, input: `${JSON.stringify(payload)}\n`, limitMs: COMMAND_LIMIT_MS });
	if (code !== 0) throw new DeliveryError(code === null ? "the command took too long" : `exit code ${code}`);
}

/** The environment cannot hold one. */
function withoutNul(text: string): string {
	return text.replaceAll("\0", "\uFFFD");
}

function secretOf({ value, env }: Secret, what: string, deps: SendDeps): string {
	const found = value ?? (env === null ? undefined : deps.env[env]);
	if (found) return found;
	throw new DeliveryError(`${what}: the variable ${env} is not set for the worker`);
}
