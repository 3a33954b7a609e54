import { overviewOf } from "../../actions/overview.ts";
import { unsignedTexts } from "../../actions/unsigned.ts";
import { viewTasks } from "../../actions/views.ts";
import { type Here, withWaits } from "../../actions/waits.ts";
import type { Home } from "../../config/home.ts";
import type { Store } from "../../queue/records/store.ts";
import { type DamagedTask, damagedError } from "../../task/damaged.ts";
import type { Wait } from "../../task/wait.ts";
import { oneLine } from "../show/output.ts";
import { type Finding, warn } from "./finding.ts";

const SHOWN = 5;

/** The next step, by what a task waits for: what no other check tells, and what does not end by itself. */
const NEXT: Readonly<Partial<Record<Wait["kind"], string>>> = {
	place: "Let more work at a time: worker.concurrency and worker.max_agents (dispatch config edit)",
	answers: "Answer them: dispatch inbox",
	worker: "dispatch up",
};

/** Why tasks wait, in the words of `status`: a finding for each reason, with what helps. */
export async function checkWaits(store: Store, here: () => Here): Promise<Finding[]> {
	const { open } = await overviewOf(store);
	const views = await withWaits(store, await viewTasks(store, open), here, { areAll: true });
	const byReason = new Map<string, { wait: Wait; ids: string[] }>();
	for (const { id, waits } of views) {
		if (!waits || NEXT[waits.kind] === undefined) continue;
		const reason = waits.text.replaceAll(id, "ID");
		const found = byReason.get(reason) ?? { wait: waits, ids: [] };
		byReason.set(reason, { ...found, ids: [...found.ids, id] });
	}
	return [...byReason].map(([reason, { wait, ids }]) => {
		const more = ids.length > SHOWN ? ", …" : "";
		const who = ids.length === 1 ? `\`${ids[0]}\` waits` : `${ids.length} tasks wait`;
		const names = ids.length === 1 ? "" : ` (${ids.slice(0, SHOWN).join(", ")}${more})`;
		return warn("hosts", `${who}${names}: ${oneLine(reason)}`, NEXT[wait.kind] ?? "");
	});
}

/** A key that was replaced, or records that somebody else wrote: they would be told at their start only. */
export async function checkTasks(store: Store, home: Home): Promise<Finding[]> {
	const { open, damaged } = await overviewOf(store);
	const refused = unsignedTexts(open, home, store.namespace);
	return [...refused.map(({ text, fix }) => warn("hosts", text, fix)), ...damagedFindings(damaged)];
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
