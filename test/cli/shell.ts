/** A person at a shell on a real terminal, who types nothing but what dispatch has printed before. */
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { PROGRAM, type User } from "../e2e/harness.ts";
import { escaped, Screen } from "./tmux.ts";

const SIZE = { columns: 120, rows: 50 };

export class Shell {
	readonly screen: Screen;
	/** all that dispatch has printed here, its blanks and ends of lines as one blank each */
	#printed = "";
	/** the number that bash gives the next line, and shows in its prompt */
	#next = 1;

	constructor(user: User) {
		const bin = join(user.path, "bin");
		mkdirSync(bin);
		symlinkSync(PROGRAM, join(bin, "dispatch"));
		const env = { ...user.env, PATH: `${bin}:${user.env.PATH}`, LC_ALL: "C.UTF-8" };
		// The shell that tmux starts first would put prompts of its own in their place.
		const prompts = ["env", "PS1=[\\#]$ ", "PS2=> "];
		const words = [...prompts, "bash", "--noprofile", "--norc", "-i"];
		this.screen = new Screen(words, { ...SIZE, cwd: user.project, env });
	}

	/** The one line that nobody had to tell. @returns what it printed */
	async first(line: string): Promise<string> {
		expect(this.#next, "only the first line may be typed without having been printed").toBe(1);
		await this.screen.waitFor(/^\[1\]\$$/);
		return this.#run(line);
	}

	/**
	 * @param printed stands somewhere in what was printed so far
	 * @param own what the person puts in place of the example's words
	 * @returns what it printed
	 */
	type(printed: string, own: Readonly<Record<string, string>> = {}): Promise<string> {
		return this.#run(this.#lineOf(printed, own));
	}

	/** As `type`, for what stays on the screen: it shows `part`. */
	async open(
		printed: string,
		part: string | RegExp,
		own: Readonly<Record<string, string>> = {},
	): Promise<void> {
		this.screen.type(this.#lineOf(printed, own));
		this.screen.keys("Enter");
		await this.screen.waitFor(part);
	}

	/** Presses a key that the screen names, as in `a answer`. */
	async press(hint: string, ...keys: string[]): Promise<void> {
		await this.screen.waitFor(hint);
		this.screen.keys(...keys);
	}

	/** Until what was opened has ended. @returns all that it left on the screen */
	async closed(): Promise<string> {
		const from = `[${this.#next}]$ `;
		const to = `[${this.#next + 1}]$`;
		await expect.poll(() => this.screen.text()).toMatch(ends(to));
		this.#next += 1;
		const lines = this.screen.everything().split("\n");
		const begin = lines.findLastIndex((line) => line.startsWith(from));
		const said = lines.slice(
			begin + 1,
			lines.findLastIndex((line) => line.startsWith(to)),
		);
		// What was typed on lines of its own was not printed.
		const printed = said.filter((line) => !line.startsWith("> ")).join("\n");
		this.#printed += ` ${blank(printed)}`;
		return printed;
	}

	close(): void {
		this.screen.close();
	}

	#lineOf(printed: string, own: Readonly<Record<string, string>>): string {
		// `answer ID -` does not stand in `answer ID --seq 2`.
		const asWords = new RegExp(`(?<!\\S)[\`(]?${escaped(printed)}(?![\\w-])`);
		expect(this.#printed).toMatch(asWords);
		let line = printed;
		for (const [word, ours] of Object.entries(own)) {
			expect(line).toContain(word);
			line = line.replace(word, () => ours);
		}
		return line;
	}

	#run(line: string): Promise<string> {
		this.screen.type(line);
		this.screen.keys("Enter");
		return this.closed();
	}
}

function blank(text: string): string {
	return text.replace(/\s+/g, " ");
}

/** The screen ends with it. */
function ends(prompt: string): RegExp {
	return new RegExp(`(^|\\n)${escaped(prompt)}$`);
}
