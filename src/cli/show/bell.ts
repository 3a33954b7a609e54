import type { NotificationEvent } from "../../task/notification.ts";
import type { Context } from "../context.ts";

/** Rings at the terminal of somebody who waits, where the config asks for it. */
export function ring({ config }: Context, event: NotificationEvent): void {
	if (process.stderr.isTTY !== true) return;
	if (config.notifications.some(({ type, on }) => type === "bell" && on.includes(event)))
		process.stderr.write("\x07");
}
