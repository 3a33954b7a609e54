/** Tab completion. It must be quick and quiet: it starts nothing, and what cannot be had is left out. */
import type { Command, Option } from "commander";
import { configPath, homePath } from "../../config/home.ts";
import { loadConfig } from "../../config/load.ts";
import { newestBatches } from "../../queue/records/batches.ts";
import { offered } from "../../queue/records/offered.ts";
import type { Store } from "../../queue/records/store.ts";
import { localServerState } from "../../queue/redis/local-server.ts";
import { PERMISSIONS } from "../../task/spec.ts";
import { isEnded, STATES, type State } from "../../task/states.ts";
import { Context, type Environment } from "../context.ts";
import { COMPLETION_SCRIPTS } from "../program/completion-scripts.ts";
import { commandOf } from "../program/help.ts";
import { type Output, oneLine } from "../show/output.ts";

/** As many as a shell shows without asking. Of more, it is offered how they begin. */
const IDS_OFFERED = 200;
/** For what tasks have in common. */
const TASKS_LOOKED_AT = 200;
const REDIS_LIMIT_MS = 1_000;
/**
 * What a shell takes as one word, whatever it does with it. Ids come from Redis, templates from the
 * repository: anything else would be typed for the user, and executed at Enter.
 */
const PLAIN_WORD = /^[\w%+=:,./@-]+$/;

/** Which tasks a command can do something with; the others take every task. */
const STATES_FOR: Readonly<Record<string, (state: State) => boolean>> = {
	answer: (state) => state === "asking" || state === "parked",
	cancel: (state) => !isEnded(state),
	note: (state) => !isEnded(state),
	wait: (state) => !isEnded(state),
	retry: isEnded,
	rm: isEnded,
};

const HAVING: Readonly<Record<string, "report" | "worktree">> = {
	output: "report",
	diff: "worktree",
	apply: "worktree",
};

const anyState = () => true;

/** Commands that take several ids in one word: `a,b,c`. */
const LIST_TAKERS = new Set(["answer", "cancel", "enqueue", "note", "retry", "rm", "wait"]);

/** A line of its own instead of candidates, with which no file is offered either: the user's own words stand here. */
const OWN_WORDS = "\t";

interface Candidate {
	value: string;
	description: string;
}

export async function printScript(output: Output, shell: string): Promise<undefined> {
	output.text((COMPLETION_SCRIPTS[shell] ?? "").trim());
}

/**
 * Prints what may stand in place of the last word, a line each: value, tab, description. Nothing where a
 * file's name, or anything, may stand; a tab alone where words of the user's own do.
 * @param words the line behind `dispatch`, the last one as far as it is written
 */
export async function complete(
	program: Command,
	output: Output,
	env: Environment,
	words: string[],
): Promise<undefined> {
	const written = words.at(-1) ?? "";
	const found = await candidates({ program, output, env }, words.slice(0, -1), written);
	if (found === null) {
		output.write(OWN_WORDS);
		return;
	}
	const unique = new Map(found.map(({ value, description }) => [value, description]));
	const offered = [...unique].filter(([value]) => value.startsWith(written) && PLAIN_WORD.test(value));
	if (offered.length > 0)
		output.text(offered.map(([value, description]) => `${value}\t${oneLine(description, 80)}`).join("\n"));
}

interface Asking {
	program: Command;
	output: Output;
	env: Environment;
}

interface AskingValue extends Asking {
	/** of the word */
	written: string;
	/** the words before it */
	before: readonly string[];
}

/** @returns null: words of the user's own */
async function candidates(asking: Asking, before: string[], written: string): Promise<Candidate[] | null> {
	const { command, args, open } = walk(asking.program, before);
	if (open !== null) return valuesOf(open.attributeName(), { ...asking, written, before });
	if (written.startsWith("-"))
		return [...visibleOptions(command), ...visibleOptions(asking.program)].map(
			({ long, short, description }) => ({
				value: long ?? short ?? "",
				description,
			}),
		);
	const subs = args > 0 ? [] : command.createHelp().visibleCommands(command);
	const named = subs.map((sub) => ({ value: sub.name(), description: sub.description() }));
	const expected = command.registeredArguments;
	// `words` stand for what is no command.
	if (subs.length > 0 && expected[0]?.name() === "words") return named;
	const argument = expected[args] ?? (expected.at(-1)?.variadic ? expected.at(-1) : undefined);
	if (argument === undefined) return [];
	if (argument.name() === "text") return null;
	if (argument.argChoices !== undefined) return plainValues(argument.argChoices);
	// Every word may be a file's name; it is one where none is begun.
	if (argument.name() === "file" && written === "") return [];
	const name = `${command.parent?.name() === "config" ? "config " : ""}${argument.name()}`;
	return [...named, ...(await valuesOf(name, { ...asking, written, before }, command))];
}

/** Follows the words to the command they name; `open` is an option that still waits for its value. */
function walk(
	program: Command,
	words: readonly string[],
): { command: Command; args: number; open: Option | null } {
	let command = program;
	let args = 0;
	let open: Option | null = null;
	for (const word of words) {
		if (open !== null) open = null;
		else if (word.startsWith("-")) {
			const option = [...command.options, ...program.options].find(
				({ long, short }) => word === long || word === short,
			);
			open = option !== undefined && (option.required || option.optional) ? option : null;
		} else {
			const sub = args === 0 ? commandOf(command, word) : undefined;
			if (sub === undefined) args += 1;
			else command = sub;
		}
	}
	return { command, args, open };
}

function visibleOptions(command: Command): Option[] {
	return command.createHelp().visibleOptions(command);
}

function plainValues(values: readonly string[]): Candidate[] {
	return values.map((value) => ({ value, description: "" }));
}

/** @param name of an option or an argument */
async function valuesOf(name: string, asking: AskingValue, command?: Command): Promise<Candidate[]> {
	const { env } = asking;
	switch (name) {
		case "id":
		case "ids":
			return command === undefined ? [] : idsOf(asking, command.name());
		case "batch":
			return batchesOf(asking);
		case "after":
			return idsOf(asking, "enqueue");
		case "model":
		case "config name":
			return modelsOf(env);
		case "template":
			return templatesOf(env);
		case "name":
			return [command?.name(), command?.parent?.name()].includes("templates") ? templatesOf(env) : [];
		case "words":
			return command?.name() === "help" ? topicsOf(asking.program) : [];
		case "state":
			return listed(asking.written, STATES);
		case "columns":
			return columnsOf(asking.written);
		case "sort":
			return sortsOf(asking.written);
		case "host":
			return fromRedis(asking, async (store) => {
				const { hostNames } = await import("../../queue/records/host-list.ts");
				const [shown, records] = await Promise.all([hostNames(store), store.list(TASKS_LOOKED_AT)]);
				return plainValues([...shown, ...records.map(({ host }) => host)]);
			});
		case "tag":
			return tagsOf(asking);
		case "permissions":
			return plainValues(PERMISSIONS);
		case "for":
			return plainValues(["question"]);
		default:
			return [];
	}
}

async function modelsOf(env: Environment): Promise<Candidate[]> {
	try {
		const config = await loadConfig({ path: configPath(env), env });
		return [
			...Object.keys(config.aliases).map((value) => ({ value, description: "alias" })),
			...Object.entries(config.models).map(([value, { backend }]) => ({ value, description: backend ?? "" })),
			...Object.keys(config.backends).map((value) => ({ value, description: "backend" })),
		];
	} catch {
		return [];
	}
}

async function templatesOf(env: Environment): Promise<Candidate[]> {
	try {
		const { listTemplates } = await import("../../config/templates.ts");
		const places = { project: process.cwd(), home: homePath(env) };
		return listTemplates(places).map(({ name, description }) => ({ value: name, description }));
	} catch {
		return [];
	}
}

async function topicsOf(program: Command): Promise<Candidate[]> {
	const { TOPICS } = await import("../help/topics.ts");
	return [
		{ value: "topics", description: "pages on one matter each" },
		...TOPICS.map(({ name, title }) => ({ value: name, description: title })),
		...program
			.createHelp()
			.visibleCommands(program)
			.map((command) => ({ value: command.name(), description: command.description() })),
	];
}

async function columnsOf(written: string): Promise<Candidate[]> {
	const { COLUMN_NAMES } = await import("../show/task-columns.ts");
	return listed(written, COLUMN_NAMES);
}

/** Of a list all but the last one, which is to be completed. */
function begunOf(written: string): string {
	return written.slice(0, written.lastIndexOf(",") + 1);
}

/** Of a list the last one is completed. */
function listed(written: string, names: readonly string[]): Candidate[] {
	const begun = begunOf(written);
	const used = begun.split(",");
	return plainValues(names.filter((name) => !used.includes(name)).map((name) => begun + name));
}

async function sortsOf(written: string): Promise<Candidate[]> {
	const { SORT_NAMES } = await import("../../actions/task-order.ts");
	const sign = written.startsWith("-") ? "-" : "";
	return plainValues(SORT_NAMES.map((name) => sign + name));
}

function batchesOf(asking: AskingValue): Promise<Candidate[]> {
	return fromRedis(asking, async (store) => {
		const { batches } = await newestBatches(store, IDS_OFFERED);
		return batches.map(({ id, name, size }) => ({ value: id, description: name ?? `${size} tasks` }));
	});
}

/** Labels of the newest tasks. */
function tagsOf(asking: AskingValue): Promise<Candidate[]> {
	return fromRedis(asking, async (store) => {
		const records = await store.list(TASKS_LOOKED_AT);
		const values = records.flatMap(({ spec: { tags } }) =>
			Object.entries(tags).map(([name, value]) => `${name}=${value}`),
		);
		return plainValues(values);
	});
}

/** The tasks that the command is for, newest first; not those that stand in the line already. */
function idsOf(asking: AskingValue, command: string): Promise<Candidate[]> {
	const { written, before } = asking;
	const begun = LIST_TAKERS.has(command) ? begunOf(written) : "";
	return fromRedis(asking, async (store) => {
		const found = await offered(store, {
			begins: written.slice(begun.length),
			states: STATES.filter(STATES_FOR[command] ?? anyState),
			without: [...before, begun].flatMap((word) => word.split(",")),
			most: IDS_OFFERED,
			having: HAVING[command],
		});
		return [...found].map(([value, what]) => ({
			value: begun + value,
			description: /^\d/.test(what) ? `${what} tasks` : what,
		}));
	});
}

/** Nothing where Redis is not there to be asked, or takes too long. */
async function fromRedis(
	{ output, env, before }: AskingValue,
	ask: (store: Store) => Promise<Candidate[]>,
): Promise<Candidate[]> {
	let context: Context | undefined;
	let limit: NodeJS.Timeout | undefined;
	try {
		context = await Context.open({ env, output, redis: givenRedis(before) });
		if ((await context.redisUrl()) === null && localServerState({ path: context.home.base }) === "stopped")
			return [];
		const store = await context.store();
		const late = new Promise<never>((_resolve, reject) => {
			limit = setTimeout(reject, REDIS_LIMIT_MS);
		});
		return await Promise.race([ask(store), late]);
	} catch {
		return [];
	} finally {
		clearTimeout(limit);
		await context?.close().catch(() => {});
	}
}

function givenRedis(words: readonly string[]): string | undefined {
	const at = words.findLastIndex((word) => word === "--redis" || word.startsWith("--redis="));
	return words[at]?.startsWith("--redis=")
		? words[at].slice("--redis=".length)
		: words[at + 1 || words.length];
}
