/** What a person waits for, and what a screen that stays open costs. */
import { execFileSync, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { specOf } from "../queue/records/store-support.ts";
import { type Figure, median, ratioFigure } from "./figures.ts";
import { BenchStage, cpuSeconds, PROGRAM, timed } from "./stage.ts";

const RUNS = 15;
/** More than a list shows without `--all`. */
const FEW = 100;
const MANY = 10_000;
const IDLE_S = 20;

/** `ls` must not read what it does not show. */
export async function listing(): Promise<Figure[]> {
	const few = await listTime(FEW);
	const many = await listTime(MANY);
	return [
		ratioFigure("dispatch ls with a full screen beside node -e 0", few.list, few.node, 2.5, "ms"),
		ratioFigure(`dispatch ls with ${MANY} tasks beside ${FEW}`, many.list, few.list, 2, "ms"),
	];
}

/** Medians in ms, of both in turns. */
async function listTime(tasks: number): Promise<{ list: number; node: number }> {
	const stage = new BenchStage();
	try {
		stage.run("ls");
		const store = await stage.store();
		for (let n = 0; n < tasks; n += 100)
			await Promise.all(
				Array.from({ length: Math.min(100, tasks - n) }, (_, i) =>
					store.create(specOf(`t${n + i}`, { host: "elsewhere" })),
				),
			);
		await store.close();
		const runs = Array.from({ length: RUNS }, () => ({
			list: timed(stage, [PROGRAM, "ls"]),
			node: timed(stage, ["-e", "0"]),
		}));
		return { list: median(runs.map(({ list }) => list)), node: median(runs.map(({ node }) => node)) };
	} finally {
		stage.remove();
	}
}

/** Beside one core that is busy all the time. */
export async function idle(): Promise<Figure[]> {
	const stage = new BenchStage();
	try {
		stage.run("enqueue", "--id", "t", "Do it");
		const figures: Figure[] = [];
		for (const args of [["watch"], ["logs", "-f", "t"]]) {
			const line = [process.execPath, PROGRAM, ...args].join(" ");
			// On a terminal of its own, as a person has it.
			const terminal = spawn("script", ["-qec", line, "/dev/null"], {
				cwd: stage.project,
				env: { ...stage.env, TERM: "xterm", COLUMNS: "80", LINES: "24" },
				stdio: "ignore",
			});
			await sleep(5_000);
			const pid = Number(execFileSync("pgrep", ["-nf", line], { encoding: "utf8" }));
			const before = cpuSeconds(pid);
			await sleep(IDLE_S * 1_000);
			figures.push(
				ratioFigure(
					`CPU of an idle ${args.slice(0, 2).join(" ")} beside one core`,
					cpuSeconds(pid) - before,
					IDLE_S,
					0.01,
					"s",
				),
			);
			process.kill(pid, "SIGTERM");
			terminal.kill();
		}
		return figures;
	} finally {
		stage.remove();
	}
}
