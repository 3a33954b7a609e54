import type { State } from "../../task/states.ts";
import { OFFER } from "./scripts/offer.ts";
import type { Store } from "./store.ts";

const SCRIPT = { name: "offer", lua: OFFER, once: false, grows: false, said: false };

/**
 * Tasks in one of these states, or damaged, but for those of `without`; of more than `most` how their ids begin.
 * For who waits at a key: one round trip.
 * @param request.having only those whose report was kept, or that have a worktree
 * @returns id, newest first, or beginning of ids → state or `damaged`, or the number of ids behind it
 */
export async function offered(
	store: Store,
	request: {
		begins: string;
		states: readonly State[];
		without: readonly string[];
		most: number;
		having?: "report" | "worktree" | undefined;
	},
): Promise<Map<string, string>> {
	const { found } = await store.run<{ found: string }>(SCRIPT, request);
	const lines = found === "" ? [] : found.split("\n");
	return new Map(lines.map((line) => line.split(" ") as [string, string]));
}
