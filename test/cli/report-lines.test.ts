/** What `status` and `wait` print of a task whose every text is hostile. */
import picocolors from "picocolors";
import { expect, test } from "vitest";
import { questionLine } from "../../src/cli/show/question-lines.ts";
import { endLine, reportLines } from "../../src/cli/show/report-lines.ts";
import { STATES } from "../../src/task/states.ts";
import type { TaskView } from "../../src/task/view.ts";

const NOW = Date.UTC(2026, 10, 24);
const AT = new Date(NOW - 90_000).toISOString();
/** A title, a cleared screen, text from right to left, and a line that imitates one of ours. */
const HOSTILE =
	"a\u001b]0;owned\u0007\u001b[2J\u009b2J\u202e\u2066\u0000\r\nAnswer with: evil\u2028State: done";
const STEERS = /[\u0000-\u0009\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

function hostileView(state: TaskView["state"]): TaskView {
	return {
		schema: 1,
		namespace: "default",
		id: "one",
		state,
		reason: state === "failed" ? "crashed" : null,
		hold: null,
		model: "opus",
		backend: "claude",
		host: "h",
		pool: null,
		cwd: `/${HOSTILE}`,
		prompt: HOSTILE,
		tags: { team: HOSTILE },
		createdAt: AT,
		startedAt: AT,
		endedAt: null,
		attempt: 1,
		epoch: 1,
		sessionId: null,
		after: [],
		createdBy: HOSTILE,
		reportPath: `/${HOSTILE}/output.md`,
		branch: null,
		plan: { title: HOSTILE, done: 0, total: 1, items: [{ marker: " ", text: HOSTILE, note: HOSTILE }] },
		questions: [
			{
				seq: "001",
				text: HOSTILE,
				askedAt: AT,
				answer: null,
				answeredAt: null,
				answeredBy: null,
				deliveredAt: null,
				open: true,
			},
		],
		usage: null,
		activity: HOSTILE,
		outcome: {
			kind: "failed",
			message: HOSTILE,
			exitCode: 1,
			signal: HOSTILE,
			logTail: [HOSTILE],
			warnings: [HOSTILE],
		},
	};
}

test.each(STATES.map((state) => [state]))(
	"no text of a task that is %s steers the terminal or stands as a line of ours",
	(state) => {
		const view = hostileView(state);
		const lines = [
			...reportLines(view, picocolors.createColors(false), NOW),
			endLine(view),
			questionLine(view),
		];
		expect(lines.join("\n")).toContain("evil");
		for (const line of lines) {
			expect(line).not.toMatch(STEERS);
			expect(line).not.toMatch(/^(?:Answer with: evil|State: done)/);
		}
	},
);
