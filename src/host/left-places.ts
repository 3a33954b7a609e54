/**
 * Which Redis servers this host's worker has served, and which of its tasks had not ended there when it left: nobody
 * works on them until a worker serves that address again. Written by the daemon, read by every command.
 */
import { join } from "node:path";
import { replaceFile } from "../process/atomic-file.ts";
import { LOCAL_PLACE } from "../queue/redis/address.ts";
import { readJson } from "./files.ts";

const NAMED = 5;
/** All of them fit the file; more are counted. */
const KEPT = 500;
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

const pathOf = (home: string) => join(home, "left.json");

/** @param tasks those that have not ended there; null: it is served from now on. @throws DISPATCH_DISK */
export function notePlace(home: string, place: string, tasks: readonly string[] | null): void {
	const { [place]: _before, ...others } = read(home);
	const said = { tasks: tasks?.slice(0, KEPT) ?? null, count: tasks?.length ?? 0, at: Date.now() };
	const isEmpty = tasks !== null && tasks.length === 0;
	replaceFile(pathOf(home), JSON.stringify(isEmpty ? others : { ...others, [place]: said }), {
		durable: false,
	});
}

/** @param here the place that is asked for, as `placeOf` spells it */
export function placesLeft(home: string, here: string): LeftPlace[] {
	return Object.entries(read(home))
		.map(([place, said]) => ({ place, ...said }))
		.filter(({ place, at }) => place !== here && Date.now() - at < TOLD_MS);
}

/** Those whose record is elsewhere, of what is known. */
export function tasksLeft(home: string, here: string): ReadonlySet<string> {
	return new Set(placesLeft(home, here).flatMap(({ tasks }) => tasks ?? []));
}

/** What cannot be read tells nothing: it stops no worker and no command. */
function read(home: string): Record<string, Said> {
	try {
		const said = Object.entries((readJson(pathOf(home)) ?? {}) as object);
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
	const address = place === LOCAL_PLACE ? "without an address" : "with that address";
	const back = `\`dispatch up --restart\` ${address} works on them again.`;
	if (tasks === null)
		return `The worker that served ${place} did not come to say what it left there: tasks of this host may wait. ${back}`;
	const more = count > NAMED ? ` and ${count - NAMED} more` : "";
	const stay = count === 1 ? "1 task stays" : `${count} tasks stay`;
	const named = `${tasks.slice(0, NAMED).join(", ")}${more}`;
	return `${stay} at ${place}, where no worker of this host serves any more: ${named}. Agents that live run on. ${back}`;
}
