import type { Home } from "../../config/home.ts";
import { closedGates, type Gate, release } from "../../queue/records/gates.ts";
import type { Store } from "../../queue/records/store.ts";
import { clockTime } from "../../task/view-times.ts";
import { oneLine } from "../show/output.ts";
import { type Finding, fixed, warn } from "./finding.ts";

export interface Asked {
	/** backends whose login is known to be missing */
	notLoggedIn: string[];
	/** `--fix`: a person lifts what would end by itself, too */
	fix: boolean;
	/** USD of the config's `budget.daily`; null = no limit */
	dailyUsd: number | null;
}

/**
 * Backends that are held on this host. One that is held for a failed login or an empty account is released:
 * its next task tries again, and two more failures hold it anew. One whose login is known to be missing stays
 * held, and limits and outages stay until their end, unless they are to be fixed.
 */
export async function checkHolds(store: Store, home: Home, asked: Asked): Promise<Finding[]> {
	const findings: Finding[] = [];
	for (const gate of await closedGates(store, home.hostId)) {
		const advice = whyItStays(gate, asked);
		if (advice !== null) findings.push(warn("backend", `${textOf(gate)}.`, advice));
		else if (await release(store, home.hostId, gate))
			findings.push(fixed("backend", `${textOf(gate)}: lifted, its tasks are tried again.`));
	}
	return findings;
}

/** @returns null for a hold that is lifted */
function whyItStays({ backend, until }: Gate, { notLoggedIn, fix }: Asked): string | null {
	if (fix) return null;
	if (until !== null) return "Its tasks go on then by themselves; `dispatch doctor --fix` lifts it at once.";
	return notLoggedIn.includes(backend) ? "Log in, then: dispatch doctor" : null;
}

const WHAT = {
	rate_limited: "is rate limited",
	unavailable: "cannot reach its service",
	auth: "is held",
	billing: "has an account with nothing left",
} as const satisfies Record<Gate["kind"], string>;

function textOf({ backend, model, kind, until, message }: Gate): string {
	const who = oneLine(model === null ? backend : `${backend} (${model})`, 120);
	const end = until === null ? "" : ` until ${clockTime(until)}`;
	return `${who} ${WHAT[kind]}${end} (${oneLine(message, 160)})`;
}
