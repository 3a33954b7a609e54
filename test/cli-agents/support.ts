import { execFile } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { REGISTRY_ENV } from "../registry.ts";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const PINNED = join(PROJECT, "test/fixtures/cli-agents");
/** `CLI_AGENTS=newest npm run test:cli` takes what the registry calls latest, to see what the next version breaks. */
const NEWEST = process.env.CLI_AGENTS === "newest";
const INSTALLED = join(PROJECT, NEWEST ? ".cache/cli-agents-newest" : ".cache/cli-agents");
const PACKAGES = ["@anthropic-ai/claude-code@latest", "@openai/codex@latest"];

/** The download is about 250 MB; give it as the limit of the hook that installs. */
export const INSTALL_LIMIT_MS = 900_000;

export type CliKind = "claude" | "codex";

/** A model id that each CLI takes, and that the scripted model server does not care about. */
export const MODELS: Readonly<Record<CliKind, string>> = { claude: "sonnet", codex: "gpt-5.3-codex" };

/**
 * Installs the pinned CLIs into a folder of their own, once. The kernel's lock keeps two test files from
 * installing at the same time; a copy of the lock file, made last, says that the installation is whole.
 */
export async function installCliAgents(): Promise<void> {
	mkdirSync(INSTALLED, { recursive: true });
	if (NEWEST) return installNewest();
	const script = [
		'if cmp -s "$1/package-lock.json" "$2/installed-lock.json"; then exit 0; fi',
		'rm -f "$2/installed-lock.json"',
		'cp "$1/package.json" "$1/package-lock.json" "$2/"',
		'cd "$2"',
		// No install scripts are needed: the platform's own package holds the program.
		"npm ci --ignore-scripts --no-audit --no-fund",
		"cp package-lock.json installed-lock.json",
	].join("\n");
	const words = [join(INSTALLED, "install.lock"), "sh", "-ec", script, "install", PINNED, INSTALLED];
	await promisify(execFile)("flock", words, { timeout: INSTALL_LIMIT_MS, env: REGISTRY_ENV });
}

async function installNewest(): Promise<void> {
	const install = [
		"npm",
		"install",
		"--ignore-scripts",
		"--no-audit",
		"--no-fund",
		"--prefix",
		INSTALLED,
		...PACKAGES,
	];
	const words = [join(INSTALLED, "install.lock"), ...install];
	await promisify(execFile)("flock", words, { timeout: INSTALL_LIMIT_MS, env: REGISTRY_ENV });
}

/**
 * A clean environment: nothing of the calling shell but PATH, an empty home, and the scripted model as the
 * one service. @param home an empty directory, the CLI's state goes there
 */
export function cliEnv(kind: CliKind, serverUrl: string, home: string): Record<string, string> {
	const base = { PATH: process.env.PATH ?? "", HOME: home, LANG: "C.UTF-8" };
	if (kind === "codex") return { ...base, OPENAI_API_KEY: "sk-test" };
	return {
		...base,
		ANTHROPIC_BASE_URL: serverUrl,
		ANTHROPIC_API_KEY: "sk-test",
		CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
		// As root it refuses to skip permissions unless told that the machine is a sandbox.
		...(process.getuid?.() === 0 ? { IS_SANDBOX: "1" } : {}),
	};
}

/** The `command:` of a dispatch config, with the installed CLI in place of the one on PATH. */
export function cliCommand(kind: CliKind, serverUrl: string): string {
	return kind === "claude" ? claudeCommand() : codexCommand(serverUrl);
}

function claudeCommand(): string {
	return `env -u CLAUDE_CODE_ENTRYPOINT -u CLAUDECODE ${quoted(claudeProgram())} -p --dangerously-skip-permissions`;
}

/** @param options before the provider's own: codex's sandbox needs kernel features that containers may lack */
function codexCommand(serverUrl: string, options = "--dangerously-bypass-approvals-and-sandbox"): string {
	const provider = `{name="stub",base_url="${serverUrl}/v1",env_key="OPENAI_API_KEY",wire_api="responses"}`;
	const settings = [`model_providers.stub=${provider}`, 'model_provider="stub"'];
	const flags = settings.map((setting) => `-c ${quoted(setting)}`).join(" ");
	return `${quoted(join(INSTALLED, "node_modules/.bin/codex"))} exec ${options} -C "$(pwd)" ${flags}`;
}

export function claudeProgram(): string {
	const scope = join(INSTALLED, "node_modules/@anthropic-ai");
	const prefix = `claude-code-${process.platform}-${process.arch}`;
	const name = readdirSync(scope).find((folder) => folder === prefix || folder === `${prefix}-musl`);
	if (name === undefined) throw new Error(`No package of claude for this platform (${prefix}) in ${scope}`);
	return join(scope, name, "claude");
}

function quoted(word: string): string {
	return `'${word.replaceAll("'", "'\\''")}'`;
}
