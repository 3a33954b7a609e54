/** Names of no task in the lists that a worker goes through at each look: whoever writes to Redis can put any number there. */
import { DROP_NAMES } from "./scripts/drop-names.ts";
import type { Script } from "./scripts/index.ts";
import type { Store } from "./store.ts";

const SCRIPT: Script = { name: "dropNames", lua: DROP_NAMES, once: false, grows: false, said: false };
/** Of one list in one call, during which Redis serves nobody else. */
const AT_ONCE = 20_000;

/** @returns the lists that held some */
export async function dropNames(store: Store, host: string): Promise<string[]> {
	const all = new Set<string>();
	for (;;) {
		const reply = await store.run<{ dropped: unknown; left: boolean }>(SCRIPT, { host, atOnce: AT_ONCE });
		if (Array.isArray(reply.dropped)) for (const name of reply.dropped) all.add(String(name));
		if (!reply.left) return [...all];
	}
}
