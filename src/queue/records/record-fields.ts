/** The record as the fields of a Redis hash. An empty string is null; flags are "1" and "". */
import type { TaskRecord } from "../../task/record.ts";
import { toJson } from "./well-formed.ts";

const JSON_FIELDS = ["spec", "hold", "outcome", "progress"] as const;
const NUMBER_FIELDS = [
	"revision",
	"epoch",
	"attempt",
	"generation",
	"ipcGeneration",
	"takenDown",
	"rateLimits",
	"workedMs",
	"workingSince",
	"createdAt",
	"queuedAt",
	"startedAt",
	"endedAt",
	"pendingNotes",
] as const;
const FLAG_FIELDS = ["charge", "hasReport"] as const;
const TEXT_FIELDS = ["state", "runNonce", "startMode", "reason", "sessionId"] as const;

/** What a caller may set beside the state; state, revision, epoch and generation belong to the scripts. */
export type RecordChanges = Partial<
	Pick<
		TaskRecord,
		| "spec"
		| "hold"
		| "outcome"
		| "progress"
		| "attempt"
		| "takenDown"
		| "rateLimits"
		| "workedMs"
		| "charge"
		| "hasReport"
		| "startMode"
		| "reason"
		| "sessionId"
	>
>;

export function encodeFields(changes: RecordChanges): Record<string, string> {
	const fields: Record<string, string> = {};
	for (const [name, value] of Object.entries(changes)) {
		if (value === null || value === undefined) fields[name] = "";
		else if (typeof value === "boolean") fields[name] = value ? "1" : "";
		else if (typeof value === "object") fields[name] = toJson(value);
		else fields[name] = String(value);
	}
	return fields;
}

/** @returns null for an empty hash: no such task. */
export function decodeRecord(fields: Record<string, string>): TaskRecord | null {
	if (fields.spec === undefined) return null;
	const record: Record<string, unknown> = { stopRequested: fields.stop === "1" };
	for (const name of JSON_FIELDS) record[name] = fields[name] ? JSON.parse(fields[name]) : null;
	for (const name of NUMBER_FIELDS) record[name] = fields[name] ? Number(fields[name]) : null;
	for (const name of FLAG_FIELDS) record[name] = fields[name] === "1" || fields[name] === "true";
	for (const name of TEXT_FIELDS) record[name] = fields[name] || null;
	return record as unknown as TaskRecord;
}
