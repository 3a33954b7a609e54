import { overviewOf } from "../../actions/overview.ts";
import { unsignedText } from "../../actions/unsigned.ts";
import type { Home } from "../../config/home.ts";
import type { Store } from "../../queue/records/store.ts";
import { type Finding, warn } from "./finding.ts";

/** A key that was replaced, or records that somebody else wrote: they would be told at their start only. */
export async function checkOrders(store: Store, home: Home): Promise<Finding[]> {
	const { open } = await overviewOf(store);
	const refused = unsignedText(open, home, store.namespace);
	return refused === null ? [] : [warn("hosts", refused.text, refused.fix)];
}
