/** `dispatch config …`: looks at the config file and changes it, comments and order kept. */
import { isMap } from "yaml";
import { BACKEND_TYPES, KNOWN_CLIS, PROMPT_WAYS } from "../../backends/known.ts";
import { changeConfig } from "../../config/change.ts";
import { chooseModel } from "../../config/choose.ts";
import type { Config } from "../../config/config.ts";
import { detectConfig } from "../../config/detect.ts";
import { type ConfigChange, editConfig, readDocument } from "../../config/edit.ts";
import { configPath } from "../../config/home.ts";
import { migrateConfig } from "../../config/migrate.ts";
import { parseConfig } from "../../config/parse.ts";
import { renderConfig } from "../../config/render.ts";
import { createConfig, readConfigText } from "../../config/save.ts";
import { cutText } from "../../task/cut-text.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import { PERMISSIONS } from "../../task/spec.ts";
import type { Environment } from "../context.ts";
import { firstRun, noAgentFound } from "../first-run.ts";
import type { Output } from "../show/output.ts";

export interface ConfigCommand {
	output: Output;
	env: Environment;
}

export interface BackendFlags {
	command: string;
	type?: string;
	modelFlag: boolean;
	promptBy?: string;
	permissions?: string;
}

export interface AliasFlags {
	model?: string;
	prompt?: string;
	permissions?: string;
}

const NAME_FORM = /^[A-Za-z0-9][A-Za-z0-9._:/+-]{0,99}$/;

export async function initConfig({ output, env }: ConfigCommand): Promise<number | undefined> {
	const path = configPath(env);
	const there = readConfigText(path) !== null;
	const run = there ? ({ kind: "exists" } as const) : await firstRun({ path, env, output });
	if (run.kind === "nothing_found") throw noAgentFound();
	if (run.kind === "left") return EXIT.interrupted;
	const written = run.kind === "written";
	output.result({ path, written }, [written ? path : `${path} exists already; it was not changed.`]);
	return undefined;
}

export async function printPath({ output, env }: ConfigCommand): Promise<undefined> {
	const path = configPath(env);
	output.result({ path, exists: readConfigText(path) !== null }, [path]);
}

export async function setDefault(command: ConfigCommand, name: string): Promise<undefined> {
	await change(command, async (file) => {
		const known = namesOf(file.config).find((each) => each.toLowerCase() === name.toLowerCase());
		const changes: ConfigChange[] = [];
		if (known === undefined) changes.push(await foundModel(file.config, name, command.env));
		const chosen = known ?? changes[0]?.path.at(-1) ?? name;
		return { changes: [...changes, { path: ["default"], value: chosen }], line: `The default is ${chosen}.` };
	});
}

export async function addModel(
	command: ConfigCommand,
	name: string,
	flags: { backend?: string; id?: string },
): Promise<undefined> {
	checkName("model", name);
	await change(command, async (file) => {
		if (flags.backend !== undefined) checkBackend(file.config, flags.backend);
		const id = flags.id === undefined ? {} : { id: flags.id };
		const added: ConfigChange =
			flags.backend === undefined
				? await foundModel(file.config, name, command.env)
				: { path: ["models", name], value: { backend: flags.backend } };
		const value = { ...(added.value as Record<string, string>), ...id };
		const line = `The model ${added.path.at(-1)} is in the config.`;
		return { changes: changesOf(file, added.path, value), line };
	});
}

export async function removeModel(command: ConfigCommand, name: string): Promise<undefined> {
	await change(command, ({ config }) => {
		checkKnown("model", name, Object.keys(config.models));
		requireUnnamed(config, "model", name);
		const line = `The model ${name} is no longer in the config.`;
		return { changes: [{ path: ["models", name], value: null }], line };
	});
}

export async function addBackend(
	command: ConfigCommand,
	name: string,
	flags: BackendFlags,
): Promise<undefined> {
	checkName("backend", name);
	checkText("--command", flags.command);
	checkOneOf("--type", flags.type, BACKEND_TYPES);
	checkOneOf("--prompt-by", flags.promptBy, PROMPT_WAYS);
	checkOneOf("--permissions", flags.permissions, PERMISSIONS);
	const value = {
		command: flags.command,
		...(flags.type === undefined ? {} : { type: flags.type }),
		...(flags.modelFlag ? {} : { model_flag: false }),
		...(flags.promptBy === undefined ? {} : { prompt_by: flags.promptBy }),
		...(flags.permissions === undefined ? {} : { permissions: flags.permissions }),
	};
	const line = `The backend ${name} is in the config. Give it a task: dispatch enqueue --model ${name} "…"`;
	await change(command, (file) => ({ changes: changesOf(file, ["backends", name], value), line }));
	const { unstartable } = await import("../doctor/check-backends.ts");
	const why = unstartable(flags.command, command.env.PATH);
	if (why !== null) command.output.note(`${why.what}: tasks of ${name} fail until ${why.until}.`);
}

export async function addAlias(command: ConfigCommand, name: string, flags: AliasFlags): Promise<undefined> {
	checkName("alias", name);
	if (flags.model === undefined && flags.prompt === undefined && flags.permissions === undefined)
		throw new DispatchError("DISPATCH_USAGE", "Expected --model, --prompt or --permissions.", {
			hint: 'For example: dispatch config add-alias reviewer --model opus --prompt "You are a reviewer."',
		});
	if (flags.prompt !== undefined) checkText("--prompt", flags.prompt);
	checkOneOf("--permissions", flags.permissions, PERMISSIONS);
	await change(command, async (file) => {
		const changes: ConfigChange[] = [];
		if (flags.model !== undefined && !namesOf(file.config).includes(flags.model))
			changes.push(await foundModel(file.config, flags.model, command.env));
		const model = changes[0]?.path.at(-1) ?? flags.model;
		const value = {
			...(model === undefined ? {} : { model }),
			...(flags.prompt === undefined ? {} : { prompt: flags.prompt }),
			...(flags.permissions === undefined ? {} : { permissions: flags.permissions }),
		};
		return {
			changes: [...changes, ...changesOf(file, ["aliases", name], value)],
			line: `The alias ${name} is in the config.`,
		};
	});
}

export async function removeAlias(command: ConfigCommand, name: string): Promise<undefined> {
	await change(command, ({ config }) => {
		checkKnown("alias", name, Object.keys(config.aliases));
		requireUnnamed(config, "alias", name);
		const section = config.aliases[name]?.backend === null ? "aliases" : "agents";
		const line = `The alias ${name} is no longer in the config.`;
		return { changes: [{ path: [section, name], value: null }], line };
	});
}

export async function migrate({ output, env }: ConfigCommand): Promise<undefined> {
	const path = configPath(env);
	let kept: string | null = null;
	await changeConfig(path, (text) => {
		if (text !== null) parseConfig(text, path, env);
		const migrated = text === null ? null : migrateConfig(text);
		if (text === null || migrated === null) return null;
		parseConfig(migrated, path, env);
		kept = keepText(`${path}.before-migrate`, text);
		return migrated;
	});
	if (kept === null) {
		output.result({ path, changed: false }, [`${path} has no agents: there is nothing to migrate.`]);
		return;
	}
	output.result({ path, changed: true, kept }, [
		`${path} is of the present form; the old text is in ${kept}.`,
	]);
}

/** Beside what was kept before, which stays. @returns the file's name */
function keepText(name: string, text: string): string {
	for (let n = 1; ; n++) {
		const path = n === 1 ? name : `${name}-${n}`;
		if (createConfig(path, text) || readConfigText(path) === text) return path;
	}
}

interface ConfigFile {
	config: Config;
	/** what a change begins with */
	base: string;
}

interface Change {
	changes: ConfigChange[];
	/** what is said of it */
	line: string;
}

/**
 * Changes the config file; without one, a change begins with what a first run would write. The new text must load
 * before it replaces the old one, and where another command was faster, `work` is asked again with what it wrote.
 */
export async function change(
	{ output, env }: ConfigCommand,
	work: (file: ConfigFile) => Change | Promise<Change>,
): Promise<void> {
	const path = configPath(env);
	let done = { changed: false, line: "" };
	await changeConfig(path, async (text) => {
		const base = text ?? renderConfig(detectConfig(env));
		const { changes, line } = await work({ base, config: parseConfig(base, path, env) });
		const edited = editConfig(base, changes);
		parseConfig(edited, path, env);
		done = { changed: edited !== text, line };
		return edited;
	});
	output.result({ path, changed: done.changed }, [done.line]);
}

/** What of an entry that is there is not named stays as it is: nobody's permissions grow by another command line. */
function changesOf(
	file: ConfigFile,
	path: ConfigChange["path"],
	value: Readonly<Record<string, string | boolean>>,
): ConfigChange[] {
	const isThere = isMap(readDocument(file.base).getIn(path, true));
	if (!isThere) return [{ path, value }];
	return Object.entries(value).map(([key, each]) => ({ path: [...path, key], value: each }));
}

/** @throws DISPATCH_UNKNOWN_MODEL with what there is */
async function foundModel(config: Config, name: string, env: Environment): Promise<ConfigChange> {
	checkName("model", name);
	const choice = await chooseModel(config, { prompt: "", flag: name, env });
	return { path: ["models", choice.name], value: { backend: choice.backend } };
}

function namesOf(config: Config): string[] {
	return [config.models, config.aliases, config.backends].flatMap((entries) => Object.keys(entries));
}

function checkName(what: string, name: string): void {
	if (NAME_FORM.test(name)) return;
	throw new DispatchError(
		"DISPATCH_USAGE",
		`Expected the ${what}'s name to be letters, digits and . _ : / + -, got ${JSON.stringify(cutText(name, 60))}.`,
	);
}

function checkText(option: string, text: string): void {
	if (text.trim() !== "" && !text.includes("\0")) return;
	throw new DispatchError("DISPATCH_USAGE", `Expected ${option} to be a text that is not empty.`);
}

function checkOneOf(option: string, value: string | undefined, known: readonly string[]): void {
	if (value === undefined || known.includes(value)) return;
	throw new DispatchError(
		"DISPATCH_USAGE",
		`Expected ${option} to be one of ${known.join(", ")}, got "${value}".`,
	);
}

function checkBackend(config: Config, name: string): void {
	if (KNOWN_CLIS.some(({ type }) => type === name)) return;
	checkKnown("backend", name, Object.keys(config.backends));
}

/** @throws DISPATCH_USAGE with what there is */
export function checkKnown(what: string, name: string, names: string[]): void {
	if (names.includes(name)) return;
	throw new DispatchError("DISPATCH_USAGE", `There is no ${what} "${name}".`, {
		hint: names.length === 0 ? "None is configured." : `There is: ${names.join(", ")}.`,
	});
}

type Kind = "backend" | "model" | "alias";

/** Everything in the config that would lead nowhere without it. @throws DISPATCH_USAGE with the first of them */
export function requireUnnamed(config: Config, kind: Kind, name: string): void {
	const { backends, models, aliases } = config;
	const sections = { backend: backends, model: models, alias: aliases };
	// Another entry of the same name is what is meant by it then.
	const others = Object.entries(sections).flatMap(([of, entries]) =>
		of === kind ? [] : Object.keys(entries),
	);
	const isMeant = (said: string | null) =>
		said?.toLowerCase() === name.toLowerCase() &&
		!others.some((each) => each.toLowerCase() === said.toLowerCase());
	if (isMeant(config.default))
		throw inUse(name, "the default", "Choose another one: dispatch config set-default M.");
	const isBackendOf = (backend: string | null) => kind === "backend" && backend === name;
	const havers = {
		model: Object.entries(models).filter(([, { backend }]) => isBackendOf(backend)),
		alias: Object.entries(aliases).filter(([, { backend, model }]) => isBackendOf(backend) || isMeant(model)),
	};
	for (const [of, having] of Object.entries(havers)) {
		const [first] = having.map(([each]) => each);
		if (first === undefined) continue;
		const more = having.length > 1 ? ` and of ${having.length - 1} more` : "";
		const hint = `Remove that first (dispatch config remove-${of} ${first}), or give it another ${kind}.`;
		throw inUse(name, `the ${kind} of the ${of} "${first}"${more}`, hint);
	}
	if (config.fallback.some(isMeant))
		throw inUse(name, "in the list `fallback`", "Take it out of there first: dispatch config edit.");
}

/** @param by what it is there, behind "it is" */
function inUse(name: string, by: string, hint: string): DispatchError {
	return new DispatchError("DISPATCH_USAGE", `"${name}" is in use: it is ${by}.`, { hint });
}
