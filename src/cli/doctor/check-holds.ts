import type { Home } from "../../config/home.ts";
import { closedGates, releaseBackend } from "../../queue/records/gates.ts";
import { openStore } from "../../queue/records/open.ts";
import type { RedisTarget } from "../../queue/redis/connect.ts";
import { DispatchError } from "../../task/errors.ts";
import { oneLine } from "../show/output.ts";
import { type Finding, fixed, warn } from "./finding.ts";

/**
 * Backends that are held on this host. One that is held for a failed login is released: its next task tries
 * again, and two more failures hold it anew. One whose login is known to be missing stays held.
 */
export async function checkHolds(target: RedisTarget, home: Home, notLoggedIn: string[]): Promise<Finding[]> {
	try {
		const store = await openStore({ target, namespace: home.namespace, role: "command" });
		try {
			const findings: Finding[] = [];
			for (const [backend, gate] of Object.entries(await closedGates(store, home.hostId))) {
				const said = oneLine(gate.message, 160);
				if (gate.kind === "rate_limited") {
					const until = gate.until === null ? "" : ` until ${new Date(gate.until).toISOString()}`;
					findings.push(
						warn(
							"backend",
							`${backend} is rate limited${until}: ${said}`,
							"Its tasks go on then by themselves.",
						),
					);
				} else if (notLoggedIn.includes(backend))
					findings.push(warn("backend", `${backend} is held: ${said}`, "Log in, then: dispatch doctor"));
				else if (await releaseBackend(store, home.hostId, backend))
					findings.push(fixed("backend", `${backend} was held (${said}); its tasks are tried again.`));
			}
			return findings;
		} finally {
			await store.close();
		}
	} catch (error) {
		// Why Redis is not there stands among its own findings.
		if (error instanceof DispatchError) return [];
		throw error;
	}
}
