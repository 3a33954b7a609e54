/** What Cursor's CLI offers. The form of its list is not documented: what does not fit is skipped. */
import type { Environment } from "./detect.ts";

const LIMIT_MS = 5_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;

/**
 * Asks `agent models`; its lines are `<id> - <Display Name>`, with marks such as `(current)`.
 * @param program the CLI's name or path
 * @returns ids in lower case; null when the CLI gave no list within five seconds
 */
export async function cursorModels(program: string, env: Environment): Promise<string[] | null> {
	const { execa } = await import("execa");
	const asked = execa(program, ["models"], {
		env: { ...env, NO_COLOR: "1" },
		extendEnv: false,
		reject: false,
		stdin: "ignore",
		stderr: "ignore",
		maxBuffer: MAX_OUTPUT_BYTES,
		// A group of its own: what it starts ends with it.
		detached: true,
	});
	const limit = setTimeout(() => endGroup(asked.pid), LIMIT_MS);
	const { stdout } = await asked;
	clearTimeout(limit);
	const models = parseModels(stdout ?? "");
	return models.length === 0 ? null : models;
}

export function parseModels(output: string): string[] {
	const plain = output.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "");
	return plain.split(/\r?\n|\r/).flatMap((line) => {
		const id = /^\s*(?:[*•>-]\s+)?([a-z0-9][\w./:-]*)(?:\s+\([a-z, ]+\))*\s+[-–—]\s+\S/i.exec(line)?.[1];
		return id === undefined ? [] : [id.toLowerCase()];
	});
}

function endGroup(pid: number | undefined): void {
	if (pid === undefined) return;
	try {
		process.kill(-pid, "SIGKILL");
	} catch {
		// It is gone.
	}
}
