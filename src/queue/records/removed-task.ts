/** What is still known of a task whose record is gone: enough to clear what its host keeps of it. */
import { type Check, Damage, matching, object } from "../../task/check.ts";
import { ID_FORM } from "../../task/id.ts";
import { NONCE, PATH } from "../../task/spec.ts";

/** Of a host that never comes back; what is lost of more lies on its disk only. */
export const NOTICES_KEPT = 10_000;

export interface RemovedTask {
	id: string;
	/** of the creation that was removed */
	nonce: string;
	/** where its directory is; null: its record was damaged and did not say */
	cwd: string | null;
}

const checkRemoved: Check<RemovedTask> = object<RemovedTask>({
	id: matching(ID_FORM, "an id"),
	nonce: NONCE,
	// Without it there is still its order to be spent.
	cwd: (value, at) => soundOr(null, () => PATH(value, at)),
});

/** @returns null for what tells too little of a task to clear anything */
export function soundRemoved(value: unknown): RemovedTask | null {
	return soundOr(null, () => checkRemoved(value, "removed"));
}

function soundOr<T, U>(otherwise: U, check: () => T): T | U {
	try {
		return check();
	} catch (error) {
		if (error instanceof Damage) return otherwise;
		throw error;
	}
}
