/** The real CLIs while their service refuses: what dispatch makes of it. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Script, Turn } from "../fixtures/model-server/conversation.ts";
import { protocolScript } from "../fixtures/model-server/scripts.ts";
import { prepare } from "./prepare.ts";
import { INSTALL_LIMIT_MS, installCliAgents } from "./support.ts";

beforeAll(installCliAgents, INSTALL_LIMIT_MS);

const WORK = protocolScript({ items: ["Do it"], question: null, report: "Done." });
/** So that the CLIs do not try again by themselves: each start meets the refusal once. */
const ONCE = { "x-should-retry": "false" };
const withoutRetries = (line: string) =>
	line.replace('wire_api="responses"', 'wire_api="responses",request_max_retries=0,stream_max_retries=0');

/** Waits between two starts, cut to this, stand for an outage of minutes. */
const QUICK = { DISPATCH_MAX_BACKOFF_MS: "1000" };

describe.each(["claude", "codex"] as const)("%s", (kind) => {
	const away: Turn[] = [503, 500].map((status) => ({
		status,
		message: "Service Unavailable",
		headers: ONCE,
	}));
	const unknown: Turn = { status: 400, message: "The frobnicator says no", headers: ONCE };
	test.each([
		["its service is away", away],
		["its service refuses in words that nobody has seen", [unknown, unknown]],
	])("%s: it waits, completes, and no attempt is charged", async (_what, refusals) => {
		// claude sends a request that was refused with 400 a few times more, changed.
		const turns = Array.from({ length: kind === "claude" ? 6 : 2 }, () => refusals).flat();
		const script: Script = (conversation) => turns.shift() ?? WORK(conversation);
		const { user } = await prepare(kind, { script, env: QUICK, command: withoutRetries });
		await user.ok(["enqueue", "--id", "job", "--attempts", "1", "Do it"]);
		await user.ok(["wait", "job", "--timeout", "200s"]);
		const done = await user.taskInState("job", "completed");
		expect(done.attempt).toBe(1);
		expect(done.epoch).toBeGreaterThan(1);
	});

	test("a session that is full becomes a new one, as the next attempt", async () => {
		const full: Turn =
			kind === "claude"
				? { status: 400, message: "prompt is too long: 210000 tokens > 200000 maximum", headers: ONCE }
				: { status: 400, message: "Too long", details: { code: "context_length_exceeded" } };
		// Every request of the first session meets it, a resumed one as well.
		let first: string | undefined;
		const script: Script = (conversation) => {
			first ??= conversation.userTexts.at(-1);
			return conversation.userTexts.includes(first ?? "") ? full : WORK(conversation);
		};
		const { user } = await prepare(kind, { script, env: QUICK, command: withoutRetries });
		await user.ok(["enqueue", "--id", "job", "Do it"]);
		await user.ok(["wait", "job", "--timeout", "200s"]);
		expect(await user.taskInState("job", "completed")).toMatchObject({ attempt: 2, epoch: 2 });
	});
});
