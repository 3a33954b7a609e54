/**
 * Fields of a Redis hash: how a value is written as text, read back and checked, and what a new record
 * holds. An empty text means null; flags are "1" and "".
 */
import { type Check, Damage, number, parsed, time } from "./check.ts";
import { MOST_USD } from "./spec.ts";
import { toJson } from "./well-formed.ts";

export interface Field<T> {
	/** the field's name in the hash, where it differs */
	stored?: string;
	/** @throws Damage */
	read(text: string | undefined, name: string): T;
	write(value: T): string;
	/** of a new record; "now": the time of Redis */
	initial: string;
	/** a whole number: the scripts count with it */
	counts?: true;
}

/** A field that `--json` shows, and how. */
export type Shown<T, S> = Field<T> & { shown(value: T): S };

/** Of a whole table of fields. */
export type ValueOf<F> = F extends { read(text: string | undefined, name: string): infer T } ? T : never;

export type ShownOf<F> = {
	[N in keyof F as F[N] extends { shown(value: never): unknown } ? N : never]: F[N] extends {
		shown(value: never): infer S;
	}
		? S
		: never;
};

/** More than any field holds: not even looked at. */
const LONGEST_CHARS = 16 * 1024 * 1024;

function present(text: string | undefined, name: string): string {
	if (text === undefined || text === "") throw new Damage(`${name} is missing`);
	if (text.length > LONGEST_CHARS) throw new Damage(`${name} is too long`);
	return text;
}

function orNull<T>(field: Field<T>): Field<T | null> {
	return {
		...field,
		read: (text, name) => (text === undefined || text === "" ? null : field.read(text, name)),
		write: (value) => (value === null ? "" : field.write(value)),
		initial: "",
	};
}

/** A document. @param initial of a new record; none: the producer gives it */
export function jsonField<T>(check: Check<T>, initial?: T): Field<T> {
	return {
		read: (text, name) => parsed(check, present(text, name), name),
		write: toJson,
		initial: initial === undefined ? "" : toJson(initial),
	};
}
/** One that records of an earlier version do not have. */
jsonField.later = <T>(check: Check<T>, initial: T): Field<T> => {
	const field = jsonField(check, initial);
	return { ...field, read: (text, name) => (text === undefined ? initial : field.read(text, name)) };
};
jsonField.orNull = <T>(check: Check<T>): Field<T | null> => orNull(jsonField(check));

/** A word of a known form or list. */
export function wordField<T extends string>(check: Check<T>, initial: NoInfer<T> | ""): Field<T> {
	return { read: (text, name) => check(present(text, name), name), write: (value) => value, initial };
}

/** One that records of an earlier version do not have. */
wordField.later = <T extends string>(check: Check<T>, initial: NoInfer<T>): Field<T> => {
	const field = wordField(check, initial);
	return { ...field, read: (text, name) => (text === undefined ? initial : field.read(text, name)) };
};

export function wordOrNull<T extends string>(check: Check<T>): Field<T | null> {
	return orNull(wordField(check, ""));
}

const DIGITS = /^\d{1,15}$/;

/** A whole number from 0 on. */
export function countField(initial: number): Field<number> & { counts: true } {
	return {
		read(text, name) {
			if (!DIGITS.test(present(text, name))) throw new Damage(`${name} is not a whole number`);
			return Number(text);
		},
		write: (value) => String(Math.max(0, Math.floor(value))),
		initial: String(initial),
		counts: true,
	};
}
/** One that records of an earlier version do not have. */
countField.later = (initial: number): Field<number> => {
	const { read, write, initial: text } = countField(initial);
	return { read: (given = text, name) => read(given, name), write, initial: text };
};

/** Of a decimal number as Lua writes it. */
const AMOUNT = /^\d+\.?\d*(?:[eE][+-]?\d+)?$/;

/** USD; null for none. One that records of an earlier version do not have. */
export const usdField: Field<number | null> = {
	read(text, name) {
		if (text === undefined || text === "") return null;
		if (!AMOUNT.test(text)) throw new Damage(`${name} is not an amount`);
		return number(0, MOST_USD)(Number(text), name);
	},
	write: (value) => (value === null ? "" : String(value)),
	initial: "",
};

/** ms since the Unix epoch */
export function timeField(initial: "now" | "" = ""): Field<number> {
	return {
		read(text, name) {
			if (!/^\d+(?:\.\d+)?$/.test(present(text, name))) throw new Damage(`${name} is not a time`);
			return time(Number(text), name);
		},
		write: (value) => String(value),
		initial,
	};
}
timeField.orNull = (initial: "now" | "" = ""): Field<number | null> => ({ ...orNull(timeField()), initial });

export function flagField(initial: boolean, stored?: string): Field<boolean> {
	return {
		...(stored === undefined ? {} : { stored }),
		// "true" was written by an earlier version.
		read: (text) => text === "1" || text === "true",
		write: (value) => (value ? "1" : ""),
		initial: initial ? "1" : "",
	};
}

/** `--json` shows the field as it is. */
export function shownAs<T>(field: Field<T>): Shown<T, T> {
	return { ...field, shown: (value) => value };
}
/** `--json` shows the field as a time in UTC. */
shownAs.time = (field: Field<number>): Shown<number, string> => ({ ...field, shown: isoTime });
shownAs.timeOrNull = (field: Field<number | null>): Shown<number | null, string | null> => ({
	...field,
	shown: (value) => (value === null ? null : isoTime(value)),
});

function isoTime(ms: number): string {
	return new Date(ms).toISOString();
}
