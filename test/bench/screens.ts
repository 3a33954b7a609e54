/** What a person waits for, and what a screen that stays open costs. */
import { execFileSync, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { specOf } from "../queue/records/store-support.ts";
import { type Figure, median, ratioFigure } from "./figures.ts";
import { BenchStage, cpuSeconds, PROGRAM, timed } from "./stage.ts";

const RUNS = 9;
const FEW = 100;
const MANY = 10_000;
const IDLE_S = 20;

/** `ls` must not read what it does not show. */
export async function listing(): Promise<Figure[]> {
	const few = await listTime(FEW);
	const many = await listTime(MANY);
	return [ratioFigure(`dispatch ls with ${MANY} tasks beside ${FEW}`, many, few, 2, "ms")];
}

async function listTime(tasks: number): Promise<number> {
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
		const times = Array.from({ length: RUNS }, () => timed(stage, [PROGRAM, "ls"]));
		return median(times);
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
