import type { Home } from "../../config/home.ts";
import { failedDeliveries } from "../../queue/jobs/notify-queue.ts";
import type { Store } from "../../queue/records/store.ts";
import { oneLine } from "../show/output.ts";
import { type Finding, warn } from "./finding.ts";

/** Targets to which notifications of this host could not be delivered, each with its last error. */
export async function checkNotifications(store: Store, home: Home): Promise<Finding[]> {
	const failed = await failedDeliveries(store, home.hostId);
	return [...new Set(failed.map((each) => each.target))].map((name) => {
		const mine = failed.filter((each) => each.target === name);
		const [last] = mine;
		const text = `${mine.length} notifications to ${oneLine(name)} were given up; the last: ${oneLine(last?.why ?? "", 120)}`;
		return warn("notifications", text, "Mend the target in the config, then try it: dispatch notify");
	});
}
