/** A batch of 10,000 tasks put in, beside BullMQ's `addBulk` of as many jobs with the same payload. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Queue } from "bullmq";
import { loadConfig } from "../../src/config/load.ts";
import { Orders } from "../../src/config/orders.ts";
import { parseBatch } from "../../src/producer/batch.ts";
import { type ResolvedTask, resolveTask } from "../../src/producer/resolve.ts";
import { submitBatch } from "../../src/producer/submit-batch.ts";
import { openStore } from "../../src/queue/records/open.ts";
import { startTestRedis } from "../redis.ts";
import { type Figure, median, ratioFigure } from "./figures.ts";

const TASKS = 10_000;
const ROUNDS = 5;
const HOST = "bench";

/**
 * Both in this process, into one Redis that writes as dispatch's own does, in turn; what counts is the median round.
 * Of dispatch all that follows the reading of the file: ids, keys, signatures, records, and that all are published.
 */
export async function submission(): Promise<Figure[]> {
	const path = mkdtempSync(join(tmpdir(), "bench-"));
	const project = join(path, "p");
	const redis = await startTestRedis();
	const store = await openStore({ target: redis.target, namespace: "bench", role: "service" });
	const queue = new Queue("bench", { connection: { path: redis.socketPath }, prefix: "{bench}" });
	const ours: number[] = [];
	const theirs: number[] = [];
	try {
		mkdirSync(project);
		writeFileSync(
			join(path, "config.yaml"),
			"default: idle\nbackends: { idle: { type: command, command: idle } }\nmodels: { idle: { backend: idle } }\n",
		);
		const config = await loadConfig({ path: join(path, "config.yaml"), env: { PATH: "" } });
		const orders = new Orders(path, "bench");
		const info = {
			name: null,
			key: "k",
			file: join(project, "tasks.json"),
			host: HOST,
			createdBy: "me@bench",
			maxParallel: 0,
			onFailure: "skip_dependents" as const,
			budgetUsd: null,
		};
		await queue.waitUntilReady();
		for (let round = 0; round < ROUNDS; round++) {
			await store.client.flushall();
			const { entries } = await parseBatch(fileOf(), {
				...{ file: info.file, key: info.key, unattended: false, createdBy: info.createdBy },
				readText: () => "",
				fillTemplate: () => {
					throw new Error("the file names no template");
				},
			});
			const tasks: ResolvedTask[] = [];
			for (const { request } of entries) tasks.push(await resolveTask(HOST, config, request));
			ours.push(await timeOf(() => submitBatch({ store, orders, taskEnv: null }, info, tasks)));
			const jobs = tasks.map(({ spec }) => ({ name: "task", data: { spec }, opts: { jobId: spec.id } }));
			theirs.push(await timeOf(() => queue.addBulk(jobs)));
		}
	} finally {
		await queue.close();
		await store.close();
		await redis.stop();
		rmSync(path, { recursive: true, force: true });
	}
	return [
		ratioFigure(
			`batch of ${TASKS} tasks put in beside addBulk of as many jobs`,
			median(ours),
			median(theirs),
			2,
			"ms",
		),
	];
}

function fileOf(): string {
	const tasks = Array.from({ length: TASKS }, (_, n) => ({
		id: `task-${n}`,
		prompt: `Review part ${n} of the code. Change nothing, and write what you found into output.md.`,
	}));
	return JSON.stringify({ tasks });
}

/** ms */
async function timeOf(work: () => Promise<unknown>): Promise<number> {
	const begun = performance.now();
	await work();
	return performance.now() - begun;
}
