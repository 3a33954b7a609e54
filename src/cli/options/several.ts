/** Which tasks a command means that acts on several: ids, or a filter. What a filter hits is shown, and asked about. */
import { attempt, filteredTasks, type NotDone, requireAsShown } from "../../actions/several.ts";
import { DispatchError } from "../../task/errors.ts";
import { type TaskRecord, workspaceOf } from "../../task/record.ts";
import { isState, STATES, type State } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { oneLine, promptStream } from "../show/output.ts";
import type { SeveralFlags } from "./ids.ts";
import { filterOf } from "./task-filter.ts";

/** Of those that a filter hits. */
const NAMED = 10;

export interface Act {
	/** "Cancel" */
	verb: string;
	/** "cancelled" */
	participle: string;
	/** the states of tasks that it is for */
	isFor(state: State): boolean;
	/** those that a filter takes which names no state; undefined: all that it is for */
	usual?: readonly State[];
}

export interface Filtered {
	records: TaskRecord[];
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
		return { records, left: [] };
	}
	if (flags.yes) return { records, left: [] };
	const isPerson = process.stdin.isTTY === true && promptStream().isTTY === true;
	if (!isPerson || output.json || output.quiet) {
		if (records.length === 1) return { records, left: [] };
		throw new DispatchError(
			"DISPATCH_USAGE",
			`${records.length} tasks match, and nobody can be asked here.`,
			{
				hint: `${act.verb} them all with --yes.`,
			},
		);
	}
	if (!(await agrees(context, records, act))) {
		output.note(`Nothing was ${act.participle}.`);
		return null;
	}
	return asShown(records, await store.getMany(records.map(({ spec }) => spec.id)), states);
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

async function agrees({ output }: Context, records: readonly TaskRecord[], act: Act): Promise<boolean> {
	for (const record of records.slice(0, NAMED))
		output.note(`${record.spec.id} (${record.state}, in ${oneLine(workspaceOf(record))})`);
	if (records.length > NAMED) output.note(`and ${records.length - NAMED} more`);
	const { confirm } = await import("@clack/prompts");
	const message = `${act.verb} ${countOf(records.length, "task")}?`;
	return (await confirm({ message, initialValue: false, output: promptStream() })) === true;
}

async function asShown(
	shown: readonly TaskRecord[],
	read: readonly TaskRecord[],
	states: readonly State[],
): Promise<Filtered> {
	const now = new Map(read.map((record) => [record.spec.id, record]));
	const filtered: Filtered = { records: [], left: [] };
	for (const each of shown) {
		const { id } = each.spec;
		const checked = await attempt(id, () => requireAsShown(each, now.get(id), states));
		if ("refusal" in checked) filtered.left.push(checked);
		else filtered.records.push(now.get(id) ?? each);
	}
	return filtered;
}

function countOf(count: number, what: string): string {
	return count === 1 ? `1 ${what}` : `${count} ${what}s`;
}

function listed(names: readonly string[]): string {
	return names.join(", ").replace(/, (?=[^,]*$)/, " or ");
}
