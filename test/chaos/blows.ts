/** What a chaos run does to dispatch: each blow is one fault, given at a random moment. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { FAULT_POINTS } from "../../src/process/fault.ts";
import type { Random } from "../chance.ts";
import type { Stage } from "./stage.ts";
import { USER_BLOWS } from "./user-blows.ts";

const STOP_MS = 1_500;
const OPEN_FILES = 1_024;

type Blow = (stage: Stage, random: Random) => Promise<string>;

function signal(pid: number | null | undefined, name: NodeJS.Signals | 0): boolean {
	if (!pid) return false;
	try {
		process.kill(pid, name);
		return true;
	} catch {
		return false;
	}
}

async function freeze(pid: number | null): Promise<void> {
	if (!signal(pid, "SIGSTOP")) return;
	await sleep(STOP_MS);
	signal(pid, "SIGCONT");
}

/** Ends a command line somewhere on its way. */
async function cutOff(stage: Stage, args: string[], random: Random): Promise<void> {
	const command = stage.start(args);
	await sleep(random.between(20, 400));
	command.kill();
	await command.done;
}

const ofAgents = (stage: Stage) =>
	stage.processes().filter(({ run, command }) => run !== null && command.includes("chaos-agent.mjs"));

/** Blow → its weight. Each kill counts as one. */
const BLOWS: readonly { name: string; weight: number; blow: Blow }[] = [
	...USER_BLOWS,
	{
		name: "kill the daemon",
		weight: 4,
		blow: async (stage) => `pid ${signal(stage.daemonPid(), "SIGKILL") ? stage.daemonPid() : "none"}`,
	},
	{
		name: "kill an agent",
		weight: 3,
		blow: async (stage, random) => {
			const agents = ofAgents(stage).filter(({ command }) => !command.startsWith("sh "));
			if (agents.length === 0) return "none";
			const { pid } = random.pick(agents);
			signal(pid, "SIGKILL");
			return `pid ${pid}`;
		},
	},
	{
		name: "kill a wrapper",
		weight: 2,
		blow: async (stage, random) => {
			const wrappers = ofAgents(stage).filter(({ command }) => command.startsWith("sh "));
			if (wrappers.length === 0) return "none";
			const { pid } = random.pick(wrappers);
			signal(pid, "SIGKILL");
			return `pid ${pid}`;
		},
	},
	{
		name: "kill Redis",
		weight: 3,
		blow: async (stage) => `pid ${signal(stage.redisPid(), "SIGKILL") ? "killed" : "none"}`,
	},
	{
		name: "kill daemon, agents and Redis",
		weight: 1,
		blow: async (stage) => {
			stage.killAll();
			return "all";
		},
	},
	{
		name: "stop Redis for a while",
		weight: 1,
		blow: async (stage) => {
			await freeze(stage.redisPid());
			return "";
		},
	},
	{
		name: "stop the daemon for a while",
		weight: 1,
		blow: async (stage) => {
			await freeze(stage.daemonPid());
			return "";
		},
	},
	{
		name: "kill the daemon at a named point",
		weight: 4,
		blow: async (stage, random) => {
			const point = random.pick(FAULT_POINTS);
			await stage.run(["down"]);
			stage.startDaemon(`${point}:kill`);
			await sleep(random.between(500, 2_500));
			signal(stage.daemonPid(), "SIGKILL");
			return point;
		},
	},
	{
		name: "an exception at a named point",
		weight: 3,
		blow: async (stage, random) => {
			const point = random.pick(FAULT_POINTS);
			await stage.run(["down"]);
			stage.startDaemon(`${point}:throw-once`);
			await sleep(random.between(1_000, 3_000));
			return point;
		},
	},
	{
		name: "no descriptor left in the daemon for a while",
		weight: 2,
		blow: async (stage) => {
			const pid = stage.daemonPid();
			if (!signal(pid, 0)) return "none";
			const open = readdirSync(`/proc/${pid}/fd`).length;
			const limit = (soft: number) =>
				spawnSync("prlimit", ["--pid", String(pid), `--nofile=${soft}:`]).status;
			const status = limit(open + 1);
			await sleep(STOP_MS);
			limit(OPEN_FILES);
			return `pid ${pid}, ${open} open, prlimit ${status}`;
		},
	},
	{
		name: "restart the daemon in order",
		weight: 2,
		blow: async (stage) => {
			await stage.run(["down"]);
			return "";
		},
	},
	{
		name: "two daemons at once",
		weight: 1,
		blow: async (stage) => {
			signal(stage.daemonPid(), "SIGKILL");
			await Promise.all([stage.run(["up"]), stage.run(["up"]), stage.run(["up"])]);
			return "";
		},
	},
	{
		name: "cut an answer off",
		weight: 1,
		blow: async (stage, random) => {
			const open = JSON.parse((await stage.run(["questions", "--json"])).stdout || "[]") as {
				task: string;
				seq: string;
			}[];
			if (open.length === 0) return "none";
			const { task, seq } = random.pick(open);
			await cutOff(stage, ["answer", task, "--seq", seq, "cut off"], random);
			return task;
		},
	},
	{
		name: "remove a run job, flush the scripts",
		weight: 1,
		blow: async (stage) => {
			const redis = stage.redis();
			try {
				await redis.connect();
				await redis.script("FLUSH");
				const jobs = await redis.keys("*:bull:run-*:*.*");
				for (const key of jobs.filter((name) => /:[a-z0-9-]+\.\d+$/.test(name)).slice(0, 1))
					await redis.del(key);
				return String(jobs.length);
			} catch {
				return "Redis is away";
			} finally {
				redis.disconnect();
			}
		},
	},
];

export function pickBlow(random: Random): (typeof BLOWS)[number] {
	return random.pick(BLOWS.flatMap((entry) => Array.from({ length: entry.weight }, () => entry)));
}
