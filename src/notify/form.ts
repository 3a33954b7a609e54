/** The forms of the entries under `notifications:`, in zod; a command loads it for a changed config only. */
import * as z from "zod";
import { NOTIFICATION_EVENTS } from "../task/notification.ts";
import type { TargetEntry } from "./read.ts";
import type { FieldKind } from "./target.ts";
import { TARGET_TYPES, type TargetType, targetKind } from "./targets/index.ts";

const text = z.string().regex(/^[^\0]*[^\s\0][^\0]*$/, { error: "Expected a text that is not empty" });
const name = z.string().min(1);
/** Of a variable that is handed on. What is dispatch's own is set by dispatch, or nobody else's. */
export const variable = z.string().regex(/^(?!DISPATCH_)[A-Za-z_][A-Za-z0-9_]*$/, {
	error: "Expected the name of a variable, such as ANTHROPIC_API_KEY, and none of dispatch's own",
});
const url = z.url({
	protocol: /^https?$/,
	error: "Expected an address that begins with https:// or http://",
});

/** The keys that a field is written as. */
const KEYS: Readonly<Record<FieldKind, (field: string) => Record<string, z.ZodType>>> = {
	address: (field) => ({ [field]: url.optional(), [`${field}_env`]: name.optional() }),
	secret: (field) => ({ [field]: text.optional(), [`${field}_env`]: name.optional() }),
	line: (field) => ({ [field]: text }),
	variables: (field) => ({ [field]: z.array(variable).optional() }),
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
