/** How long a shell waits at Tab for ids of a state, among many tasks. */
import { STATES } from "../../src/task/states.ts";
import { type Figure, latencyFigure } from "./figures.ts";
import { BenchStage, PROGRAM, timed } from "./stage.ts";

const TASKS = 5_000;
const RUNS = 15;
/** The code cache sees each form of a command twice. */
const WARM_RUNS = 3;
const AIM_MS = 150;
const COMMANDS = ["answer", "cancel", "retry"];

export async function tab(): Promise<Figure[]> {
	const stage = new BenchStage();
	try {
		stage.run("enqueue", "--id", "warm", "--delay", "1h", "x");
		const store = await stage.store();
		const pipeline = store.client.pipeline();
		for (let n = 0; n < TASKS; n++) {
			pipeline.zadd(store.keys.tasks, n, `task-${n}`);
			pipeline.hset(store.keys.task(`task-${n}`), "state", STATES[n % STATES.length] ?? "");
		}
		await pipeline.exec();
		await store.close();
		return COMMANDS.map((command) => {
			const words = [PROGRAM, "complete", "--", command, ""];
			const times = Array.from({ length: WARM_RUNS + RUNS }, () => timed(stage, words));
			const aim = { p50: AIM_MS, p99: 2 * AIM_MS };
			return latencyFigure(`Tab behind \`${command}\`, ${TASKS} tasks`, times.slice(WARM_RUNS), aim);
		});
	} finally {
		stage.remove();
	}
}
