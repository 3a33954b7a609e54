/**
 * docs/ARCHITECTURE.md says in which one folder a backend, a notification target, a way of ending or a command is
 * added. Whoever asks for one by its name anywhere else makes that untrue.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { KNOWN_CLIS } from "../../src/backends/known.ts";
import { TARGET_TYPES } from "../../src/notify/targets/index.ts";
import { FAILURE_REASONS } from "../../src/task/states.ts";

const SRC = resolve(import.meta.dirname, "../../src");

const sources = readdirSync(SRC, { recursive: true, encoding: "utf8" })
	.filter((name) => name.endsWith(".ts"))
	.map((name) => ({ name, text: readFileSync(join(SRC, name), "utf8") }));

interface Source {
	name: string;
	text: string;
}

/** Where one of the words stands as a text of its own, or as a key of a table: "worker/start.ts codex". */
function named(words: readonly string[], home: string, files: readonly Source[] = sources): string[] {
	return files
		.filter(({ name }) => !name.startsWith(home))
		.flatMap(({ name, text }) => {
			const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
			return words.filter((word) => isNamed(word, code)).map((word) => `${name} ${word}`);
		});
}

function isNamed(word: string, code: string): boolean {
	const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
	return (
		new RegExp(`(["'\`])${escaped}\\1`).test(code) ||
		new RegExp(`^\\s*${escaped}: [{"'\`\\[]`, "m").test(code)
	);
}

describe("a backend is one folder", () => {
	// `agent` and `auto` are words of everyday.
	const all = KNOWN_CLIS.flatMap(({ type, programs, models, install, login }) => [
		...[type, ...programs, ...models.usual, ...models.further],
		...[install, login.how, ...login.variables("")],
	]);
	const words = [...new Set(all)].filter((word) => word !== "agent" && word !== "auto");
	/** Whoever called us may be an agent that is no backend; what of its session is handed on is one table for all. */
	const SESSIONS = "process/environment.ts";

	test("nothing outside of it asks for one by name, by its program, its models or its login", () => {
		expect(named(words, "backends/").filter((each) => !each.startsWith(SESSIONS))).toEqual([]);
	});

	test("what a planted special case looks like", () => {
		const plant = (text: string) => named(words, "backends/", [{ name: "worker/plant.ts", text }]);
		expect(plant('if (backend.type === "codex") return;')).toEqual(["worker/plant.ts codex"]);
		expect(plant('const HINTS = {\n\tclaude: "log in",\n};')).toEqual(["worker/plant.ts claude"]);
		expect(plant("// as codex does\nconst codexLike = 1;")).toEqual([]);
	});
});

test("a notification target is one folder: nothing outside of it asks for one by name", () => {
	// A `command` is many things.
	const words = TARGET_TYPES.filter((type) => type !== "command");
	expect(named(words, "notify/")).toEqual([]);
});

/** Words that mean something else there, or an end that is decided on the spot; a new one is not among them. */
const REASONS_ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
	// Classes of what a CLI said, by which its words are read.
	"backends/": ["auth", "billing", "budget", "context_full", "not_started", "quota", "rate_limited"],
	// Kinds of holds.
	"queue/records/gates.ts": ["auth", "billing", "budget", "rate_limited"],
	"cli/doctor/check-holds.ts": ["auth", "billing", "rate_limited"],
	"cli/help/": ["budget"],
	"monitor/": ["rate_limited"],
	"worker/settle.ts": ["billing", "not_committed", "rate_limited", "setup_failed", "verify_failed"],
	"worker/run-job.ts": ["budget"],
	// Keys of the config, of a batch and of the command line.
	"config/": ["budget", "deadline"],
	"producer/batch": ["budget", "deadline"],
	// No agent ran: the reason is known where it happens.
	"worker/not-started.ts": ["budget", "internal", "not_started"],
	"monitor/plain-end.ts": ["internal"],
	// Needs the questions, which a limit must not.
	"monitor/limits.ts": ["unanswered"],
};

test("a way of ending is one folder: outside of it no reason is asked for that is not on the list", () => {
	// Words of many meanings.
	const words = FAILURE_REASONS.filter((reason) => reason !== "unavailable" && reason !== "model");
	const found = named(words, "task/").map((each) => each.split(" "));
	const listed = Object.entries(REASONS_ELSEWHERE).flatMap(([place, reasons]) =>
		reasons.map((reason) => [place, reason] as const),
	);
	const isAt = (place: string, file = "") => file.startsWith(place);
	expect(
		found.filter(([file, word]) => !listed.some(([place, reason]) => isAt(place, file) && reason === word)),
	).toEqual([]);
	// What is no longer needed goes from the list.
	expect(
		listed.filter(([place, reason]) => !found.some(([file, word]) => isAt(place, file) && reason === word)),
	).toEqual([]);
});

test("a command is one folder: nothing outside of it defines one, or says who may run it", () => {
	const elsewhere = sources.filter(({ name }) => !name.startsWith("cli/commands/"));
	expect(elsewhere.filter(({ text }) => /\.command\("/.test(text)).map(({ name }) => name)).toEqual([]);
	const marks = elsewhere.filter(({ text }) => text.includes("forAgents(")).map(({ name }) => name);
	// The program itself, without a word, shows what runs.
	expect(marks).toEqual(["cli/program/program.ts"]);
});
