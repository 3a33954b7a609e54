import { overviewOf } from "../../actions/overview.ts";
import type { Home } from "../../config/home.ts";
import { lostHosts } from "../../queue/records/lost-hosts.ts";
import type { Store } from "../../queue/records/store.ts";
import { formatDuration } from "../../task/duration.ts";
import { oneLine } from "../show/output.ts";
import { type Finding, warn } from "./finding.ts";

const SHOWN = 5;
const YEAR_MS = 365 * 24 * 60 * 60_000;

/** Hosts without a worker whose tasks wait for one. */
export async function checkHosts(store: Store, home: Home): Promise<Finding[]> {
	const { open } = await overviewOf(store);
	const lost = await lostHosts(store, open);
	return [...lost.values()].map(({ host, forMs }) => {
		const tasks = open.filter((task) => task.host === host);
		const names = tasks
			.slice(0, SHOWN)
			.map(({ spec }) => oneLine(spec.id))
			.join(", ");
		const since = forMs > YEAR_MS ? "" : ` (last seen ${formatDuration(forMs)} ago)`;
		const text = `No worker runs on ${oneLine(host)}${since}, and ${tasks.length} of its tasks have not ended: ${names}${tasks.length > SHOWN ? ", …" : ""}.`;
		return host === home.hostId
			? warn("worker", text, "dispatch up")
			: warn(
					"hosts",
					text,
					"Start it there, take a task over (dispatch retry ID --here), or end it (dispatch cancel ID).",
				);
	});
}
