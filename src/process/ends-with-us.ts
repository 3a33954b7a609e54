/**
 * Children in a process group of their own, which no terminal ends with us: they end with this process, unless it is
 * killed by a signal that nobody can hear.
 */
import type { ChildProcess } from "node:child_process";
import { signalGroupOf } from "./end-group.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const living = new Set<ChildProcess>();

/** @returns to be called when the child has ended */
export function endsWithUs(child: ChildProcess): () => void {
	if (living.size === 0) {
		process.on("exit", endAll);
		for (const name of SIGNALS) process.on(name, onSignal);
	}
	living.add(child);
	return () => {
		if (living.delete(child) && living.size === 0) listenNoMore();
	};
}

function listenNoMore(): void {
	process.off("exit", endAll);
	for (const name of SIGNALS) process.off(name, onSignal);
}

/** So that git takes its locks back. */
function endAll(): void {
	for (const child of living) signalGroupOf(child, "SIGTERM");
}

/** Where somebody else listens, that one decides whether this process ends. */
function onSignal(name: NodeJS.Signals): void {
	if (process.listenerCount(name) > 1) return;
	endAll();
	listenNoMore();
	process.kill(process.pid, name);
}
