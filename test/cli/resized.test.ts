/** What is being read stays in sight when the screen is made larger or smaller: the place is one in the text. */
import picocolors from "picocolors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerFrame, beginAnswering, Drafts, pressAnswering } from "../../src/cli/screen/answering.ts";
import { pageFrame, pressPage, readPage } from "../../src/cli/screen/page.ts";
import type { Key, Size } from "../../src/cli/screen/terminal.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { PROGRAM, User } from "../e2e/harness.ts";
import { question, runningTask } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { questionView, taskView } from "../task-view.ts";
import { Screen } from "./tmux.ts";

const NO_COLORS = picocolors.createColors(false);
const SIZES: Size[] = [
	{ columns: 40, rows: 10 },
	{ columns: 23, rows: 30 },
	{ columns: 80, rows: 24 },
	{ columns: 160, rows: 12 },
];
const PAIRS = SIZES.flatMap((a) => SIZES.filter((b) => b !== a).map((b) => ({ a, b })));

/** More than any of the texts has, on the smallest screen. */
const MOST_PAGES = 80;

/** No two of its words are the same. */
function words(from: number, count: number, each = (n: number) => `w${n}.`): string {
	return Array.from({ length: count }, (_, n) => each(from + n)).join(" ");
}

const lines = (each: (n: number) => string) => Array.from({ length: 60 }, (_, n) => each(n)).join("\n");
const TEXTS: [string, string][] = [
	["one long line", words(0, 1_200)],
	["lines that wrap, blank ones between them", lines((n) => (n % 3 === 0 ? "" : words(n * 100, 20)))],
	["short lines", lines((n) => `w${2 * n}.\nw${2 * n + 1}.`)],
	["indented lines", lines((n) => `${" ".repeat(n % 9)}${words(n * 100, 20)}`)],
	["wide characters", lines((n) => words(n * 100, 12, (each) => `w${each}.漢字`))],
	[
		"options",
		`Which?\n${Array.from({ length: 60 }, (_, n) => `${n + 1}. ${words(n * 100, 20)}`).join("\n")}`,
	],
];

interface Read {
	press(name: string, size: Size): void;
	frame(size: Size): readonly string[];
}

function key(name: string): Key {
	return { name, text: "", ctrl: false, meta: false };
}

const READERS: [string, (text: string) => Read][] = [
	[
		"a question",
		(text) => {
			const state = beginAnswering(taskView("job"), questionView(text), new Drafts());
			return {
				press: (name, size) => void pressAnswering(state, key(name), size),
				frame: (size) => answerFrame(state, "HEAD", size, NO_COLORS, []).lines,
			};
		},
	],
	[
		"a page",
		(text) => {
			const page = readPage("report", text, "");
			return {
				press: (name, size) => void pressPage(page, key(name), size),
				frame: (size) => pageFrame(page, () => "HEAD", size, NO_COLORS, false).lines,
			};
		},
	],
];

/** Of the first row that has one. */
function firstWord(frame: readonly string[]): string {
	return /w\d+\./.exec(frame.slice(1).join("\n"))?.[0] ?? "none";
}

describe.each(READERS)("%s", (_, begin) => {
	describe.each(TEXTS)("of %s", (_name, text) => {
		test.each(PAIRS)("from $a.columns × $a.rows to $b.columns × $b.rows and back", ({ a, b }) => {
			const reader = begin(text);
			reader.press("pagedown", a);
			const before = reader.frame(a);
			const word = firstWord(before);
			expect(reader.frame(b).join("\n")).toContain(word);
			expect(reader.frame(a)).toEqual(before);
		});

		test.each(SIZES)("each page of it is another one at $columns × $rows, there and back", (size) => {
			const reader = begin(text);
			const there: string[] = [];
			for (let seen = ""; seen !== there.at(-1); ) {
				if (seen !== "") there.push(seen);
				seen = reader.frame(size).join("\n");
				reader.press("pagedown", size);
			}
			expect(new Set(there).size).toBe(there.length);
			for (const _page of there) reader.press("pageup", size);
			expect(reader.frame(size).join("\n")).toBe(there[0]);
		});

		test.each(PAIRS)("its end at $a.columns × $a.rows is its end at $b.columns × $b.rows", ({ a, b }) => {
			const reader = begin(text);
			const other = begin(text);
			for (let pages = 0; pages < MOST_PAGES; pages++) reader.press("pagedown", a);
			for (let pages = 0; pages < MOST_PAGES; pages++) other.press("pagedown", b);
			expect(reader.frame(b)).toEqual(other.frame(b));
		});
	});
});

test("a page goes on by one row and back, whatever it holds", () => {
	const size = { columns: 20, rows: 6 };
	const reader = READERS[1]?.[1](`a\n\n\nb${" ".repeat(70)}c\n  d\n\n${words(0, 90)}`) as Read;
	const first = reader.frame(size);
	const frames = [first];
	for (let n = 0; n < 12; n++) {
		reader.press("down", size);
		frames.push(reader.frame(size));
	}
	const second = (frame: readonly string[]) => frame.slice(2, -1);
	for (const [n, frame] of frames.slice(1).entries())
		expect(frame.slice(1, -2)).toEqual(second(frames[n] ?? []));
	for (let n = 0; n < 12; n++) reader.press("up", size);
	expect(reader.frame(size)).toEqual(first);
});

describe("on a terminal", () => {
	let redis: TestRedis;
	let store: Store;
	let user: User;
	beforeAll(async () => {
		redis = await startTestRedis();
		user = new User({ redis: redis.url });
		store = await openStore({ target: redis.target, namespace: "default", role: "command" });
		const epoch = await runningTask(store, "job");
		await store.ask("job", epoch, [question("001", words(0, 600))]);
	});
	afterAll(async () => {
		await store?.close();
		await user?.cleanup();
		await redis?.stop();
	});

	test.each([
		["watch", ["Enter"]],
		["inbox", []],
		["answer", []],
	])("%s: who reads in the middle of a question reads on there", async (command, keys) => {
		const args = command === "answer" ? [command, "job"] : [command];
		const program = [process.execPath, PROGRAM, ...args];
		const screen = new Screen(program, { columns: 80, rows: 24, cwd: user.project, env: user.env });
		try {
			await screen.waitFor(command === "watch" ? "›job" : "job asks (001)");
			screen.keys(...keys);
			await screen.waitFor(/^ w0\./m);
			screen.keys("NPage");
			const text = await screen.waitFor(/lines above, .* below/);
			const [, word = ""] = /^ (w\d+\.)/m.exec(text) ?? [];
			for (const [columns, rows] of [
				[40, 10],
				[30, 40],
				[80, 24],
			] as const) {
				screen.resize(columns, rows);
				// Drawn anew: its rule is as wide as the screen.
				await screen.waitFor(new RegExp(`^(?=.{${columns}}$)── .*PgUp PgDn ─*$`, "m"));
				expect(screen.text()).toContain(word);
			}
			await screen.waitFor(new RegExp(`^ ${word} `, "m"));
		} finally {
			screen.close();
		}
	});
});
