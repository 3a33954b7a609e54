/** What a daemon does when it is woken. Whoever writes to Redis can wake it, with any name and at any speed. */
import type { Wake } from "../queue/records/wakes.ts";

/** Each of them is done one at a time, however often it is asked for. */
interface Woken {
	host: string;
	outbox(): unknown;
	removed(): unknown;
	beat(): unknown;
	/** whether an agent of that task is followed here */
	isFollowed(task: string): boolean;
	/** Throws nothing. */
	look(task: string): Promise<unknown>;
	/** what a limit held may start */
	moved(): unknown;
	/** there may be news to be told */
	news(): unknown;
}

export function onWake(acts: Woken): (wake: Wake) => void {
	const look = oneLookAtATime(acts);
	return (wake) => {
		if (wake.kind === "outbox") acts.outbox();
		else if (wake.kind === "removed") acts.removed();
		else if (wake.kind === "task") {
			look(wake.task);
			acts.moved();
		} else if (wake.host === acts.host) acts.beat();
		acts.news();
	};
}

/** One that is not followed here is nothing to be looked at: a start looks by itself. */
function oneLookAtATime({ isFollowed, look }: Woken): (task: string) => void {
	/** of a task that is looked at: whether it is to be looked at once more */
	const underWay = new Map<string, boolean>();
	const lookOn = async (task: string) => {
		do {
			underWay.set(task, false);
			await look(task);
		} while (underWay.get(task));
		underWay.delete(task);
	};
	return (task) => {
		if (underWay.has(task)) underWay.set(task, true);
		else if (isFollowed(task)) void lookOn(task);
	};
}
