/** Lists that have lost names of tasks whose records are there: whoever writes to Redis can take any name away. */
import type { Script } from "./scripts/index.ts";
import { PUT_BACK } from "./scripts/put-back.ts";
import type { Store } from "./store.ts";

const SCRIPT: Script = { name: "putBack", lua: PUT_BACK, once: false, grows: false, said: false };
/** In one pass: where others keep very much in the same Redis, the next pass goes on. */
const PAGES_MOST = 100;

interface Page {
	to: string;
	/** how many names, by kind of list */
	missing: Record<string, number>;
	isOver: boolean;
}

/**
 * Page by page, so that Redis serves others between two of them. A lost run job is not made again here.
 * @param isNow from the first record, though another pass has just been
 * @returns the kinds of lists from which names were missing, and how many
 */
export async function putBackNames(store: Store, isNow = false): Promise<Record<string, number>> {
	let page: Page = { to: "0", missing: {}, isOver: false };
	for (let pages = 1; !page.isOver; pages++) {
		const from = pages > 1 || isNow ? page.to : undefined;
		page = await store.run<Page>(SCRIPT, { from, missing: page.missing, isLast: pages >= PAGES_MOST });
	}
	return page.missing;
}
