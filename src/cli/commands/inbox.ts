/** `dispatch inbox`: open questions one by one, with what a person needs to decide; waits for new ones. */
import type { Context } from "../context.ts";
import { canDraw } from "../screen/terminal.ts";
import { onInterrupt } from "../show/interrupt.ts";
import { questions } from "./questions.ts";

export async function inbox(context: Context): Promise<number | undefined> {
	if (process.stdin.isTTY !== true || process.stdout.isTTY !== true || context.output.json)
		return questions(context);
	const store = await context.store("service");
	const interrupt = onInterrupt({ hangUp: true });
	try {
		if (!canDraw(context.env)) {
			const { inboxLines } = await import("../screen/inbox-lines.ts");
			const { wordsWhole } = await import("../screen/text.ts");
			context.output.layout = (text) => wordsWhole(text, process.stdout.columns || 80);
			return await inboxLines(context, store, interrupt.signal);
		}
		const { InboxScreen } = await import("../screen/inbox-screen.ts");
		return await new InboxScreen(context, store, interrupt.signal).run();
	} finally {
		interrupt.release();
	}
}
