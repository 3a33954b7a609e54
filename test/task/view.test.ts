import { expect, test } from "vitest";
import type { KeptQuestion } from "../../src/task/question.ts";
import type { TaskRecord } from "../../src/task/record.ts";
import { viewOf } from "../../src/task/view.ts";
import { taskViewSchema } from "../../src/task/view-schema.ts";

const AT = Date.UTC(2026, 10, 24, 14, 5);
const ISO = "2026-11-24T14:05:00.000Z";

const RECORD: TaskRecord = {
	spec: {
		id: "security-review",
		prompt: "review it",
		cwd: "/srv/app",
		worktree: null,
		model: "opus",
		backend: "claude",
		promptAddition: null,
		permissions: null,
		modelReason: "default",
		givenItems: [],
		planText: null,
		priority: 100,
		tags: { team: "web" },
		after: [],
		contextFiles: [],
		notBefore: null,
		deadlineMs: null,
		budgetUsd: null,
		verify: null,
		setup: null,
		attempts: 2,
		unattended: false,
		host: "mini1",
		createdBy: "ann@mini1",
		nonce: "0123456789abcdef",
		inactivityMs: 1,
		questionWaitMs: 1,
	},
	state: "asking",
	revision: 3,
	epoch: 1,
	runNonce: "n",
	startedWith: "claude",
	attempt: 1,
	charge: true,
	startMode: "fresh",
	generation: 1,
	hold: null,
	needs: {},
	reason: null,
	signature: null,
	sessionId: "s-1",
	ipcGeneration: 1,
	outcome: null,
	changes: null,
	trouble: null,
	progress: {
		plan: {
			title: "Security Review",
			items: [
				{ marker: "x", text: "Scan", note: null },
				{ marker: " ", text: "Report", note: "soon" },
			],
		},
		activity: "Bash: grep",
		usage: { inputTokens: 1, outputTokens: 2, costUsd: null, estimated: false },
		lastSignAt: AT,
	},
	stopRequested: false,
	stopBy: null,
	rateLimits: 0,
	takenDown: 0,
	takenAway: 0,
	workedMs: 0,
	workingSince: AT,
	createdAt: AT,
	queuedAt: AT,
	startedAt: AT,
	host: "mini1",
	chosen: null,
	pendingNotes: 0,
	endedAt: null,
	hasReport: true,
	batch: null,
	moves: 0,
};

const QUESTION: KeptQuestion = {
	ipcGeneration: 1,
	seq: "001",
	text: "Which?",
	hash: "h",
	askedAt: AT,
	answer: null,
	answeredAt: null,
	answeredBy: null,
	deliveredAt: null,
	open: true,
};

test("a task in JSON is as documented, and survives JSON", () => {
	const view = viewOf(RECORD, [QUESTION], "default");
	expect(taskViewSchema.parse(JSON.parse(JSON.stringify(view)))).toEqual(view);
	expect(view).toEqual({
		schema: 1,
		namespace: "default",
		id: "security-review",
		state: "asking",
		reason: null,
		hold: null,
		model: "opus",
		backend: "claude",
		host: "mini1",
		pool: null,
		cwd: "/srv/app",
		prompt: "review it",
		tags: { team: "web" },
		createdAt: ISO,
		startedAt: ISO,
		endedAt: null,
		attempt: 1,
		epoch: 1,
		sessionId: "s-1",
		after: [],
		waitsFor: [],
		createdBy: "ann@mini1",
		reportPath: "/srv/app/.dispatch/tasks/security-review/output.md",
		branch: null,
		batch: null,
		changes: null,
		plan: {
			title: "Security Review",
			done: 1,
			total: 2,
			items: [
				{ marker: "x", text: "Scan", note: null },
				{ marker: " ", text: "Report", note: "soon" },
			],
		},
		questions: [
			{
				seq: "001",
				text: "Which?",
				askedAt: ISO,
				answer: null,
				answeredAt: null,
				answeredBy: null,
				deliveredAt: null,
				open: true,
				earlierSession: false,
			},
		],
		usage: { inputTokens: 1, outputTokens: 2, costUsd: null, estimated: false },
		trouble: null,
		activity: "Bash: grep",
		outcome: null,
	});
});

test.each([
	["running", "fresh", 1, 1, false],
	["running", "resume", 1, 2, true],
	["asking", "fresh", 2, 2, false],
	["completed", "fresh", 1, 1, false],
	["failed", "resume", 2, 3, true],
	["parked", "fresh", 1, 1, false],
	["queued", "resume", 1, 1, false],
	["queued", "fresh", 1, 1, true],
	["waiting", "fresh", 1, 1, true],
] as const)(
	"of a task that is %s, its next start %s, a question of session %i of %i is of an earlier one: %s",
	(state, startMode, ofQuestion, ipcGeneration, earlierSession) => {
		const record = { ...RECORD, state, startMode, ipcGeneration };
		const { questions } = viewOf(
			record,
			[{ ...QUESTION, ipcGeneration: ofQuestion, open: false }],
			"default",
		);
		expect(questions).toMatchObject([{ earlierSession }]);
	},
);

test.each([
	[true, false, true],
	[true, true, false],
	[false, false, false],
	[false, true, false],
])(
	"of a question that is open (%s) while its task is being cancelled (%s) is said whether a person is to answer it: %s",
	(open, stopRequested, isShownOpen) => {
		const { questions } = viewOf({ ...RECORD, stopRequested }, [{ ...QUESTION, open }], "default");
		expect(questions.map((question) => question.open)).toEqual([isShownOpen]);
	},
);

test("the hold says until when, and that a cancel is under way", () => {
	const hold = { kind: "rate_limited" as const, until: AT };
	const held = { ...RECORD, state: "queued" as const, hold, hasReport: false };
	expect(viewOf(held, [], "default")).toMatchObject({
		hold: { kind: "rate_limited", until: ISO },
		reportPath: null,
	});
	const cancelling = { kind: "cancelling", until: null };
	expect(viewOf({ ...RECORD, stopRequested: true }, [], "default").hold).toEqual(cancelling);
	expect(viewOf({ ...RECORD, stopRequested: true, state: "cancelled" }, [], "default").hold).toBeNull();
});
