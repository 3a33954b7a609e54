/** How a backend's prompts reach its agent, where the config does not say. */
import type { Backend, BackendConfig } from "./contract.ts";
import type { PromptWay } from "./known.ts";
import { argumentPlace } from "./shell-line.ts";
import { bare, shellWords } from "./shell-words.ts";
import { cliNamed } from "./started.ts";

/** Programs that leave their stdin to the one that they start. */
const HANDS_ON = /^(?:exec|command|env|nice|ionice|nohup|time|timeout|stdbuf|setsid|caffeinate)$/;
/** Their options, assignments and values: `-u NAME`, `KEY=x`, `10`, `1h`. */
const THEIR_WORD = /^(?:-.*|[A-Za-z_]\w*=.*|[A-Z_][A-Z0-9_]*|\d[\w.]*)$/s;
const GIVEN_WORD = /^"?\$(?:@|\{@\})"?$/;
const SEPARATOR = /^(?:[|;&()]|\n)/;
const PIPE = /(?:^|[^|])\|&?$/;

/** A CLI that reads its stdin gets it where it surely is the CLI's own; else by file, which every start can do. */
export function promptWay(
	{ promptBy, command }: BackendConfig,
	backend: Pick<Backend, "promptBy">,
): PromptWay {
	if (promptBy !== undefined) return promptBy;
	return backend.promptBy === "stdin" && !hasOwnStdin(command) ? "file" : backend.promptBy;
}

/** Whether the command that gets the arguments is an agent CLI itself, and nothing else feeds it. */
function hasOwnStdin(line: string): boolean {
	const place = argumentPlace(line);
	const words = shellWords(line).map(({ text }) => text);
	const argumentsAt =
		place.kind === "given" ? words.findIndex((word) => GIVEN_WORD.test(word)) : words.length;
	if (place.kind === "nowhere" || argumentsAt < 0) return false;
	const begin = words.findLastIndex((word, at) => at < argumentsAt && SEPARATOR.test(word)) + 1;
	const end = words.findIndex((word, at) => at > argumentsAt && SEPARATOR.test(word));
	const own = words.slice(begin, end < 0 ? words.length : end);
	// A format of its input is none of ours.
	if (PIPE.test(words[begin - 1] ?? "") || own.some((word) => /<|^--input-format/.test(word))) return false;
	const program = own.map(bare).find((word) => !HANDS_ON.test(word) && !THEIR_WORD.test(word));
	return program !== undefined && cliNamed(program) !== undefined;
}
