/** How long a shell waits at Tab for ids of a state, among many tasks. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMPLETION_SCRIPTS } from "../../src/cli/program/completion-scripts.ts";
import { which } from "../../src/process/which.ts";
import { STATES } from "../../src/task/states.ts";
import { type Figure, latencyFigure, median, ratioFigure } from "./figures.ts";
import { BenchStage, PROGRAM, timed, timedProgram } from "./stage.ts";

const TASKS = 5_000;
const RUNS = 15;
/** The code cache sees each form of a command twice. */
const WARM_RUNS = 3;
const AIM_MS = 150;
const AIM = { p50: AIM_MS, p99: 2 * AIM_MS };
const AIM_BESIDE_NODE = 4;
const COMMANDS = ["answer", "cancel", "retry"];
/** What each shell does at Tab behind `dispatch cancel `, its own start included; zsh without its drawing. */
const SHELLS: Readonly<Record<string, { flags: string[]; line: string }>> = {
	bash: {
		flags: ["--norc"],
		line: `source ./completion; COMP_WORDS=(dispatch cancel ""); COMP_CWORD=2; _dispatch`,
	},
	zsh: {
		flags: ["-f"],
		line: `compdef() { : }; _describe() { : }; source ./completion; words=(dispatch cancel ""); CURRENT=3; _dispatch`,
	},
	fish: { flags: ["--no-config"], line: "source ./completion; complete -C 'dispatch cancel '" },
};

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
		const node: number[] = [];
		const own: number[] = [];
		const figures = COMMANDS.map((command) => {
			const words = [PROGRAM, "complete", "--", command, ""];
			const times = Array.from({ length: WARM_RUNS + RUNS }, () => {
				node.push(timed(stage, ["-e", "0"]));
				return timed(stage, words);
			}).slice(WARM_RUNS);
			own.push(...times);
			return latencyFigure(`Tab behind \`${command}\`, ${TASKS} tasks`, times, AIM);
		});
		const beside = `Tab, ${TASKS} tasks, beside node -e 0`;
		return [
			...figures,
			ratioFigure(beside, median(own), median(node), AIM_BESIDE_NODE, "ms"),
			...inShells(stage),
		];
	} finally {
		stage.remove();
	}
}

/** In each shell that is installed. */
function inShells(stage: BenchStage): Figure[] {
	const bin = join(stage.project, "bin");
	mkdirSync(bin);
	symlinkSync(PROGRAM, join(bin, "dispatch"));
	const path = { PATH: `${bin}:${stage.env.PATH ?? ""}` };
	return Object.entries(SHELLS).flatMap(([shell, { flags, line }]) => {
		const file = which(shell, process.env.PATH);
		if (file === null) return [];
		writeFileSync(join(stage.project, "completion"), COMPLETION_SCRIPTS[shell] ?? "");
		const run = () => timedProgram(stage, file, [...flags, "-c", line], path);
		const times = Array.from({ length: WARM_RUNS + RUNS }, run).slice(WARM_RUNS);
		return [latencyFigure(`Tab in ${shell}, ${TASKS} tasks`, times, AIM)];
	});
}
