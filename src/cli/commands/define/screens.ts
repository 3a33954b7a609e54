/** The commands that stay on the screen. */
import { type Definer, example } from "./definer.ts";

export function defineScreens({ program, run }: Definer): void {
	program
		.command("watch")
		.description("a live table of tasks; answer, read logs and cancel by keys (piped: a line per change)")
		.addHelpText("after", example("dispatch watch"))
		.action(() => run(async (context) => (await import("../watch.ts")).watch(context)));
	program
		.command("inbox")
		.description("go through open questions one by one, waiting for new ones")
		.addHelpText("after", example("dispatch inbox"))
		.action(() => run(async (context) => (await import("../inbox.ts")).inbox(context)));
}
