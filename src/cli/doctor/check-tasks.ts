import { overviewOf } from "../../actions/overview.ts";
import { unsignedTexts } from "../../actions/unsigned.ts";
import type { Home } from "../../config/home.ts";
import type { Store } from "../../queue/records/store.ts";
import { type DamagedTask, damagedError } from "../../task/damaged.ts";
import { type Finding, warn } from "./finding.ts";

const SHOWN = 5;

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
