/** Names of no task in the lists that a worker goes through at each look: whoever writes to Redis can put any number there. */
import { DROP_NAMES } from "./scripts/drop-names.ts";
import type { Script } from "./scripts/index.ts";
import type { Store } from "./store.ts";

const SCRIPT: Script = { name: "dropNames", lua: DROP_NAMES, once: false, grows: false, said: false };
const LISTS = ["live", "active", "outbox"] as const;
/** Of a list, each time: who puts names there faster than they go keeps this host from nothing else. */
const PAGES_MOST = 1_000;

interface Page {
	name: string;
	to: string;
	gone: number;
	isOver: boolean;
}

/** Page by page, so that Redis serves others between two of them. @returns the lists that held some */
export async function dropNames(store: Store, host: string): Promise<string[]> {
	const held: string[] = [];
	for (const list of LISTS) {
		let page: Page = { name: list, to: "0", gone: 0, isOver: false };
		for (let pages = 1; !page.isOver; pages++) {
			const request = { host, list, from: page.to, gone: page.gone, isLast: pages >= PAGES_MOST };
			page = await store.run<Page>(SCRIPT, request);
		}
		if (page.gone > 0) held.push(page.name);
	}
	return held;
}
