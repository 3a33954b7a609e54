import { liveStarts, sweepRun } from "../process/end-run.ts";
import { fencedAmong, hasFences } from "../queue/records/lost-hosts.ts";
import type { Store } from "../queue/records/store.ts";

const ROUNDS = 3;

/**
 * Ends agents whose tasks were cancelled or moved while this host was gone. Asked for is what lives here, not all that
 * is fenced: whoever writes to Redis can fill that with any number.
 * @param home the state directory's path: agents of another one are not this Redis' to end
 * @returns how many processes it killed
 */
export async function endFenced(store: Store, host: string, home: string): Promise<number> {
	if (!(await hasFences(store, host))) return 0;
	let killed = 0;
	// Asked again after an end, for what began meanwhile; then the names go. What cannot be killed is tried at the next look.
	for (let round = 0; round < ROUNDS; round++) {
		const fenced = await fencedAmong(store, host, await liveStarts());
		let now = 0;
		for (const nonce of fenced) now += await sweepRun(nonce, { home });
		killed += now;
		if (now === 0) break;
	}
	return killed;
}
