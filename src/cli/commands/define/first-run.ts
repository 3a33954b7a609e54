/** The first run comes before the commands that need a config. */
import { existsSync } from "node:fs";
import { DispatchError, EXIT } from "../../../task/errors.ts";
import { Output } from "../../show/output.ts";
import type { Definer } from "./definer.ts";

const NEED_CONFIG = new Set(["enqueue", "run", "up"]);

export function hookFirstRun(definer: Definer): void {
	const { program, env } = definer;
	program.hook("preAction", async (_program, action) => {
		// A dry run writes nothing, and leaves the first words to the run itself.
		if (!NEED_CONFIG.has(action.name()) || env.DISPATCH_TASK || action.opts().dryRun) return;
		if (
			action.name() !== "up" &&
			action.args.length === 0 &&
			!action.opts().promptFile &&
			!action.opts().template
		)
			return;
		await beforeFirstUse(definer);
	});
}

/** Writes the first config; where nothing is found, the command itself says what is missing. */
async function beforeFirstUse({ program, env }: Definer): Promise<void> {
	const { configPath } = await import("../../../config/home.ts");
	const path = configPath(env);
	if (existsSync(path)) return;
	const { json = false, quiet = false } = program.opts<{ json?: boolean; quiet?: boolean }>();
	const output = new Output({ json, quiet, env });
	const { firstRun } = await import("../../first-run.ts");
	try {
		const run = await firstRun({ path, env, output });
		if (run.kind === "left") process.exit(EXIT.interrupted);
	} catch (error) {
		// A place that takes no file: the agent CLIs on PATH will do.
		if (!(error instanceof DispatchError)) throw error;
		output.note(error.message);
	}
}
