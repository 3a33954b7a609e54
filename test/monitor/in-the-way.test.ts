/** A full disk, or something else in the place of a task's keys: told once, and the task comes to its end. */
import { readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { agentStatus } from "../../src/process/agent.ts";
import { eventsAfter } from "../../src/queue/records/events.ts";
import { lastLines } from "../../src/queue/records/log.ts";
import { canMount, fill, mount, unmount } from "../full-disk.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { monitorStage } from "./stage.ts";

const stage = monitorStage();
const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 20 });
const WAITS = "exec sleep 1000";

test.runIf(canMount())(
	"an answer that cannot be written is told once, and is no sign of the agent's life",
	async () => {
		const { store, project } = stage();
		expect(mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", project)).toBe(true);
		try {
			const { taskDir } = await stage().agent("t", WAITS, { inactivityMs: 600_000 });
			const monitor = stage().reconciler();
			writeFileSync(join(taskDir, "ipc/001.question"), "Which port?\n");
			await monitor.reconcile("t");
			const filler = fill(project);
			await store.answer("t", { text: "80", by: "ann@here", token: "k" });
			const look = async () => {
				stage().now += 30_000;
				await monitor.reconcile("t");
				return monitor.live.get("t")?.ending;
			};
			for (let n = 0; n < 10; n++) expect(await look()).toBeNull();
			const told = (await eventsAfter(store, "0")).filter(({ kind }) => kind === "fault");
			expect(told).toMatchObject([{ text: "answers", why: expect.stringContaining("ENOSPC") }]);
			expect(stage().faults).toEqual([]);
			// What the agent does is one, what we try is none.
			utimesSync(join(taskDir, "plan.md"), 1, 1);
			for (let n = 0; n < 19; n++) expect(await look()).toBeNull();
			rmSync(filler);
			await monitor.reconcile("t");
			expect(readFileSync(join(taskDir, "ipc/001.answer"), "utf8")).toBe("80");
			for (let n = 0; n < 3; n++) await look();
			await until(async () => expect(await store.need("t")).toMatchObject({ reason: "stuck" }));
			monitor.stop();
		} finally {
			await stage().endAgents();
			unmount(project);
		}
	},
);

test.each(["cost", "log"] as const)(
	"something else in the place of its %s keeps a task neither running nor from its end, and is put aside",
	async (name) => {
		const { store } = stage();
		const { run } = await stage().agent(
			"t",
			`echo last words; printf -- '- [x] All\\n' >plan.md; : >ipc/.done`,
		);
		await until(() => expect(agentStatus(run).kind).toBe("exited"));
		await store.client.set(store.keys[name]("t"), "somebody's");
		const monitor = stage().reconciler();
		await until(async () => {
			await monitor.reconcile("t");
			expect(await store.stateOf("t")).toBe("completed");
		});
		monitor.stop();
		const said = (await eventsAfter(store, "0")).filter(({ kind }) => kind === "repaired");
		expect(said).toMatchObject([{ text: `${name}:t`, why: expect.stringContaining("put aside") }]);
		expect(await store.client.get(`${store.keys.prefix}:aside:${name}:t`)).toBe("somebody's");
		expect((await lastLines(store, "t", 5)).map(({ text }) => text)).toEqual(["last words"]);
	},
);
