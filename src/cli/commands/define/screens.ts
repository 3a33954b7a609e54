/** The commands that stay on the screen. */
import { type Definer, example, forAgents } from "./definer.ts";

/** Then they only print. */
const withoutTerminal = () => process.stdin.isTTY !== true;

export function defineScreens({ program, runAnyway }: Definer): void {
	forAgents(program.command("watch"), withoutTerminal)
		.description(
			"a live table of tasks; answer, read, retry and cancel by keys, which ? lists (piped: a line per change)",
		)
		.addHelpText("after", example("dispatch watch"))
		.action(() => runAnyway(async (context) => (await import("../watch.ts")).watch(context)));
	forAgents(program.command("inbox"), withoutTerminal)
		.description("go through open questions one by one, waiting for new ones")
		.addHelpText("after", example("dispatch inbox"))
		.action(() => runAnyway(async (context) => (await import("../inbox.ts")).inbox(context)));
}
