import { overviewOf } from "../../actions/overview.ts";
import { refusedOf, unsignedTexts } from "../../actions/unsigned.ts";
import { viewTasks } from "../../actions/views.ts";
import { type Here, withWaits } from "../../actions/waits.ts";
import type { Home } from "../../config/home.ts";
import { newestBatches } from "../../queue/records/batches.ts";
import { putBackNames } from "../../queue/records/missing-names.ts";
import type { Store } from "../../queue/records/store.ts";
import { type DamagedTask, damagedError, wordOf } from "../../task/damaged.ts";
import { HOST_DRAINED } from "../../task/view-why.ts";
import type { Wait } from "../../task/wait.ts";
import { oneLine } from "../show/output.ts";
import { type Area, type Finding, warn } from "./finding.ts";

const SHOWN = 5;

/**
 * The next step, by what a task waits for; null: another check tells it, or it ends by itself, as a delay does.
 * @param host of the task
 */
function nextOf({ kind, why }: Wait, host: string, own: Here): string | null {
	if (kind === "place")
		return "Let more work at a time: worker.concurrency and worker.max_agents (dispatch config edit)";
	if (kind === "answers") return "Answer them: dispatch inbox";
	if (kind === "trouble") return "Mend what it names, then it goes on by itself (dispatch logs ID --events)";
	if (kind !== "worker") return null;
	if (why === HOST_DRAINED) return `dispatch hosts resume ${oneLine(host)}`;
	if (host !== own.host) return `Start one there, on ${oneLine(host)}: dispatch up`;
	if (own.worker === "stopped") return `kill -CONT ${own.pid}`;
	return own.worker === "elsewhere" || own.worker === "refused" ? "dispatch up --restart" : "dispatch up";
}

/** The same for each of several tasks: only the commands that it names have the id, as an argument. */
function withoutId(text: string, id: string): string {
	return ["retry", "cancel"].reduce(
		(changed, verb) => changed.replaceAll(`dispatch ${verb} ${id}`, `dispatch ${verb} ID`),
		text,
	);
}

/** Why tasks wait, in the words of `status`: a finding for each reason, with what helps. */
export async function checkWaits(store: Store, here: () => Here): Promise<Finding[]> {
	const { open } = await overviewOf(store);
	const own = here();
	const views = await withWaits(store, await viewTasks(store, open), () => own, { areAll: true });
	const byReason = new Map<string, { next: string; area: Area; ids: string[] }>();
	for (const { id, host, waits } of views) {
		const next = waits ? nextOf(waits, host, own) : null;
		if (!waits || next === null) continue;
		const reason = withoutId(waits.text, id);
		const area = waits.kind === "worker" && host === own.host ? "worker" : "hosts";
		const found = byReason.get(reason) ?? { next, area, ids: [] };
		byReason.set(reason, { ...found, ids: [...found.ids, id] });
	}
	return [...byReason].map(([reason, { next, area, ids }]) => {
		const isOne = ids.length === 1;
		const more = ids.length > SHOWN ? ", …" : "";
		const who = isOne ? `\`${ids[0]}\`` : `${ids.length} tasks (${ids.slice(0, SHOWN).join(", ")}${more})`;
		return warn(area, `${who} ${oneLine(reason).replace(/^Waits/, isOne ? "waits" : "wait")}`, next);
	});
}

/** A key that was replaced, or records that somebody else wrote: they would be told at their start only. */
export async function checkTasks(store: Store, home: Home): Promise<Finding[]> {
	const { open, damaged } = await overviewOf(store);
	const refused = unsignedTexts(refusedOf(open, home, store.namespace));
	return [...refused.map(({ text, fix }) => warn("hosts", text, fix)), ...damagedFindings(damaged)];
}

/** Names that somebody took out of lists: a worker puts them back, too, and here nobody has to wait for it. */
export async function checkLists(store: Store): Promise<Finding[]> {
	const missing = Object.entries(await putBackNames(store, true));
	if (missing.length === 0) return [];
	const lists = missing.map(([kind, count]) => `${kind.replace(/:$/, "")} (${count})`).join(", ");
	const text = `Names of tasks were missing in lists that all commands go by, and were put back: ${lists}.`;
	return [
		warn(
			"hosts",
			text,
			"Whoever has the password of this Redis can do that: docs/SECURITY.md, docs/TEAMS.md",
		),
	];
}

/** What `batch ls` shows as damaged: it keeps nobody from anything, and its tasks are well. */
export async function checkBatches(store: Store): Promise<Finding[]> {
	const { damaged } = await newestBatches(store);
	const findings = damaged.slice(0, SHOWN).map(({ id, damage }) => {
		const word = oneLine(wordOf(id));
		return warn(
			"hosts",
			`The record of the batch ${JSON.stringify(oneLine(id))} in Redis is damaged: ${oneLine(damage)}.`,
			`It goes with its last task (dispatch batch status ${word}); where it has none: dispatch batch cancel ${word}`,
		);
	});
	const left = damaged.length - findings.length;
	if (left <= 0) return findings;
	return [
		...findings,
		warn("hosts", `${left} more batches are damaged.`, "dispatch batch ls --all lists them."),
	];
}

function damagedFindings(damaged: readonly DamagedTask[]): Finding[] {
	const findings = damaged.slice(0, SHOWN).map((task) => {
		const { message, hint } = damagedError(task);
		return warn("hosts", message, hint ?? "");
	});
	const left = damaged.length - findings.length;
	if (left <= 0) return findings;
	return [
		...findings,
		warn("hosts", `${left} more records in Redis are damaged.`, "dispatch status names them."),
	];
}
