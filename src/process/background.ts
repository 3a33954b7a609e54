/** Starts what shall outlive us: in a session of its own, its output in a file, nothing of ours held open. */
import { spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { openToWrite } from "./append-file.ts";

const OWNER_ONLY = 0o077;

export interface BackgroundStart {
	file: string;
	args: readonly string[];
	/** the name it is started by, where that decides what it does */
	argv0?: string;
	cwd?: string;
	/** all of its environment */
	env: NodeJS.ProcessEnv;
	/** where its output goes (made 0600); null: nowhere */
	log: { path: string; flags: "a" | "w" } | null;
	/** what it makes is its user's alone, whatever the caller's umask; else it inherits that */
	isPrivate?: boolean;
	/** descriptors of ours that it gets as its descriptors 3, 4, … */
	inherits?: readonly number[];
}

export interface Background {
	/** resolves once it runs; rejects where it could not be made */
	readonly started: Promise<void>;
	/** why it ended or could not be made; null while it runs */
	fault(): string | null;
	/** null while it runs, and where there is none */
	exitCode(): number | null;
}

/** @throws DISPATCH_DISK when its log cannot be opened */
export function startInBackground(start: BackgroundStart): Background {
	const { file, args, argv0, cwd, env, log, inherits = [], isPrivate = false } = start;
	const output = log === null ? ("ignore" as const) : openToWrite(log.path, log.flags);
	// Inherited at the spawn, which is over when it returns.
	const umask = isPrivate ? process.umask(OWNER_ONLY) : null;
	try {
		const child = spawn(file, args, {
			...(argv0 === undefined ? {} : { argv0 }),
			...(cwd === undefined ? {} : { cwd }),
			env,
			detached: true,
			stdio: ["ignore", output, output, ...inherits],
		});
		let fault: string | null = null;
		child.once("exit", (code, signal) => {
			fault = signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`;
		});
		const started = new Promise<void>((resolve, reject) => {
			child.once("spawn", resolve);
			child.once("error", (error) => {
				fault = error.message;
				reject(error);
			});
		});
		// Whoever looks at `fault` alone need not wait for it.
		started.catch(() => {});
		child.unref();
		return { started, fault: () => fault, exitCode: () => child.exitCode };
	} finally {
		if (umask !== null) process.umask(umask);
		if (output !== "ignore") closeSync(output);
	}
}
