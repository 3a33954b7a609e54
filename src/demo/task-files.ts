/**
 * An agent's side of the file protocol (docs/PROTOCOL.md), as any agent would do it: the plan is kept in
 * plan.md, a question is a file under ipc/, and its answer appears beside it.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { replaceFile } from "../process/atomic-file.ts";

const ITEM = /^(\s*[-*] \[)([ xX?!])(\] )(.*)$/;
/** our own notes are indented; a note from dispatch is a block quote */
const NOTE = /^ {2}[^\s>]/;
const LOOK_MS = 100;

type Marker = " " | "x" | "?";

export class TaskFiles {
	readonly #dir: string;

	constructor(dir: string) {
		this.#dir = dir;
	}

	/** Writes the plan, unless an earlier start of this task wrote it. */
	plan(title: string, items: string[]): void {
		if (this.#planLines().some((line) => ITEM.test(line))) return;
		this.write("plan.md", `# ${title}\n\n${items.map((item) => `- [ ] ${item}\n`).join("")}`);
	}

	/** Changes one item in place, its note below it, and leaves what others wrote: notes from dispatch stay. */
	mark(item: number, marker: Marker, note?: string): void {
		const lines = this.#planLines();
		const at = lineOf(lines, item);
		const parts = ITEM.exec(lines[at] ?? "");
		if (parts === null) return;
		const old = NOTE.test(lines[at + 1] ?? "") ? 2 : 1;
		const text = `${parts[1]}${marker}${parts[3]}${parts[4]}`;
		lines.splice(at, old, text, ...(note === undefined ? [] : [`  ${note}`]));
		this.write("plan.md", `${lines.join("\n").trimEnd()}\n`);
	}

	isDone(item: number): boolean {
		const lines = this.#planLines();
		return ITEM.exec(lines[lineOf(lines, item)] ?? "")?.[2]?.toLowerCase() === "x";
	}

	/** What was written below an item; "" when nothing was. */
	noteOf(item: number): string {
		const lines = this.#planLines();
		const below = lines[lineOf(lines, item) + 1] ?? "";
		return NOTE.test(below) ? below.trim() : "";
	}

	/** Asks and waits. @returns null when nobody answered within `limitMs` */
	async ask(text: string, limitMs: number): Promise<string | null> {
		const asked = readdirSync(join(this.#dir, "ipc")).filter((name) => /^\d{3,}\.question$/.test(name));
		const seq = String(asked.length + 1).padStart(3, "0");
		this.write(`ipc/${seq}.question`, text);
		const answer = join(this.#dir, "ipc", `${seq}.answer`);
		const until = performance.now() + limitMs;
		while (!existsSync(answer)) {
			if (performance.now() > until) return null;
			await sleep(LOOK_MS);
		}
		const said = readFileSync(answer, "utf8").trim();
		this.write(`ipc/${seq}.done`, "");
		return said;
	}

	/** Atomic: nobody reads half of it. */
	write(name: string, text: string): void {
		replaceFile(join(this.#dir, name), text, { durable: false });
	}

	#planLines(): string[] {
		const path = join(this.#dir, "plan.md");
		return existsSync(path) ? readFileSync(path, "utf8").split(/\r?\n/) : [];
	}
}

/** Where the nth item stands; -1 when there are fewer. */
function lineOf(lines: string[], item: number): number {
	return lines.flatMap((line, at) => (ITEM.test(line) ? [at] : []))[item] ?? -1;
}
