/**
 * What is typed on after an answer was sent is meant for no list and no other question, however late it arrives:
 * keys do nothing until none has come for a while that the next picture has been there.
 */
import type { Key } from "./terminal.ts";

const TICK_MS = 100;
const QUIET_TICKS = 5;
/** They change nothing, and nobody types them ahead. */
const HARMLESS = new Set(["up", "down", "pageup", "pagedown", "home", "end", "escape", "f1"]);

export class Settling {
	readonly #settled: () => void;
	#left = 0;
	/**
	 * Ticks, not times: of those that are due after a stall only one is made up for, and what was typed meanwhile
	 * is read before the next.
	 */
	#timer: NodeJS.Timeout | undefined;

	/** @param settled called when keys are taken again */
	constructor(settled: () => void) {
		this.#settled = settled;
	}

	get isOn(): boolean {
		return this.#left > 0;
	}

	/** The next picture is drawn now. */
	begin(): void {
		this.#left = QUIET_TICKS;
		this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
	}

	/** Whether a key does nothing. */
	holds({ name }: Key): boolean {
		if (!this.isOn || HARMLESS.has(name)) return false;
		this.#left = QUIET_TICKS;
		return true;
	}

	end(): void {
		clearInterval(this.#timer);
		this.#timer = undefined;
		this.#left = 0;
	}

	#tick(): void {
		this.#left--;
		if (this.isOn) return;
		this.end();
		this.#settled();
	}
}
