/**
 * Processes that are ending. Such a one runs nothing any more: it has given up its memory, and its environment with it,
 * and may hold what it had open for seconds on a busy machine. Some never end: the first of a pid namespace whose zombies
 * nobody takes away, one with an open file on a server that is away. Each is waited for once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { endingOnes, isStillLive, type Member } from "./processes.ts";

const LIMIT_MS = 10_000;
const LOOK_MS = 15;

/** Who took longer than the limit. */
const neverEnding = new Set<string>();
const nameOf = ({ pid, stat }: Member) => `${pid} ${stat.startTime}`;
const isWaitedFor = (member: Member) => !neverEnding.has(nameOf(member));

function giveUp(members: readonly Member[]): void {
	for (const each of members) neverEnding.add(nameOf(each));
}

/**
 * What is held by who is ending is no sign of anybody who works.
 * @param isLeft asked again as long as anybody is ending who may hold it, within a limit, and last after that
 * @returns whether something is left
 */
export async function isLeftByLiving(isLeft: () => boolean, limitMs = LIMIT_MS): Promise<boolean> {
	const until = performance.now() + limitMs;
	let ending: Member[] = [];
	let since = 0;
	for (;;) {
		const began = performance.now();
		if (!isLeft()) return false;
		ending = ending.filter(isStillLive);
		if (ending.length === 0) {
			ending = endingOnes().filter(isWaitedFor);
			since = began;
		}
		if (ending.length === 0 || began >= until) break;
		// Others have their turn for as long as a look takes.
		await sleep(Math.max(LOOK_MS, performance.now() - began));
	}
	if (performance.now() - since >= limitMs) giveUp(ending);
	return isLeft();
}

/** What a sweep has killed. */
export class Killed {
	readonly #members = new Map<number, Member>();
	#lastAt = performance.now();

	add(member: Member): void {
		this.#members.set(member.pid, member);
		this.#lastAt = performance.now();
	}

	get size(): number {
		return this.#members.size;
	}

	/** Whether some of them have not ended, and are to be waited for. */
	areEnding(): boolean {
		const isLate = performance.now() - this.#lastAt > LIMIT_MS;
		if (isLate) giveUp([...this.#members.values()].filter(isStillLive));
		return [...this.#members.values()].some((each) => isWaitedFor(each) && isStillLive(each));
	}
}
