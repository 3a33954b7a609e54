/** How long the commands take that people and agents call all day, beside a Node program that does nothing. */
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { type Figure, median, ratioFigure } from "./figures.ts";
import { BenchStage, PROGRAM, timed, until } from "./stage.ts";

const RUNS = 15;
/** The code cache sees each form of a command twice. */
const WARM_RUNS = 3;
/** A company's bundle; Node reads it at every start. */
const CA_BUNDLES = 2;

const COMMANDS: { name: string; aim: number; args(n: number): string[] }[] = [
	{ name: "--version", aim: 1.5, args: () => ["--version"] },
	{ name: "enqueue", aim: 2.5, args: (n) => ["enqueue", "--id", `t${n}`, "Do it"] },
	{ name: "ls", aim: 2.5, args: () => ["ls"] },
	{ name: "status", aim: 2.5, args: () => ["status", "warm"] },
	{ name: "answer", aim: 2.5, args: (n) => ["answer", "warm", "--seq", String(n), "yes"] },
	{ name: "ask", aim: 2.5, args: (n) => ["ask", `Question ${n}?`] },
];

export const startUp = () => beside("node -e 0", new BenchStage());

/** A variable that makes every start of Node slower, program and baseline alike. */
export function startUpWithCertificates(): Promise<Figure[]> {
	const stage = new BenchStage({}, { NODE_EXTRA_CA_CERTS: "ca.pem" });
	const bundle = Array.from({ length: CA_BUNDLES }, () => rootCertificates.join("\n")).join("\n");
	writeFileSync(join(stage.project, "ca.pem"), bundle);
	return beside("node -e 0, both with NODE_EXTRA_CA_CERTS", stage);
}

async function beside(what: string, stage: BenchStage): Promise<Figure[]> {
	try {
		stage.run("enqueue", "--id", "warm", "x");
		const store = await stage.store();
		await until(async () => (await store.stateOf("warm")) === "running");
		const taskDir = join(stage.project, ".dispatch/tasks/warm");
		const node: number[] = [];
		const times = new Map(COMMANDS.map(({ name }) => [name, [] as number[]]));
		for (let n = 1; n <= WARM_RUNS + RUNS; n++) {
			const file = (kind: string) => join(taskDir, "ipc", `${String(n).padStart(3, "0")}.${kind}`);
			writeFileSync(join(taskDir, "ipc/q.tmp"), `Question ${n}?`);
			renameSync(join(taskDir, "ipc/q.tmp"), file("question"));
			await until(async () => (await store.openCount("warm")) > 0);
			const keep = (list: number[] | undefined, ms: number) => n > WARM_RUNS && list?.push(ms);
			keep(node, timed(stage, ["-e", "0"]));
			for (const { name, args } of COMMANDS) {
				// Its question is answered by then: it reads the answer and prints it.
				if (name === "ask") await until(() => existsSync(file("answer")));
				const inTask = name === "ask" ? { DISPATCH_TASK: "warm", DISPATCH_TASK_DIR: taskDir } : {};
				keep(times.get(name), timed(stage, [PROGRAM, ...args(n)], inTask));
			}
		}
		await store.close();
		const base = median(node);
		return COMMANDS.map(({ name, aim }) =>
			ratioFigure(`dispatch ${name} beside ${what}`, median(times.get(name) ?? []), base, aim, "ms"),
		);
	} finally {
		stage.remove();
	}
}
