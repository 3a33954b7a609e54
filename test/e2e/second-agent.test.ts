/**
 * An agent takes away what it is known by (its mark, its group, its wrapper, files of its run directory), also
 * while no worker looks. As long as it holds what all of a run inherit, no other one starts beside it.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CONDITION_LIMIT_MS, TEST_LIMIT_MS } from "../patience.ts";
import { killIfThere } from "../processes.ts";
import { User } from "./harness.ts";

const HIDES = [
	"garbled-run",
	"no-json",
	"deleted-fifo",
	"replaced-fifo",
	"deleted-run",
	"forged-exit",
	"forged-end",
	"never-spawned",
	"in-group",
];
const LIMIT = { timeout: 3 * CONDITION_LIMIT_MS, interval: 200 };

let user: User;
beforeAll(() => {
	user = new User({ agent: "hides.sh", config: "worker: { concurrency: 20, max_agents: 40 }" });
});
afterAll(() => user?.cleanup());

/** Who was met by a later start of its task. */
const second = () => join(user.project, "second");

const pidsOf = (task: string) => {
	const path = join(user.project, `pids-${task}`);
	return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
};

test(
	"whatever an agent hides, none starts beside it, over a restart of the worker",
	async () => {
		await user.ok(["up"]);
		// They hide before anybody looks: the worker dies at once.
		for (const id of HIDES) await user.ok(["enqueue", "--id", id, "--attempts", "2", "Hide"]);
		await expect.poll(() => HIDES.filter((id) => pidsOf(id).length === 0), LIMIT).toEqual([]);
		killIfThere(user.daemonPid() ?? 0);
		await user.ok(["up"]);
		const goesOn = async () => {
			const tasks = await user.json<{ id: string; state: string }[]>(["ls", "--all"]);
			// One that looks as if it had never begun is begun several times more.
			return tasks.filter(({ id, state }) => state !== "failed" && pidsOf(id).length < 3).map(({ id }) => id);
		};
		// Of these the record itself says what was started: they are followed as if nothing had happened.
		const followed = ["garbled-run", "no-json"];
		await expect.poll(async () => (await goesOn()).sort(), LIMIT).toEqual(followed);
		expect(existsSync(second()) ? readFileSync(second(), "utf8") : "").toBe("");
		await user.ok(["cancel", ...followed]);
		for (const id of followed) await user.waitForState(id, "cancelled");
	},
	2 * TEST_LIMIT_MS,
);
