/** What Redis holds of this host and its tasks, on one connection. */
import type { Home } from "../../config/home.ts";
import { openStore } from "../../queue/records/open.ts";
import type { Store } from "../../queue/records/store.ts";
import type { RedisTarget } from "../../queue/redis/connect.ts";
import { DispatchError } from "../../task/errors.ts";
import { hereOf } from "../show/here.ts";
import { checkAgents } from "./check-agents.ts";
import { checkDay } from "./check-day.ts";
import { type Asked, checkHolds } from "./check-holds.ts";
import { checkHosts } from "./check-hosts.ts";
import { checkNotifications } from "./check-notifications.ts";
import { checkBatches, checkLists, checkTasks, checkWaits } from "./check-tasks.ts";
import { checked, type Finding } from "./finding.ts";

interface RecordFindings {
	hosts: Finding[];
	agents: Finding[];
	holds: Finding[];
	notifications: Finding[];
}

/** @param asked place: of that server, as `placeOf` spells it; url: its address, null for the local one. @param target null: there is no server. @param home null: the config does not say which namespace */
export async function checkRecords(
	target: RedisTarget | null,
	home: Home | null,
	asked: Asked & { place: string; url: string | null },
): Promise<RecordFindings> {
	const found: RecordFindings = { hosts: [], agents: [], holds: [], notifications: [] };
	if (target === null || home === null) return found;
	const { namespace } = home;
	const { place } = asked;
	const store = await opened(target, namespace);
	if (store === null) return found;
	try {
		found.holds = await checked("backend", "What is held", () => checkHolds(store, home, asked));
		found.holds.push(...(await checked("backend", "The day's budget", () => checkDay(store, asked))));
		found.notifications = await checked("notifications", "The notifications", () =>
			checkNotifications(store, home),
		);
		// What the others look at is whole first.
		const lists = await checked("hosts", "The lists", () => checkLists(store));
		found.hosts = [...lists, ...(await checked("hosts", "The hosts", () => checkHosts(store, home)))];
		found.hosts.push(...(await checked("hosts", "The tasks", () => checkTasks(store, home))));
		found.hosts.push(...(await checked("hosts", "The batches", () => checkBatches(store))));
		const here = () => hereOf({ home }, asked.url);
		const waits = await checked("hosts", "What waits", () => checkWaits(store, here));
		// Of this host's missing worker one word is enough: the one that says what waits for it.
		const isTold = waits.some(({ area }) => area === "worker");
		found.hosts = [...found.hosts.filter(({ area }) => !isTold || area !== "worker"), ...waits];
		found.agents = await checked("hosts", "The agents", () => checkAgents(store, home, place));
	} finally {
		await store.close();
	}
	return found;
}

/** null: Redis did not answer; why stands among its own findings. */
async function opened(target: RedisTarget, namespace: string): Promise<Store | null> {
	try {
		return await openStore({ target, namespace, role: "command" });
	} catch (error) {
		if (error instanceof DispatchError) return null;
		throw error;
	}
}
