/**
 * A task as JSON: what `--json` prints and scripts may rely on. Times are ISO 8601 strings in UTC. The
 * zod schemas of these stand in view-schema.ts.
 */
import { join } from "node:path";
import { openNeeds } from "./needs.ts";
import { countDone, type PlanItem } from "./plan.ts";
import type { KeptQuestion } from "./question.ts";
import { agentOf, branchOf, type ShownFields, shownFields, type TaskRecord, workspaceOf } from "./record.ts";
import type { Hold, Usage } from "./spec.ts";
import { isLive } from "./states.ts";
import { START_STEP } from "./trouble.ts";
import type { Wait } from "./wait.ts";

interface TaskQuestionView {
	seq: string;
	text: string;
	askedAt: string;
	answer: string | null;
	answeredAt: string | null;
	answeredBy: string | null;
	deliveredAt: string | null;
	/** a person is to answer it */
	open: boolean;
	/** its session was given up since: at most the agent of now was told of it */
	earlierSession: boolean;
}

export interface TaskView extends ShownFields {
	schema: 1;
	namespace: string;
	id: string;
	/** `host_gone`: nobody works on it where it belongs */
	hold: { kind: Hold["kind"] | "host_gone"; until: string | null } | null;
	model: string | null;
	backend: string;
	host: string;
	pool: null;
	cwd: string;
	prompt: string;
	tags: Record<string, string>;
	/** what must have completed before it starts */
	after: string[];
	/** of these, while it waits: those that have not */
	waitsFor: string[];
	createdBy: string;
	/** where the agent wrote its report; `dispatch output` prints the kept copy */
	reportPath: string | null;
	/** of its worktree; null: it has none */
	branch: string | null;
	plan: { title: string | null; done: number; total: number; items: PlanItem[] };
	/** in the order of asking */
	questions: TaskQuestionView[];
	usage: Usage | null;
	/** what of its host's work for it fails now, and is tried again */
	trouble: { step: string; why: string } | null;
	/** what the agent does now */
	activity: string | null;
	/** of `ls` and `status`: why it waits; null: it does not */
	waits?: Wait | null | undefined;
}

export function viewOf(record: TaskRecord, questions: KeptQuestion[], namespace: string): TaskView {
	const { spec, progress } = record;
	const agent = agentOf(record);
	const directory = workspaceOf(record);
	return {
		schema: 1,
		namespace,
		id: spec.id,
		...shownFields(record),
		hold: holdView(record),
		model: agent.model,
		backend: agent.backend,
		host: record.host,
		pool: null,
		cwd: directory,
		prompt: spec.prompt,
		tags: spec.tags,
		after: spec.after,
		waitsFor: record.state === "waiting" ? openNeeds(record) : [],
		createdBy: spec.createdBy,
		reportPath: record.hasReport ? join(directory, ".dispatch", "tasks", spec.id, "output.md") : null,
		branch: branchOf(record),
		plan: { title: progress.plan.title, ...countDone(progress.plan), items: progress.plan.items },
		questions: questions.map((question) => questionView(question, record)),
		usage: progress.usage,
		activity: progress.activity,
		trouble: troubleView(record),
	};
}

/** Whether a person is to answer it: it is open, and nobody has cancelled its task. */
export function isOpen(
	{ open }: KeptQuestion,
	{ stopRequested }: Pick<TaskRecord, "stopRequested">,
): boolean {
	return open && !stopRequested;
}

/** Whether its session was given up: another one has begun since, or begins with the next start (`retry --fresh`). */
export function isOfEarlierSession(
	question: Pick<KeptQuestion, "ipcGeneration">,
	{ ipcGeneration, state, startMode }: Pick<TaskRecord, "ipcGeneration" | "state" | "startMode">,
): boolean {
	const isToBegin = (state === "queued" || state === "waiting") && startMode === "fresh";
	return isToBegin || question.ipcGeneration < ipcGeneration;
}

/** While a cancel is under way the state stays, and the hold says so. */
function holdView(record: TaskRecord): TaskView["hold"] {
	if (record.stopRequested && isLive(record.state)) return { kind: "cancelling", until: null };
	return record.hold && { kind: record.hold.kind, until: isoOrNull(record.hold.until) };
}

function troubleView({ trouble, epoch, state }: TaskRecord): TaskView["trouble"] {
	if (trouble === null || trouble.epoch !== epoch) return null;
	if (trouble.step === START_STEP ? state !== "queued" : !isLive(state)) return null;
	return { step: trouble.step, why: trouble.why };
}

function questionView(question: KeptQuestion, record: TaskRecord): TaskQuestionView {
	const { seq, text, askedAt, answer, answeredAt, answeredBy, deliveredAt } = question;
	return {
		seq,
		text,
		askedAt: isoTime(askedAt),
		answer,
		answeredAt: isoOrNull(answeredAt),
		answeredBy,
		deliveredAt: isoOrNull(deliveredAt),
		open: isOpen(question, record),
		earlierSession: isOfEarlierSession(question, record),
	};
}

function isoTime(ms: number): string {
	return new Date(ms).toISOString();
}

function isoOrNull(ms: number | null): string | null {
	return ms === null ? null : isoTime(ms);
}
