/** From the text of config.yaml to a config; errors name file, line, column and key. */
import { type Document, isMap, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { cutText } from "../task/cut-text.ts";
import { DispatchError } from "../task/errors.ts";
import type { BackendType } from "./backend-type.ts";
import { type BackendConfig, type Config, DEFAULTS, emptyConfig } from "./config.ts";
import { cliOf, defaultCommand, detectConfig, type Environment, KNOWN_CLIS } from "./detect.ts";
import { looksLikeModel, makerOf } from "./model-names.ts";
import { targetsOf } from "./notifications.ts";
import { type ConfigFile, configSchema, keysAt, NOTIFICATION_TYPES } from "./schema.ts";

const MAX_SHOWN_CHARS = 60;
const MAX_YAML_ALIASES = 100;

/** Says no at the place of a key. */
type Refuse = (keys: readonly PropertyKey[], message: string) => DispatchError;

/** @throws DISPATCH_CONFIG_INVALID */
export function parseConfig(text: string, path: string, env: Environment): Config {
	const lines = new LineCounter();
	const document = parseDocument(text, {
		lineCounter: lines,
		prettyErrors: false,
		version: "1.2",
		merge: true,
	});
	const at = (offset: number) => `${path}:${lines.linePos(offset).line}:${lines.linePos(offset).col}`;
	const refuse: Refuse = (keys, message) => {
		const named = keys.length === 0 ? "" : `${keys.map(String).join(".")}: `;
		return invalid(`${at(offsetOf(document, keys))}: ${named}${message}`);
	};
	const [fault] = document.errors;
	if (fault !== undefined) throw invalid(`${at(fault.pos[0])}: This is not valid YAML: ${fault.message}`);
	const file = readFile(document, refuse);
	const config = build(file, path, env);
	config.notifications = targetsOf(file.notifications ?? [], (at, key, message) =>
		refuse(["notifications", at, ...(key === null ? [] : [key])], message),
	);
	checkNames(config, refuse);
	return config;
}

function readFile(document: Document, refuse: Refuse): ConfigFile {
	if (document.contents === null || (isScalar(document.contents) && document.contents.value === null))
		return {};
	if (!isMap(document.contents)) throw refuse([], "Expected keys such as default: and backends:");
	let content: unknown;
	try {
		content = document.toJS({ maxAliasCount: MAX_YAML_ALIASES });
	} catch (error) {
		throw refuse([], `The YAML cannot be resolved: ${(error as Error).message}`);
	}
	const parsed = configSchema.safeParse(content, { error: expectation, reportInput: true });
	if (parsed.success) return parsed.data;
	const [issue] = parsed.error.issues;
	if (issue?.code !== "unrecognized_keys")
		throw refuse(issue?.path ?? [], issue?.message ?? "It cannot be read");
	const key = issue.keys[0] ?? "";
	throw refuse([...issue.path, key], `There is no such key; ${suggestion(key, keysAt(issue.path))}`);
}

function invalid(message: string): DispatchError {
	return new DispatchError("DISPATCH_CONFIG_INVALID", message.replace(/[.\s]*$/, "."), {
		hint: "docs/CONFIG.md lists every key; DISPATCH_CONFIG names another file.",
	});
}

/** Where the innermost key that exists stands. */
function offsetOf(document: Document, keys: readonly PropertyKey[]): number {
	for (let length = keys.length; length > 0; length--) {
		const parent = length === 1 ? document.contents : document.getIn(keys.slice(0, length - 1), true);
		if (!isMap(parent)) continue;
		const wanted = String(keys[length - 1]);
		const key = parent.items.find(
			(pair) => String(isScalar(pair.key) ? pair.key.value : pair.key) === wanted,
		)?.key;
		if (isScalar(key) && key.range) return key.range[0];
	}
	return document.contents?.range?.[0] ?? 0;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
	string: "text",
	object: "keys with values",
	record: "keys with values",
	boolean: "true or false",
	int: "a whole number",
	number: "a whole number",
};

/** zod's issues in the words of a person who reads YAML; undefined leaves the message of the schema. */
function expectation(issue: z.core.$ZodRawIssue): string | undefined {
	const got = issue.input === undefined ? "nothing" : shown(issue.input);
	switch (issue.code) {
		case "invalid_type":
			return `Expected ${TYPE_NAMES[issue.expected] ?? issue.expected}, got ${got}`;
		case "invalid_value":
			return `Expected one of ${issue.values.map(String).join(", ")}, got ${got}`;
		case "too_small":
			return issue.origin === "string"
				? "Expected a text that is not empty"
				: `Expected ${issue.minimum} or more, got ${got}`;
		case "too_big":
			return `Expected ${issue.maximum} or less, got ${got}`;
		case "invalid_union":
			return `Expected type: to be one of ${NOTIFICATION_TYPES.join(", ")}`;
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

function suggestion(key: string, known: readonly string[]): string {
	const [nearest] = known
		.map((name) => ({ name, distance: distanceOf(cutText(key, MAX_SHOWN_CHARS, "").toLowerCase(), name) }))
		.filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
		.sort((a, b) => a.distance - b.distance);
	return nearest === undefined ? `known are ${known.join(", ")}` : `did you mean "${nearest.name}"?`;
}

/** Levenshtein's. */
function distanceOf(a: string, b: string): number {
	let row = Array.from({ length: b.length + 1 }, (_, at) => at);
	for (let i = 1; i <= a.length; i++) {
		const next = [i];
		for (let j = 1; j <= b.length; j++) {
			const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
			next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
		}
		row = next;
	}
	return row[b.length] ?? 0;
}

function build(file: ConfigFile, path: string, env: Environment): Config {
	const config: Config = { ...emptyConfig(), path, default: file.default ?? null };
	addAgents(config, file);
	for (const [name, { command, type, model_flag, permissions }] of Object.entries(file.backends ?? {})) {
		addBackend(config, {
			name,
			type: type ?? typeOf(name, command),
			command: command.trim(),
			modelFlag: model_flag ?? true,
			permissions: permissions ?? null,
		});
	}
	if (Object.keys(config.backends).length === 0) Object.assign(config.backends, detectConfig(env).backends);
	for (const [name, model] of Object.entries(file.models ?? {})) {
		config.models[name] = { backend: model?.backend ?? null, id: model?.id ?? null };
		addNamedCli(config, model?.backend ?? null);
	}
	for (const [name, alias] of Object.entries(file.aliases ?? {})) {
		config.aliases[name] = {
			model: alias?.model ?? null,
			prompt: alias?.prompt?.trim() || null,
			backend: null,
			permissions: alias?.permissions ?? null,
		};
	}
	const concurrency = file.worker?.concurrency ?? DEFAULTS.concurrency;
	config.worker = {
		concurrency,
		maxAgents: file.worker?.max_agents ?? concurrency * DEFAULTS.agentsPerPlace,
	};
	config.limits = {
		inactivityMs: file.limits?.inactivity ?? DEFAULTS.inactivityMs,
		questionWaitMs: file.limits?.question_wait ?? DEFAULTS.questionWaitMs,
		deadlineMs: file.limits?.deadline ?? null,
	};
	config.redisUrl = file.redis?.url ?? null;
	config.namespace = file.namespace ?? null;
	config.attempts = file.attempts ?? DEFAULTS.attempts;
	config.fallback = file.fallback ?? [];
	config.allow = file.allow ?? [];
	config.fallbackAfterMs = file.fallback_after ?? DEFAULTS.fallbackAfterMs;
	config.budget = { taskUsd: file.budget?.task ?? null, dailyUsd: file.budget?.daily ?? null };
	Object.assign(config.prices, file.prices);
	return config;
}

/** The older form: an agent is an alias with a command of its own, to which nothing but the prompt is added. */
function addAgents(config: Config, file: ConfigFile): void {
	const agents = Object.entries(file.agents ?? {});
	for (const [name, { command, prompt, type }] of agents) {
		addBackend(config, {
			name,
			type: type ?? "command",
			command: command.trim(),
			modelFlag: false,
			permissions: null,
		});
		config.aliases[name] = { model: null, prompt: prompt?.trim() || null, backend: name, permissions: null };
	}
	if (agents.length === 0) return;
	config.older = true;
	config.notices.push(
		`${config.path} is of the older form (agents:); it works, and \`dispatch config migrate\` turns it into the present one.`,
	);
}

function addBackend(config: Config, backend: BackendConfig): void {
	config.backends[backend.name] = backend;
	if (cliOf(backend.command)?.cli.type !== "codex" || !/\s--full-auto(?=\s|$)/.test(backend.command)) return;
	config.notices.push(
		`The command of backend ${backend.name} has --full-auto, which today's codex refuses: write --sandbox workspace-write in its place (\`dispatch doctor --fix\` does).`,
	);
}

/** `backend: codex` needs no entry under backends: if the usual command will do. */
function addNamedCli(config: Config, name: string | null): void {
	const cli = KNOWN_CLIS.find(({ type }) => type === name);
	if (cli === undefined || config.backends[cli.type] !== undefined) return;
	addBackend(config, {
		name: cli.type,
		type: cli.type,
		command: defaultCommand(cli),
		modelFlag: true,
		permissions: null,
	});
}

/** By its name, else by the program in its command. */
function typeOf(name: string, command: string): BackendType {
	const named = KNOWN_CLIS.find(({ type }) => type === name);
	return named?.type ?? cliOf(command)?.cli.type ?? "command";
}

/** What names another entry must find it. */
function checkNames(config: Config, refuse: Refuse): void {
	const backends = Object.keys(config.backends);
	const models = Object.keys(config.models);
	// A name that tells its maker needs no entry; whether a CLI serves it is seen when it is used.
	const isModel = (name: string) =>
		models.includes(name) || backends.includes(name) || (looksLikeModel(name) && makerOf(name) !== "other");
	for (const [name, { backend }] of Object.entries(config.models)) {
		if (backend === null || backends.includes(backend)) continue;
		throw refuse(["models", name, "backend"], `There is no backend "${backend}"; ${listed(backends)}`);
	}
	for (const [name, { model }] of Object.entries(config.aliases)) {
		if (model === null || isModel(model)) continue;
		throw refuse(["aliases", name, "model"], `There is no model "${model}"; ${listed(models)}`);
	}
	const aliases = Object.keys(config.aliases);
	if (config.default === null || aliases.includes(config.default) || isModel(config.default)) return;
	const names = [...new Set([...models, ...aliases, ...backends])];
	throw refuse(["default"], `There is no model or alias "${config.default}"; ${listed(names)}`);
}

function listed(names: string[]): string {
	return names.length === 0 ? "none is configured" : `there is ${names.join(", ")}`;
}
