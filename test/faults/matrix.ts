/** One case of the fault matrix: a task goes through a move while one point fails, once or always. */
import { cpus, loadavg } from "node:os";
import type { FaultPoint } from "../../src/process/fault.ts";
import type { TaskRecord } from "../../src/task/record.ts";
import { isEnded } from "../../src/task/states.ts";
import type { TestRedis } from "../redis.ts";
import { FaultStage, type TaskStage } from "./stage.ts";

export const MOVES = [
	"plain",
	"cancel",
	"answer",
	"park",
	"retry",
	"verify",
	"worktree",
	"fallback",
] as const;

export interface Case {
	point: FaultPoint;
	mode: "throw-once" | "throw-always";
	move: (typeof MOVES)[number];
}

/** A fault that passes must be got over in this time; a lasting one is waited for a little. */
export const HEALED_MS = 60_000;
const LASTING_MS = 8_000;
const CANCEL_MS = 10_000;
const SECOND_MS = 40_000;

/** A machine that is busy with other work has less of its time for us: all limits are stretched by that. */
const SLOWNESS = Math.max(1, (2 * (loadavg()[0] ?? 0)) / cpus().length);

/** Runs one case. @returns what is wrong, one line each */
export async function runCase(redis: TestRedis, { point, mode, move }: Case, id: string): Promise<string[]> {
	const stage = await FaultStage.open(redis, `n-${id}`);
	try {
		const ended = await drive(stage, id, move, mode === "throw-once" ? HEALED_MS : LASTING_MS);
		const findings = mode === "throw-once" ? judgeHealed(ended, move) : await judgeLasting(stage, id, ended);
		if (mode === "throw-once") findings.push(...judgeStarts(stage.starts(id).length, move));
		// Its place is free: with one place in all, another task starts and completes.
		await stage.enqueue("second", "plain");
		const second = await stage.until("second", SECOND_MS * SLOWNESS, ({ state }) => isEnded(state));
		if (second?.state !== "completed") findings.push(`the second task is ${second?.state ?? "not ended"}`);
		findings.push(...(await stage.audit()));
		return findings.map((text) => `${point} ${mode} ${move}: ${text}`);
	} finally {
		await stage.close();
	}
}

/** Makes the move. @returns the record as it ended, null when it did not in time */
export async function drive(stage: TaskStage, id: string, move: Case["move"], limitMs: number) {
	const limit = limitMs * SLOWNESS;
	const { store } = stage;
	const agent = {
		plain: "plain",
		cancel: "wait",
		answer: "ask",
		park: "park",
		retry: "fail",
		verify: "plain",
		worktree: "write",
		fallback: "plain",
	};
	const changes = {
		...(move === "verify" && { verify: "true" }),
		...(move === "retry" && { attempts: 1 }),
		...(move === "fallback" && { backend: "held", model: "held" }),
		...(move === "worktree" && { worktree: await stage.worktree() }),
	};
	if (move === "fallback") await stage.hold();
	await stage.enqueue(id, agent[move], changes);
	if (move === "cancel") {
		await stage.until(id, limit, () => stage.starts(id).length > 0);
		await store.cancel(id, "ann@here");
	}
	if (move === "answer" || move === "park") {
		const wanted = move === "park" ? ["parked"] : ["asking"];
		await stage.until(id, limit, ({ state }) => wanted.includes(state) || isEnded(state));
		await store.answer(id, { text: "Blue", by: "ann@here" });
	}
	if (move === "retry") {
		await stage.until(id, limit, ({ state }) => isEnded(state));
		await stage.retry(id);
	}
	return stage.until(id, limit, ({ state }) => isEnded(state));
}

/** What failed once has left no trace in the end. */
export function judgeHealed(ended: TaskRecord | null, move: Case["move"]): string[] {
	const wanted = move === "cancel" ? "cancelled" : "completed";
	if (ended === null) return ["has not ended"];
	return ended.state === wanted ? [] : [`is ${ended.state}: ${ended.reason}, ${ended.outcome?.message}`];
}

/** How often its agent was started: an exception that passes starts none anew. */
function judgeStarts(starts: number, move: Case["move"]): string[] {
	const wanted = move === "park" || move === "retry" ? 2 : 1;
	return starts === wanted ? [] : [`its agent was started ${starts} times`];
}

/** It ended and says why, or it can be cancelled. */
async function judgeLasting(stage: FaultStage, id: string, ended: TaskRecord | null): Promise<string[]> {
	if (ended === null) {
		await stage.store.cancel(id, "ann@here");
		const cancelled = await stage.until(id, CANCEL_MS * SLOWNESS, ({ state }) => isEnded(state));
		return cancelled === null ? ["cannot be cancelled"] : [];
	}
	if (ended.state === "failed" && ended.reason === null) return ["failed without a reason"];
	return ended.outcome?.message ? [] : [`is ${ended.state} without a word`];
}
