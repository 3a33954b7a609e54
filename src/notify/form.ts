/** The forms of the entries under `notifications:`, in zod; a command loads it for a changed config only. */
import * as z from "zod";
import { NOTIFICATION_EVENTS } from "../task/notification.ts";
import type { TargetEntry } from "./read.ts";
import type { FieldKind } from "./target.ts";
import { TARGET_TYPES, type TargetType, targetKind } from "./targets/index.ts";

const text = z.string().regex(/^[^\0]*[^\s\0][^\0]*$/, { error: "Expected a text that is not empty" });
const name = z.string().min(1);
const url = z.url({
	protocol: /^https?$/,
	error: "Expected an address that begins with https:// or http://",
});

/** The keys that a field is written as. */
const KEYS: Readonly<Record<FieldKind, (field: string) => Record<string, z.ZodType>>> = {
	address: (field) => ({ [field]: url.optional(), [`${field}_env`]: name.optional() }),
	secret: (field) => ({ [field]: text.optional(), [`${field}_env`]: name.optional() }),
	line: (field) => ({ [field]: text }),
};

function formOf(type: TargetType) {
	const fields = Object.entries(targetKind(type).fields);
	const own = Object.fromEntries(fields.flatMap(([field, kind]) => Object.entries(KEYS[kind](field))));
	return z.strictObject({
		name: name.optional(),
		on: z.array(z.enum(NOTIFICATION_EVENTS)).min(1).optional(),
		type: z.literal(type),
		...own,
	});
}

const [first, ...others] = TARGET_TYPES;

export const targetForm: z.ZodType<TargetEntry> = z.discriminatedUnion("type", [
	formOf(first),
	...others.map(formOf),
]);
