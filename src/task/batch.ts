/**
 * The batch record: what the tasks of one batch file have in common. One Redis hash, made by the script that publishes
 * them, gone with the last of them. Which tasks these are, their own records say (`TaskRecord.batch`); nothing in here
 * is executed. A new field must be readable where it is missing, as in `FIELDS` of record.ts.
 */
import { Damage, matching, oneOf, text } from "./check.ts";
import { countField, type Field, timeField, usdField, type ValueOf, wordField, wordOrNull } from "./field.ts";
import { ID_FORM } from "./id.ts";
import { HOST_FORM, NONCE } from "./spec.ts";

/** The newest batches among which one is looked for by its key, or by how its id begins. */
export const BATCHES_SEARCHED = 10_000;

/** What the failure of one task means for the others of its batch. */
export const ON_FAILURE = ["skip_dependents", "continue", "stop"] as const;
export type OnFailure = (typeof ON_FAILURE)[number];

/** What people may write into a file or a command: any text. */
const anyText = wordField(text, "");

export const BATCH_FIELDS = {
	/** names this creation of the batch: another one may have its id later */
	nonce: wordField(NONCE, ""),
	/** `name:` of the file */
	name: wordOrNull(text),
	/** `--key`: the same key is the same batch */
	key: wordOrNull(text),
	/** the file's absolute path on its host */
	file: anyText,
	/** user@host */
	createdBy: anyText,
	/** of its first submission */
	createdAt: timeField("now"),
	/** where it was submitted, and its tasks began */
	host: wordField(matching(HOST_FORM, "a host's id"), ""),
	/** how many of its tasks may work at once, on all hosts; 0: as many as there are places */
	maxParallel: countField.later(0),
	/** what the failure of one means for the others */
	onFailure: wordField.later(oneOf(ON_FAILURE), "skip_dependents"),
	/** what all of them together may cost, on all hosts; null: no limit */
	budgetUsd: usdField,
	/** what they have cost */
	spentUsd: usdField,
	/** how many tasks were put in, whatever became of them */
	size: countField(0),
} as const satisfies Record<string, Field<unknown>>;

export type BatchRecord = { id: string } & {
	[N in keyof typeof BATCH_FIELDS]: ValueOf<(typeof BATCH_FIELDS)[N]>;
};

export interface DamagedBatch {
	id: string;
	/** what is wrong, one line */
	damage: string;
}

const TABLE = Object.entries(BATCH_FIELDS as Record<string, Field<unknown>>);

/** The names of all fields, in the order in which `decodeBatch` takes their values. */
export const BATCH_STORED: readonly string[] = TABLE.map(([name]) => name);

/**
 * @param values of the fields `BATCH_STORED`, null for one that is not there
 * @returns null when none is there. @throws Damage
 */
export function decodeBatch(id: string, values: readonly (string | null)[]): BatchRecord | null {
	if (values.length === 0) throw new Damage("its key holds something else");
	if (values.every((value) => value === null)) return null;
	if (!ID_FORM.test(id)) throw new Damage("its name is not a batch's id");
	const read = TABLE.map(([name, field], n) => [name, field.read(values[n] ?? undefined, name)]);
	return { id, ...Object.fromEntries(read) };
}
