import { matches } from "../../actions/list.ts";
import { type Removed, removeIfEnded, wouldRemove } from "../../actions/remove.ts";
import { cutOff, type Each, eachInTurn, isDone, type NotDone } from "../../actions/several.ts";
import type { DamagedTask } from "../../task/damaged.ts";
import { parseDuration } from "../../task/duration.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { ENDED_STATES, isEnded, isState } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { filterOf, type TaskFilterFlags } from "../options/task-filter.ts";
import { type Output, promptStream } from "../show/output.ts";
import { entriesOf, notKnown, tellRefusals } from "../show/several.ts";

const USUAL_AGE = "14d";
/** Of those that are to go, and of those that stay. */
const NAMED = 10;

export interface PruneFlags extends TaskFilterFlags {
	olderThan?: string;
	dryRun?: boolean;
	yes?: boolean;
	force?: boolean;
}

/** Deletes tasks of this host that ended a while ago, and that no open one needs. Reports and logs go, the work in the project stays. */
export async function prune(context: Context, flags: PruneFlags): Promise<number | undefined> {
	const chosen = await chosenOf(context, flags);
	const store = await context.store();
	const { output } = context;
	const place = { ...context.home, env: context.env, force: flags.force ?? false };
	const gone = new Set<string>();
	const look = () =>
		eachInTurn(chosen.old, idOf, (record) => wouldRemove(store.namespace, record, place, gone));
	const isAsked = !flags.dryRun && !flags.yes && isPerson(output) && chosen.old.length > 0;
	const looked = flags.dryRun || isAsked ? await look() : [];
	const refused = looked.filter((one) => !isDone(one));
	const stays = new Set(refused.map(({ task }) => task));
	// Where somebody was asked, no more goes than was shown.
	const going = chosen.old.filter((record) => !stays.has(idOf(record)));
	if (isAsked && !(await agreesToRemove(output, going, refused.length))) return EXIT.interrupted;
	const removed: string[] = [];
	const tellGone = ({ task, fault }: Removed) => {
		if (fault) output.note(fault);
		removed.push(task);
	};
	if (flags.dryRun) for (const one of looked) if (isDone(one)) tellGone(one.done);
	const acted = await eachInTurn(flags.dryRun ? [] : going, idOf, async (record) => {
		const done = await removeIfEnded(store, record, place);
		if (done === null) return;
		tellGone(done);
		output.progress(`${removed.length} of ${chosen.old.length}`);
	});
	output.clearProgress();
	return tellEnd(output, { ...chosen, removed, each: flags.dryRun ? looked : [...refused, ...acted] }, flags);
}

const idOf = ({ spec }: TaskRecord) => spec.id;

interface Chosen {
	/** those that are to go */
	old: TaskRecord[];
	/** as old, and left alone */
	kept: { id: string; neededBy: string[] }[];
	/** nobody knows how old they are */
	damaged: DamagedTask[];
}

/** @throws DISPATCH_USAGE */
async function chosenOf(context: Context, flags: PruneFlags): Promise<Chosen> {
	const ageMs = parseDuration(flags.olderThan ?? USUAL_AGE, "--older-than");
	for (const state of flags.state ?? []) requireEnded(state);
	const wanted = matches(filterOf({ ...flags, host: flags.host ?? context.home.hostId }));
	const store = await context.store();
	const before = store.clock.now() - ageMs;
	const isOld = ({ state, endedAt }: TaskRecord) => isEnded(state) && endedAt !== null && endedAt <= before;
	const { records, damaged } = await store.newest(-1);
	// What is still to start gets the reports of what it needs.
	const needs = new Map<string, string[]>();
	for (const { spec } of records.filter((record) => !isEnded(record.state)))
		for (const id of spec.after) needs.set(id, [...(needs.get(id) ?? []), spec.id]);
	const all = records.filter((record) => isOld(record) && wanted(record));
	const kept = all.map(idOf).flatMap((id) => {
		const neededBy = needs.get(id);
		return neededBy === undefined ? [] : [{ id, neededBy }];
	});
	return { old: all.filter((record) => !needs.has(idOf(record))), kept, damaged };
}

interface End extends Chosen {
	/** with `--dry-run` those that would be */
	removed: string[];
	each: Each<unknown>[];
}

/** @returns the exit code of the worst */
function tellEnd(output: Output, { old, kept, damaged, removed, each }: End, flags: PruneFlags) {
	const dryRun = flags.dryRun ?? false;
	const faults = faultsOf(each);
	const isWhole = each.every(isDone);
	const some = `${dryRun ? "Would remove" : "Removed"} ${removed.length} of ${old.length} tasks.`;
	const lines = [
		...(dryRun ? removed.map((id) => `  ${id}`) : []),
		...(isWhole ? told(removed, flags) : [some]),
	];
	tellKept(output, kept);
	if (damaged.length > 0)
		output.note(
			`Nobody knows how old these are, their records are damaged: ${damaged.map(({ id }) => id).join(", ")}. To remove one: dispatch rm ID`,
		);
	const shown = { removed, dryRun, ...(kept.length > 0 && { kept }), ...shownFaults(faults) };
	output.result(shown, lines, removed);
	return tellFaults(output, faults, dryRun);
}

function tellKept(output: Output, kept: Chosen["kept"]): void {
	for (const { id, neededBy } of kept.slice(0, NAMED)) {
		const more = neededBy.length > 1 ? ` and ${neededBy.length - 1} more` : "";
		output.note(`\`${id}\` stays: \`${neededBy[0]}\`${more}, which has not ended, needs it.`);
	}
	if (kept.length > NAMED)
		output.note(`${kept.length - NAMED} more stay: tasks that have not ended need them.`);
}

interface Faults {
	/** all that Redis answered about */
	answered: Each<unknown>[];
	outage: DispatchError | undefined;
	/** those that it met */
	unknown: NotDone[];
}

function faultsOf(each: readonly Each<unknown>[]): Faults {
	const cut = cutOff(each);
	const answered = each.filter((one) => isDone(one) || !cut.includes(one));
	return { answered, outage: cut[0]?.refusal, unknown: cut.filter(({ isUntouched }) => !isUntouched) };
}

/** For `--json`. */
function shownFaults({ answered, outage, unknown }: Faults) {
	const refused = entriesOf(
		answered.filter((one) => !isDone(one)),
		() => null,
	);
	const { code, message, hint = null } = outage ?? {};
	return {
		...(refused.length > 0 && { notRemoved: refused }),
		...(outage && { error: { code, message, hint }, notKnown: unknown.map(({ task }) => task) }),
	};
}

/** @returns the exit code of the worst, which is that of the call itself for a dry run, too */
function tellFaults(output: Output, { answered, outage, unknown }: Faults, dryRun: boolean) {
	const code = dryRun ? tellStaying(output, answered) : tellRefusals(output, answered, "removed");
	if (outage === undefined) return code;
	if (!output.json) output.error(outage);
	if (!output.json && unknown.length > 0) output.note(notKnown(unknown));
	if (!output.json) output.note("The rest stays. Once Redis is back, the same command removes it.");
	return Math.max(outage.exitCode, code ?? 0);
}

/** @returns as `tellRefusals` */
function tellStaying(output: Output, each: readonly Each<unknown>[]): number | undefined {
	const refusals = each.flatMap((one) => (isDone(one) ? [] : [one.refusal]));
	if (!output.json) for (const refusal of refusals) output.error(refusal);
	return refusals.length === 0 ? undefined : Math.max(...refusals.map(({ exitCode }) => exitCode));
}

function told(
	removed: readonly string[],
	{ state, tag, olderThan = USUAL_AGE, dryRun }: PruneFlags,
): string[] {
	const what = `${removed.length === 1 ? "1 task" : `${removed.length} tasks`} older than ${olderThan}`;
	if (dryRun) return [`Would remove ${what}.`];
	if (removed.length > 0) return [`Removed ${what}.`];
	return [
		`No ${state === undefined && tag === undefined ? "task" : "such task"} is older than ${olderThan}.`,
	];
}

function isPerson({ json, quiet }: Output): boolean {
	return process.stdin.isTTY === true && promptStream().isTTY === true && !json && !quiet;
}

/** A person at a terminal sees what would go, and says yes; a script is asked nothing. @param staying of how many it is told after this */
async function agreesToRemove(
	output: Output,
	going: readonly TaskRecord[],
	staying: number,
): Promise<boolean> {
	if (going.length === 0) return true;
	for (const { spec, state } of going.slice(0, NAMED)) output.aside(`  ${spec.id}  ${state}`);
	if (going.length > NAMED) output.aside(`  and ${going.length - NAMED} more: dispatch prune --dry-run`);
	if (staying > 0) output.aside(`  (${staying} more stay, and why is told after this)`);
	const { confirm } = await import("@clack/prompts");
	const what = going.length === 1 ? "this task" : `these ${going.length} tasks`;
	const message = `Delete ${what} with reports and logs? The work in the project stays.`;
	const said = await confirm({ message, initialValue: false, output: promptStream() });
	if (said !== true) output.note("Nothing was removed.");
	return said === true;
}

/** Said rather than that there is none: somebody may think that it takes away what runs. @throws DISPATCH_USAGE */
function requireEnded(state: string): void {
	if (!isState(state) || isEnded(state)) return;
	throw new DispatchError(
		"DISPATCH_USAGE",
		`Expected --state to be ${ENDED_STATES.join(", ")}, got "${state}".`,
		{
			hint: "prune removes what has ended; `dispatch cancel` ends tasks.",
		},
	);
}
