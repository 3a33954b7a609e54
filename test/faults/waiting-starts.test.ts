/** Whatever keeps an agent from being started is told where its task is shown, or ends the task with its reason; once it is mended, the task is done. */
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { FAULT_POINTS, type FaultPoint } from "../../src/process/fault.ts";
import type { TaskRecord } from "../../src/task/record.ts";
import { isEnded } from "../../src/task/states.ts";
import { viewOf } from "../../src/task/view.ts";
import { waitOf } from "../../src/task/view-why.ts";
import type { Wait } from "../../src/task/wait.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { FaultStage } from "./stage.ts";

const LIMIT_MS = 2 * CONDITION_LIMIT_MS;

let redis: TestRedis;
beforeAll(async () => {
	redis = await startTestRedis();
});
afterAll(() => redis.stop());
afterEach(() => {
	delete process.env.DISPATCH_FAULT;
});

let namespaces = 0;
/** Points that such a start does not pass, or passes once its agent lives. */
const AFTER: readonly FaultPoint[] = ["run-job.started", "start.moved-aside", "start.spawned"];

/** Every step of a start before its spawn; the steps of a look that come first stand in guards of their own. */
const FAULTS = FAULT_POINTS.filter((point) => /^(run-job|start)\./.test(point)).filter(
	(point) => !AFTER.includes(point),
);

/** Breaks something of the stage. @returns what mends it */
type Damage = (stage: FaultStage) => () => void;

/** What stands at a path gives way to something else for a while. */
const instead =
	(pathOf: (stage: FaultStage) => string, put: (path: string) => void): Damage =>
	(stage) => {
		const path = pathOf(stage);
		const aside = `${stage.path}/aside`;
		mkdirSync(aside);
		const had = existsSync(path);
		if (had) renameSync(path, join(aside, "it"));
		put(path);
		return () => {
			rmSync(path, { recursive: true, force: true });
			if (existsSync(join(aside, "it"))) renameSync(join(aside, "it"), path);
		};
	};

const key = ({ home }: FaultStage) => join(home.path, "signing-key");
const runs = ({ home }: FaultStage) => join(home.path, "runs");
const aFile = (path: string) => writeFileSync(path, "no directory");
const fails =
	(point: string): Damage =>
	() => {
		process.env.DISPATCH_FAULT = `${point}:throw-always`;
		return () => {
			delete process.env.DISPATCH_FAULT;
		};
	};

/** Its worker remembers it, and puts it back. */
const GOES_ON: Record<string, Damage> = {
	"the key is a directory": instead(key, (path) => mkdirSync(path)),
	"the key cannot be read": instead(key, (path) => symlinkSync(path, path)),
	"the key's bytes are no key": instead(key, (path) => writeFileSync(path, "no key")),
	"the key is gone": instead(key, () => {}),
};

/** Its agent waits for what is to be mended, and says so. */
const WAITS: Record<string, [Damage, RegExp]> = {
	...Object.fromEntries(
		FAULTS.map((point) => [`an exception at ${point}`, [fails(point), new RegExp(`fault at ${point}`)]]),
	),
};

/** What is the user's to decide ends it. */
const FAILS: Record<string, [Damage, RegExp]> = {
	"runs/ is a file": [instead(runs, aFile), /ENOTDIR/],
	"the project's .dispatch is a file": [
		instead(({ project }) => join(project, ".dispatch"), aFile),
		/\.dispatch to be a directory/,
	],
	"the project is gone": [
		instead(
			({ project }) => project,
			() => {},
		),
		/it does not exist/,
	],
};

/** What a person is told of a task whose worker is up and has a free place. */
function told(record: TaskRecord): Wait | null {
	const here = { host: record.host, isHere: true, worker: "up", pid: 1, working: 0, asking: 0 } as const;
	const free = { ...here, concurrency: 1, maxAgents: 9, taken: 0 };
	return waitOf(viewOf(record, [], "n"), free, Date.now());
}

/** @param use gets the stage with the task in its Redis, and what mends it */
async function over(
	damage: Damage,
	use: (stage: FaultStage, mend: () => void) => Promise<void>,
): Promise<void> {
	const stage = await FaultStage.open(redis, `n${namespaces++}`, { backoffMs: 2_000 });
	let mend = () => {};
	try {
		await stage.enqueue("t", "plain", {}, () => {
			mend = damage(stage);
		});
		await use(stage, mend);
	} finally {
		mend();
		await stage.close();
	}
}

test.each(Object.entries(GOES_ON))("%s: it starts", async (_, damage) => {
	await over(damage, async (stage) => {
		const ended = await stage.until("t", LIMIT_MS, ({ state }) => isEnded(state));
		expect(ended?.state).toBe("completed");
	});
});

test.each(Object.entries(WAITS))(
	"%s: it waits and says why, until that is mended",
	async (_, [damage, why]) => {
		await over(damage, async (stage, mend) => {
			const kept = await stage.until("t", LIMIT_MS, (record) => told(record)?.kind === "trouble");
			expect(kept && told(kept)?.text).toMatch(why);
			mend();
			const ended = await stage.until("t", LIMIT_MS, ({ state }) => isEnded(state));
			expect(ended?.state).toBe("completed");
			expect(ended && viewOf(ended, [], "n").trouble).toBeNull();
		});
	},
);

test.each(Object.entries(FAILS))("%s: it fails and says why", async (_, [damage, why]) => {
	await over(damage, async (stage) => {
		const ended = await stage.until("t", LIMIT_MS, ({ state }) => isEnded(state));
		expect(ended).toMatchObject({ state: "failed", reason: "not_started" });
		expect(ended?.outcome?.message).toMatch(why);
	});
});
