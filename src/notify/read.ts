/** `notifications:` of the config: its entries with names, and what of them is secret. */
import { type NotificationEvent, USUAL_EVENTS } from "../task/notification.ts";
import type { FieldKind, Value } from "./target.ts";
import { type NotificationTarget, type TargetType, targetKind } from "./targets/index.ts";

/** As it stands in the file, checked against `targetForm`. */
export interface TargetEntry {
	type: TargetType;
	name?: string | undefined;
	on?: NotificationEvent[] | undefined;
	[field: string]: unknown;
}

/** @param refuse says no at an entry and its key */
export function targetsOf(
	entries: readonly TargetEntry[],
	refuse: (at: number, key: string | null, message: string) => Error,
): NotificationTarget[] {
	const names = new Set<string>();
	return entries.map((entry, at) => {
		const { type, name = `${type}-${at + 1}`, on = USUAL_EVENTS } = entry;
		if (names.has(name)) throw refuse(at, "name", `"${name}" is the name of an earlier entry`);
		names.add(name);
		const values = Object.entries(targetKind(type).fields).map(([field, kind]) => {
			const value = given(entry, field);
			if (kind === "address" && value.value === null && value.env === null)
				throw refuse(at, null, `Expected ${field}: or ${field}_env:, got neither`);
			return [field, value] as const;
		});
		return { type, name, on, values: Object.fromEntries(values) };
	});
}

function given(entry: TargetEntry, field: string): Value {
	const [value, env] = [entry[field], entry[`${field}_env`]];
	if (Array.isArray(value)) return { value: null, env: null, variables: value };
	return { value: typeof value === "string" ? value : null, env: typeof env === "string" ? env : null };
}

/** What a target's entry holds, with what it is. */
export function valuesOf({
	type,
	values,
}: NotificationTarget): { field: string; kind: FieldKind; given: Value }[] {
	return Object.entries(targetKind(type).fields).flatMap(([field, kind]) => {
		const value = values[field];
		return value === undefined ? [] : [{ field, kind, given: value }];
	});
}
