/** The record as the fields of a Redis hash, by the table of `task/record.ts`. */
import { Damage } from "../../task/check.ts";
import { type Clock, systemClock } from "../../task/clock.ts";
import type { Field } from "../../task/field.ts";
import { FIELDS, type TaskRecord } from "../../task/record.ts";
import type { Hold, TaskSpec } from "../../task/spec.ts";
import { toJson } from "../../task/well-formed.ts";
import { withMadeAt } from "./made-at.ts";

/** What a caller may set beside the state; what is left out belongs to the scripts, or is never changed. */
export type RecordChanges = Partial<
	Pick<
		TaskRecord,
		| "chosen"
		| "hold"
		| "outcome"
		| "progress"
		| "attempt"
		| "takenDown"
		| "takenAway"
		| "rateLimits"
		| "workedMs"
		| "charge"
		| "hasReport"
		| "changes"
		| "startMode"
		| "startedWith"
		| "reason"
		| "sessionId"
		| "signature"
		| "trouble"
	>
>;

const TABLE = Object.entries(FIELDS as Record<keyof TaskRecord, Field<unknown>>) as [
	keyof TaskRecord,
	Field<unknown>,
][];

/** The name in the hash. */
const storedAs = (name: string, { stored = name }: Field<unknown>) => stored;

/** @throws Damage: what could not be read again is not written, since it would take the whole task away */
export function encodeFields(changes: RecordChanges): Record<string, string> {
	const set = TABLE.filter(([name]) => changes[name as keyof RecordChanges] !== undefined);
	return Object.fromEntries(
		set.map(([name, field]) => {
			const text = field.write(changes[name as keyof RecordChanges]);
			field.read(text, name);
			return [storedAs(name, field), text];
		}),
	);
}

/** The fields of a new record. @returns `times`: those that get the time of Redis */
export function newFields(
	spec: TaskSpec,
	signature: string | null,
	clock: Clock = systemClock,
): { fields: Record<string, string>; times: string[] } {
	const hold: Hold | null = spec.notBefore === null ? null : { kind: "delayed", until: spec.notBefore };
	const given = {
		spec: toJson(spec),
		host: spec.host,
		hold: withMadeAt(FIELDS.hold.write(hold), clock),
		signature: FIELDS.signature.write(signature),
	};
	const initial = TABLE.map(([name, field]) => [storedAs(name, field), field.initial] as const);
	return {
		fields: { ...Object.fromEntries(initial.filter(([, text]) => text !== "now")), ...given },
		times: initial.filter(([, text]) => text === "now").map(([name]) => name),
	};
}

/** All fields, as they are named in the hash, in the order in which `decodeValues` takes their values. */
export const STORED: readonly string[] = TABLE.map(([name, field]) => storedAs(name, field));

/**
 * @param values of the fields `STORED`, null for one that is not there
 * @returns null when none is there. @throws Damage
 */
export function decodeValues(id: string, values: readonly (string | null)[]): TaskRecord | null {
	if (values.every((value) => value === null)) return null;
	const record: Record<string, unknown> = {};
	for (const [n, [name, field]] of TABLE.entries()) record[name] = field.read(values[n] ?? undefined, name);
	const sound = record as TaskRecord;
	if (sound.spec.id !== id) throw new Damage("spec.id is another task's");
	return sound;
}
