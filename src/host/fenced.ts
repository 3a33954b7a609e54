import { sweepRun } from "../process/end-run.ts";
import { fencedRuns, unfence } from "../queue/records/lost-hosts.ts";
import type { Store } from "../queue/records/store.ts";

/** Ends agents whose tasks were cancelled or moved while this host was gone. @returns how many processes it killed */
export async function endFenced(store: Store, host: string): Promise<number> {
	const nonces = await fencedRuns(store, host);
	let killed = 0;
	for (const nonce of nonces) killed += await sweepRun(nonce);
	await unfence(store, host, nonces);
	return killed;
}
