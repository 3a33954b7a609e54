/** From what a config file says to the config, checked for names that lead nowhere; needs neither yaml nor zod. */
import type { Environment } from "../backends/cli.ts";
import type { BackendConfig } from "../backends/contract.ts";
import { type BackendType, knownCli } from "../backends/known.ts";
import { looksLikeModel, makersCli } from "../backends/model-names.ts";
import { argumentPlace } from "../backends/shell-line.ts";
import { cliOf, droppedFlag } from "../backends/started.ts";
import { targetsOf } from "../notify/read.ts";
import type { DispatchError } from "../task/errors.ts";
import { type Config, DEFAULTS, emptyConfig } from "./config.ts";
import { defaultCommand, detectConfig } from "./detect.ts";
import type { ConfigFile } from "./schema.ts";

/** Says no at the place of a key. */
export type Refuse = (keys: readonly PropertyKey[], message: string) => DispatchError;

/** @throws what `refuse` makes */
export function buildConfig(
	file: ConfigFile,
	{ path, env, refuse }: { path: string; env: Environment; refuse: Refuse },
): Config {
	const config = build(file, path, env);
	config.notifications = targetsOf(file.notifications ?? [], (at, key, message) =>
		refuse(["notifications", at, ...(key === null ? [] : [key])], message),
	);
	checkNames(config, refuse);
	checkCommands(file, refuse);
	return config;
}

function build(file: ConfigFile, path: string, env: Environment): Config {
	const config: Config = { ...emptyConfig(), path, default: file.default ?? null };
	addAgents(config, file);
	for (const [name, given] of Object.entries(file.backends ?? {})) {
		const { command, type, model_flag, prompt_by, permissions, concurrency, starts_per_minute } = given;
		addBackend(config, {
			name,
			type: type ?? typeOf(name, command),
			command: command.trim(),
			modelFlag: model_flag ?? true,
			...(prompt_by ? { promptBy: prompt_by } : {}),
			...(concurrency ? { concurrency } : {}),
			...(starts_per_minute ? { startsPerMinute: starts_per_minute } : {}),
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
	config.worker = {
		concurrency: file.worker?.concurrency ?? DEFAULTS.concurrency,
		maxAgents: file.worker?.max_agents ?? null,
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
	config.env = file.env ?? [];
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
	const dropped = droppedFlag(backend.command);
	if (dropped === null) return;
	const { cli, flag, successor } = dropped;
	config.notices.push(
		`The command of backend ${backend.name} has ${flag}, which today's ${cli.type} refuses: write ${successor} in its place (\`dispatch doctor --fix\` does).`,
	);
}

/** `backend: codex` needs no entry under backends: if the usual command will do. */
function addNamedCli(config: Config, name: string | null): void {
	const cli = name === null ? null : knownCli(name);
	if (cli === null || config.backends[cli.type] !== undefined) return;
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
	return knownCli(name)?.type ?? cliOf(command)?.cli.type ?? "command";
}

/** A line that would give the prompt to nobody, or to another program. */
function checkCommands(file: ConfigFile, refuse: Refuse): void {
	for (const section of ["backends", "agents"] as const)
		for (const [name, { command }] of Object.entries(file[section] ?? {})) {
			const place = argumentPlace(command);
			if (place.kind !== "nowhere") continue;
			const what = `The line ${place.why}: the agent would get no prompt`;
			throw refuse(
				[section, name, "command"],
				`${what}. dispatch adds its arguments at the end; where they belong elsewhere, write "$@" there`,
			);
		}
}

/** What names another entry must find it. */
function checkNames(config: Config, refuse: Refuse): void {
	const backends = Object.keys(config.backends);
	const models = Object.keys(config.models);
	// A name that tells its maker needs no entry; whether a CLI serves it is seen when it is used.
	const isModel = (name: string) =>
		models.includes(name) || backends.includes(name) || (looksLikeModel(name) && makersCli(name) !== null);
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
