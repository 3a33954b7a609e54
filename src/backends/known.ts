/** The agent CLIs that dispatch has an adapter for; each one's line here, and its adapter's in index.ts. */
import { claude } from "./claude/cli.ts";
import type { Cli } from "./cli.ts";
import { codex } from "./codex/cli.ts";
import { cursor } from "./cursor/cli.ts";

/** In the order of preference. */
const CLIS = [claude, codex, cursor] as const;

type CliType = (typeof CLIS)[number]["type"];
export type KnownCli = Cli<CliType>;
export const KNOWN_CLIS: readonly KnownCli[] = CLIS;

/** `command` is any other program. */
export type BackendType = CliType | "command";
export const BACKEND_TYPES = [CLIS[0].type, ...CLIS.slice(1).map(({ type }) => type), "command"] as const;

/**
 * How a prompt reaches the agent: as its last argument, which every user of the machine can read (`ps`); on its
 * stdin; or in a file that its argument names.
 */
export const PROMPT_WAYS = ["stdin", "file", "argument"] as const;
export type PromptWay = (typeof PROMPT_WAYS)[number];

/** @param type of a backend; null for any other program's */
export function knownCli(type: string): KnownCli | null {
	return KNOWN_CLIS.find((cli) => cli.type === type) ?? null;
}

/** For who has none. A line that gives a download to a shell is told only to who asked for that CLI. */
export function installHint(): string {
	const lines = KNOWN_CLIS.map(({ install }) => install).filter((line) => line.startsWith("npm "));
	return `Install one (${lines.map((line) => `\`${line}\``).join(" or ")})`;
}
