/** `dispatch config …`: looks at the config file and changes it, comments and order kept. */
import { isMap } from "yaml";
import { BACKEND_TYPES, KNOWN_CLIS, PROMPT_WAYS } from "../../backends/known.ts";
import { chooseModel } from "../../config/choose.ts";
import type { Config } from "../../config/config.ts";
import { detectConfig } from "../../config/detect.ts";
import { type ConfigChange, editConfig, readDocument } from "../../config/edit.ts";
import { configPath } from "../../config/home.ts";
import { migrateConfig } from "../../config/migrate.ts";
import { parseConfig } from "../../config/parse.ts";
import { renderConfig } from "../../config/render.ts";
import { createConfig, readConfigText, replaceConfig } from "../../config/save.ts";
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
	const file = openFile(command);
	const known = namesOf(file.config).find((each) => each.toLowerCase() === name.toLowerCase());
	const changes: ConfigChange[] = [];
	if (known === undefined) changes.push(await foundModel(file.config, name, command.env));
	const chosen = known ?? changes[0]?.path.at(-1) ?? name;
	save(command, file, [...changes, { path: ["default"], value: chosen }], `The default is ${chosen}.`);
}

export async function addModel(
	command: ConfigCommand,
	name: string,
	flags: { backend?: string; id?: string },
): Promise<undefined> {
	checkName("model", name);
	const file = openFile(command);
	if (flags.backend !== undefined) checkBackend(file.config, flags.backend);
	const id = flags.id === undefined ? {} : { id: flags.id };
	const change: ConfigChange =
		flags.backend === undefined
			? await foundModel(file.config, name, command.env)
			: { path: ["models", name], value: { backend: flags.backend } };
	const value = { ...(change.value as Record<string, string>), ...id };
	save(
		command,
		file,
		changesOf(file, change.path, value),
		`The model ${change.path.at(-1)} is in the config.`,
	);
}

export async function removeModel(command: ConfigCommand, name: string): Promise<undefined> {
	const file = openFile(command);
	checkKnown("model", name, Object.keys(file.config.models));
	const aliases = Object.entries(file.config.aliases).filter(([, { model }]) => model === name);
	if (aliases.length > 0)
		throw inUse(name, `the model of the alias "${aliases[0]?.[0]}"`, "Remove or change that one first.");
	if (file.config.default === name)
		throw inUse(name, "the default", "Choose another one: dispatch config set-default M.");
	save(
		command,
		file,
		[{ path: ["models", name], value: null }],
		`The model ${name} is no longer in the config.`,
	);
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
	const file = openFile(command);
	const line = `The backend ${name} is in the config. Give it a task: dispatch enqueue --model ${name} "…"`;
	save(command, file, changesOf(file, ["backends", name], value), line);
}

export async function addAlias(command: ConfigCommand, name: string, flags: AliasFlags): Promise<undefined> {
	checkName("alias", name);
	const file = openFile(command);
	if (flags.model === undefined && flags.prompt === undefined && flags.permissions === undefined)
		throw new DispatchError("DISPATCH_USAGE", "Expected --model, --prompt or --permissions.", {
			hint: 'For example: dispatch config add-alias reviewer --model opus --prompt "You are a reviewer."',
		});
	if (flags.prompt !== undefined) checkText("--prompt", flags.prompt);
	checkOneOf("--permissions", flags.permissions, PERMISSIONS);
	const changes: ConfigChange[] = [];
	if (flags.model !== undefined && !namesOf(file.config).includes(flags.model))
		changes.push(await foundModel(file.config, flags.model, command.env));
	const model = changes[0]?.path.at(-1) ?? flags.model;
	const value = {
		...(model === undefined ? {} : { model }),
		...(flags.prompt === undefined ? {} : { prompt: flags.prompt }),
		...(flags.permissions === undefined ? {} : { permissions: flags.permissions }),
	};
	save(
		command,
		file,
		[...changes, ...changesOf(file, ["aliases", name], value)],
		`The alias ${name} is in the config.`,
	);
}

export async function removeAlias(command: ConfigCommand, name: string): Promise<undefined> {
	const file = openFile(command);
	checkKnown("alias", name, Object.keys(file.config.aliases));
	if (file.config.default === name)
		throw inUse(name, "the default", "Choose another one: dispatch config set-default M.");
	const section = file.config.aliases[name]?.backend === null ? "aliases" : "agents";
	save(
		command,
		file,
		[{ path: [section, name], value: null }],
		`The alias ${name} is no longer in the config.`,
	);
}

export async function migrate({ output, env }: ConfigCommand): Promise<undefined> {
	const path = configPath(env);
	const text = readConfigText(path);
	if (text !== null) parseConfig(text, path, env);
	const migrated = text === null ? null : migrateConfig(text);
	if (text === null || migrated === null) {
		output.result({ path, changed: false }, [`${path} has no agents: there is nothing to migrate.`]);
		return;
	}
	parseConfig(migrated, path, env);
	const kept = `${path}.before-migrate`;
	createConfig(kept, text);
	replaceConfig(path, migrated);
	output.result({ path, changed: true, kept }, [
		`${path} is of the present form; the old text is in ${kept}.`,
	]);
}

interface ConfigFile {
	path: string;
	/** null: not written yet */
	text: string | null;
	config: Config;
	/** what a change begins with */
	base: string;
}

/** Without a file, a change begins with what a first run would write. */
export function openFile({ env }: ConfigCommand): ConfigFile {
	const path = configPath(env);
	const text = readConfigText(path);
	const base = text ?? renderConfig(detectConfig(env));
	return { path, text, base, config: parseConfig(base, path, env) };
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

/** The new text must load before it replaces the old one. */
export function save(
	{ output, env }: ConfigCommand,
	file: ConfigFile,
	changes: ConfigChange[],
	line: string,
): void {
	const text = editConfig(file.base, changes);
	parseConfig(text, file.path, env);
	if (file.text !== null) replaceConfig(file.path, text);
	else if (!createConfig(file.path, text))
		throw new DispatchError("DISPATCH_BAD_FILE", `${file.path} was written by another process meanwhile.`, {
			hint: "Repeat the command.",
		});
	output.result({ path: file.path, changed: text !== file.text }, [line]);
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

/** @param by what it is there, behind "it is" */
export function inUse(name: string, by: string, hint: string): DispatchError {
	return new DispatchError("DISPATCH_USAGE", `"${name}" is in use: it is ${by}.`, { hint });
}
