/** Which agent CLIs are on PATH, and the config that they give. */
import { which } from "../process/which.ts";
import type { BackendType } from "./backend-type.ts";
import { type Config, emptyConfig } from "./config.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

interface KnownCli {
	type: Exclude<BackendType, "command">;
	/** the first is the usual name */
	programs: readonly [string, ...string[]];
	/** what follows the program in its shell line */
	flags: string;
	/** what goes before it */
	prefix: string;
	/** the first is used until the user chooses; none: the CLI's own default, by the backend's name */
	models: readonly string[];
	/** of this version and later ones dispatch knows the flags and the output; by `--version` */
	tested: string;
}

/** In the order of preference. */
export const KNOWN_CLIS: readonly KnownCli[] = [
	{
		type: "claude",
		programs: ["claude"],
		prefix: "env -u CLAUDE_CODE_ENTRYPOINT -u CLAUDECODE ",
		flags: "-p --dangerously-skip-permissions",
		models: ["opus", "sonnet", "haiku"],
		tested: "2.1.330",
	},
	{
		type: "codex",
		programs: ["codex"],
		prefix: "",
		flags: 'exec --sandbox workspace-write -C "$(pwd)"',
		models: [],
		tested: "0.169.0",
	},
	{
		type: "cursor",
		programs: ["agent", "cursor-agent"],
		prefix: "",
		flags: '-p --force --workspace "$(pwd)"',
		models: ["auto"],
		// It is in no registry: tested against its documentation.
		tested: "0",
	},
];

/** The shell line that dispatch uses where the user gave none. */
export function defaultCommand(cli: KnownCli, program: string = cli.programs[0]): string {
	return `${cli.prefix}${program} ${cli.flags}`;
}

/** A config of the CLIs that this PATH finds; without any it has no backend. Starts nothing. */
export function detectConfig(env: Environment): Config {
	const config = emptyConfig();
	for (const cli of KNOWN_CLIS) {
		const program = cli.programs.find((name) => which(name, env.PATH) !== null);
		if (program === undefined) continue;
		const command = defaultCommand(cli, program);
		config.backends[cli.type] = {
			name: cli.type,
			type: cli.type,
			command,
			modelFlag: true,
			permissions: null,
		};
		for (const model of cli.models) config.models[model] = { backend: cli.type, id: null };
		config.default ??= cli.models[0] ?? cli.type;
	}
	return config;
}

/** Programs that start another one, and those of their flags that take a word. */
const BEFORE_PROGRAM = new Set(
	`env exec command builtin nohup nice ionice chrt taskset time timeout gtimeout setsid setpriv stdbuf unbuffer script sudo
	doas su runuser npx bunx pnpx npm pnpm yarn bun dlx x systemd-run systemd-inhibit caffeinate firejail bwrap unshare nsenter
	proxychains proxychains4 torsocks dotenv op mise asdf direnv xvfb-run chronic strace ltrace winpty cgexec numactl prlimit
	with-env envchain aws-vault doppler infisical`.split(/\s+/),
);
const TAKES_WORD = new Set(["-u", "-n", "-C", "--unset", "--chdir", "--user"]);

/** The agent CLI that a shell line starts; null for another program. */
export function cliOf(command: string): { cli: KnownCli; program: string } | null {
	for (const part of command.split(/&&|\|\||[;|\n]/)) {
		const program = programOf(part.trim().split(/\s+/));
		const cli = cliNamed(program);
		if (cli !== undefined) return { cli, program };
	}
	return null;
}

function cliNamed(program: string): KnownCli | undefined {
	const name = program.replace(/^.*\//, "");
	return KNOWN_CLIS.find(({ programs }) => programs.includes(name));
}

/** The first word that is no assignment; of a program that starts another one, the first that is a known CLI's. */
function programOf(words: string[]): string {
	const plain = words.map((word) => word.replace(/^["']|["']$/g, ""));
	const at = plain.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
	const first = plain[at] ?? "";
	if (!BEFORE_PROGRAM.has(first.replace(/^.*\//, ""))) return first;
	const started = plain
		.slice(at + 1)
		.find((word, n, rest) => !TAKES_WORD.has(rest[n - 1] ?? "") && cliNamed(word));
	return started ?? first;
}
