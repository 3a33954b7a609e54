/** What a wait says whose time is over: what is known, since when nothing is, and no promise that nobody keeps. */
import { expect, test } from "vitest";
import { noReply, nothingNew, timedOut } from "../../src/cli/show/wait-ends.ts";
import type { TaskRecord } from "../../src/task/record.ts";
import { secondsText } from "../../src/task/view-times.ts";

const AT = new Date(2026, 10, 24, 12, 0, 5).getTime();
const SINCE = `Redis has been away since ${secondsText(AT)}`;
const DRAINED = "attic is drained (by ann) and starts nothing new: dispatch hosts resume attic";
const task = (id: string, state: string) => ({ spec: { id }, state }) as TaskRecord;
const over = (records: TaskRecord[], more: { awaySince?: number; drained?: string; hostsGone?: true } = {}) =>
	timedOut(
		{ kind: "timedOut", records, hostsGone: more.hostsGone ?? false, awaySince: more.awaySince ?? null },
		["a"],
		more.drained ?? null,
	);

test.each([
	["at work", () => over([task("a", "running")]), "Timed out waiting: a is running.", /^The work goes on/],
	[
		"asking",
		() => over([task("a", "asking")]),
		"Timed out waiting: a is asking.",
		/^Answer with: dispatch answer a$/,
	],
	[
		"Redis went away",
		() => over([task("a", "running")], { awaySince: AT }),
		`Timed out waiting: ${SINCE}. As last seen, a is running.`,
		/^Agents run on; .*doctor/,
	],
	[
		"never seen",
		() => over([], { awaySince: AT }),
		"Timed out waiting for `a`: Redis does not answer.",
		/doctor/,
	],
	[
		"drained",
		() => over([task("a", "queued")], { drained: DRAINED }),
		"Timed out waiting: a is queued.",
		/^attic is drained/,
	],
	[
		"no worker",
		() => over([task("a", "queued")], { hostsGone: true }),
		"a is queued",
		/nobody works on it now/,
	],
	[
		"nothing new",
		() => nothingNew(null, null),
		"Timed out waiting: nothing new happened.",
		/^The work goes on/,
	],
	["nothing new, drained", () => nothingNew(null, DRAINED), "nothing new happened", /^attic is drained/],
	[
		"nothing new, Redis away",
		() => nothingNew(AT, DRAINED),
		`Timed out waiting: ${SINCE}.`,
		/^Agents run on/,
	],
	["no reply", () => noReply(), "Timed out waiting: Redis does not answer.", /^Agents run on/],
])("%s", (_, make, message, hint) => {
	const error = make();
	expect(error.code).toBe("DISPATCH_TIMED_OUT");
	expect(error.message).toContain(message);
	expect(error.hint).toMatch(hint);
});
