/** Which model and which backend a task gets: `--model`, else a directive in the prompt, else the default. */
import { DispatchError } from "../task/errors.ts";
import type { Permissions } from "../task/spec.ts";
import type { BackendType } from "./backend-type.ts";
import { codexModels } from "./codex-models.ts";
import type { BackendConfig, Config } from "./config.ts";
import { cursorModels } from "./cursor-models.ts";
import { cliOf, type Environment } from "./detect.ts";
import { mentionedModel, unclearMention } from "./directive.ts";
import { claudeFamily, isFullClaudeId, makerOf } from "./model-names.ts";

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
	/** for finding Cursor's CLI; this process's own by default */
	env?: Environment;
}

type Found = Omit<Choice, "name" | "reason">;

const INSTALL_HINT =
	"Install one (`npm install -g @anthropic-ai/claude-code@latest` or `npm install -g @openai/codex@latest`), or write backends: into the config file.";

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
		// A full id goes through as it is written; Bedrock's tell upper from lower case.
		const asked = isFullClaudeId(name) ? name : name.toLowerCase();
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

/** claude gets the family unless the user wrote an id, the others get the id; a command gets none. */
function modelArgument(backend: BackendConfig, name: string, id: string | null): string | null {
	if (backend.type === "command" || !backend.modelFlag) return null;
	if (/(?:^|\s)(?:--model|-m)(?:[\s=]|$)/.test(backend.command)) return null;
	if (id !== null) return id;
	return backend.type === "claude" && !isFullClaudeId(name) ? (claudeFamily(name) ?? name) : name;
}

/** Claude's models go to claude and OpenAI's to codex where those are configured, all others to Cursor. */
function backendFor(config: Config, name: string): BackendConfig | null {
	const of = (type: BackendType) => Object.values(config.backends).find((backend) => backend.type === type);
	const maker = makerOf(name);
	const own = maker === "claude" ? of("claude") : maker === "openai" ? of("codex") : undefined;
	return own ?? of("cursor") ?? null;
}

/**
 * A model that is not configured. Cursor's CLI is asked where there is one; where there is none, or it
 * gives no list, the maker's own CLI takes its maker's names.
 */
async function discover(config: Config, name: string, env: Environment): Promise<BackendConfig> {
	const backend = backendFor(config, name);
	if (backend === null) throw unknownModel(config, name, null);
	const isFamily = claudeFamily(name) === name.replace(/^claude-/, "");
	if (backend.type === "claude" && (isFamily || isFullClaudeId(name))) return backend;
	const known = backend.type === "codex" ? await codexModels(backend, env) : null;
	if (known !== null) {
		if (known.includes(name)) return backend;
		throw unknownModel(config, name, known);
	}
	const cursor = Object.values(config.backends).find(({ type }) => type === "cursor");
	const offered = cursor === undefined ? null : await cursorModels(cursorProgram(cursor), env);
	if (offered === null ? backend !== cursor : offered.includes(name)) return backend;
	throw unknownModel(config, name, offered ?? "no list");
}

function cursorProgram({ command }: BackendConfig): string {
	const started = cliOf(command);
	return started?.cli.type === "cursor" ? started.program : "agent";
}

function unknownModel(config: Config, name: string, offered: string[] | "no list" | null): DispatchError {
	const { models, backends } = namesOf(config);
	const there = [...new Set([...models, ...backends, ...(Array.isArray(offered) ? offered : [])])];
	const silent = offered === "no list" ? " Cursor's CLI gave no list of its models." : "";
	const hint = there.length === 0 ? INSTALL_HINT : `There is: ${there.join(", ")}.${silent}`;
	return new DispatchError("DISPATCH_UNKNOWN_MODEL", `The model "${name}" is neither configured nor found.`, {
		hint: `${hint} One that is not listed is taken from the config: dispatch config add-model NAME --backend B. A name in the prompt that means no model can be put in quotes.`,
	});
}
