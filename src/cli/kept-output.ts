import { Context, type ContextOptions, type Environment } from "./context.ts";
import { Output } from "./show/output.ts";

/** Keeps a command's result in place of printing it: stdout belongs to a protocol, or to a screen. */
class KeptOutput extends Output {
	value: unknown = null;

	constructor(env: Environment) {
		super({ json: true, quiet: true, env });
	}

	override result(value: unknown): void {
		this.value = value;
	}

	override write(): void {}
}

/** Runs a command's work with a context of its own, and gives what its `--json` would print. @throws DispatchError */
export async function runKept(
	options: Omit<ContextOptions, "output">,
	work: (context: Context) => Promise<unknown>,
): Promise<unknown> {
	const kept = new KeptOutput(options.env);
	const context = await Context.open({ ...options, output: kept });
	try {
		const value = await work(context);
		return kept.value ?? value;
	} finally {
		await context.close();
	}
}

/** A lone `-` means stdin on a command line; here it is what was typed. */
export function literally(text: string): string[] {
	return text === "-" ? ["-", ""] : [text];
}
