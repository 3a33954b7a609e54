/** What Redis holds of this host and its tasks, on one connection. */
import type { Home } from "../../config/home.ts";
import { openStore } from "../../queue/records/open.ts";
import type { Store } from "../../queue/records/store.ts";
import type { RedisTarget } from "../../queue/redis/connect.ts";
import { DispatchError } from "../../task/errors.ts";
import { checkAgents } from "./check-agents.ts";
import { type Asked, checkHolds } from "./check-holds.ts";
import { checkHosts } from "./check-hosts.ts";
import { checkNotifications } from "./check-notifications.ts";
import type { Finding } from "./finding.ts";

interface RecordFindings {
	hosts: Finding[];
	agents: Finding[];
	holds: Finding[];
	notifications: Finding[];
}

/** @param target null: there is no server. @param home null: the config does not say which namespace */
export async function checkRecords(
	target: RedisTarget | null,
	home: Home | null,
	asked: Asked,
): Promise<RecordFindings> {
	const found: RecordFindings = { hosts: [], agents: [], holds: [], notifications: [] };
	if (target === null || home === null) return found;
	const { namespace } = home;
	const store = await reached(() => openStore({ target, namespace, role: "command" }));
	if (store === null) return found;
	const look = async (check: (store: Store) => Promise<Finding[]>) =>
		(await reached(() => check(store))) ?? [];
	try {
		found.holds = await look((each) => checkHolds(each, home, asked));
		found.notifications = await look((each) => checkNotifications(each, home));
		found.hosts = await look((each) => checkHosts(each, home));
		found.agents = await look((each) => checkAgents(each, home));
	} finally {
		await store.close();
	}
	return found;
}

/** null: Redis did not answer; why stands among its own findings. */
async function reached<T>(call: () => Promise<T>): Promise<T | null> {
	try {
		return await call();
	} catch (error) {
		if (error instanceof DispatchError) return null;
		throw error;
	}
}
