/** Which tasks a command means that acts on several: ids, or a filter. What a filter hits is shown, and asked about. */
import { attempt, filteredTasks, type NotDone, requireAsShown, type Shown } from "../../actions/several.ts";
import type { Store } from "../../queue/records/store.ts";
import { DispatchError } from "../../task/errors.ts";
import type { Question } from "../../task/question.ts";
import { type TaskRecord, workspaceOf } from "../../task/record.ts";
import { isState, STATES, type State } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { oneLine, promptStream } from "../show/output.ts";
import { indented } from "../show/question-lines.ts";
import { idsOf, type SeveralFlags } from "./ids.ts";
import { filterOf } from "./task-filter.ts";

/** Of those that a filter hits. */
const NAMED = 10;
/** Nobody reads more of one before agreeing to answer several. */
const ASKED_MOST_CHARS = 8_000;
const LEAST_COLUMNS = 20;
const USUAL_COLUMNS = 80;
const NAMED_CHARS = 60;
/** an id, the beginning of one, or a list of them */
const MAY_NAME = /^[a-z0-9][a-z0-9,-]*$/;

export interface Act {
	/** "Cancel" */
	verb: string;
	/** "cancelled" */
	participle: string;
	/** the states of tasks that it is for */
	isFor(state: State): boolean;
	/** those that a filter takes which names no state; undefined: all that it is for */
	usual?: readonly State[];
	/** the question that it is for, of each task: shown, and to be the same one still when it is agreed to */
	questions?(store: Store, records: readonly TaskRecord[]): Promise<(Question | null)[]>;
}

export interface Filtered {
	records: TaskRecord[];
	/** in which they are meant: one that has moved on when the act comes to it is left alone */
	states: State[];
	/** the questions that were shown, by task */
	asked?: ReadonlyMap<string, Question | null>;
	/** those that were shown and have moved on since */
	left: NotDone[];
}

/**
 * @returns null: a person was asked, and said no
 * @throws DISPATCH_USAGE beside ids, for a state that the act is not for, and for several tasks where nobody can be
 * asked and `--yes` is not given
 */
export async function tasksOfFilter(
	context: Context,
	given: readonly string[],
	flags: SeveralFlags,
	act: Act,
): Promise<Filtered | null> {
	if (given.length > 0)
		throw new DispatchError("DISPATCH_USAGE", `Expected ids or a filter, got both ("${given[0]}").`, {
			hint: "Leave the ids out, or --state, --tag and --host.",
		});
	const { output, home } = context;
	const states = statesOf(flags, act);
	const here = flags.anyHost ? null : home.hostId;
	const store = await context.store();
	const { records, elsewhere } = await filteredTasks(store, { ...filterOf(flags), states }, here);
	if (elsewhere > 0)
		output.note(`${countOf(elsewhere, "such task")} of other hosts left out; --any-host takes them, too.`);
	if (records.length === 0) {
		if (!output.json) output.result(null, [`No task matches: nothing was ${act.participle}.`], []);
		return { records, states, left: [] };
	}
	if (flags.yes) return { records, states, left: [] };
	const isPerson = process.stdin.isTTY === true && promptStream().isTTY === true;
	if (!isPerson || output.json || output.quiet) {
		if (records.length === 1) return { records, states, left: [] };
		throw new DispatchError(
			"DISPATCH_USAGE",
			`${records.length} tasks match, and nobody can be asked here.`,
			{
				hint: `${act.verb} them all with --yes.`,
			},
		);
	}
	const { readable: shown, left } = readableOf(await seen(store, records, act));
	if (shown.length === 0) return { records: [], states, left };
	if (!(await agrees(context, shown, act))) {
		output.note(`Nothing was ${act.participle}.`);
		return null;
	}
	const read = await store.getMany(records.map(({ spec }) => spec.id));
	const agreed = await asShown(shown, await seen(store, read, act), states);
	return { ...agreed, left: [...left, ...agreed.left] };
}

/**
 * What is to be said to the tasks of a filter is one argument. More of them, or an id, look like `ID TEXT`: the filter
 * would send it to everybody but that task.
 * @throws DISPATCH_USAGE
 */
export async function requireTextAlone(
	context: Context,
	words: readonly string[],
	flags: SeveralFlags,
): Promise<void> {
	const [first = "", ...more] = words;
	const option = optionOf(flags);
	if (more.length > 0)
		throw new DispatchError(
			"DISPATCH_USAGE",
			`Expected the text as one argument beside ${option}, got ${words.length}; the first is "${oneLine(first, NAMED_CHARS)}".`,
			{ hint: "Put all of it in quotes; or leave the option out to name a task by its id." },
		);
	if (!MAY_NAME.test(first)) return;
	const ids = await (await context.store()).ids();
	const named = ids.find((id) => idsOf(first).some((each) => id.startsWith(each)));
	if (named === undefined) return;
	throw new DispatchError(
		"DISPATCH_USAGE",
		`Expected an id or ${option}, got both: "${oneLine(first, NAMED_CHARS)}" names \`${named}\`.`,
		{ hint: "Leave one of them out; a text that looks like an id is read from stdin with `-`." },
	);
}

/** `--state running` */
function optionOf({ state, tag, host }: SeveralFlags): string {
	if (state !== undefined) return `--state ${state[0]}`;
	return tag !== undefined ? `--tag ${tag[0]}` : `--host ${host}`;
}

async function seen(store: Store, records: readonly TaskRecord[], act: Act): Promise<Shown[]> {
	const questions = await act.questions?.(store, records);
	const shown = records.map((record, n) =>
		questions ? { record, question: questions[n] ?? null } : { record },
	);
	// As everywhere: who asked first comes first.
	const askedAt = ({ question }: Shown) => question?.askedAt ?? 0;
	return questions ? shown.reverse().sort((a, b) => askedAt(a) - askedAt(b)) : shown;
}

/** @throws DISPATCH_USAGE */
function statesOf({ state, failed }: SeveralFlags, act: Act): State[] {
	const named = [...(state ?? []), ...(failed ? ["failed"] : [])];
	const possible = STATES.filter((each) => act.isFor(each));
	for (const name of named) {
		if (isState(name) && act.isFor(name)) continue;
		throw new DispatchError("DISPATCH_USAGE", `Expected --state to be ${listed(possible)}, got "${name}".`, {
			hint: isState(name) ? `Tasks in another state cannot be ${act.participle}.` : `One of them.`,
		});
	}
	return named.length > 0 ? possible.filter((each) => named.includes(each)) : [...(act.usual ?? possible)];
}

async function agrees({ output }: Context, shown: readonly Shown[], act: Act): Promise<boolean> {
	// Nobody agrees to answer what was not shown.
	const named = act.questions ? shown : shown.slice(0, NAMED);
	const room = Math.max(LEAST_COLUMNS, (promptStream().columns || USUAL_COLUMNS) - 1);
	for (const { record, question } of named) {
		// No row of a foreign text begins where our lines do.
		const [first = "", ...rest] = indented(
			`${record.spec.id} (${record.state}, in ${oneLine(workspaceOf(record))})`,
			room,
		);
		output.aside(first.trimStart(), ...rest);
		if (question) output.aside("  asks:", ...indented(question.text, room - 2).map((line) => `  ${line}`));
	}
	if (shown.length > named.length) output.aside(`and ${shown.length - named.length} more`);
	const { confirm } = await import("@clack/prompts");
	const message = `${act.verb} ${countOf(shown.length, "task")}?`;
	return (await confirm({ message, initialValue: false, output: promptStream() })) === true;
}

/** What is too long to be read whole is not agreed to either. */
function readableOf(shown: readonly Shown[]): { readable: Shown[]; left: NotDone[] } {
	const isShort = ({ question }: Shown) => (question?.text.length ?? 0) <= ASKED_MOST_CHARS;
	const left = shown
		.filter((each) => !isShort(each))
		.map(({ record: { spec } }) => {
			const message = `The question of \`${spec.id}\` is too long to be read here: it got no answer.`;
			const hint = `Read it and answer it with: dispatch answer ${spec.id}`;
			return { task: spec.id, refusal: new DispatchError("DISPATCH_USAGE", message, { hint }) };
		});
	return { readable: shown.filter(isShort), left };
}

async function asShown(shown: readonly Shown[], read: readonly Shown[], states: State[]): Promise<Filtered> {
	const now = new Map(read.map((each) => [each.record.spec.id, each]));
	const asked = new Map(shown.map(({ record, question = null }) => [record.spec.id, question]));
	const filtered = { records: [] as TaskRecord[], states, left: [] as NotDone[], asked };
	for (const each of shown) {
		const { id } = each.record.spec;
		const checked = await attempt(id, () => requireAsShown(each, now.get(id) ?? {}, states));
		if ("refusal" in checked) filtered.left.push(checked);
		else filtered.records.push((now.get(id) ?? each).record);
	}
	return filtered;
}

function countOf(count: number, what: string): string {
	return count === 1 ? `1 ${what}` : `${count} ${what}s`;
}

function listed(names: readonly string[]): string {
	return names.join(", ").replace(/, (?=[^,]*$)/, " or ");
}
