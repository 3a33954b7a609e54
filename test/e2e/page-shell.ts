/** One bash in which the commands of a page are run one after another, as its reader does. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { PROGRAM, User, type UserOptions } from "./harness.ts";

/** What the pages call their reader's home and project. */
const HOME = "/home/ann";
/** Commands that stay until they are ended, and what they print once they work. */
const STAYS: readonly [RegExp, string][] = [
	[/^dispatch watch\b/, "."],
	[/^dispatch web\b/, "token="],
	[/^dispatch worker\b/, "ready|already|another worker"],
	[/^dispatch logs .*(?:-f|--follow)\b/, "."],
	[/^dispatch mcp\b/, "."],
];
const UNTIL_SAID = `
until_said() {
	said=$1; shift
	"$@" >"$HOME/said" 2>&1 </dev/null & stays=$!
	for look in $(seq ${Math.ceil(CONDITION_LIMIT_MS / 100)}); do
		grep -qE "$said" "$HOME/said" && break; kill -0 $stays 2>/dev/null || break; sleep 0.1
	done
	cat "$HOME/said"; kill $stays 2>/dev/null; wait $stays 2>/dev/null; grep -qE "$said" "$HOME/said"
}`;

export interface Said {
	code: number;
	output: string;
}

export class PageShell {
	readonly user: User;
	readonly #bash: ChildProcess;
	readonly #steps: string;
	readonly #others = new Map<string, string>();
	readonly #ends: (() => Promise<unknown>)[] = [];
	#said = "";
	#count = 0;

	/** @param programs what the page names beside dispatch: a shell line by the name of the program */
	constructor(options: UserOptions = {}, programs: Record<string, string> = {}) {
		this.user = new User({ agent: "on-pages.sh", ...options });
		const { user } = this;
		const home = join(user.path, ".dispatch");
		// As a reader has it: the state directory is where it is without any setting.
		delete user.env.DISPATCH_HOME;
		mkdirSync(home, { mode: 0o700 });
		writeFileSync(join(home, "config.yaml"), readFileSync(join(user.home, "config.yaml")));
		const bin = join(user.path, "bin");
		mkdirSync(bin);
		symlinkSync(PROGRAM, join(bin, "dispatch"));
		for (const [name, line] of Object.entries(programs))
			writeFileSync(join(bin, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
		this.#steps = join(user.path, "steps");
		mkdirSync(this.#steps);
		symlinkSync(user.project, join(user.path, "shop"));
		this.#bash = spawn("bash", ["--norc", "--noprofile"], {
			cwd: user.project,
			env: {
				...user.env,
				PATH: `${bin}:${user.env.PATH}`,
				DISPATCH_HOST_ID: "mini1",
				DISPATCH_DEMO_PACE_MS: "20",
				EDITOR: "true",
				...options.env,
			},
		});
		const hear = (chunk: Buffer) => {
			this.#said += chunk.toString("utf8");
		};
		this.#bash.stdout?.on("data", hear);
		this.#bash.stderr?.on("data", hear);
		this.#bash.stdin?.write(`${UNTIL_SAID}\n`);
	}

	/** Writes a file that a page names, with its reader's home in place of ann's. */
	write(path: string, text: string): void {
		const at = path.startsWith("~/") ? join(this.user.path, path.slice(2)) : join(this.user.project, path);
		mkdirSync(dirname(at), { recursive: true });
		writeFileSync(at, this.#own(text), { mode: text.startsWith("#!") ? 0o755 : 0o600 });
	}

	/** Runs lines as one step; a line with `# exit code N` at its end must end with that one. */
	async run(lines: string[], options: { strict: boolean }): Promise<Said> {
		const step = join(this.#steps, `${++this.#count}.sh`);
		writeFileSync(step, `${lines.map((line) => this.#own(runnable(line))).join("\n")}\n`);
		const mark = `end-${randomBytes(8).toString("hex")}`;
		const from = this.#said.length;
		const strict = options.strict ? "set -e; " : "";
		this.#bash.stdin?.write(
			`${strict}trap 'echo ${mark} $?' EXIT; source '${step}' 2>&1 </dev/null; code=$?; set +e; trap - EXIT; echo ${mark} $code; (exit $code)\n`,
		);
		const ended = new RegExp(`${mark} (\\d+)\n`);
		const found = await this.#until(() => ended.exec(this.#said.slice(from)));
		const output = this.#said.slice(from, from + found.index);
		return {
			code: Number(found[1]),
			output: output.replaceAll(this.user.project, `${HOME}/shop`).replaceAll(this.user.path, HOME),
		};
	}

	async #until<T>(look: () => T | null): Promise<T> {
		const until = performance.now() + 2 * CONDITION_LIMIT_MS;
		for (;;) {
			const found = look();
			if (found !== null) return found;
			if (performance.now() > until)
				throw new Error(`the command did not end:\n${this.#said.slice(-2_000)}\n${this.user.logTail()}`);
			await new Promise((next) => setTimeout(next, 20));
		}
	}

	/** What a page names stands for another thing here. */
	replace(name: string, by: string): void {
		this.#others.set(name, by);
	}

	/** Is done when the page is through. */
	atEnd(work: () => Promise<unknown>): void {
		this.#ends.push(work);
	}

	#own(text: string): string {
		const own = [...this.#others].reduce((sum, [name, by]) => sum.replaceAll(name, by), text);
		return own.replaceAll(`${HOME}/shop`, this.user.project).replaceAll(HOME, this.user.path);
	}

	/** Ends the shell and everything that it started. */
	async close(): Promise<void> {
		const ended = new Promise((done) => this.#bash.once("close", done));
		const alive = this.#bash.exitCode === null && this.#bash.signalCode === null;
		this.#bash.kill("SIGKILL");
		if (alive) await Promise.race([ended, this.user.cleanup()]);
		await this.user.cleanup();
		for (const end of this.#ends) await end();
		if (existsSync(this.user.path)) throw new Error(`${this.user.path} is left`);
	}
}

function runnable(line: string): string {
	const stays = STAYS.find(([form]) => form.test(line.replace(/\s+# .*$/, "")));
	if (stays !== undefined) return `until_said '${stays[1]}' ${line}`;
	const [, command, code] = /^(.+?)\s+# exit code (\d+)\b.*$/.exec(line) ?? [];
	return command === undefined ? line : `code=0; ${command} || code=$?; [ $code -eq ${code} ]`;
}
