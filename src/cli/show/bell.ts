import { type NotificationTarget, targetKind } from "../../notify/targets/index.ts";
import type { NotificationEvent } from "../../task/notification.ts";
import type { Context } from "../context.ts";

/** Rings at the terminal of somebody who waits, where the config asks for it. */
export function ring({ config }: Context, event: NotificationEvent): void {
	const wanted = config.notifications.filter(({ on }) => on.includes(event));
	for (const signal of new Set(wanted.map(signalOf))) signalHere(signal);
}

/** What a target wants to have written here; nothing for one that the daemon tells. */
export function signalOf({ type }: NotificationTarget): string {
	const kind = targetKind(type);
	return "signal" in kind ? kind.signal : "";
}

export function signalHere(signal: string): void {
	if (process.stderr.isTTY === true && signal !== "") process.stderr.write(signal);
}
