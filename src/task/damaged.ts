/** What of Redis could not be read: shown as damaged, removable, and in nobody's way. */
import { DispatchError } from "./errors.ts";

export interface DamagedTask {
	/** as it stands in Redis: any text */
	id: string;
	/** what is wrong, one line */
	damage: string;
}

/** As `ls --json` shows it among the tasks. */
export interface DamagedView {
	schema: 1;
	namespace: string;
	id: string;
	state: "damaged";
	damage: string;
}

export function damagedView({ id, damage }: DamagedTask, namespace: string): DamagedView {
	return { schema: 1, namespace, id, state: "damaged", damage };
}

export function damagedError({ id, damage }: DamagedTask): DispatchError {
	const shown = JSON.stringify(id);
	const name = /^[\w-]+$/.test(id) ? id : shown;
	return new DispatchError("DISPATCH_DAMAGED", `The record of ${shown} in Redis is damaged: ${damage}.`, {
		hint: `End and remove it: dispatch cancel ${name}, then dispatch rm ${name}`,
	});
}
