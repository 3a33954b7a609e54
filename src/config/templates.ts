/**
 * Templates: a plan and words before the prompt, with variables. The project's own come before the user's,
 * and those before the ones that come with dispatch.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import * as z from "zod";
import { hintFor, publishNew } from "../process/atomic-file.ts";
import { readOwnFile } from "../process/own-file.ts";
import { DispatchError } from "../task/errors.ts";
import { parsePlan } from "../task/plan.ts";
import { BUILT_IN_TEMPLATES } from "./built-in-templates.ts";
import { expectation } from "./expectation.ts";
import { keepSpelling } from "./yaml-text.ts";

const NAME_FORM = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const EXTENSION = ".md";
const FRONT_MATTER = /^---\r?\n([\s\S]*?)\r?\n---\r?\n?([\s\S]*)$/;
const VARIABLE = /\{\{\s*([A-Za-z][A-Za-z0-9_-]*)\s*\}\}/g;

const headSchema = z.strictObject({
	description: z.string().default(""),
	/** what is asked when the user says nothing */
	prompt: z.string().min(1).optional(),
	/** goes before the prompt */
	addition: z.string().optional(),
	variables: z.record(z.string(), z.strictObject({ default: z.string().optional() }).nullable()).default({}),
});

export interface Template {
	name: string;
	/** `built in`, or the path of its file */
	source: string;
	description: string;
	prompt: string | null;
	addition: string | null;
	/** name → default; null: must be given */
	variables: Record<string, string | null>;
	/** a checklist */
	plan: string;
	/** as it is written */
	text: string;
}

export interface FilledTemplate {
	prompt: string | null;
	addition: string | null;
	plan: string;
}

/** Folders with templates, the first one wins. */
export interface TemplatePlaces {
	/** the project's directory */
	project: string;
	/** the state directory */
	home: string;
}

function foldersOf({ project, home }: TemplatePlaces): string[] {
	return [join(project, ".dispatch", "templates"), join(home, "templates")];
}

/** Every template that can be named, by name. Files that are none are left out: naming one tells why. */
export function listTemplates(places: TemplatePlaces): Template[] {
	const names = new Set([...foldersOf(places).flatMap(namesIn), ...Object.keys(BUILT_IN_TEMPLATES)]);
	return [...names].sort().flatMap((name) => {
		try {
			return [findTemplate(places, name)];
		} catch (error) {
			if (error instanceof DispatchError) return [];
			throw error;
		}
	});
}

/** @throws DISPATCH_USAGE for an unknown name, DISPATCH_BAD_FILE for a file that is none */
export function findTemplate(places: TemplatePlaces, name: string): Template {
	for (const folder of NAME_FORM.test(name) ? foldersOf(places) : []) {
		const path = join(folder, name + EXTENSION);
		const text = readIfThere(path);
		if (text !== null) return parseTemplate(name, path, text);
	}
	const builtIn = Object.hasOwn(BUILT_IN_TEMPLATES, name) ? BUILT_IN_TEMPLATES[name] : undefined;
	if (builtIn !== undefined) return parseTemplate(name, "built in", builtIn);
	const known = [...new Set([...foldersOf(places).flatMap(namesIn), ...Object.keys(BUILT_IN_TEMPLATES)])];
	throw new DispatchError("DISPATCH_USAGE", `There is no template "${name}".`, {
		hint: `There is: ${known.sort().join(", ")}. \`dispatch templates\` tells more.`,
	});
}

/**
 * A new file of that name in the project's folder or the user's, which is made where it is not there.
 * @returns its path. @throws DISPATCH_USAGE for a name that cannot be one, or is taken; DISPATCH_BAD_FILE
 */
export function addTemplate(
	places: TemplatePlaces,
	where: keyof TemplatePlaces,
	name: string,
	text: string,
): string {
	const [project = "", home = ""] = foldersOf(places);
	const folder = where === "project" ? project : home;
	const path = join(folder, name + EXTENSION);
	if (!NAME_FORM.test(name))
		throw new DispatchError(
			"DISPATCH_USAGE",
			`Expected a name of a-z, 0-9, ".", "_" and "-", got "${name}".`,
		);
	const refuse = (error: unknown) =>
		new DispatchError("DISPATCH_BAD_FILE", `Cannot write ${path}: ${(error as Error).message}.`, {
			hint: hintFor(error, "Make the directory writable."),
			cause: error,
		});
	try {
		mkdirSync(folder, { recursive: true, mode: 0o700 });
	} catch (error) {
		throw refuse(error);
	}
	if (!publishNew(path, text, { refuse }))
		throw new DispatchError("DISPATCH_USAGE", `There is a template ${path} already.`, {
			hint: "Give another name, or edit that file.",
		});
	return path;
}

function namesIn(folder: string): string[] {
	try {
		return readdirSync(folder)
			.filter((file) => file.endsWith(EXTENSION))
			.map((file) => file.slice(0, -EXTENSION.length))
			.filter((name) => NAME_FORM.test(name));
	} catch {
		return [];
	}
}

function readIfThere(path: string): string | null {
	const file = readOwnFile(path);
	if (file.kind === "bytes") return file.bytes.toString("utf8");
	if (file.kind === "absent" || file.code === "ENOTDIR") return null;
	throw badTemplate(path, file.why);
}

function parseTemplate(name: string, source: string, text: string): Template {
	const [, head = "", plan = text] = FRONT_MATTER.exec(text) ?? [];
	const { description, prompt, addition, variables } = readHead(source, head);
	if (parsePlan(plan).items.length === 0)
		throw badTemplate(source, "it has no items; one is a line like `- [ ] Read the code`");
	const defaults = Object.entries(variables).map(([key, value]) => [key, value?.default ?? null] as const);
	return {
		name,
		source,
		description,
		prompt: prompt ?? null,
		addition: addition ?? null,
		variables: Object.fromEntries(defaults),
		plan: plan.trimStart(),
		text,
	};
}

function readHead(source: string, head: string): z.infer<typeof headSchema> {
	let value: unknown;
	try {
		const document = parseDocument(head);
		const [fault] = document.errors;
		if (fault !== undefined) throw fault;
		keepSpelling(document);
		value = document.toJS() ?? {};
	} catch (error) {
		throw badTemplate(source, `its head is not valid YAML: ${(error as Error).message.split("\n")[0]}`);
	}
	const read = headSchema.safeParse(value, { error: expectation });
	if (read.success) return read.data;
	const [issue] = read.error.issues;
	throw badTemplate(source, `${issue?.path.join(".") || "its head"}: ${issue?.message}`);
}

function badTemplate(source: string, why: string): DispatchError {
	return new DispatchError("DISPATCH_BAD_FILE", `The template ${source} cannot be used: ${why}.`, {
		hint: "docs/TEMPLATES.md shows the form.",
	});
}

/**
 * Puts values in. Those of a plan stay on their line.
 * @throws DISPATCH_USAGE for a variable that is not known, or has no value
 */
export function fillTemplate(template: Template, given: Readonly<Record<string, string>>): FilledTemplate {
	const { name, variables, prompt, addition, plan } = template;
	const known = Object.keys(variables);
	const stranger = Object.keys(given).find((key) => !known.includes(key));
	if (stranger !== undefined)
		throw new DispatchError("DISPATCH_USAGE", `The template "${name}" has no variable "${stranger}".`, {
			hint: known.length === 0 ? "It has none." : `It has: ${known.join(", ")}.`,
		});
	const valueFor = (key: string): string => {
		const value = (Object.hasOwn(given, key) ? given[key] : undefined) ?? variables[key];
		if (value !== undefined && value !== null) return value;
		throw new DispatchError("DISPATCH_USAGE", `The template "${name}" needs a value for "${key}".`, {
			hint: `Give it with --var ${key}=VALUE.`,
		});
	};
	const fill = (text: string) => text.replace(VARIABLE, (_match, key: string) => valueFor(key));
	const fillLine = (text: string) =>
		text.replace(VARIABLE, (_match, key: string) => valueFor(key).replace(/\s+/g, " ").trim());
	return {
		prompt: prompt === null ? null : fill(prompt),
		addition: addition === null ? null : fill(addition).trim(),
		plan: fillLine(plan),
	};
}
