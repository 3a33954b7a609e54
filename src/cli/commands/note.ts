import { noteTask } from "../../actions/note.ts";
import { isLive } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { textOf, whoAmI } from "../options/values.ts";

/** Tells a task's agent something. */
export async function note(context: Context, given: string, words: string[]): Promise<undefined> {
	const text = await textOf(words);
	const noted = await noteTask(await context.store(), given, { text, by: whoAmI() });
	const when = isLive(noted.state) ? "before its next item" : "when it goes on";
	context.output.result(noted, [`Noted. The agent of \`${noted.task}\` sees it ${when}.`]);
}
