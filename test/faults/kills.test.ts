/**
 * A daemon that is killed at a named point, between two lines: the next one takes over, the task ends as it should, and
 * no second agent ever lives. Here some points, chosen by a seed; all of them by `npm run test:faults`.
 */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { FAULT_POINTS, type FaultPoint } from "../../src/process/fault.ts";
import { CHOSEN, part, WHOLE } from "../chance.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { type Case, drive, HEALED_MS, judgeHealed } from "./matrix.ts";
import { KillStage } from "./stage.ts";

const SIDE_BY_SIDE = 3;
const SEEDED_POINTS = 5;
const only = process.env.FAULT_ONLY;

let redis: TestRedis;
beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--maxmemory-policy", "noeviction"] });
});
afterAll(() => redis.stop());

/** The move on whose way a point lies. */
function moveTo(point: FaultPoint): Case["move"] {
	if (point.startsWith("verify.")) return "verify";
	if (point.startsWith("worktree.") || point.startsWith("commit.")) return "worktree";
	// Notes go to a live agent only: one that asks is alive for sure.
	if (point.startsWith("bridge.") || point === "look.notes") return "answer";
	if (point.startsWith("end.")) return "cancel";
	if (point.startsWith("fallback.")) return "fallback";
	return point === "start.moved-aside" ? "retry" : "plain";
}

/** What comes before, so that the point is reached. */
const BEFORE: Partial<Record<FaultPoint, FaultPoint>> = { "settle.unstarted": "start.permitted" };

function chosen(): FaultPoint[] {
	if (only !== undefined) return FAULT_POINTS.filter((point) => point.includes(only));
	return part(FAULT_POINTS, SEEDED_POINTS);
}

/** @returns what is wrong, one line each */
async function kill(point: FaultPoint, id: string): Promise<string[]> {
	const points = [BEFORE[point], point].filter((each) => each !== undefined);
	const faults = points.map((each) => `${each}:kill:${id}`);
	const stage = await KillStage.open(redis, `k-${id}`, faults);
	try {
		const move = moveTo(point);
		const findings = judgeHealed(await drive(stage, id, move, HEALED_MS), move);
		// Some points lie behind the end.
		await vi.waitFor(() => expect(stage.kills).toBe(faults.length), { timeout: HEALED_MS }).catch(() => {});
		if (stage.kills !== faults.length)
			findings.push(`${stage.kills} of ${faults.length} daemons were killed`);
		findings.push(...(await stage.audit()));
		return findings.map((text) => `${point}: ${text}`);
	} finally {
		await stage.close();
	}
}

test(`a daemon killed at points, ${CHOSEN}`, async () => {
	const findings: string[] = [];
	const left = [...chosen().entries()];
	const line = async () => {
		for (let next = left.shift(); next !== undefined; next = left.shift()) {
			const [n, point] = next;
			findings.push(...(await kill(point, `t${n}`).catch((error: unknown) => [`${point}: ${error}`])));
			if (WHOLE) console.log(`${point}, ${findings.length} findings`);
		}
	};
	await Promise.all(Array.from({ length: SIDE_BY_SIDE }, line));
	expect(findings, CHOSEN).toEqual([]);
}, 3_600_000);
