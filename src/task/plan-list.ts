/** Bullets without a box in a list of boxes: those that say that they are not done are open items. */
import { isOpenSection, saysDone, saysNothing, saysUnfinished } from "./plan-state.ts";

/** A bullet that may turn out to be an item when a box follows in its list. */
export interface Pending {
	/** how many items stood before it */
	at: number;
	text: string;
	/** of a numbered list */
	number: number | null;
}

const STRUCK_OUT = /^~{1,2}[^~]+~~/;

interface Level {
	depth: number;
	boxes: boolean;
	/** of the last item: the next number is the next item, with or without a box */
	number: number | null;
	pending: Pending[];
}

export class ListReader {
	readonly #levels: Level[] = [];
	/** below a heading such as "Remaining" */
	#openSection = false;

	/** A box at this depth. @returns the bullets before it in its list that are items now, in order */
	box(depth: number, number: number | null): Pending[] {
		const level = this.#at(depth);
		level.boxes = true;
		level.number = number;
		const pending = level.pending.splice(0);
		let next = number;
		const items = pending.reverse().filter((one) => {
			const counted = next !== null && one.number === next - 1;
			if (counted) next = one.number;
			return saysUnfinished(one.text) || (counted && !saysDone(one.text));
		});
		return items.reverse();
	}

	/** @returns whether the bullet is an open item */
	bullet(depth: number, bullet: Pending): boolean {
		const level = this.#at(depth);
		if (this.#openSection && this.#levels[0] === level && !level.boxes)
			return !saysNothing(bullet.text) && !STRUCK_OUT.test(bullet.text);
		const counted = level.boxes && level.number !== null && bullet.number === level.number + 1;
		if (counted) level.number = bullet.number;
		if (!level.boxes && (bullet.number !== null || saysUnfinished(bullet.text))) level.pending.push(bullet);
		return level.boxes && (saysUnfinished(bullet.text) || (counted && !saysDone(bullet.text)));
	}

	/** What follows is another list. @param title what its heading says, or the line above it */
	end(title: string): void {
		this.#levels.length = 0;
		this.#openSection = isOpenSection(title);
	}

	#at(depth: number): Level {
		while ((this.#levels.at(-1)?.depth ?? -1) > depth) this.#levels.pop();
		const last = this.#levels.at(-1);
		if (last?.depth === depth) return last;
		const level = { depth, boxes: false, number: null, pending: [] };
		this.#levels.push(level);
		return level;
	}
}
