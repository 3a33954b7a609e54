/**
 * Checks of what was read from outside (Redis): each takes a value, says what is wrong with it, or gives it
 * back typed. Written by hand: they run over every record of every list, and no command loads zod for them.
 */

/** What is wrong, and where: "spec.cwd is a number". */
export class Damage extends Error {
	override readonly name = "Damage";
}

/** @throws Damage */
export type Check<T> = (value: unknown, at: string) => T;

/** One check for each field, in whatever order: a new field of T does not compile without its check. */
export type Shape<T> = { readonly [K in keyof T]-?: Check<T[K]> };

function kindOf(value: unknown): string {
	if (value === null || value === undefined) return "missing";
	return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}

function wrong(value: unknown, at: string, expected: string): Damage {
	return new Damage(`${at} is ${kindOf(value)}, not ${expected}`);
}

/** Any text. Halves of characters become U+FFFD: nothing that reads JSON or UTF-8 takes them. */
export const text: Check<string> = (value, at) => {
	if (typeof value !== "string") throw wrong(value, at, "a text");
	return value.toWellFormed();
};

/** Text of a known form: what becomes part of a path, an argument or a line on the terminal. */
export function matching(form: RegExp, what: string): Check<string> {
	return (value, at) => {
		if (typeof value === "string" && form.test(value)) return value;
		throw typeof value === "string" ? new Damage(`${at} is not ${what}`) : wrong(value, at, what);
	};
}

/** A whole number from 0 on. */
export const count: Check<number> = (value, at) => {
	if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
	throw typeof value === "number" ? new Damage(`${at} is out of range`) : wrong(value, at, "a number");
};

export function number(least: number, most: number): Check<number> {
	return (value, at) => {
		if (typeof value === "number" && value >= least && value <= most) return value;
		throw typeof value === "number" ? new Damage(`${at} is out of range`) : wrong(value, at, "a number");
	};
}

/** The last moment that ISO 8601 writes with four digits of a year. */
export const LAST_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** ms since the Unix epoch */
export const time = number(0, LAST_TIME);

export const flag: Check<boolean> = (value, at) => {
	if (typeof value !== "boolean") throw wrong(value, at, "true or false");
	return value;
};

export function oneOf<const T extends string>(names: readonly T[]): Check<T> {
	return (value, at) => {
		const found = names.find((name) => name === value);
		if (found !== undefined) return found;
		throw typeof value === "string" ? new Damage(`${at} is unknown`) : wrong(value, at, "a text");
	};
}

export function nullable<T>(check: Check<T>): Check<T | null> {
	return (value, at) => (value === null ? null : check(value, at));
}

/** For a field that records of an earlier version do not have. */
export function since<T>(before: T, check: Check<T>): Check<T> {
	return (value, at) => (value === undefined ? before : check(value, at));
}

export function list<T>(check: Check<T>): Check<T[]> {
	return (value, at) => {
		if (!Array.isArray(value)) throw wrong(value, at, "a list");
		return value.map((each) => check(each, `an entry of ${at}`));
	};
}

/** Texts by name. */
export const texts: Check<Record<string, string>> = (value, at) => {
	const entries = Object.entries(objectOf(value, at));
	return Object.fromEntries(
		entries.map(([name, each]) => [name.toWellFormed(), text(each, `a value of ${at}`)]),
	);
};

/** An object of these fields; others, of a later version, are left out. */
export function object<T extends object>(shape: Shape<T>): Check<T> {
	const fields = Object.entries(shape) as [string, Check<unknown>][];
	return (value, at) => {
		const given = objectOf(value, at);
		return Object.fromEntries(
			fields.map(([name, check]) => [
				name,
				check(Object.hasOwn(given, name) ? given[name] : undefined, `${at}.${name}`),
			]),
		) as T;
	};
}

function objectOf(value: unknown, at: string): Record<string, unknown> {
	if (isObject(value)) return value;
	throw wrong(value, at, "an object");
}

/** A JSON object, and no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A JSON document by itself. @throws Damage */
export function parsed<T>(check: Check<T>, json: string, at: string): T {
	let value: unknown;
	try {
		value = JSON.parse(json);
	} catch {
		throw new Damage(`${at} is not JSON`);
	}
	return check(value, at);
}

/** @returns null for what is damaged: it is left out, and stops nothing else */
export function soundOrNull<T>(check: Check<T>, json: string): T | null {
	try {
		return parsed(check, json, "");
	} catch (error) {
		if (error instanceof Damage) return null;
		throw error;
	}
}
