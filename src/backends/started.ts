/** Which agent CLI a shell line starts. */
import { KNOWN_CLIS, type KnownCli } from "./known.ts";
import { replaceFlag, shellWords } from "./shell-words.ts";

/** Programs that start another one, and those of their flags that take a word. */
const BEFORE_PROGRAM = new Set(
	`env exec command builtin nohup nice ionice chrt taskset time timeout gtimeout setsid setpriv stdbuf unbuffer script sudo
	doas su runuser npx bunx pnpx npm pnpm yarn bun dlx x systemd-run systemd-inhibit caffeinate firejail bwrap unshare nsenter
	proxychains proxychains4 torsocks dotenv op mise asdf direnv xvfb-run chronic strace ltrace winpty cgexec numactl prlimit
	with-env envchain aws-vault doppler infisical`.split(/\s+/),
);
const TAKES_WORD = new Set(["-u", "-n", "-C", "--unset", "--chdir", "--user"]);

interface Started {
	cli: KnownCli;
	/** its name or path, as the line has it */
	program: string;
}

/** The agent CLI that a shell line starts; null for another program. */
export function cliOf(command: string): Started | null {
	return clisOf(command)[0] ?? null;
}

/** All that it starts, in order. */
export function clisOf(command: string): Started[] {
	return commandsIn(command).flatMap((words) => {
		const program = programOf(words);
		const cli = cliNamed(program);
		return cli === undefined ? [] : [{ cli, program }];
	});
}

/** The words of each command; what stands in quotes ends none. */
function commandsIn(line: string): string[][] {
	const commands: string[][] = [[]];
	for (const { text } of shellWords(line)) {
		if (/^(?:[|;&()]|\n)/.test(text)) commands.push([]);
		else commands.at(-1)?.push(text);
	}
	return commands.filter((words) => words.length > 0);
}

/** @param program its name or path, without quotes */
export function cliNamed(program: string): KnownCli | undefined {
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

/** A flag that the line's CLI has dropped, and the line with what says the same; null where it has none. */
export function droppedFlag(
	command: string,
): { cli: KnownCli; flag: string; successor: string; mended: string } | null {
	const cli = cliOf(command)?.cli;
	for (const { flag, successor, unless } of cli?.dropped ?? []) {
		const isSaid = shellWords(command).some(({ text }) =>
			unless.some((other) => text === other || text.startsWith(`${other}=`)),
		);
		const mended = replaceFlag(command, flag, isSaid ? "" : successor);
		if (cli !== undefined && mended !== null) return { cli, flag, successor, mended };
	}
	return null;
}
