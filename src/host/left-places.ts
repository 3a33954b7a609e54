/**
 * What workers of an earlier version have left at addresses that they no longer serve: one state directory served one
 * address after the other then. Its tasks name that directory's host, where nobody works at that address any more.
 */
import { join } from "node:path";
import { replaceFile } from "../process/atomic-file.ts";
import { LOCAL_ADDRESS, LOCAL_PLACE } from "../task/address.ts";
import { readJson } from "./files.ts";

const NAMED = 5;
/** Who has not gone back by then knows, or has thrown that server away. */
const TOLD_MS = 30 * 24 * 60 * 60_000;

export interface LeftPlace {
	/** as `placeOf` spells it */
	place: string;
	/** the first of them; null: a worker that served it did not come to say */
	tasks: string[] | null;
	/** of all tasks */
	count: number;
	/** ms since the epoch */
	at: number;
}

type Said = Omit<LeftPlace, "place">;

const pathOf = (base: string) => join(base, "left.json");

/** Whoever looks there now is told by what waits in that Redis. @throws DISPATCH_DISK */
export function forgetPlace(base: string, place: string): void {
	const { [place]: left, ...others } = read(base);
	if (left !== undefined) replaceFile(pathOf(base), JSON.stringify(others), { durable: false });
}

/** @param here the place that is asked for, as `placeOf` spells it */
export function placesLeft(base: string, here: string): LeftPlace[] {
	return Object.entries(read(base))
		.map(([place, said]) => ({ place, ...said }))
		.filter(({ place, at }) => place !== here && Date.now() - at < TOLD_MS);
}

/** Those whose record is elsewhere, of what is known. */
export function tasksLeft(base: string, here: string): ReadonlySet<string> {
	return new Set(placesLeft(base, here).flatMap(({ tasks }) => tasks ?? []));
}

/** What cannot be read tells nothing: it stops no worker and no command. */
function read(base: string): Record<string, Said> {
	try {
		const said = Object.entries((readJson(pathOf(base)) ?? {}) as object);
		return Object.fromEntries(said.filter(([, each]) => isSaid(each)));
	} catch {
		return {};
	}
}

function isSaid(each: unknown): each is Said {
	const { tasks, count, at } = (each ?? {}) as Partial<Said>;
	const areNamed = Array.isArray(tasks) && tasks.every((task) => typeof task === "string");
	return (tasks === null || areNamed) && typeof count === "number" && typeof at === "number";
}

/** What to say of a place that is no longer served. */
export function leftText({ place, tasks, count }: LeftPlace): string {
	const back = `\`dispatch retry ID --here --redis ${place === LOCAL_PLACE ? LOCAL_ADDRESS : place}\` goes on with them.`;
	if (tasks === null)
		return `The worker that served ${place} did not come to say what it left there: tasks may wait. ${back}`;
	const more = count > NAMED ? ` and ${count - NAMED} more` : "";
	const stay = count === 1 ? "1 task stays" : `${count} tasks stay`;
	const named = `${tasks.slice(0, NAMED).join(", ")}${more}`;
	return `${stay} at ${place} from an earlier version: ${named}. Agents that live run on. ${back}`;
}
