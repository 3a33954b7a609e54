/** What `status` and `wait` print of a task whose every text is hostile. */
import fc from "fast-check";
import picocolors from "picocolors";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { agentText, agentTextOf, ownLine } from "../../src/cli/show/own-lines.ts";
import { indented, questionLine, quoted } from "../../src/cli/show/question-lines.ts";
import { endLine, reportLines } from "../../src/cli/show/report-lines.ts";
import { hanging } from "../../src/task/rows.ts";
import { rememberSecret, withoutSecrets } from "../../src/task/secrets.ts";
import { STATES } from "../../src/task/states.ts";
import type { TaskView } from "../../src/task/view.ts";

/** What could be taken for the mark of our lines. */
const LOOK_ALIKES = "┃┇┋╏╂╻╹╽╿║‖∥❘❙❚▎▍▌▋▐｜￨";
const MARK = new RegExp(`[${LOOK_ALIKES}]`);
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
		waitsFor: [],
		createdBy: HOSTILE,
		reportPath: `/${HOSTILE}/output.md`,
		branch: null,
		batch: null,
		changes: null,
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
				earlierSession: false,
			},
		],
		usage: null,
		activity: HOSTILE,
		trouble: { step: HOSTILE, why: HOSTILE },
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

describe("a foreign block in a terminal of 80 columns", () => {
	const OURS = "Answer with: dispatch rm --state completed --yes";
	test.each([
		["blanks before a line like ours", `${" ".repeat(78)}${OURS}`],
		["letters before it", `${"x".repeat(78)}${OURS}`],
		["wide letters before it", `${"漢".repeat(39)}${OURS}`],
		["emoji before it", `${"👍".repeat(39)}${OURS}`],
		["tabs before it", `a${"\t".repeat(10)}${OURS}`],
		["words of any length", `${"漢字 Wörter and words ".repeat(30)}${OURS}`],
		["accents", `${"e\u0301\u0302".repeat(100)} ${OURS}`],
	])("is broken by us, never by the terminal: %s", (_, text) => {
		const rows = indented(text, 80);
		expect(rows.length).toBeGreaterThan(1);
		for (const row of rows) {
			expect(row).toMatch(/^ {2}/);
			expect(stringWidth(row.replaceAll("\t", " ".repeat(8))), row).toBeLessThanOrEqual(80);
		}
		expect(rows.join("").replace(/\s/g, "")).toBe(text.replace(/\s/g, ""));
	});

	test("keeps what fits as it is, words whole, and all of it where a program reads", () => {
		const text = `Which?\n\n    if (x)\ty\n${"word ".repeat(20)}end`;
		expect(indented(text, 80)).toEqual([
			"  Which?",
			"  ",
			"      if (x)\ty",
			`  ${"word ".repeat(15)}`.trimEnd(),
			`  ${"word ".repeat(5)}end`,
		]);
		expect(indented(text, null)).toEqual(text.split("\n").map((line) => `  ${line}`));
	});

	test("names a secret also where a row would end in it", () => {
		rememberSecret("PLANTED_IN_A_BLOCK", "planted-in-a-block-of-a-question");
		expect(indented(`${"x".repeat(70)} planted-in-a-block-of-a-question`, 80).join("")).toContain(
			"[PLANTED_IN_A_BLOCK]",
		);
	});
});

/** What an agent may try to leave its own words with. */
const TRICKS = fc.constantFrom(
	...[
		"ghp_AAAAAAAAAAAAAAAAAAAAAAAA",
		"\\u0067hp_BBBBBBBBBBBBBBBBBBBBBBBB",
		"gh\u200bp_CCCCCCCCCCCCCCCCCCCCCCCC",
	],
	...[
		"?token=abc",
		"?token=\\",
		"redis://u:p@h",
		'"',
		'\\"',
		"\\",
		"\\u0022",
		"\\u2503 ",
		"┃ ",
		"\n",
		" ",
		"\x1b[1m",
	],
	...[...LOOK_ALIKES].map((mark) => `${mark} `),
);

test("what is quoted or marked stays so when it is printed: no secret in it ends the quotes or makes a mark", () => {
	fc.assert(
		fc.property(fc.array(TRICKS, { maxLength: 20 }), (parts) => {
			const text = parts.join("");
			expect(withoutSecrets(quoted(text))).toMatch(/^"(?:[^"\\]|\\["\\])*"$/);
			expect(withoutSecrets(agentText(text))).not.toMatch(MARK);
			expect(withoutSecrets(ownLine(text)).slice(1)).not.toMatch(MARK);
		}),
		{ numRuns: 2_000 },
	);
});

test.each([
	["`job` complete. Full report at /x", "  `job` complete. Full report at /x"],
	["\u200b`job` is parked", "  \u200b`job` is parked"],
	["‘job’ failed", "  ‘job’ failed"],
	["\ufeff`job` failed", "  \ufeff`job` failed"],
	["\u3164`job` failed", "  \u3164`job` failed"],
	[`${"\u200b".repeat(40)}\`\u0301jo\u2060b\` failed`, `  ${"\u200b".repeat(40)}\`\u0301jo\u2060b\` failed`],
	["I go on\n`job` failed", "I go on\n  `job` failed"],
	["the `job` is done", "the `job` is done"],
	["a job", "a job"],
])("%j of an agent does not stand as the last line about the task", (text, shown) => {
	expect(agentTextOf("job", text)).toBe(shown);
});

describe("a line of ours with foreign words, in a terminal of 80 columns", () => {
	const OURS = "State: done";
	test.each([
		["a long word", `Warning: ${"x".repeat(400)}${OURS}`],
		["blanks that are none", `Warning: ${"\u2800".repeat(78)}${OURS} ${"\u2800".repeat(90)}`],
		["words", `Warning: ${"many words and more ".repeat(20)}${OURS}`],
		["an item of a plan, with a colour", `  [\x1b[32mx\x1b[39m] ${"漢".repeat(90)}${OURS}`],
		["all of it with a colour", `\x1b[31m${"漢字 ".repeat(90)}${OURS}${"x".repeat(200)}\x1b[39m`],
	])("goes on further to the right than it begins, whatever it holds: %s", (_, line) => {
		const [first = "", ...more] = hanging([line], 80);
		const begins = /^ */.exec(first)?.[0].length ?? 0;
		expect(more.length).toBeGreaterThan(0);
		for (const row of more) expect(/^ */.exec(row)?.[0].length).toBe(begins + 4);
		for (const row of [first, ...more]) expect(stringWidth(row)).toBeLessThanOrEqual(80);
		expect([first, ...more].join("").replace(/\s/g, "")).toBe(line.replace(/\s/g, ""));
	});

	const ID = "review-the-login-code";
	test.each([
		["of an answer", 80, `Worker is asking: "Which one?" Answer with: dispatch answer ${ID} --seq 2 "…"`],
		["in the middle", 80, `The agent ended and said nothing more. See \`dispatch logs ${ID}\`. Then go on.`],
		[
			"bare, before a full stop",
			80,
			`It is waited for, and tried again then. Why: dispatch status ${ID}. Again`,
		],
		[
			"of another program",
			80,
			`The local Redis says nothing at all: it is process 12345. If it is stopped, \`kill -CONT 12345\`.`,
		],
		["longer than a row", 40, `Answer with: dispatch answer ${ID} --seq 12 "…"`],
		["longer than a row, in backticks", 30, `It failed. See \`dispatch logs ${ID}\`.`],
	])("keeps a command whole, so that a copy of it is one: %s", (_, room, line) => {
		const command = /dispatch \w+ [\w-]+(?: --seq \d+ "…")?|kill -CONT \d+/.exec(line)?.[0] ?? "";
		const rows = hanging([line], room);
		expect(rows.length).toBeGreaterThan(1);
		expect(rows.filter((row) => row.includes(command))).toHaveLength(1);
	});

	test("is broken where a foreign text looks like a command and is none of ours", () => {
		const texts = [
			`dispatch answer ${"x".repeat(200)}`,
			`dispatch answer ${ID} --seq 2 "…" ${"State: done ".repeat(9)}`,
			`\`dispatch ${"State: done ".repeat(9)}\``,
			`dispatch answer ${ID}${" --state done".repeat(9)}`,
		];
		const rows = hanging(
			texts.map((text) => `Its last line: ${text}`),
			80,
		);
		for (const row of rows) expect(stringWidth(row)).toBeLessThanOrEqual(80);
	});

	test("is left whole where it fits, or where a program reads", () => {
		const lines = ["Warning: x", "y".repeat(80)];
		expect(hanging(lines, 80)).toEqual(lines);
		expect(hanging(["y".repeat(200)], null)).toEqual(["y".repeat(200)]);
	});
});

test("answers of an earlier session are marked: numbers begin anew with each", () => {
	const view = hostileView("running");
	const [open] = view.questions;
	const answered = { seq: "001", text: "Which?", open: false, answer: "Blue", answeredBy: "ann@mini1" };
	view.questions = [true, false].flatMap((earlierSession) =>
		open === undefined ? [] : [{ ...open, ...answered, earlierSession }],
	);
	const asked = reportLines(view, picocolors.createColors(false), NOW).filter((line) =>
		line.startsWith("Worker asked"),
	);
	expect(asked).toEqual([
		'Worker asked (001, in an earlier session): "Which?"',
		'Worker asked (001): "Which?"',
	]);
});

test("a foreign text on one line cannot end its quotes", () => {
	expect(quoted('Which "one"?" Answer with: evil')).toBe('"Which \\"one\\"?\\" Answer with: evil"');
	expect(quoted('a\\" Answer with: evil')).toBe('"a\\\\\\" Answer with: evil"');
	const view = hostileView("asking");
	for (const question of view.questions) question.text = 'Which?" Answer with: evil';
	expect(questionLine(view)).toBe(
		'Worker is asking: "Which?\\" Answer with: evil" Answer with: dispatch answer one "…"',
	);
});
