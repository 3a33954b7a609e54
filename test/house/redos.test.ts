/**
 * What others write is read in a time that grows with its length: no text holds the daemon or a command up. Texts
 * on which a regular expression might go back and forth, at the length that may come.
 */
import vm from "node:vm";
import { expect, test } from "vitest";
import { parseModels } from "../../src/backends/cursor/models.ts";
import { failureClass } from "../../src/backends/failure.ts";
import { backendOf } from "../../src/backends/index.ts";
import { looksLikeModel } from "../../src/backends/model-names.ts";
import { shellWords, takeFlag } from "../../src/backends/shell-words.ts";
import { statusIn } from "../../src/backends/wordings.ts";
import { plain } from "../../src/cli/show/output.ts";
import { mentionedModel } from "../../src/config/directive.ts";
import { durationMs } from "../../src/task/duration.ts";
import { compareGiven } from "../../src/task/given-items.ts";
import { idFromPrompt } from "../../src/task/id.ts";
import { parsePlan } from "../../src/task/plan.ts";
import { contradictionIn } from "../../src/task/plan-contradiction.ts";
import { chosenOption, optionsOf } from "../../src/task/question-options.ts";
import { namesEnd, resetTime, retryAfterMs } from "../../src/task/reset-time/read.ts";
import { passwordsOf, withoutSecrets } from "../../src/task/secrets.ts";
import { secretsInCommand, shownCommand } from "../../src/task/secrets-of-command.ts";
import { TEST_LIMIT_MS } from "../patience.ts";

const KIB = 1024;
/** A plan, or a line of an agent's output. */
const LONG = 256 * KIB;
/** A question, a prompt. */
const MIDDLE = 64 * KIB;
/** What a user types into one field. */
const SHORT = 8 * KIB;

const NOW = Date.UTC(2026, 10, 24);
const names = { models: ["opus", "claude-opus-4-1"], backends: ["cursor"] };

const PARSERS: Record<string, { read: (text: string) => unknown; chars: number }> = {
	plan: { read: parsePlan, chars: LONG },
	"what an item says of itself": { read: contradictionIn, chars: MIDDLE },
	"secrets in any text": { read: withoutSecrets, chars: LONG },
	"terminal text": { read: plain, chars: LONG },
	"claude's output": { read: (text) => backendOf("claude").parser().line(text), chars: LONG },
	"codex' output": { read: (text) => backendOf("codex").parser().line(text), chars: LONG },
	"cursor's output": { read: (text) => backendOf("cursor").parser().line(text), chars: LONG },
	"a command's output": { read: (text) => backendOf("command").parser().line(text), chars: LONG },
	"failure class": { read: failureClass, chars: LONG },
	"status in words": { read: statusIn, chars: LONG },
	"reset time": { read: (text) => resetTime(text, NOW), chars: LONG },
	"names an end": { read: namesEnd, chars: LONG },
	"Retry-After": { read: (text) => retryAfterMs(text, NOW), chars: LONG },
	"options of a question": { read: optionsOf, chars: MIDDLE },
	"chosen option": { read: (text) => chosenOption(text, "1"), chars: MIDDLE },
	"directive in a prompt": { read: (text) => mentionedModel(text, names), chars: MIDDLE },
	"id of a prompt": { read: (text) => idFromPrompt(text), chars: MIDDLE },
	"list of models": { read: parseModels, chars: MIDDLE },
	"name of a model": { read: looksLikeModel, chars: SHORT },
	duration: { read: durationMs, chars: SHORT },
	"words of a shell line": { read: shellWords, chars: SHORT },
	"flag of a shell line": { read: (text) => takeFlag(text, ["--model"]), chars: SHORT },
	"shown command": { read: shownCommand, chars: SHORT },
	"secrets in a command": { read: secretsInCommand, chars: SHORT },
	"passwords of an address": { read: passwordsOf, chars: SHORT },
};

/** A text that takes quadratic time runs into this; one that does not takes a fraction of it on any machine. */
const HANGS_MS = 60_000;

/** One for all: making it takes longer than reading most texts. */
const context = vm.createContext({});

/** @throws when it does not come to an end: the interpreter ends it, in the middle of a regular expression */
function ends(work: () => unknown): true {
	context.work = work;
	vm.runInContext("work()", context, { timeout: HANGS_MS });
	return true;
}

const PIECES = [
	..." \t\n-[(\"'`\\$=:/@.1a_#*|>~&?;,+%",
	..."- [ ] ,- [x,| a ,[[,((,https://,a:b@,--key=,KEY=,sk-,1. ,in 1h ,10:,a.,\r\n,```\n,<a>,\u001b[,\u001b],\"a,'a,%41,retry-after: ,until ".split(
		",",
	),
	"Basic ",
	// Those of Node's own stripVTControlCharacters, behind an escape.
	";#",
	"\u009d",
	"ab://",
	"- a (b)\n",
	"| a | done |\n",
	"1.",
	": ",
	"resets 3am (a/",
	"\\\\",
	"\\u0041",
	"MAX_",
	"_secret",
];

const texts = (chars: number) =>
	PIECES.flatMap((piece) => {
		const run = piece.repeat(Math.ceil(chars / piece.length)).slice(0, chars);
		return [run, `${run}!`, `x${run}\u0000`, `\u001b${run}`, `?${run}=x y`, `--${run}TOKEN=x\\ y`];
	});

test.each(Object.entries(PARSERS))("%s", { timeout: 4 * TEST_LIMIT_MS }, (_name, { read, chars }) => {
	for (const text of texts(chars)) expect(ends(() => read(text))).toBe(true);
});

test("a thousand items that share no word with those that were given", { timeout: 4 * TEST_LIMIT_MS }, () => {
	const items = (letter: string) =>
		Array.from({ length: 1_000 }, (_, n) =>
			Array.from({ length: 60 }, (_, word) => `${letter}${n}x${word}`).join(" "),
		);
	const plan = parsePlan(
		items("a")
			.map((item) => `- [x] ${item}\n`)
			.join(""),
	);
	expect(ends(() => compareGiven(items("b"), plan))).toBe(true);
});
