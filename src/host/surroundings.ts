/**
 * What of an environment matters to agents, told without its values: the worker leaves it in its file, and a
 * command compares it with its own. Agents get the worker's, so a rotated key or another proxy is to be told.
 */
import { createHash } from "node:crypto";
import { cliOf } from "../backends/started.ts";
import type { Config } from "../config/config.ts";
import type { Home } from "../config/home.ts";
import { type Environment, environmentOfDaemon } from "../process/environment.ts";
import { which } from "../process/which.ts";
import { isSecretName } from "../task/secret-name.ts";

/** Settings of agent CLIs, of their services and of the way there; besides everything that is named like a secret. */
const MATTERS: readonly RegExp[] = [
	/^(?:ANTHROPIC|OPENAI|CLAUDE|CODEX|CURSOR|GEMINI|GOOGLE|VERTEX|AWS|AZURE|OPENROUTER|MISTRAL|GROQ|XAI)_/,
	/^(?:https?|all|no|ftp)_proxy$/i,
	/^(?:NODE_EXTRA_CA_CERTS|NODE_OPTIONS|NODE_TLS_REJECT_UNAUTHORIZED|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE)$/,
	/^(?:HOME|XDG_CONFIG_HOME|IS_SANDBOX|GH_HOST)$/,
];

const DIGEST_CHARS = 16;

export interface Surroundings {
	/** a salted digest of each value, by the variable's name */
	variables: Record<string, string>;
	/** the file that each backend's CLI is started from, by the backend's name; null: PATH finds none */
	programs: Record<string, string | null>;
}

/** @param home its random id is the salt */
export function surroundingsOf(
	env: Environment,
	config: Config,
	{ homeId }: Pick<Home, "homeId">,
): Surroundings {
	const handedOn = environmentOfDaemon(env);
	const variables = Object.entries(handedOn)
		.filter(([name]) => !name.startsWith("DISPATCH_") && matters(name))
		.map(([name, value]) => [name, digest(homeId, name, value)] as const);
	const programs = Object.values(config.backends).map(({ name, command }) => {
		const cli = cliOf(command);
		return [name, cli === null ? null : which(cli.program, handedOn.PATH)] as const;
	});
	return { variables: Object.fromEntries(variables), programs: Object.fromEntries(programs) };
}

function matters(name: string): boolean {
	return isSecretName(name) || MATTERS.some((pattern) => pattern.test(name));
}

function digest(salt: string, name: string, value: string): string {
	return createHash("sha256").update(`${salt}\0${name}\0${value}`).digest("hex").slice(0, DIGEST_CHARS);
}

export interface Difference {
	/** a variable, or PATH */
	name: string;
	/** "another value", "only here", "only for the worker", "claude: /a/claude here, none for the worker" */
	how: string;
}

/**
 * @param travels names that a task takes along, and that therefore make no difference
 * @returns what agents get otherwise than a command that is typed here
 */
export function differences(
	worker: Surroundings,
	here: Surroundings,
	travels: readonly string[],
): Difference[] {
	const names = new Set([...Object.keys(worker.variables), ...Object.keys(here.variables)]);
	const variables = [...names].sort().flatMap((name) => {
		const [theirs, ours] = [worker.variables[name], here.variables[name]];
		if (theirs === ours || travels.includes(name)) return [];
		const how =
			theirs === undefined ? "only here" : ours === undefined ? "only for the worker" : "another value";
		return [{ name, how }];
	});
	const programs = Object.entries(here.programs).flatMap(([backend, ours]) => {
		const theirs = worker.programs[backend];
		if (theirs === undefined || theirs === ours || travels.includes("PATH")) return [];
		return [{ name: "PATH", how: `${backend}: ${ours ?? "none"} here, ${theirs ?? "none"} for the worker` }];
	});
	return [...programs, ...variables];
}

/** "PATH (…), HTTPS_PROXY (only for the worker)" */
export function differenceText(found: readonly Difference[]): string {
	return found.map(({ name, how }) => `${name} (${how})`).join(", ");
}
