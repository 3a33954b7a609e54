/**
 * What this host can start: its backends, and the versions of their CLIs, for whoever looks at the hosts. A CLI is asked
 * once, and again when its file has changed: an agent's CLI takes half a second to say its version.
 */
import { realpathSync, statSync } from "node:fs";
import type { BackendConfig } from "../backends/contract.ts";
import { cliOf } from "../backends/started.ts";
import { askProgram } from "../process/ask-program.ts";
import { which } from "../process/which.ts";
import type { HostBackend } from "../task/host.ts";

const VERSION_LIMIT_MS = 10_000;
const VERSION_FORM = /\d+\.\d+[\w.+-]{0,40}/;

type Environment = Readonly<Record<string, string | undefined>>;

export class OwnBackends {
	readonly #env: Environment;
	/** by file and what it was: null while it is asked, and where it tells none */
	readonly #versions = new Map<string, string | null>();

	/** @param env the worker's own, of which a CLI gets what it needs to be found and to start */
	constructor(env: Environment) {
		const { PATH, HOME, LANG } = env;
		this.#env = { PATH, HOME, LANG };
	}

	/** As far as it is known now; what is not is asked meanwhile. Never throws, waits for nobody. */
	of(backends: readonly BackendConfig[]): HostBackend[] {
		return backends.map(({ name, type, command }) => {
			const started = cliOf(command);
			if (started === null) return { name, type, found: null, version: null };
			const file = which(started.program, this.#env.PATH);
			const version = file === null ? null : this.#versionOf(file);
			return { name, type, found: file !== null, version };
		});
	}

	#versionOf(file: string): string | null {
		const stamp = stampOf(file);
		if (stamp === null) return null;
		const known = this.#versions.get(stamp);
		if (known !== undefined) return known;
		this.#versions.set(stamp, null);
		void askProgram({ file, args: ["--version"], env: this.#env, limitMs: VERSION_LIMIT_MS }).then(
			({ exitCode, stdout }) => {
				if (exitCode === 0) this.#versions.set(stamp, VERSION_FORM.exec(stdout)?.[0] ?? null);
			},
		);
		return null;
	}
}

/** The file itself, and what an update changes of it. */
function stampOf(file: string): string | null {
	try {
		const path = realpathSync(file);
		const { ino, size, mtimeMs } = statSync(path);
		return `${path} ${ino} ${size} ${mtimeMs}`;
	} catch {
		return null;
	}
}
