import { withoutAssignedSecrets } from "../task/secrets-of-command.ts";
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
export async function runHook({ command, env: given, ...rest }: HookRun): Promise<number | null> {
	const { line, env: assigned } = withoutAssignedSecrets(command);
	const env = { ...given, ...assigned };
	const { exitCode } = await askProgram({ file: "sh", args: ["-c", line], listen: false, env, ...rest });
	return exitCode;
}
