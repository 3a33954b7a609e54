import { askProgram } from "./ask-program.ts";

export interface HookRun {
	/** a shell line of the user's own */
	command: string;
	env: Record<string, string>;
	/** its stdin */
	input: string;
	/** ms; then its whole process group is ended */
	limitMs: number;
	cwd: string;
}

/** @returns its exit code; null when it was ended by us or by a signal */
export async function runHook({ command, ...rest }: HookRun): Promise<number | null> {
	const { exitCode } = await askProgram({ file: "sh", args: ["-c", command], listen: false, ...rest });
	return exitCode;
}
