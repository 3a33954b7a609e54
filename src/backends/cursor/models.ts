/** What Cursor's CLI offers. The form of its list is not documented: what does not fit is skipped. */
import { askProgram } from "../../process/ask-program.ts";
import { environmentOfAgents } from "../../process/environment.ts";
import type { Environment } from "../cli.ts";

const LIMIT_MS = 5_000;

/**
 * Asks `agent models`; its lines are `<id> - <Display Name>`, with marks such as `(current)`.
 * @param program the CLI's name or path
 * @returns ids in lower case; null when the CLI gave no list within five seconds
 */
export async function cursorModels(program: string, env: Environment): Promise<string[] | null> {
	const { stdout } = await askProgram({
		file: program,
		args: ["models"],
		env: { ...environmentOfAgents(env), NO_COLOR: "1" },
		limitMs: LIMIT_MS,
	});
	const models = parseModels(stdout);
	return models.length === 0 ? null : models;
}

export function parseModels(output: string): string[] {
	const plain = output.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "");
	return plain.split(/\r?\n|\r/).flatMap((line) => {
		const id = /^\s*(?:[*•>-]\s+)?([a-z0-9][\w./:-]*)(?:\s+\([a-z, ]+\))*\s+[-–—]\s+\S/i.exec(line)?.[1];
		return id === undefined ? [] : [id.toLowerCase()];
	});
}
