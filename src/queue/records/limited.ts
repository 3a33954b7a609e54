/**
 * Which tasks of a host are held by a limit other than places: by batch and backend, as its worker found it when it
 * looked last. A reason to show; nothing is decided by it.
 */
import { isObject } from "../../task/check.ts";
import { ID_FORM } from "../../task/id.ts";
import { HOST_FORM } from "../../task/spec.ts";
import type { StartLimit } from "../../task/wait.ts";
import type { Store } from "./store.ts";

const KINDS: readonly string[] = ["batch", "backend", "starts"];

/** @returns by `<batch> <backend>`, "" for no batch; what is none of ours is left out */
export async function limitsHolding(store: Store, host: string): Promise<Map<string, StartLimit>> {
	const fields = await store.guard((client) => client.hgetall(store.keys.limited(host)));
	return new Map(
		Object.entries(fields).flatMap(([lane, text]) => {
			const limit = read(text);
			return limit === null ? [] : [[lane, limit] as const];
		}),
	);
}

function read(text: string): StartLimit | null {
	try {
		const { kind, used, all, until, away } = JSON.parse(text) as Record<string, unknown>;
		if (typeof kind !== "string" || !KINDS.includes(kind)) return null;
		if (!isCount(used) || !isCount(all)) return null;
		return {
			...{ kind: kind as StartLimit["kind"], used, all },
			until: isCount(until) ? until : null,
			away: readAway(away),
		};
	} catch {
		return null;
	}
}

function readAway(value: unknown): StartLimit["away"] {
	if (!isObject(value)) return null;
	const { task, host } = value;
	if (typeof task !== "string" || typeof host !== "string") return null;
	return ID_FORM.test(task) && HOST_FORM.test(host) ? { task, host } : null;
}

function isCount(value: unknown): value is number {
	return typeof value === "number" && value >= 0 && value <= Date.UTC(9999, 0);
}
