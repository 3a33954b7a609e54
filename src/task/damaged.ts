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

/** The damage of what is no record at all: it says of no agent that could be ended. */
export const NO_RECORD = "its key holds something else";

export function damagedError({ id, damage }: DamagedTask): DispatchError {
	const name = wordOf(id);
	return new DispatchError(
		"DISPATCH_DAMAGED",
		`The record of ${JSON.stringify(id)} in Redis is damaged: ${damage}.`,
		{
			hint:
				damage === NO_RECORD
					? `Remove it: dispatch rm ${name}`
					: `End and remove it: dispatch cancel ${name}, then dispatch rm ${name}`,
		},
	);
}

/** The hint is there to be copied, and the id anybody's text: for a shell it is one word, and none of it an option. */
export function wordOf(id: string): string {
	if (/^\w[\w-]*$/.test(id)) return id;
	return `${id.startsWith("-") ? "-- " : ""}'${id.replaceAll("'", "'\\''")}'`;
}

/** As `wordOf`, for an option: a value that begins with a dash is none of its own. */
export function optionOf(name: string, value: string): string {
	return value.startsWith("-") ? `${name}=${wordOf(value).slice("-- ".length)}` : `${name} ${wordOf(value)}`;
}
