/** `dispatch notify`: tells every configured target something that did not happen, to see whether it arrives. */

import { sendTo } from "../../host/notifications.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import type { NotificationPayload } from "../../task/notification.ts";
import type { Context } from "../context.ts";
import { signalHere, signalOf } from "../show/bell.ts";
import { oneLine } from "../show/output.ts";

export async function notify(context: Context): Promise<number | undefined> {
	const { config, env, home, output } = context;
	if (config.notifications.length === 0)
		throw new DispatchError("DISPATCH_USAGE", "No notifications are configured.", {
			hint: "`dispatch notify` sends a test to each target under notifications: in the config, such as `- { type: bell }`. Add one: dispatch config edit (more: dispatch help notifications)",
		});
	const payload = testPayload(home.namespace, home.hostId);
	const results = await Promise.all(
		config.notifications.map(async (target) => {
			try {
				signalHere(signalOf(target));
				await sendTo(target, payload, { env, home: home.base });
				return { target: target.name, type: target.type, delivered: true, why: null };
			} catch (error) {
				return { target: target.name, type: target.type, delivered: false, why: (error as Error).message };
			}
		}),
	);
	const lines = results.map(
		({ target, delivered, why }) => `${oneLine(target)}: ${delivered ? "delivered" : oneLine(why ?? "")}`,
	);
	output.result(results, lines);
	return results.every(({ delivered }) => delivered) ? undefined : EXIT.taskFailed;
}

function testPayload(namespace: string, host: string): NotificationPayload {
	const now = new Date();
	return {
		schema: 1,
		id: `test-${now.getTime()}`,
		event: "completed",
		at: now.toISOString(),
		task: {
			id: "notification-test",
			namespace,
			state: "completed",
			reason: null,
			host,
			model: null,
			cwd: process.cwd(),
			tags: {},
		},
		question: null,
		message: "This is a test: no task ended.",
		reportPath: null,
	};
}
