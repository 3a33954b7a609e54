/** A text that stands behind ids: where it begins with one more id, it was meant for that task, too. */
import { DispatchError } from "../../task/errors.ts";
import { ID_FORM } from "../../task/id.ts";
import { PLACEHOLDER } from "../../task/question-options.ts";
import type { State } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { idsOf } from "./ids.ts";

/** More than a call names by mistake. */
const MOST_NAMED = 50;

/**
 * `answer a b "Yes"` is no answer "b Yes" for `a`: what is sent can not be taken back.
 * @param ids those that the command is for
 * @param isFor whether a task in this state may be meant
 * @throws DISPATCH_USAGE where the first words are ids of such tasks
 */
export async function requireNoIdFirst(
	context: Context,
	command: string,
	{ ids, text }: { ids: readonly string[]; text: readonly string[] },
	isFor: (state: State) => boolean,
): Promise<void> {
	// An option's number is none, whatever a task is called.
	if (text.length === 1 && /^\d+$/.test(text[0] ?? "")) return;
	const other = text.findIndex((word) => !idsOf(word).every((id) => ID_FORM.test(id)));
	const mayName = text.slice(0, other === -1 ? text.length : other).map((word) => idsOf(word));
	if (mayName.length === 0) return;
	const store = await context.store();
	const records = await store.getMany([...new Set(mayName.flat())].slice(0, MOST_NAMED));
	const there = new Set(records.filter(({ state }) => isFor(state)).map(({ spec }) => spec.id));
	const rest = mayName.findIndex((each) => !each.every((id) => there.has(id)));
	const named = mayName.slice(0, rest === -1 ? mayName.length : rest).flat();
	const [first] = named;
	if (first === undefined) return;
	throw new DispatchError(
		"DISPATCH_USAGE",
		`Expected the text behind the ids, got "${first}", which is the id of another task: nothing was sent.`,
		{
			hint: `Several ids take commas: dispatch ${command} ${[...new Set([...ids, ...named])].join(",")} "${PLACEHOLDER}". A text that begins with an id goes in quotes as a whole, one that is nothing else to stdin (\`-\`).`,
		},
	);
}
