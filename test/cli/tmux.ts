/** A terminal of a given size, in which a program runs and keys are pressed: tmux on a server of its own. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { expect } from "vitest";

export class Screen {
	readonly #server = `dispatch-test-${randomBytes(6).toString("hex")}`;

	constructor(
		words: string[],
		options: { columns: number; rows: number; cwd: string; env: Record<string, string> },
	) {
		const { columns, rows, cwd, env } = options;
		// The shell stays when the program has ended: what it left on the screen can be looked at.
		const command = `${words.map(quoted).join(" ")}; echo "ended with $?"; exec cat`;
		const settings = Object.entries({ ...env, TERM: "screen-256color" }).map(
			([name, value]) => `${name}=${value}`,
		);
		execFileSync("env", [
			...["-i", ...settings, "tmux", "-u", "-L", this.#server, "-f", "/dev/null"],
			...["new-session", "-d", "-x", String(columns), "-y", String(rows), "-c", cwd, command],
		]);
	}

	#tmux(...args: string[]): string {
		return execFileSync("tmux", ["-u", "-L", this.#server, ...args], { encoding: "utf8" });
	}

	/** @param colors with escape sequences for them */
	text(colors = false): string {
		const lines = this.#tmux("capture-pane", "-p", "-J", ...(colors ? ["-e"] : [])).split("\n");
		return lines
			.map((line) => line.trimEnd())
			.join("\n")
			.trimEnd();
	}

	/** With what was scrolled out of sight. */
	everything(): string {
		return this.#tmux("capture-pane", "-p", "-J", "-S", "-");
	}

	/** Rows as they stand on the screen, with those out of sight: a line that the terminal broke is several. */
	rows(): string[] {
		return this.#tmux("capture-pane", "-p", "-S", "-").split("\n");
	}

	keys(...keys: string[]): void {
		this.#tmux("send-keys", ...keys);
	}

	type(text: string): void {
		this.#tmux("send-keys", "-l", text);
	}

	/** As a terminal does for a program that takes pastes as such. */
	paste(text: string): void {
		this.#tmux("set-buffer", "-b", "pasted", text);
		this.#tmux("paste-buffer", "-p", "-d", "-b", "pasted");
	}

	resize(columns: number, rows: number): void {
		this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
	}

	/** of the program, or of the shell around it */
	get pid(): number {
		return Number(this.#tmux("display-message", "-p", "#{pane_pid}"));
	}

	/** Whether the program asked for the alternate screen, and whether the cursor is hidden. */
	get mode(): string {
		return this.#tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}").trim();
	}

	/** @param part a text, in however many rows it stands */
	async waitFor(part: string | RegExp): Promise<string> {
		const inRows = typeof part === "string" ? new RegExp(escaped(part).replace(/\s+/g, "\\s+")) : part;
		await expect.poll(() => this.text()).toMatch(inRows);
		return this.text();
	}

	close(): void {
		try {
			this.#tmux("kill-server");
		} catch {
			// It has ended by itself.
		}
	}
}

export function escaped(text: string): string {
	return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function quoted(word: string): string {
	return `'${word.replaceAll("'", "'\\''")}'`;
}
