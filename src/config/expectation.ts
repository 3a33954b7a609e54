/** What zod says of a file that a person wrote in YAML, in words of theirs: for every such file. */
import type { z } from "zod";
import { cutText } from "../task/cut-text.ts";

const MAX_SHOWN_CHARS = 60;

const TYPE_NAMES: Readonly<Record<string, string>> = {
	string: "text",
	array: "a list",
	object: "keys with values",
	record: "keys with values",
	boolean: "true or false",
	int: "a whole number",
	number: "a whole number",
};

/** For zod's `error`; undefined leaves the message of the schema. A schema of a number that may be broken says so itself. */
export function expectation(issue: z.core.$ZodRawIssue): string | undefined {
	const got = issue.input === undefined ? "nothing" : shown(issue.input);
	switch (issue.code) {
		case "invalid_type": {
			const isOneOfList = issue.expected === "array" && typeof issue.input === "string";
			return `Expected ${TYPE_NAMES[issue.expected] ?? issue.expected}, got ${got}${isOneOfList ? `: write [${got}]` : ""}`;
		}
		case "invalid_value":
			return `Expected one of ${issue.values.map(String).join(", ")}, got ${got}`;
		case "too_small":
			if (issue.origin === "string") return "Expected a text that is not empty";
			if (issue.origin === "array") return "Expected a list that is not empty";
			return `Expected ${issue.inclusive === false ? "more than " : ""}${issue.minimum}${issue.inclusive === false ? "" : " or more"}, got ${got}`;
		case "too_big":
			return `Expected ${issue.maximum} or less, got ${got}`;
		case "invalid_key":
			return "Expected a name that is not empty";
		default:
			return undefined;
	}
}

function shown(value: unknown): string {
	if (Array.isArray(value)) return "a list";
	if (typeof value === "object" && value !== null) return "keys with values";
	const text = JSON.stringify(value) ?? String(value);
	return cutText(text, MAX_SHOWN_CHARS);
}
