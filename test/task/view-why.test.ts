/** Why a task waits, from the task and what is known of its host. */
import { expect, test } from "vitest";
import type { TaskView } from "../../src/task/view.ts";
import { type HostFacts, waitOf } from "../../src/task/view-why.ts";
import { NOW, questionView, taskView } from "../task-view.ts";

const HERE: HostFacts = {
	...{ host: "mini1", isHere: true, worker: "up", pid: 7, working: 0, asking: 0 },
	...{ concurrency: 2, maxAgents: 8, taken: null },
};
const at = (ms: number) => new Date(NOW + ms).toISOString();
const held = (kind: NonNullable<TaskView["hold"]>["kind"], ms: number | null = null): Partial<TaskView> => ({
	hold: { kind, until: ms === null ? null : at(ms) },
});
const AN_HOUR = 3_600_000;

const FULL = { step: "answers", why: "Cannot write 001.answer: ENOSPC." };

const REASONS: [string, Partial<TaskView>, Partial<HostFacts>, string, RegExp][] = [
	["there is room", {}, {}, "about to start", /^Starts in a moment/],
	[
		"as many of its batch work as may, though there is room",
		{ batch: "nightly", backend: "claude" },
		{ limited: new Map([["nightly claude", { kind: "batch", used: 2, all: 2, until: null, away: null }]]) },
		"2 of 2 of its batch work",
		/^Waits: 2 of 2 tasks of its batch nightly work \(max_parallel\)\.$/,
	],
	[
		"one of those that work may work on a host that is gone",
		{ batch: "nightly", backend: "claude" },
		{
			limited: new Map([
				[
					"nightly claude",
					{ kind: "batch", used: 1, all: 1, until: null, away: { task: "lost", host: "mini2" } },
				],
			]),
		},
		"1 of 1 of its batch work",
		/max_parallel\)\. One of them is lost on its host mini2, which is away.*dispatch retry lost --here$/,
	],
	[
		"as many of its backend work as may",
		{ batch: null, backend: "claude" },
		{ limited: new Map([[" claude", { kind: "backend", used: 1, all: 1, until: null, away: null }]]) },
		"1 of 1 of claude work",
		/backends\.claude\.concurrency/,
	],
	[
		"as many of its backend were started within a minute as may",
		{ batch: null, backend: "claude" },
		{ limited: new Map([[" claude", { kind: "starts", used: 3, all: 3, until: NOW + 20_000, away: null }]]) },
		"3 of 3 starts of claude",
		/starts_per_minute\)\. The next one starts in 20 ?s/,
	],
	[
		"a limit of another batch is none of its own",
		{ batch: "other", backend: "claude" },
		{ limited: new Map([["nightly claude", { kind: "batch", used: 2, all: 2, until: null, away: null }]]) },
		"about to start",
		/^Starts/,
	],
	["as many work as may", {}, { working: 2, asking: 3 }, "2 of 2 work", /worker\.concurrency/],
	[
		"as many live as may, and they ask",
		{},
		{ asking: 8 },
		"8 answers are due",
		/8 of 8 .*worker\.max_agents.*8 answers are due/,
	],
	["one of them asks", {}, { working: 1, asking: 1, maxAgents: 2 }, "1 answer is due", /1 answer is due/],
	["as many live as may, and all work", {}, { working: 2, maxAgents: 2 }, "2 of 2 live", /max_agents\)\.$/],
	[
		"its host says that no place is free, whatever the records say",
		{},
		{ working: 1, taken: 2 },
		"waits for a free place",
		/^Waits for a free place: its host says that 2 of 2 are taken\.$/,
	],
	[
		"it may hold the place itself, in which its worktree is made",
		{ branch: "dispatch/x" },
		{ concurrency: 1, taken: 1 },
		"worktree, or a free place",
		/^Its worktree is being made, or it waits for a free place: its host says that 1 of 1 are taken\.$/,
	],
	[
		"the places were taken by more than may work now",
		{},
		{ taken: 3 },
		"waits for a free place",
		/3 of 2 are taken/,
	],
	[
		"its host says that a place is free",
		{},
		{ working: 1, taken: 1 },
		"about to start",
		/^Starts in a moment/,
	],
	["what its host says is older than the records", {}, { working: 2, taken: 0 }, "2 of 2 work", /place/],
	["an earlier version says no limit", {}, { concurrency: null, taken: 5 }, "about to start", /./],
	["its host says that no place is free, and is away", {}, { taken: 2, worker: "none" }, "no worker", /./],
	[
		"an earlier version does not say its limits",
		{},
		{ concurrency: null, maxAgents: null, working: 99 },
		"about to start",
		/./,
	],
	["no worker runs here", {}, { worker: "none" }, "no worker", /on this host\. `dispatch up` starts it/],
	[
		"none runs there",
		{},
		{ worker: "none", isHere: false },
		"no worker",
		/on its host mini1\. `dispatch up` there/,
	],
	["the worker drains", {}, { worker: "drains" }, "worker drains", /starts nothing more.*`dispatch up`/],
	[
		"the worker there drains",
		{},
		{ worker: "drains", isHere: false },
		"worker drains",
		/the worker of its host mini1 drains.*`dispatch up` there starts a new one/,
	],
	["the worker is stopped", {}, { worker: "stopped" }, "worker stopped", /SIGSTOP.*kill -CONT 7$/],
	["Redis refuses the worker", {}, { worker: "refused" }, "worker refused", /refuses/],
	["the worker serves another Redis", {}, { worker: "elsewhere" }, "worker elsewhere", /up --restart/],
	[
		"the worker runs as another host",
		{},
		{ worker: "elsewhere", instead: "runs as the host other, not here" },
		"worker elsewhere",
		/^Waits: no worker runs on this host: the worker of this state directory runs as the host other, not here\. `dispatch up --restart`/,
	],
	["its host is away", held("host_gone"), {}, "host mini1 is away", /dispatch retry a --here/],
	["a limit", held("rate_limited", AN_HOUR), {}, "rate limit until 13:00", /until 13:00 \(in 1h\)/],
	[
		"a limit that ends on another day",
		held("rate_limited", 50 * AN_HOUR),
		{},
		"rate limit until 26 Nov 14:00",
		/in 2d2h/,
	],
	["an outage", held("unavailable", AN_HOUR), {}, "service away until 13:00", /not available/],
	["a login", held("auth"), {}, "not logged in", /Log in, then run: dispatch doctor/],
	["an account", held("billing"), {}, "account is empty", /doctor --fix/],
	["the day's budget", held("budget", AN_HOUR), {}, "day's budget spent until 13:00", /budget\.daily/],
	[
		"its next try",
		held("backoff", AN_HOUR),
		{},
		"next try at 13:00",
		/^Waits for another try at 13:00 \(in 1h\): the last one failed\.$/,
	],
	["its next try, within this minute", held("backoff", 10_000), {}, "next try in 10s", /at 12:00 \(in 10s\)/],
	[
		"it was asked for later",
		held("delayed", AN_HOUR),
		{},
		"delayed until 13:00",
		/^Waits until 13:00 \(in 1h\): it was to start later\.$/,
	],
	["it starts within this minute", held("delayed", 10_000), {}, "starts in 10s", /until 12:00 \(in 10s\)/],
	["a time that is over holds nobody", held("delayed", -1), { working: 2 }, "2 of 2 work", /place/],
	...(["rate_limited", "unavailable", "budget", "backoff"] as const).map((kind): (typeof REASONS)[number] => [
		`the time of a hold (${kind}) is over, and nobody is there to end it`,
		held(kind, -1),
		{ worker: "none" },
		"no worker",
		/no worker runs on this host/,
	]),
	[
		"it runs, and an answer cannot be written",
		{ state: "running", trouble: FULL },
		{},
		"answer not handed over",
		/^Waits: an answer cannot be handed to its agent \(Cannot write 001\.answer: ENOSPC\)\. It is tried again/,
	],
	[
		"it asks, and what fails has no words of its own",
		{ state: "asking", trouble: { ...FULL, step: "gate" } },
		{},
		"gate: not done",
		/\(gate\) \(Cannot write/,
	],
	[
		"its start fails and is tried again",
		{ trouble: { step: "start", why: "signing-key is a directory." } },
		{},
		"cannot be started",
		/^Waits: its agent cannot be started \(signing-key is a directory\)\. It is tried again until it can be done\.$/,
	],
	[
		"its start failed, and the next one comes later",
		{ ...held("backoff", AN_HOUR), trouble: { step: "start", why: "No room" } },
		{},
		"cannot be started",
		/\(No room\)\. It is tried again at 13:00 \(in 1h\)\.$/,
	],
	[
		"its start failed, and nobody is there for the next one",
		{ trouble: { step: "start", why: "No room" } },
		{ worker: "none" },
		"no worker",
		/no worker/,
	],
	[
		"its start failed, and a limit came since",
		{ ...held("rate_limited", AN_HOUR), trouble: { step: "start", why: "No room" } },
		{},
		"rate limit until 13:00",
		/rate limit/,
	],
	["the end of a limit, with room", held("rate_limited", 0), {}, "about to start", /^Starts in a moment/],
	[
		"those that ask take no place among those that work",
		{},
		{ working: 1, asking: 3 },
		"about to start",
		/./,
	],
	["all places are taken, and nobody would take one", {}, { working: 2, worker: "none" }, "no worker", /./],
	[
		"all live that may, and nobody would take a place",
		{},
		{ asking: 8, worker: "drains" },
		"worker drains",
		/./,
	],
	["an answer holds nobody", held("answered"), { working: 2 }, "2 of 2 work", /place/],
	[
		"another task",
		{ state: "waiting", waitsFor: ["b", "c"] },
		{},
		"after b and 1 more",
		/^Waits for b, c\.$/,
	],
];

test.each(REASONS)("%s", (_, changes, facts, why, text) => {
	const wait = waitOf(taskView("a", { state: "queued", ...changes }), { ...HERE, ...facts }, NOW);
	expect(wait?.why).toBe(why);
	expect(wait?.text).toMatch(text);
});

test.each([
	[taskView("a")],
	[taskView("a", { state: "asking", questions: [questionView("Which?")] })],
	[taskView("a", { state: "parked" })],
	[taskView("a", { state: "completed" })],
])("what runs, asks or has ended waits for nothing", (view) => {
	expect(waitOf(view, { ...HERE, worker: "none" }, NOW)).toBeNull();
});

test("without a word of its host, only what the task itself tells is told", () => {
	expect(waitOf(taskView("a", { state: "queued" }), undefined, NOW)).toBeNull();
	const waits = taskView("a", { state: "waiting", waitsFor: ["b", "c", "d", "e", "f", "g"] });
	const others = new Map([["b", "running"] as const, ["c", "damaged"] as const]);
	expect(waitOf(waits, undefined, NOW, others)?.text).toBe(
		"Waits for b (running), c (damaged), d, e, f and 1 more.",
	);
	expect(waitOf(taskView("a", { state: "queued", ...held("auth") }), undefined, NOW)?.kind).toBe("login");
});
