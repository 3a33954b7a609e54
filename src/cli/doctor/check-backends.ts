import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";
import type { BackendConfig } from "../../backends/contract.ts";
import { backendOf } from "../../backends/index.ts";
import { promptWay } from "../../backends/prompt-way.ts";
import { shellWords } from "../../backends/shell-words.ts";
import { cliOf, droppedFlag } from "../../backends/started.ts";
import type { Config } from "../../config/config.ts";
import { isGateway, offeredModels } from "../../config/offered-models.ts";
import { askProgram } from "../../process/ask-program.ts";
import { environmentOfAgents } from "../../process/environment.ts";
import { hasOtherUsers } from "../../process/other-users.ts";
import { findUserHome } from "../../process/user-home.ts";
import { inItsPlace, which } from "../../process/which.ts";
import type { Environment } from "../context.ts";
import { oneLine } from "../show/output.ts";
import { broken, type Finding, ok, warn } from "./finding.ts";

const VERSION_LIMIT_MS = 5_000;
const MAX_VERSION_CHARS = 80;

/** @param env the environment that agents get: the running worker's, else the caller's */
export async function checkBackend(backend: BackendConfig, env: Environment): Promise<Finding[]> {
	const started = cliOf(backend.command);
	if (started === null) return [otherProgram(backend, env)];
	const start = await startFinding(backend, started.program, env);
	return [start, ...flagFindings(backend, env), ...loginFinding(backend, env)];
}

/** Who else can read prompts. Of a machine with one user nobody else reads the command lines. */
export function checkPromptWays(backends: readonly BackendConfig[]): Finding[] {
	const names = backends
		.filter((backend) => promptWay(backend, backendOf(backend.type)) === "argument")
		.map(({ name }) => name);
	if (names.length === 0 || !hasOtherUsers()) return [];
	const what = `${names.join(", ")}: other users of this machine can read the prompts in the command line (ps).`;
	const fix = `Where it reads its stdin, set \`prompt_by: stdin\` under backends: ${names[0]}: in the config; else \`file\`: its argument is a sentence then that names the file.`;
	return [warn("backend", what, fix)];
}

/** Words that the shell knows itself. */
const OF_THE_SHELL =
	/^(?:\.|:|alias|case|cd|echo|eval|export|false|for|if|printf|pwd|read|set|shift|source|test|then|times|trap|true|type|ulimit|umask|unset|until|wait|while)$/;

/** @returns the program of a backend's command; null for one that cannot be told from the line */
function programOf(command: string): string | null {
	const started = cliOf(command)?.program;
	if (started !== undefined) return started;
	const program = shellWords(command).find(
		({ text }) => !/^(?:env|exec|command|-.*|[A-Za-z_]\w*=.*)$/.test(text),
	);
	const word = program?.text.replace(/^(["'])(.*)\1$/, "$2") ?? "";
	return /^[\w./+-]+$/.test(word) && !OF_THE_SHELL.test(word) ? word : null;
}

/** A path that begins in the directory of each task is found by no PATH. */
const isOfTheTask = (program: string) => !isAbsolute(program) && program.includes("/");

interface Unstartable {
	/** a sentence without its full stop */
	what: string;
	/** "until …" */
	until: string;
	fix: string;
}

/**
 * Why what a backend's command starts cannot be started with this PATH.
 * @returns null: it can, or nobody can tell before a task starts
 */
export function unstartable(command: string, path: string | undefined): Unstartable | null {
	const program = programOf(command);
	if (program === null || isOfTheTask(program) || which(program, path) !== null) return null;
	return whyNot(program, path);
}

function whyNot(program: string, path: string | undefined): Unstartable {
	const there = inItsPlace(program, path);
	if (there?.kind === "file") {
		const right = `chmod +x ${there.path}`;
		return { what: `${there.path} is not executable`, until: `it is: ${right}`, fix: right };
	}
	const fix = "Name the program's own path in the config.";
	if (there !== null)
		return { what: `${there.path} is a directory`, until: "a program stands in the command", fix };
	if (program.includes("/")) return { what: `There is no file ${program}`, until: "there is one", fix };
	return {
		what: `There is no program ${program} on PATH`,
		until: "there is one, or its full path stands in the command",
		fix: pathHint(program),
	};
}

/** A program of the user's own is looked for, never started: who knows what it does. */
function otherProgram({ name, command }: BackendConfig, env: Environment): Finding {
	const program = programOf(command);
	if (program === null) return ok("backend", `${name}: a shell line of your own.`);
	if (isOfTheTask(program))
		return ok("backend", `${name}: ${program} is looked for in the directory of each task.`);
	if (which(program, env.PATH) !== null) return ok("backend", `${name}: ${program} is there.`);
	return noProgram(name, program, env);
}

function noProgram(name: string, program: string, env: Environment): Finding {
	const { what, fix } = whyNot(program, env.PATH);
	return broken("backend", `${name}: ${what.replace("There is no", "no")}.`, fix);
}

async function startFinding({ name }: BackendConfig, program: string, env: Environment): Promise<Finding> {
	const file = which(program, env.PATH);
	if (file === null) return noProgram(name, program, env);
	const { exitCode, said, timedOut } = await askVersion(file, env);
	if (exitCode === 0) return versionFinding(name, file, said);
	const why = timedOut
		? `gave no version within ${VERSION_LIMIT_MS / 1_000} s`
		: `refused --version: ${said}`;
	return broken(
		"backend",
		`${name}: ${file} ${why}.`,
		`Run \`${program} --version\` yourself, or install it again.`,
	);
}

/** An old one lacks flags and events that dispatch relies on: npm installs one where Node is older than it wants. */
function versionFinding(name: string, file: string, said: string): Finding {
	const cli = cliOf(file)?.cli;
	const version = /\d+\.\d+\.\d+/.exec(said)?.[0];
	const starts = `${name}: ${file} starts (${said || "it tells no version"})`;
	if (cli === undefined || version === undefined || !isOlder(version, cli.tested))
		return ok("backend", `${starts}.`);
	const fix = `Install the newest one: ${cli.install}`;
	return warn(
		"backend",
		`${starts}, older than ${cli.tested}, the oldest that dispatch is tested with.`,
		fix,
	);
}

function isOlder(version: string, than: string): boolean {
	const [a, b] = [version, than].map((text) => text.split(".").map(Number));
	for (const [at, part] of (a ?? []).entries()) {
		const other = b?.[at] ?? 0;
		if (part !== other) return part < other;
	}
	return false;
}

/** Models of the config that their maker's CLI does not list: it works with a guess of what they are like. */
export async function checkModels(config: Config, env: Environment): Promise<Finding[]> {
	const findings = await Promise.all(
		Object.values(config.backends).map(async (backend) => {
			const named = Object.entries(config.models)
				.filter(([, model]) => model.backend === backend.name)
				.map(([name, { id }]) => ({ name, id: (id ?? name).toLowerCase() }));
			const known = named.length === 0 || isGateway(backend) ? null : await offeredModels(backend, env);
			if (known === null) return [];
			const fix = (name: string) =>
				`dispatch config remove-model ${name}, then name one of: ${known.join(", ")}; or none, for its default.`;
			return named
				.filter(({ id }) => !known.includes(id))
				.map(({ name, id }) =>
					warn("backend", `${backend.name}: it does not know the model ${id}.`, fix(name)),
				);
		}),
	);
	return findings.flat();
}

async function askVersion(file: string, env: Environment) {
	const asked = await askProgram({
		file,
		args: ["--version"],
		env: environmentOfAgents(env),
		limitMs: VERSION_LIMIT_MS,
	});
	const { exitCode, timedOut, stdout, stderr, fault } = asked;
	return { exitCode, timedOut, said: oneLine(`${stdout} ${stderr}`, MAX_VERSION_CHARS) || (fault ?? "") };
}

function flagFindings({ name, command }: BackendConfig, env: Environment): Finding[] {
	const dropped = droppedFlag(command);
	const refused = cliOf(command)?.cli.refusal?.(command, { env, isRoot: process.getuid?.() === 0 }) ?? null;
	const findings: Finding[] = [];
	if (dropped !== null)
		findings.push(
			broken(
				"backend",
				`${name}: its command has ${dropped.flag}, which today's ${dropped.cli.type} refuses.`,
				`\`dispatch doctor --fix\` writes ${dropped.successor} in its place.`,
			),
		);
	if (refused !== null) findings.push(broken("backend", `${name}: ${refused.what}`, refused.fix));
	return findings;
}

export type Login = { state: "seen" | "missing" | "unknown"; by: string; fix: string };

/** Only what files and variables tell: no request is made, nothing is spent. */
export function loginOf({ command }: BackendConfig, env: Environment): Login {
	const login = cliOf(command)?.cli.login;
	if (login === undefined) return { state: "unknown", by: "", fix: "" };
	const { how: fix } = login;
	const variables = login.variables(command);
	const set = variables.find((variable) => env[variable]);
	if (set !== undefined) return { state: "seen", by: set, fix };
	const file = login.file?.(env, env.HOME || (findUserHome() ?? "/")) ?? null;
	if (file === null) return { state: "unknown", by: "", fix };
	if (existsSync(file)) return { state: "seen", by: file, fix };
	// macOS keeps claude's login in its keychain: there a missing file means nothing.
	const state = process.platform === "darwin" ? "unknown" : "missing";
	return { state, by: `neither ${variables[0]} nor ${file}`, fix };
}

function loginFinding(backend: BackendConfig, env: Environment): Finding[] {
	const { state, by, fix } = loginOf(backend, env);
	if (state === "unknown") return [];
	if (state === "seen") return [ok("backend", `${backend.name}: a login is there (${by}).`)];
	return [warn("backend", `${backend.name}: no login was found (${by}).`, `${fix} Then: dispatch doctor.`)];
}

function pathHint(program: string): string {
	return `Install it, or name its full path in the config; a running worker keeps the PATH that it was started with (${program} found in your shell: dispatch up --restart).`;
}
