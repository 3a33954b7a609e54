/** Trivial agents worked off by the daemon, beside the same program by a BullMQ worker with execa. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Queue, Worker } from "bullmq";
import { execa } from "execa";
import { isEnded } from "../../src/task/states.ts";
import { type Figure, median, ratioFigure } from "./figures.ts";
import { BenchStage, until } from "./stage.ts";

const TASKS = 500;
const AT_ONCE = 8;
const ROUNDS = 3;
/** Its whole work: a plan of one item, which is done. */
const AGENT = `#!/bin/sh
echo '- [x] All of it' >".dispatch/tasks/$DISPATCH_TASK/plan.md"
`;

/** Both on dispatch's own Redis, in turn, with the daemon there all the time; what counts is the median round. */
export async function workOff(): Promise<Figure[]> {
	const stage = new BenchStage();
	const agent = join(stage.path, "trivial.sh");
	const batch = join(stage.project, "batch.json");
	const ours: number[] = [];
	const theirs: number[] = [];
	try {
		writeFileSync(agent, AGENT, { mode: 0o755 });
		writeFileSync(
			join(stage.home, "config.yaml"),
			`default: trivial\nbackends: { trivial: { type: command, command: "${agent}" } }\nmodels: { trivial: { backend: trivial } }\nworker: { concurrency: ${AT_ONCE} }\n`,
		);
		stage.run("up");
		const store = await stage.store();
		try {
			for (let round = 0; round < ROUNDS; round++) {
				const ids = Array.from({ length: TASKS }, (_, n) => `t${round}-${n}`);
				writeFileSync(batch, JSON.stringify({ tasks: ids.map((id) => ({ id, prompt: "Do it." })) }));
				// All of them wait when the first one starts, as the jobs of the baseline do.
				stage.run("hosts", "drain", stage.host);
				stage.run("batch", batch);
				stage.run("hosts", "resume", stage.host);
				await until(async () => (await store.liveIds(stage.host)).length > 0);
				ours.push(
					await until(async () => (await store.getMany(ids)).every(({ state }) => isEnded(state)), 50),
				);
				const failed = (await store.getMany(ids)).filter(({ state }) => state !== "completed");
				if (failed.length > 0)
					throw new Error(`${failed.length} tasks failed: ${failed[0]?.outcome?.message}`);
				theirs.push(await bare(stage, agent, ids));
			}
		} finally {
			await store.close();
		}
	} finally {
		stage.remove();
	}
	return [
		ratioFigure(
			`${TASKS} trivial agents at concurrency ${AT_ONCE} beside BullMQ + execa`,
			median(ours),
			median(theirs),
			2,
			"ms",
		),
	];
}

/** @returns ms */
async function bare(stage: BenchStage, agent: string, ids: readonly string[]): Promise<number> {
	const cwd = join(stage.path, "bare");
	const connection = { path: join(stage.home, "redis/redis.sock"), maxRetriesPerRequest: null };
	const queue = new Queue("bare", { connection, prefix: "{bare}" });
	for (const id of ids) mkdirSync(join(cwd, ".dispatch/tasks", id), { recursive: true });
	await queue.addBulk(ids.map((id) => ({ name: "task", data: { id }, opts: { jobId: id } })));
	let left = ids.length;
	const begun = performance.now();
	const worker = new Worker<{ id: string }>(
		"bare",
		(job) => execa(agent, { cwd, env: { DISPATCH_TASK: job.data.id } }).then(() => {}),
		{ connection, prefix: "{bare}", concurrency: AT_ONCE },
	);
	await new Promise<void>((resolve) => {
		worker.on("completed", () => void (--left === 0 && resolve()));
	});
	const ms = performance.now() - begun;
	await worker.close();
	await queue.close();
	return ms;
}
