/** A task as views show it, from a few facts: for tests of what is made of views. */
import type { TaskView } from "../src/task/view.ts";

export const NOW = new Date(2026, 10, 24, 12, 0, 0).getTime();

/** Submitted 90 s before `NOW`, and at work. */
export function taskView(id: string, changes: Partial<TaskView> = {}): TaskView {
	const at = new Date(NOW - 90_000).toISOString();
	return {
		schema: 1,
		namespace: "default",
		id,
		state: "running",
		reason: null,
		hold: null,
		model: "opus",
		backend: "claude",
		host: "mini1",
		pool: null,
		cwd: "/home/ann/shop",
		prompt: "Review the login code",
		tags: {},
		createdAt: at,
		startedAt: at,
		endedAt: null,
		attempt: 1,
		epoch: 1,
		sessionId: null,
		after: [],
		waitsFor: [],
		createdBy: "ann@mini1",
		reportPath: null,
		branch: null,
		batch: null,
		changes: null,
		plan: { title: null, done: 0, total: 0, items: [] },
		questions: [],
		usage: null,
		activity: null,
		trouble: null,
		outcome: null,
		...changes,
	};
}

/** A plan from its lines: "x Scan", "  Report". */
export function planView(...lines: string[]): TaskView["plan"] {
	const items = lines.map((line) => ({
		marker: line.charAt(0) as " " | "x" | "?" | "!",
		text: line.replace(/^. /, ""),
		note: null,
	}));
	const done = items.filter(({ marker }) => marker === "x").length;
	return { title: null, done, total: items.length, items };
}

/** An open question. */
export function questionView(text: string): TaskView["questions"][number] {
	const none = { answer: null, answeredAt: null, answeredBy: null, deliveredAt: null };
	return {
		seq: "001",
		text,
		askedAt: new Date(NOW).toISOString(),
		...none,
		open: true,
		earlierSession: false,
	};
}

/** How it ended. */
export function outcomeView(kind: "failed" | "completed" | "queued", message: string): TaskView["outcome"] {
	return { kind, message, exitCode: 1, signal: null, logTail: [], warnings: [] };
}
