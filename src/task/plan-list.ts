/** Bullets without a box in a list of boxes: those that say that they are not done are open items. */
import { isOpenSection, saysNothing, saysUnfinished } from "./plan-state.ts";

/** A bullet that may turn out to be an item when a box follows in its list. */
export interface Pending {
	/** how many items stood before it */
	at: number;
	text: string;
}

const STRUCK_OUT = /^~{1,2}[^~]+~~/;

interface Level {
	depth: number;
	boxes: boolean;
	pending: Pending[];
}

export class ListReader {
	readonly #levels: Level[] = [];
	/** below a heading such as "Remaining" */
	#openSection = false;

	/** A box at this depth. @returns the bullets before it in its list that are items now, in order */
	box(depth: number): Pending[] {
		const level = this.#at(depth);
		level.boxes = true;
		return level.pending.splice(0);
	}

	/** @returns whether the bullet is an open item */
	bullet(depth: number, bullet: Pending): boolean {
		const level = this.#at(depth);
		if (this.#openSection && this.#levels[0] === level && !level.boxes)
			return !saysNothing(bullet.text) && !STRUCK_OUT.test(bullet.text);
		if (!saysUnfinished(bullet.text)) return false;
		if (!level.boxes) level.pending.push(bullet);
		return level.boxes;
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
		const level = { depth, boxes: false, pending: [] };
		this.#levels.push(level);
		return level;
	}
}
