import { runInTerminal } from "../../process/ask-program.ts";
import { DispatchError } from "../../task/errors.ts";
import type { Environment } from "../context.ts";

/** Where editors look for options of their own in a file: `vim: …:`, `-*- … -*-`, `Local Variables:` behind whatever. */
const MODELINES = /((?<=^|\s)(?:vim?|ex|kak)[<=>]{0,2}\d*|local variables)(?=:)/gimu;

/** A foreign text as it may stand in a file that an editor opens: it sets no options there, which the reader sees. */
export function withoutModelines(text: string): string {
	return text.replace(MODELINES, "$1 ").replaceAll("-*-", "- * -");
}

/**
 * Opens a file in the user's editor, $VISUAL or $EDITOR: a shell line of the user's own (`code --wait`);
 * the file goes as a word, and stays as the editor left it, also where it failed.
 * @throws DISPATCH_USAGE
 */
export async function openEditor(env: Environment, draft: string, unchanged: string): Promise<void> {
	const named = env.VISUAL || env.EDITOR;
	// One that was named may need none (`code --wait`); the usual one would stand there for ever.
	if (!named && !(process.stdin.isTTY && process.stdout.isTTY))
		throw new DispatchError("DISPATCH_USAGE", "No editor opens here: this is no terminal.", {
			hint: `${unchanged} VISUAL or EDITOR names one that needs none.`,
		});
	const editor = named || "vi";
	const exitCode = await runInTerminal(`${editor} "$1"`, [draft]);
	if (exitCode === 0) return;
	throw new DispatchError("DISPATCH_USAGE", `The editor ${editor} ended with ${exitCode ?? "a signal"}.`, {
		hint: `${unchanged} VISUAL or EDITOR names another editor.`,
	});
}
