/**
 * What is known of an agent CLI before any is started: where it is found and installed, how it is logged in, what
 * its models are called. Every command reads this; what starts the CLI and reads its output is the `Backend`.
 */
import type { Permissions } from "../task/spec.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names of models. All of them are given and compared in lower case, but for `isFullId`, `argument` and `isSure`. */
export interface ModelNames {
	/** the first is used until the user chooses; none: the CLI's own default, by the backend's name */
	readonly usual: readonly string[];
	/** whether it is the name of a model of its maker's */
	isMakers(name: string): boolean;
	/** means a model and nothing else, wherever it stands as a directive */
	readonly form: RegExp;
	/** words that go on in a name of several words: "claude opus", "gpt 5.3 codex" */
	readonly further: readonly string[];
	/** what may be left out of them: `claude-`; empty: nothing */
	readonly prefix: string;
	/** an id that the CLI or its service knows as it is, upper and lower case included */
	isFullId(name: string): boolean;
	/** what `--model` gets for a name without a configured id */
	argument(name: string): string;
	/** whether it takes the name for certain: nobody is asked */
	isSure(name: string): boolean;
	/** whether it takes those of all makers that have no CLI here */
	readonly ofOthers: boolean;
	/**
	 * Asks the CLI which ones it offers; null for one that has no such list.
	 * @param started `program`: its name or path in the line; null where the line starts something else
	 * @returns ids in lower case; null where it gives no list
	 */
	readonly offered:
		| ((started: { program: string | null; command: string }, env: Environment) => Promise<string[] | null>)
		| null;
}

interface Login {
	/** variables that hold one; the first is the usual one */
	variables(command: string): readonly string[];
	/** the file that the CLI keeps one in; null: where is not known */
	readonly file: ((env: Environment, userHome: string) => string) | null;
	/** a sentence: how a person does it */
	readonly how: string;
}

export interface Cli<Type extends string = string> {
	/** the name of the backend's type in the config */
	readonly type: Type;
	/** the first is the usual name */
	readonly programs: readonly [string, ...string[]];
	/** what follows the program in its shell line */
	readonly flags: string;
	/** what goes before it */
	readonly prefix: string;
	/** of this version and later ones dispatch knows the flags and the output; by `--version` */
	readonly tested: string;
	/** the shell line that installs it */
	readonly install: string;
	readonly login: Login;
	/** what `permissions:` can hold it to, besides `full` */
	readonly permissions: readonly Exclude<Permissions, "full">[];
	/** flags that today's versions refuse, and what says the same; not needed where one of `unless` is given */
	readonly dropped: readonly { flag: string; successor: string; unless: readonly string[] }[];
	/** why a line of it cannot start here, whatever the task; for doctor */
	refusal?(command: string, here: { env: Environment; isRoot: boolean }): Refusal | null;
	readonly models: ModelNames;
}

export interface Refusal {
	/** reads behind the backend's name: "claude refuses …" */
	what: string;
	fix: string;
}
