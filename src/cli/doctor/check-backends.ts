import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { codexModels } from "../../config/codex-models.ts";
import type { BackendConfig, Config } from "../../config/config.ts";
import { cliOf } from "../../config/detect.ts";
import { replaceFlag, shellWords } from "../../config/shell-words.ts";
import { askProgram } from "../../process/ask-program.ts";
import { findUserHome } from "../../process/user-home.ts";
import { which } from "../../process/which.ts";
import { installOf } from "../../task/outcome/text.ts";
import type { Environment } from "../context.ts";
import { oneLine } from "../show/output.ts";
import { broken, type Finding, ok, warn } from "./finding.ts";

const VERSION_LIMIT_MS = 5_000;
const MAX_VERSION_CHARS = 80;
const DROPPED_FLAG = "--full-auto";
const ITS_SUCCESSOR = "--sandbox workspace-write";

/** @param env the environment that agents get: the running worker's, else the caller's */
export async function checkBackend(backend: BackendConfig, env: Environment): Promise<Finding[]> {
	const started = cliOf(backend.command);
	if (started === null) return [otherProgram(backend, env)];
	const start = await startFinding(backend, started.program, env);
	return [start, ...flagFindings(backend, env), ...loginFinding(backend, env)];
}

/** The command with flags that today's codex refuses replaced; null where it has none. */
export function mendedCommand({ command }: Pick<BackendConfig, "command">): string | null {
	if (cliOf(command)?.cli.type !== "codex") return null;
	const hasSandbox = shellWords(command).some(({ text }) => /^(?:-s|--sandbox)(?:=|$)/.test(text));
	return replaceFlag(command, DROPPED_FLAG, hasSandbox ? "" : ITS_SUCCESSOR);
}

/** A program of the user's own is looked for, never started: who knows what it does. */
function otherProgram({ name, command }: BackendConfig, env: Environment): Finding {
	const program = shellWords(command).find(
		({ text }) => !/^(?:env|exec|command|-.*|[A-Za-z_]\w*=.*)$/.test(text),
	);
	const word = program?.text.replace(/^(["'])(.*)\1$/, "$2") ?? "";
	if (!/^[\w./+-]+$/.test(word)) return ok("backend", `${name}: a shell line of your own.`);
	if (which(word, env.PATH) !== null) return ok("backend", `${name}: ${word} is there.`);
	if (!isAbsolute(word) && word.includes("/"))
		return ok("backend", `${name}: ${word} is looked for in the directory of each task.`);
	return warn("backend", `${name}: no program ${word} on PATH.`, pathHint(word));
}

async function startFinding({ name }: BackendConfig, program: string, env: Environment): Promise<Finding> {
	const file = which(program, env.PATH);
	if (file === null) return broken("backend", `${name}: no program ${program} on PATH.`, pathHint(program));
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
	const fix = `Install the newest one: ${installOf(cli.type) ?? "see its documentation"}`;
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

/** Models of the config that codex does not list: it works with a guess of what they are like. */
export async function checkCodexModels(config: Config, env: Environment): Promise<Finding[]> {
	const codex = Object.values(config.backends).filter(({ type }) => type === "codex");
	const findings = await Promise.all(
		codex.map(async (backend) => {
			const named = Object.entries(config.models)
				.filter(([, model]) => model.backend === backend.name)
				.map(([name, { id }]) => ({ name, id: (id ?? name).toLowerCase() }));
			const known = named.length === 0 ? null : await codexModels(backend, env);
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
	const asked = await askProgram({ file, args: ["--version"], env, limitMs: VERSION_LIMIT_MS });
	const { exitCode, timedOut, stdout, stderr, fault } = asked;
	return { exitCode, timedOut, said: oneLine(`${stdout} ${stderr}`, MAX_VERSION_CHARS) || (fault ?? "") };
}

function flagFindings(backend: BackendConfig, env: Environment): Finding[] {
	const { name, command } = backend;
	const findings: Finding[] = [];
	if (mendedCommand(backend) !== null)
		findings.push(
			broken(
				"backend",
				`${name}: its command has ${DROPPED_FLAG}, which today's codex refuses.`,
				`\`dispatch doctor --fix\` writes ${ITS_SUCCESSOR} in its place.`,
			),
		);
	const isRoot = process.getuid?.() === 0;
	const skips = shellWords(command).some(({ text }) => text === "--dangerously-skip-permissions");
	if (
		isRoot &&
		skips &&
		cliOf(command)?.cli.type === "claude" &&
		!/\bIS_SANDBOX=1\b/.test(command) &&
		env.IS_SANDBOX !== "1"
	)
		findings.push(
			broken(
				"backend",
				`${name}: claude refuses --dangerously-skip-permissions for root.`,
				"Run the worker as another user, or, where this machine is a sandbox, start it with IS_SANDBOX=1.",
			),
		);
	return findings;
}

export type Login = { state: "seen" | "missing" | "unknown"; by: string; fix: string };

/** Only what files and variables tell: no request is made, nothing is spent. */
export function loginOf({ command }: BackendConfig, env: Environment): Login {
	const home = env.HOME || (findUserHome() ?? "/");
	const type = cliOf(command)?.cli.type;
	if (type === "claude") {
		const file = join(env.CLAUDE_CONFIG_DIR || join(home, ".claude"), ".credentials.json");
		const variables = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"];
		return seenLogin(env, variables, file, "Run `claude` and then /login, or set ANTHROPIC_API_KEY.");
	}
	if (type === "codex") {
		const file = join(env.CODEX_HOME || join(home, ".codex"), "auth.json");
		return seenLogin(
			env,
			// It sends no OPENAI_API_KEY to its own service (0.169, 0.171); a provider of the user's own may name it.
			["CODEX_API_KEY", ...(/env_key/.test(command) ? ["OPENAI_API_KEY"] : [])],
			file,
			"Run `codex login`, or set CODEX_API_KEY.",
		);
	}
	return { state: env.CURSOR_API_KEY ? "seen" : "unknown", by: "CURSOR_API_KEY", fix: "" };
}

function seenLogin(env: Environment, variables: string[], file: string, fix: string): Login {
	const set = variables.find((variable) => env[variable]);
	if (set !== undefined) return { state: "seen", by: set, fix };
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
