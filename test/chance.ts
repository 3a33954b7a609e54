/** What is tried of many: a part that a seed chooses, or the whole, by hand. */

/** DISPATCH_TEST_WHOLE=1: hours of them. */
export const WHOLE = process.env.DISPATCH_TEST_WHOLE === "1";
/** DISPATCH_TEST_SEED=N: a run again. Tests name it where they fail. */
export const SEED = Number(process.env.DISPATCH_TEST_SEED) || Math.floor(Math.random() * 1e9);

/** What belongs to a test's title. */
export const CHOSEN = WHOLE ? "all of them" : `of seed ${SEED}`;

/** @returns the whole; or `count` of it, in its order */
export function part<T>(all: readonly T[], count: number): T[] {
	if (WHOLE) return [...all];
	const random = new Random(SEED);
	const left = all.map((_, n) => n);
	while (left.length > count) left.splice(random.below(left.length), 1);
	return left.map((n) => all[n] as T);
}

/** A seeded source of chance (mulberry32): the same seed gives the same choices. */
export class Random {
	#state: number;

	constructor(seed: number) {
		this.#state = seed >>> 0;
	}

	/** 0 ≤ x < 1 */
	next(): number {
		this.#state = (this.#state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	}

	/** 0 ≤ n < limit, whole */
	below(limit: number): number {
		return Math.floor(this.next() * limit);
	}

	/** min ≤ n ≤ max */
	between(min: number, max: number): number {
		return min + this.below(max - min + 1);
	}

	pick<T>(list: readonly T[]): T {
		const found = list[this.below(list.length)];
		if (found === undefined) throw new Error("nothing to pick from");
		return found;
	}
}
