import { isObject } from "../task/check.ts";
import { MOST_TOKENS, MOST_USD } from "../task/spec.ts";

/** Reading JSON of unknown shape: every accessor answers null or [] where the field is missing or of another type. */
export type Json = Readonly<Record<string, unknown>>;

/** null unless the line is one JSON object. */
export function parseObject(line: string): Json | null {
	if (!line.trimStart().startsWith("{")) return null;
	try {
		const value: unknown = JSON.parse(line);
		return isObject(value) ? value : null;
	} catch {
		return null;
	}
}

export function objectAt(json: Json, key: string): Json {
	const value = json[key];
	return isObject(value) ? value : {};
}

export function listAt(json: Json, key: string): Json[] {
	const value = json[key];
	return Array.isArray(value) ? value.filter(isObject) : [];
}

export function stringAt(json: Json, key: string): string | null {
	const value = json[key];
	return typeof value === "string" ? value : null;
}

/** null for anything but a finite number, JSON's 1e999 included. */
export function numberAt(json: Json, key: string): number | null {
	const value = json[key];
	return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** A count of tokens; null for what is none: a fraction, less than nothing, more than any session has. */
export function tokensAt(json: Json, key: string): number | null {
	const value = numberAt(json, key);
	return Number.isSafeInteger(value) && value !== null && value >= 0 && value <= MOST_TOKENS ? value : null;
}

/** An amount in USD; null for what cannot be one. */
export function usdAt(json: Json, key: string): number | null {
	const value = numberAt(json, key);
	return value !== null && value >= 0 && value <= MOST_USD ? value : null;
}

/** The sum of the counts of tokens among the fields. */
export function sumOf(json: Json, keys: readonly string[]): number {
	return keys.reduce((sum, key) => sum + (tokensAt(json, key) ?? 0), 0);
}
