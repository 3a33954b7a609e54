/**
 * A task as JSON: what `--json` prints and scripts may rely on. Times are ISO 8601 strings in UTC. The
 * zod schemas of these stand in view-schema.ts.
 */
import { join } from "node:path";
import { countDone, type PlanItem } from "./plan.ts";
import type { Question } from "./question.ts";
import type { TaskRecord } from "./record.ts";
import type { Hold, Outcome, Usage } from "./spec.ts";
import { type FailureReason, isLive, type State } from "./states.ts";

interface TaskQuestionView {
	seq: string;
	text: string;
	askedAt: string;
	answer: string | null;
	answeredAt: string | null;
	answeredBy: string | null;
	deliveredAt: string | null;
}

export interface TaskView {
	schema: 1;
	namespace: string;
	id: string;
	state: State;
	reason: FailureReason | null;
	hold: { kind: Hold["kind"]; until: string | null } | null;
	model: string | null;
	backend: string;
	host: string;
	pool: null;
	cwd: string;
	prompt: string;
	tags: Record<string, string>;
	createdAt: string;
	startedAt: string | null;
	endedAt: string | null;
	attempt: number;
	epoch: number;
	sessionId: string | null;
	after: string[];
	createdBy: string;
	/** where the agent wrote its report; `dispatch output` prints the kept copy */
	reportPath: string | null;
	branch: null;
	plan: { title: string | null; done: number; total: number; items: PlanItem[] };
	questions: TaskQuestionView[];
	usage: Usage | null;
	/** what the agent does now */
	activity: string | null;
	outcome: Outcome | null;
}

export function viewOf(record: TaskRecord, questions: Question[], namespace: string): TaskView {
	const { spec, progress } = record;
	return {
		schema: 1,
		namespace,
		id: spec.id,
		state: record.state,
		reason: record.reason,
		hold: holdView(record),
		model: spec.model,
		backend: spec.backend,
		host: spec.host,
		pool: null,
		cwd: spec.cwd,
		prompt: spec.prompt,
		tags: spec.tags,
		createdAt: isoTime(record.createdAt),
		startedAt: isoOrNull(record.startedAt),
		endedAt: isoOrNull(record.endedAt),
		attempt: record.attempt,
		epoch: record.epoch,
		sessionId: record.sessionId,
		after: [],
		createdBy: spec.createdBy,
		reportPath: record.hasReport ? join(spec.cwd, ".dispatch", "tasks", spec.id, "output.md") : null,
		branch: null,
		plan: { title: progress.plan.title, ...countDone(progress.plan), items: progress.plan.items },
		questions: questions.map(questionView),
		usage: progress.usage,
		activity: progress.activity,
		outcome: record.outcome,
	};
}

/** While a cancel is under way the state stays, and the hold says so. */
function holdView(record: TaskRecord): TaskView["hold"] {
	if (record.stopRequested && isLive(record.state)) return { kind: "cancelling", until: null };
	return record.hold && { kind: record.hold.kind, until: isoOrNull(record.hold.until) };
}

function questionView(question: Question): TaskQuestionView {
	const { seq, text, askedAt, answer, answeredAt, answeredBy, deliveredAt } = question;
	return {
		seq,
		text,
		askedAt: isoTime(askedAt),
		answer,
		answeredAt: isoOrNull(answeredAt),
		answeredBy,
		deliveredAt: isoOrNull(deliveredAt),
	};
}

function isoTime(ms: number): string {
	return new Date(ms).toISOString();
}

function isoOrNull(ms: number | null): string | null {
	return ms === null ? null : isoTime(ms);
}
