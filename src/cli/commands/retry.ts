import { recordsOf } from "../../actions/find-task.ts";
import { chosenBy, type Retried, retryTasks } from "../../actions/retry.ts";
import {
	attempt,
	cutOff,
	type Each,
	eachInTurn,
	isDone,
	type NotDone,
	theOnly,
} from "../../actions/several.ts";
import { checkTakeOver, type TakeOver, takeOver } from "../../actions/take-over.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { AgentChoice } from "../../task/spec.ts";
import { isEnded, STATES } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { isFilter, type SeveralFlags } from "../options/ids.ts";
import { type Act, tasksOfFilter } from "../options/several.ts";
import { whoAmI } from "../options/values.ts";
import { promptStream } from "../show/output.ts";
import { tellRefusals, viewsOfEach } from "../show/several.ts";
import { ownHome, tellOfWorker, withTrouble, workerTrouble } from "../worker-up.ts";
import { orderLines } from "./order-lines.ts";

const RETRY: Act = { verb: "Retry", participle: "started again", isFor: isEnded, usual: ["failed"] };
/** One that has not ended is taken over, too, where its host is gone. */
const TAKE_OVER: Act = {
	verb: "Take over",
	participle: "taken over",
	isFor: () => true,
	usual: STATES.filter((state) => !isEnded(state)),
};

export interface RetryFlags extends SeveralFlags {
	fresh?: boolean;
	model?: string;
	sign?: boolean;
	/** on this host */
	here?: boolean;
}

/** Starts ended tasks again. */
export async function retry(
	context: Context,
	given: string[],
	flags: RetryFlags,
): Promise<number | undefined> {
	if (flags.here && isFilter(flags) && flags.host === undefined && !flags.anyHost)
		throw new DispatchError("DISPATCH_USAGE", "Expected --host beside --here and a filter, got none.", {
			hint: "Name the host that is gone: `dispatch status` says which one.",
		});
	const act = flags.here ? TAKE_OVER : RETRY;
	const chosen = isFilter(flags) ? await tasksOfFilter(context, given, flags, act) : undefined;
	if (chosen === null) return EXIT.interrupted;
	const meant = { given: chosen?.records ?? given, left: chosen?.left ?? [], isList: given.length !== 1 };
	return flags.here ? retryHere(context, meant, flags) : retryThere(context, meant, flags);
}

interface Meant {
	given: readonly string[] | readonly TaskRecord[];
	/** those that were shown and have moved on since */
	left: NotDone[];
	/** several, or as many as a filter hits: the result is a list */
	isList: boolean;
}

export async function retryThere(
	context: Context,
	{ given, left, isList }: Meant,
	flags: RetryFlags,
): Promise<number | undefined> {
	const { output } = context;
	const store = await context.store();
	const request = { fresh: flags.fresh ?? false, model: flags.model ?? null, sign: flags.sign ?? false };
	const each = await retryTasks(store, await context.place(), given, request, async (records) =>
		request.sign ? agreesToSign(context, records, flags) : true,
	);
	if (each === null) return EXIT.interrupted;
	if (!isList) theOnly(each);
	const retried = each.filter(isDone).map(({ done }) => done);
	const ids = retried.map(({ task }) => task);
	if (!output.json && ids.length > 0) output.result(null, retried.map(retryLine), ids);
	const isOurs = cutOff(each).length === 0 && retried.some(({ host }) => host === context.home.hostId);
	const trouble = isOurs ? await workerTrouble(context) : null;
	if (isOurs && trouble === null) await tellOfWorker(context);
	return withTrouble(context, trouble, await tellEach(context, [...left, ...each], { isList }));
}

/** The list of the tasks as they are now, and why not of the others. */
async function tellEach(
	context: Context,
	each: readonly Each<unknown>[],
	{ isList }: { isList: boolean },
): Promise<number | undefined> {
	const { output } = context;
	if (output.json) {
		const entries = await viewsOfEach(await context.store(), each);
		output.result(isList ? entries : entries[0], []);
	}
	return tellRefusals(output, each, RETRY.participle);
}

/**
 * Shows what the signature would stand for; the user says yes to it, at a terminal or by `--yes`.
 * @throws DISPATCH_USAGE where nobody can be asked
 */
async function agreesToSign(
	{ output }: Context,
	records: readonly TaskRecord[],
	{ yes, here }: RetryFlags,
): Promise<boolean> {
	if (output.quiet)
		throw new DispatchError("DISPATCH_USAGE", "--quiet would hide what is to be signed.", {
			hint: "Leave --quiet out.",
		});
	for (const line of records.flatMap(orderLines)) output.note(line);
	if (yes) return true;
	if (process.stdin.isTTY !== true || promptStream().isTTY !== true || output.json) {
		const [first] = records;
		const again = `dispatch retry ${first?.spec.id} ${here ? "--here" : "--sign"} --yes`;
		throw new DispatchError("DISPATCH_USAGE", "This would be signed as you, and nobody can be asked here.", {
			hint: `Where all of it is yours, say so by --yes: ${again}`,
		});
	}
	const { confirm } = await import("@clack/prompts");
	const message = "Sign this and run it as you?";
	const said = await confirm({ message, initialValue: false, output: promptStream() });
	if (said !== true) output.note("Nothing was signed, and nothing was started.");
	return said === true;
}

/** What became of it, and who works on it now. */
export function retryLine({ task, agent, fresh, isFirst }: Retried): string {
	const how = isFirst ? "" : ` again ${fresh ? "from the beginning" : "where it stopped"}`;
	return `\`${task}\` starts${how}, using ${agent.model ?? agent.backend}.`;
}

/** Takes tasks over from other hosts. A session's memory stays there, the plan where the directory is shared. */
async function retryHere(
	context: Context,
	{ given, left, isList }: Meant,
	flags: RetryFlags,
): Promise<number | undefined> {
	const store = await context.store();
	await ownHome(context);
	const { output, home } = context;
	const orders = await context.orders();
	const here: TakeOver = {
		host: home.hostId,
		by: whoAmI(),
		config: context.config,
		fresh: flags.fresh ?? false,
		sign: (record, chosen) => orders.sign(record, { host: home.hostId, chosen }),
	};
	const checked: Each<{ record: TaskRecord; chosen: AgentChoice | null }>[] = [];
	for (const record of await recordsOf(store, given))
		checked.push(
			await attempt(record.spec.id, async () => {
				await checkTakeOver(store, record);
				orders.requireNoCopy(record);
				return { record, chosen: await chosenBy(context.config, record, flags.model ?? null) };
			}),
		);
	if (!isList) theOnly(checked);
	const possible = checked.filter(isDone).map(({ done: { record, chosen } }) => ({ ...record, chosen }));
	const taskEnv = await context.taskEnv();
	// Whoever asks for it gives the order, and is told what it is.
	if (possible.length > 0 && !(await agreesToSign(context, possible, flags))) return EXIT.interrupted;
	const taken = await eachInTurn(
		checked,
		({ task }) => task,
		async (one) => {
			if (!isDone(one)) throw one.refusal;
			const { record, chosen } = one.done;
			taskEnv?.keep(record.spec);
			const state = await takeOver(store, record, chosen, here);
			const goesOn = state === "parked" ? "waits for its answer" : "starts";
			if (!output.json)
				output.result(null, [`\`${one.task}\` is on this host now and ${goesOn}.`], [one.task]);
		},
	);
	const each: Each<unknown>[] = [...left, ...taken];
	if (!isList) theOnly(each);
	const trouble = cutOff(each).length === 0 && each.some(isDone) ? await workerTrouble(context) : null;
	// A list in any case: so it was from the beginning.
	return withTrouble(context, trouble, await tellEach(context, each, { isList: true }));
}
