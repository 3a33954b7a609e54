/**
 * Puts `{{item}}`, `{{items}}` and `{{index}}` into the texts of a task. What an item is called may be anybody's choice (a
 * file of somebody's branch): it is data. Each text is filled in once, so that a name that holds `{{item}}` stays as it
 * is; a path stays below the place that the batch file names; in `verify` and `setup`, shell lines, it is one
 * quoted word.
 */
import { existsSync, realpathSync } from "node:fs";
import { relative, resolve, sep } from "node:path";
import type { DispatchError } from "../../task/errors.ts";
import { type Group, type Item, PLACE } from "./items.ts";
import type { Path } from "./read.ts";
import type { BatchTask } from "./schema.ts";
import { verifyFor } from "./verify-line.ts";

/** As much as a prompt may have. */
const TEXT_LIMIT = 1024 * 1024;

type Refuse = (key: string, why: string, below?: Path) => DispatchError;

/** Whether a text has a place for an item or its number. */
export function hasPlace(text: string | undefined): boolean {
	return text !== undefined && text.search(PLACE) >= 0;
}

/**
 * The task for one group, all but its id.
 * @param base where paths of the file begin
 * @throws what `refuse` makes
 */
export function fillTask(task: BatchTask, group: Group, base: string, refuse: Refuse): BatchTask {
	const filled: BatchTask = { ...task };
	const text = (key: string, given: string, shape = (each: string) => each) =>
		fill(
			given,
			group,
			(why) => refuse(key, why),
			(items) => items.map(({ shown }) => shape(shown)).join("\n"),
		);
	for (const key of ["prompt", "model", "template", "delay", "deadline", "key"] as const)
		if (task[key] !== undefined) filled[key] = text(key, task[key]);
	for (const key of ["tags", "vars"] as const)
		if (task[key] !== undefined)
			filled[key] = Object.fromEntries(
				Object.entries(task[key]).map(([name, each]) => [name, text(key, each)]),
			);
	const path = (key: string, given: string, each = group) =>
		pathFor(given, each, base, (why) => refuse(key, why));
	for (const key of ["prompt_file", "cwd"] as const)
		if (task[key] !== undefined) filled[key] = path(key, task[key]);
	if (task.plan !== undefined)
		// A line of a checklist stays one.
		filled.plan = task.plan.includes("\n")
			? text("plan", task.plan, (each) => each.replace(/\s+/g, " ").trim())
			: path("plan", task.plan);
	if (task.items !== undefined)
		filled.items = forEach(task.items, group, (given, each) =>
			fill(given, each, (why) => refuse("items", why), onlyOne),
		);
	if (task.context !== undefined)
		filled.context = forEach(task.context, group, (given, each) => path("context", given, each));
	for (const key of ["verify", "setup"] as const)
		if (task[key] !== undefined) filled[key] = verifyFor(task[key], group, (why) => refuse(key, why));
	return filled;
}

const onlyOne = ([item]: readonly Item[]) => item?.shown ?? "";

/** An entry of a list that has `{{items}}` stands there once for each of them. */
function forEach(
	entries: readonly string[],
	group: Group,
	work: (entry: string, each: Group) => string,
): string[] {
	return entries.flatMap((entry) =>
		/\{\{\s*items\s*\}\}/.test(entry)
			? group.items.map((item) => work(entry, { ...group, items: [item] }))
			: [work(entry, group)],
	);
}

/**
 * @param joined how `{{items}}` stands there
 * @param single how `{{item}}` does
 */
function fill(
	text: string,
	group: Group,
	refuse: (why: string) => DispatchError,
	joined: (items: readonly Item[]) => string,
	single: (item: Item) => string = (item) => joined([item]),
): string {
	const places = [...text.matchAll(PLACE)];
	if (places.length === 0) return text;
	const values: Record<string, string> = { index: String(group.index) };
	for (const [, name = ""] of places) {
		if (name === "item") values.item ??= single(theItem(group, refuse));
		if (name === "items") values.items ??= joined(group.items);
	}
	const size = places.reduce((sum, [, name = ""]) => sum + (values[name]?.length ?? 0), text.length);
	if (size > TEXT_LIMIT) throw refuse(`would have more than ${TEXT_LIMIT} characters`);
	return text.replace(PLACE, (_all, name: string) => values[name] ?? "");
}

/** The one of a group. @throws what `refuse` makes where there are several */
function theItem({ items, isChunk }: Group, refuse: (why: string) => DispatchError): Item {
	const [item] = items;
	if (item === undefined || isChunk) throw refuse("with `chunk` a task has several: write {{items}}");
	return item;
}

/** Below what the file names before the item, also where links lead. */
function pathFor(given: string, group: Group, base: string, refuse: (why: string) => DispatchError): string {
	if (!hasPlace(given)) return given;
	const before = given.slice(0, given.search(PLACE));
	const root = resolve(base, before.slice(0, before.lastIndexOf("/") + 1));
	const single = ({ name }: Item) => name;
	const only = (items: readonly Item[]) => {
		const [item, ...others] = items;
		if (item === undefined || others.length > 0)
			throw refuse("a path has room for one item, not for a group");
		return single(item);
	};
	const name = fill(given, group, refuse, only, single);
	const path = resolve(base, name);
	const isBelow = isIn(path, root) && (!existsSync(path) || isIn(realpathSync(path), realpathSync(root)));
	if (!isBelow) throw refuse(`"${name}" leads out of ${root}`);
	return name;
}

function isIn(path: string, root: string): boolean {
	const way = relative(root, path);
	return way !== ".." && !way.startsWith(`..${sep}`);
}
