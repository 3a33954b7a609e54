/** The limits are an agent's: what comes after its end (its check, the commit of its work) takes the time that it takes. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { agentStatus } from "../../src/process/agent.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { monitorStage } from "./stage.ts";

const stage = monitorStage();
const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 20 });
const DONE = "printf '# T\\n\\n- [x] Do it\\n' >plan.md";
const CHECK = "until test -e over; do sleep 0.05; done";
const HOUR_MS = 3_600_000;

test.each([{ inactivityMs: 60_000 }, { inactivityMs: 10 * HOUR_MS, deadlineMs: 60_000 }])(
	"an agent that has ended is neither silent nor late while its check runs: %o",
	async (limits) => {
		const { store, project } = stage();
		const { run } = await stage().agent("t", DONE, { verify: CHECK, ...limits });
		await until(() => expect(agentStatus(run).kind).toBe("exited"));
		const monitor = stage().reconciler();
		for (let looks = 0; looks < 3; looks++) {
			await monitor.reconcile("t");
			expect(await store.need("t")).toMatchObject({ state: "running", outcome: null });
			stage().now += HOUR_MS;
		}
		await monitor.stop();
		// So does the next worker, to which the time of the record tells of hours.
		await store.client.hset(store.keys.task("t"), "workingSince", (await store.now()) - 5 * HOUR_MS);
		const next = stage().reconciler();
		await next.reconcile("t");
		expect(await store.need("t")).toMatchObject({ state: "running", outcome: null });
		writeFileSync(join(project, "over"), "");
		await until(async () => {
			await next.reconcile("t");
			expect(await store.need("t")).toMatchObject({ state: "completed" });
		});
		await next.stop();
	},
);
