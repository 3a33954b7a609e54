/** Which model and which backend a task gets: `--model`, else a directive in the prompt, else the default. */
import type { Environment } from "../backends/cli.ts";
import type { BackendConfig } from "../backends/contract.ts";
import { installHint, knownCli } from "../backends/known.ts";
import { asAsked } from "../backends/model-names.ts";
import { DispatchError } from "../task/errors.ts";
import type { Permissions } from "../task/spec.ts";
import type { Config } from "./config.ts";
import { mentionedModel, unclearMention } from "./directive.ts";
import { backendFor, gatewayOf, offeredModels } from "./offered-models.ts";

export interface Choice {
	/** the name that was chosen: a model, an alias or a backend */
	name: string;
	/** what `--model` gets; null for a `command` backend, or where the command decides */
	model: string | null;
	/** the backend's configured name */
	backend: string;
	/** an alias's text that goes before the prompt */
	promptAddition: string | null;
	/** an alias's, to narrow what the backend may do */
	permissions: Permissions | null;
	/** for the user: why this one ("default", "named in the prompt", "--model") */
	reason: string;
}

interface Asked {
	prompt: string;
	/** `--model` */
	flag: string | null;
	/** for finding the CLIs; this process's own by default */
	env?: Environment;
}

type Found = Omit<Choice, "name" | "reason">;

const INSTALL_HINT = `${installHint()}, or name another program: dispatch config add-backend NAME --command LINE. To see it without any: dispatch demo.`;

/** @throws DISPATCH_UNKNOWN_MODEL, DISPATCH_NO_BACKEND */
export async function chooseModel(
	config: Config,
	{ prompt, flag, env = process.env }: Asked,
): Promise<Choice> {
	if (flag !== null) return choice(config, flag, "--model", env);
	const mention = mentionedModel(prompt, namesOf(config));
	if (mention !== null) return choice(config, mention, "named in the prompt", env);
	if (config.default !== null) return choice(config, config.default, "default", env);
	const [first] = [...Object.keys(config.models), ...Object.keys(config.backends)];
	if (first !== undefined) return choice(config, first, "first in the config", env);
	throw new DispatchError("DISPATCH_NO_BACKEND", "No agent CLI is configured or found on PATH.", {
		hint: INSTALL_HINT,
	});
}

/**
 * For a task that named no model in a way that was understood. @returns one line: what was read as a part of the
 * task, and how to name a model; null where nothing reads like an order
 */
export function unclearOrder(config: Config, prompt: string): string | null {
	const names = namesOf(config);
	if (mentionedModel(prompt, names) !== null) return null;
	const unclear = unclearMention(prompt, names);
	if (unclear === null) return null;
	const { said, meant } = unclear;
	return `"${said}" was read as a part of the task, not as an order. To name a model: --model ${meant}, or begin with "use ${meant}: …".`;
}

function namesOf(config: Config): { models: string[]; backends: string[] } {
	return {
		models: [...Object.keys(config.models), ...Object.keys(config.aliases)],
		backends: Object.keys(config.backends),
	};
}

async function choice(config: Config, asked: string, reason: string, env: Environment): Promise<Choice> {
	const { models, backends } = namesOf(config);
	const names = [...models, ...backends];
	const lower = asked.toLowerCase();
	const name = names.includes(asked)
		? asked
		: (names.find((known) => known.toLowerCase() === lower) ?? asked);
	const target = await find(config, name, env);
	// Where another name is shown (an alias's model, a command's backend), the chosen one is said too.
	const shown = target.model ?? target.backend;
	return { name, ...target, reason: shown === name || reason === "default" ? reason : `${name}, ${reason}` };
}

async function find(config: Config, name: string, env: Environment): Promise<Found> {
	const alias = config.aliases[name];
	if (alias === undefined) return (await findModel(config, name, env)) ?? findBackend(config, name);
	const { prompt: promptAddition, permissions } = alias;
	if (alias.backend !== null) return { model: null, backend: alias.backend, promptAddition, permissions };
	const model = alias.model ?? config.default;
	if (model !== null && (alias.model !== null || config.aliases[model] === undefined)) {
		const target = (await findModel(config, model, env)) ?? findBackend(config, model);
		return { ...target, promptAddition, permissions };
	}
	throw new DispatchError(
		"DISPATCH_CONFIG_INVALID",
		`The alias "${name}" names no model, and there is no default.`,
		{
			hint: `Write model: under aliases: ${name}: in the config file.`,
		},
	);
}

/** @returns null for the name of a backend */
async function findModel(config: Config, name: string, env: Environment): Promise<Found | null> {
	const model = config.models[name];
	if (model === undefined) {
		if (config.backends[name] !== undefined) return null;
		const asked = asAsked(name);
		return found(await discover(config, asked, env), asked, null);
	}
	const backend = model.backend === null ? backendFor(config, name) : config.backends[model.backend];
	if (backend) return found(backend, name, model.id);
	throw new DispatchError("DISPATCH_NO_BACKEND", `The model "${name}" names no backend, and none fits.`, {
		hint: `Write backend: under models: ${name}: in the config file.`,
	});
}

/** "use codex": its default model, or what the CLI itself uses. */
function findBackend(config: Config, name: string): Found {
	const model = config.default === null ? undefined : config.models[config.default];
	const backend = config.backends[name];
	if (backend === undefined) throw unknownModel(config, name, null);
	const isDefaults =
		model !== undefined && (model.backend ?? backendFor(config, config.default ?? "")?.name) === name;
	if (isDefaults) return found(backend, config.default ?? "", model.id);
	return { model: null, backend: name, promptAddition: null, permissions: null };
}

function found(backend: BackendConfig, name: string, id: string | null): Found {
	const model = modelArgument(backend, name, id);
	return { model, backend: backend.name, promptAddition: null, permissions: null };
}

/** None for any other program, and where the command itself decides. */
function modelArgument(
	{ type, command, modelFlag }: BackendConfig,
	name: string,
	id: string | null,
): string | null {
	const cli = knownCli(type);
	if (cli === null || !modelFlag) return null;
	if (/(?:^|\s)(?:--model|-m)(?:[\s=]|$)/.test(command)) return null;
	return id ?? cli.models.argument(name);
}

/**
 * A model that is not configured. Its maker's CLI is asked, or the one for the models of all makers; where none
 * gives a list, the maker's own CLI takes its maker's names.
 */
async function discover(config: Config, name: string, env: Environment): Promise<BackendConfig> {
	const backend = backendFor(config, name);
	if (backend === null) throw unknownModel(config, name, null);
	if (knownCli(backend.type)?.models.isSure(name)) return backend;
	const gateway = gatewayOf(config);
	const asked = [...new Set([backend, gateway])].filter((each) => each !== null);
	for (const each of asked) {
		const offered = await offeredModels(each, env);
		if (offered?.includes(name)) return backend;
		if (offered !== null) throw unknownModel(config, name, offered);
	}
	if (backend !== gateway) return backend;
	throw unknownModel(config, name, { noListBy: backend });
}

function unknownModel(
	config: Config,
	name: string,
	offered: string[] | { noListBy: BackendConfig } | null,
): DispatchError {
	const { models, backends } = namesOf(config);
	const there = [...new Set([...models, ...backends, ...(Array.isArray(offered) ? offered : [])])];
	const silent =
		offered !== null && "noListBy" in offered
			? ` ${capitalized(offered.noListBy.type)}'s CLI gave no list of its models.`
			: "";
	const hint = there.length === 0 ? INSTALL_HINT : `There is: ${there.join(", ")}.${silent}`;
	return new DispatchError("DISPATCH_UNKNOWN_MODEL", `The model "${name}" is neither configured nor found.`, {
		hint: `${hint} One that is not listed is taken from the config: dispatch config add-model NAME --backend B. A name in the prompt that means no model can be put in quotes.`,
	});
}

function capitalized(word: string): string {
	return word.charAt(0).toUpperCase() + word.slice(1);
}
