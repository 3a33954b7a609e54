/** `dispatch demo`: the main job from end to end, with a scripted agent that needs no account. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { userHome } from "../../config/home.ts";
import { chooseProject, type Project } from "../../demo/project.ts";
import { reportSummary } from "../../demo/report.ts";
import { removeStamped, taskDirOf } from "../../ipc/task-dir.ts";
import { takeLock } from "../../process/lock.ts";
import { enqueue } from "../../producer/enqueue.ts";
import { PRIORITY } from "../../producer/resolve.ts";
import type { Store } from "../../queue/records/store.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Context } from "../context.ts";
import { whoAmI } from "../options/values.ts";
import { onEveryEnd } from "../show/every-end.ts";
import { oneLine, plain } from "../show/output.ts";
import { nextSteps } from "./next.ts";
import { DEMO_BACKEND, DemoStage, isOfDemo, stagePath } from "./stage.ts";
import { follow, untilAborted } from "./story.ts";

const TASK_ID = "demo-review";
const PROMPT = "Review this project for security problems and upkeep. Ask me what the review shall cover.";

/**
 * Plays the demo and takes everything down that it started, also when it is interrupted.
 * @returns the exit code
 * @throws DISPATCH_ALREADY_RUNNING while another demo runs, DISPATCH_BAD_CWD, DISPATCH_NO_REDIS_SERVER
 */
export async function runDemo(context: Context, options: { cwd?: string | undefined }): Promise<number> {
	const lock = await takeLock(join(context.home.path, "demo.lock"));
	if (lock === null) {
		throw new DispatchError("DISPATCH_ALREADY_RUNNING", "Another `dispatch demo` runs.", {
			hint: "Wait for its end.",
		});
	}
	const interruption = new AbortController();
	const release = onEveryEnd((fault) => interruption.abort(fault));
	try {
		return await onStage(context, options.cwd, interruption);
	} catch (error) {
		if (!interruption.signal.aborted) throw error;
		if (isFault(interruption.signal.reason)) throw interruption.signal.reason;
		return EXIT.interrupted;
	} finally {
		release();
		lock.release();
	}
}

/** Neither a signal nor a terminal that went away. */
function isFault({ name, code }: NodeJS.ErrnoException): boolean {
	return name !== "AbortError" && code !== "EPIPE" && code !== "EIO";
}

async function onStage(
	user: Context,
	cwd: string | undefined,
	interruption: AbortController,
): Promise<number> {
	const say = (line: string) => user.output.write(plain(line));
	const stage = await DemoStage.open(user);
	try {
		const samplePath = join(stagePath(user), "sample");
		const project = chooseProject({ named: cwd, cwd: process.cwd(), userHome: userHome(), samplePath });
		introduce(project, say);
		const code = await play(stage, project, interruption, say);
		say("");
		for (const line of nextSteps(user.env)) say(line);
		return code;
	} finally {
		if (interruption.signal.aborted) say("Interrupted. Taking the demo down …");
		await stage.takeDown();
	}
}

type Say = (line: string) => void;

function introduce(project: Project, say: Say): void {
	say(
		"A scripted agent plays the coding agent here, so no account is needed. The rest is real: queue, worker, questions.",
	);
	say(
		`It reviews ${project.isSample ? "a sample project with planted faults" : project.path} and changes no file of it.`,
	);
	say("");
}

async function play(
	stage: DemoStage,
	project: Project,
	interruption: AbortController,
	say: Say,
): Promise<number> {
	const { signal } = interruption;
	say("Starting Redis and a worker for the demo …");
	const store = await untilAborted(stage.start(), signal);
	const id = await dispatch(stage, store, project.path);
	say(`Dispatched \`${id}\` using ${DEMO_BACKEND}. The agent writes its plan first.`);
	const record = await follow({ store, id, say, signal, answer: answerer(interruption, say) });
	return conclude(record, taskDirOf(project.path, id), say);
}

async function dispatch(stage: DemoStage, store: Store, cwd: string): Promise<string> {
	const { home, config } = stage.context;
	const earlier = taskDirOf(cwd, TASK_ID);
	await removeStamped(cwd, TASK_ID, isOfDemo);
	const { record } = await enqueue(
		store,
		home.hostId,
		config,
		{
			prompt: PROMPT,
			id: existsSync(earlier) ? null : TASK_ID,
			model: null,
			planText: null,
			promptAddition: null,
			contextFiles: [],
			delayMs: null,
			items: [],
			cwd,
			priority: PRIORITY.usual,
			tags: {},
			deadlineMs: null,
			budgetUsd: null,
			verify: null,
			attempts: null,
			unattended: false,
			key: null,
			createdBy: whoAmI(),
		},
		await stage.context.orders(),
	);
	return record.spec.id;
}

/** Asks whoever sits at the terminal; without one the demo answers itself. */
function answerer(interruption: AbortController, say: Say): (question: string) => Promise<string> {
	return async () => {
		if (!process.stdin.isTTY || !process.stdout.isTTY) {
			say("No terminal to answer at: the demo answers itself, with yes.");
			return "yes";
		}
		const { text, isCancel } = await import("@clack/prompts");
		const message = "Your answer";
		const given = await text({
			message,
			placeholder: "yes",
			defaultValue: "yes",
			signal: interruption.signal,
		});
		if (!isCancel(given)) return given;
		interruption.abort();
		return "";
	};
}

function conclude(record: TaskRecord, taskDir: string, say: Say): number {
	const { state, outcome, spec } = record;
	const report = join(taskDir, "output.md");
	if (state !== "completed") {
		say(`\`${spec.id}\` ${state}: ${oneLine(outcome?.message ?? "it did not say why.")}`);
		for (const line of outcome?.logTail ?? []) say(`  ${line}`);
		return EXIT.taskFailed;
	}
	say(
		`\`${spec.id}\` complete. ${existsSync(report) ? reportSummary(readFileSync(report, "utf8")) : ""}`.trimEnd(),
	);
	say(`Full report at ${report}`);
	return EXIT.ok;
}
