/**
 * Which tasks of a batch file wait for which: `needs` names ids, of the file or of tasks that are there. The id of a
 * `foreach`, as it is written, stands for all that it makes; in another `foreach`, for the one of the same items.
 */
import type { Store } from "../../queue/records/store.ts";
import { nearest } from "../../task/similar.ts";
import { hasPlace } from "./fill.ts";
import { PLACE } from "./items.ts";
import type { Placed } from "./placed.ts";

/** A task with the ids that it waits for. */
export interface Needing {
	placed: Placed;
	after: string[];
	/** of these, those that are no tasks of the file, by their place in `needs` */
	outside: Map<string, number>;
}

/**
 * @returns each task behind all that it needs; in the order of the file otherwise
 * @throws DISPATCH_USAGE for a circle, with the way round it
 */
export function inOrderOfNeeds(tasks: readonly Placed[]): Needing[] {
	const found = new Finder(tasks);
	const all = tasks.map((placed) => found.needsOf(placed));
	const byId = new Map(all.map((each) => [each.placed.task.id, each]));
	const dependents = new Map<Needing, Needing[]>();
	const left = new Map<Needing, number>();
	for (const each of all) {
		const needed = each.after.flatMap((id) => byId.get(id) ?? []);
		left.set(each, needed.length);
		for (const need of needed) {
			const known = dependents.get(need);
			if (known === undefined) dependents.set(need, [each]);
			else known.push(each);
		}
	}
	const ordered = all.filter((each) => left.get(each) === 0);
	for (const done of ordered)
		for (const next of dependents.get(done) ?? []) {
			const open = (left.get(next) ?? 0) - 1;
			left.set(next, open);
			if (open === 0) ordered.push(next);
		}
	const stuck = all.find((each) => (left.get(each) ?? 0) > 0);
	if (stuck === undefined) return ordered;
	throw circle(stuck, (id) => {
		const need = byId.get(id);
		return need !== undefined && (left.get(need) ?? 0) > 0 ? need : undefined;
	});
}

/** Each of the stuck ones has a need that is stuck, too: to go on there comes back to where one has been. */
function circle(from: Needing, stuck: (id: string) => Needing | undefined) {
	const way: Needing[] = [];
	let at: Needing | undefined = from;
	while (at !== undefined && !way.includes(at)) {
		way.push(at);
		at = at.after.flatMap((id) => stuck(id) ?? [])[0];
	}
	const round = way.slice(at === undefined ? 0 : way.indexOf(at));
	const ids = [...round, ...round.slice(0, 1)].map(({ placed }) => placed.task.id ?? "");
	const { placed } = round[0] ?? from;
	return placed.refuse("needs", `goes round in a circle: ${ids.join(" needs ")}`);
}

class Finder {
	/** by the id as it is written: the ids that it makes, and by their items */
	readonly #made = new Map<string, { all: string[]; byItems: Map<string, string[]> }>();
	readonly #ids: ReadonlySet<string>;

	constructor(tasks: readonly Placed[]) {
		this.#ids = new Set(tasks.flatMap(({ task }) => task.id ?? []));
		for (const placed of tasks) {
			const { id } = placed.task;
			const { id: written } = placed.written;
			if (id === undefined || written === undefined) continue;
			const made = this.#made.get(written) ?? { all: [], byItems: new Map<string, string[]>() };
			const same = made.byItems.get(namesOf(placed)) ?? [];
			made.all.push(id);
			same.push(id);
			made.byItems.set(namesOf(placed), same);
			this.#made.set(written, made);
		}
	}

	needsOf(placed: Placed): Needing {
		const after = new Set<string>();
		const outside = new Map<string, number>();
		for (const [n, written] of (placed.task.needs ?? []).entries()) {
			const ids = this.#idsOf(written, placed, n);
			for (const id of ids) {
				after.add(id);
				if (!this.#ids.has(id)) outside.set(id, n);
			}
		}
		return { placed, after: [...after], outside };
	}

	#idsOf(written: string, placed: Placed, n: number): string[] {
		const made = this.#made.get(written);
		if (!hasPlace(written)) return made?.all ?? [written];
		if (made === undefined) {
			// A `foreach` that found nothing: there is nothing to wait for.
			if (placed.writtenIds.has(written)) return [];
			throw placed.refuse("needs", `"${written}" is the \`id\` of no \`foreach\` of the file`, [n]);
		}
		if (placed.group === null) return made.all;
		const same = made.byItems.get(namesOf(placed));
		if (same !== undefined) return same;
		throw placed.refuse("needs", `"${written}" makes no task for the same item`, [n]);
	}
}

function namesOf({ group }: Placed): string {
	return JSON.stringify((group?.items ?? []).map(({ name }) => name));
}

/** What an id that nobody knows was likely meant to be: a hint, or null. */
export function likeNeed(id: string, tasks: readonly Placed[]): string | null {
	const written = [...(tasks[0]?.writtenIds ?? [])];
	const group = written.find(
		(each) => hasPlace(each) && each.replace(PLACE, "").replace(/^-+|-+$/g, "") === id,
	);
	if (group !== undefined) return `All tasks of that foreach are: needs: ["${group}"]`;
	const near = nearest(
		id,
		tasks.flatMap(({ task }) => task.id ?? []),
	);
	return near === null ? null : `Did you mean "${near}"?`;
}

/**
 * Those that a task of the file waits for, and that are neither of the file nor there. A key that was used before
 * gives its task again, whatever has become of these.
 */
export async function missingNeeds(
	store: Store,
	tasks: readonly { outside: Iterable<string>; key: string | null }[],
): Promise<ReadonlySet<string>> {
	const open: string[] = [];
	for (const { outside, key } of tasks) {
		const ids = [...outside];
		if (ids.length > 0 && !(key !== null && (await store.hasKey(key)))) open.push(...ids);
	}
	const there = await store.existing([...new Set(open)]);
	return new Set(open.filter((id) => !there.has(id)));
}
