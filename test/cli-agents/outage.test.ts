/** The service of a CLI is gone in the middle of its work: nobody answers at its address, then somebody does again. */
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Script } from "../fixtures/model-server/conversation.ts";
import { protocolScript } from "../fixtures/model-server/scripts.ts";
import { startModelServer } from "../fixtures/model-server/server.ts";
import { prepare } from "./prepare.ts";
import { INSTALL_LIMIT_MS, installCliAgents } from "./support.ts";

/** The subject itself. By hand the ten minutes that are promised: OUTAGE_S=600. */
const OUTAGE_MS = Number(process.env.OUTAGE_S ?? 25) * 1_000;
const LIMIT_MS = OUTAGE_MS + 400_000;
const LOOK_MS = 1_000;

beforeAll(installCliAgents, INSTALL_LIMIT_MS);

const WORK = protocolScript({ items: ["Do it"], question: null, report: "Done." });

describe("an outage", () => {
	test.each(["claude", "codex"] as const)(
		"%s waits for it, completes, and no attempt is charged",
		async (kind) => {
			let isUnderWay = () => {};
			const underWay = new Promise<void>((resolve) => {
				isUnderWay = resolve;
			});
			const script: Script = (conversation) => {
				if (conversation.toolCalls.length === 0) return { bash: "true" };
				isUnderWay();
				return WORK(conversation);
			};
			// As dispatch waits by itself, up to five minutes; a short outage with shorter waits.
			const env = { DISPATCH_MAX_BACKOFF_MS: String(Math.max(2_000, OUTAGE_MS / 4)) };
			const { user, server } = await prepare(kind, { script, env });
			await user.ok(["enqueue", "--id", "job", "--attempts", "1", "Do it"]);
			await underWay;
			await server.stop();
			for (const until = performance.now() + OUTAGE_MS; performance.now() < until; ) await sleep(LOOK_MS);
			const during = await user.json(["status", "job"]);
			expect(["running", "queued"]).toContain(during.state);
			const again = await startModelServer({ script, port: server.port });
			onTestFinished(() => again.stop());
			await user.ok(["wait", "job", "--timeout", `${Math.round((LIMIT_MS - OUTAGE_MS) / 1_000)}s`]);
			expect(await user.taskInState("job", "completed")).toMatchObject({ attempt: 1, reason: null });
		},
		LIMIT_MS + 60_000,
	);
});
