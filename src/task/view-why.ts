/**
 * Why a task waits, in one place: for `ls`, `status`, and whoever shows tasks. Pure: from the task and what is known
 * of its host.
 */
import { oneLine } from "./clean-text.ts";
import type { TaskRecord } from "./record.ts";
import { isLive, type State } from "./states.ts";
import { troubleWords } from "./trouble.ts";
import { type TaskView, viewOf } from "./view.ts";
import { clockText, inText, timeOf } from "./view-times.ts";
import type { StartLimit, Wait } from "./wait.ts";

/** What is known of a host. */
export interface HostFacts {
	host: string;
	/** it is this one */
	isHere: boolean;
	/** `none`: none has shown itself there */
	worker: "up" | "none" | "drained" | "drains" | "stopped" | "refused" | "elsewhere";
	/** who wants it to start nothing new, where it is drained */
	drainedBy?: string;
	/** of this host's worker; null: there is none, or it is another host's */
	pid: number | null;
	/** what this host's worker does where it is `elsewhere`, to go behind "the worker" */
	instead?: string | null;
	/** why Redis takes no writes, and what helps; left out: it takes them */
	refusal?: { why: string; text: string };
	/** agents that work, and that ask */
	working: number;
	asking: number;
	/** agents that may work at once, and live at once; null: not known */
	concurrency: number | null;
	maxAgents: number | null;
	/** places that are taken, as the host says, which knows of more than records tell; null: not known */
	taken: number | null;
	/** what holds its tasks back beside places, by `<batch> <backend>` */
	limited?: ReadonlyMap<string, StartLimit>;
}

/** The few words for a task whose host was told to start nothing new. */
export const HOST_DRAINED = "host is drained";

/** What is known of other tasks: a state each, or that it is damaged. */
export type KnownStates = ReadonlyMap<string, State | "damaged">;

/**
 * @param others those that it waits for
 * @param refused why its host will not start it, and what helps; null: it will, as far as is known here
 * @returns null for what does not wait: it runs and nothing fails, has ended, or needs a person itself
 */
export function waitOf(
	view: TaskView,
	facts: HostFacts | undefined,
	now: number,
	others: KnownStates = new Map(),
	refused: string | null = null,
): Wait | null {
	if (refused !== null && (view.state === "queued" || view.state === "waiting"))
		return wait("order", "will not be started", refused);
	if (view.state === "waiting") return forTasks(view, others);
	if (isLive(view.state)) return inTrouble(view);
	if (view.state !== "queued") return null;
	const waits = held(view, now) ?? (facts === undefined ? null : nobody(facts)) ?? inTrouble(view);
	if (waits !== null || facts === undefined) return waits;
	return limited(view, facts, now) ?? full(facts, view.branch !== null) ?? SOON;
}

/** What fails of its host's work for it, by its record alone; null: nothing that is known. */
export function troubleOf(record: TaskRecord, now: number): Wait | null {
	const waits = waitOf(viewOf(record, [], ""), undefined, now);
	return waits?.kind === "trouble" ? waits : null;
}

const SOON = wait("start", "about to start", "Starts in a moment.");

function wait(kind: Wait["kind"], why: string, text: string, until: string | null = null): Wait {
	return { kind, why, text, until };
}

/** Where no worker looks after it, nothing is tried. @param again when */
function inTrouble(
	{ trouble, hold }: TaskView,
	again = " until it can be done",
	until: string | null = null,
): Wait | null {
	if (trouble === null || hold?.kind === "host_gone") return null;
	const { brief, whole } = troubleWords(oneLine(trouble.step));
	const why = oneLine(trouble.why).replace(/\.$/, "");
	return wait("trouble", brief, `Waits: ${whole} (${why}). It is tried again${again}.`, until);
}

/** More would fill the screen; `--json` has all of them. */
const TASKS_NAMED = 5;

function forTasks({ waitsFor }: TaskView, others: KnownStates): Wait {
	const named = waitsFor.slice(0, TASKS_NAMED);
	const more = waitsFor.length > named.length ? ` and ${waitsFor.length - named.length} more` : "";
	const shown = named.map((id) => {
		const state = others.get(id);
		return state === undefined ? id : `${id} (${state})`;
	});
	return wait(
		"tasks",
		waitsFor.length === 0
			? "other tasks"
			: `after ${named[0]}${waitsFor.length > 1 ? ` and ${waitsFor.length - 1} more` : ""}`,
		waitsFor.length === 0 ? "Waits for other tasks." : `Waits for ${shown.join(", ")}${more}.`,
	);
}

/** What is known of the task itself. null: nothing holds it any more. */
function held(view: TaskView, now: number): Wait | null {
	const { id, host, hold } = view;
	if (hold === null || hold.kind === "answered" || hold.kind === "cancelling") return null;
	const { until } = hold;
	if (until !== null && timeOf(until) <= now) return null;
	const at = until === null ? "" : ` until ${clockText(until, now)}`;
	const end = until === null ? "" : `${at} (in ${inText(until, now)})`;
	// A time of this very minute reads as over.
	const isNow = until !== null && clockText(until, now) === clockText(now, now);
	switch (hold.kind) {
		case "host_gone":
			return wait(
				"host",
				`host ${host} is away`,
				`Waits: no worker runs on its host ${host}. Start one there (dispatch up), take the task over (dispatch retry ${id} --here), or end it (dispatch cancel ${id}).`,
			);
		case "rate_limited":
			return wait("limit", `rate limit${at}`, `Waits: the model's rate limit is reached${end}.`, until);
		case "unavailable":
			return wait("limit", `service away${at}`, `Waits: the model's service is not available${end}.`, until);
		case "auth":
			return wait(
				"login",
				"not logged in",
				"Waits: the agent CLI is not logged in. Log in, then run: dispatch doctor",
			);
		case "billing":
			return wait(
				"account",
				"account is empty",
				"Waits: the account of the agent CLI has nothing left. Mend that, then run: dispatch doctor --fix",
			);
		case "budget":
			return wait(
				"budget",
				`day's budget spent${at}`,
				`Waits: the day's budget (budget.daily in the config) is spent${end}. By which tasks: dispatch doctor`,
				until,
			);
		case "backoff": {
			const again = end.replace("until", "at");
			return (
				inTrouble(view, again, until) ??
				wait(
					"time",
					isNow ? `next try in ${inText(until, now)}` : `next try${at.replace("until", "at")}`,
					`Waits for another try${again}: the last one failed.`,
					until,
				)
			);
		}
		case "delayed":
			return wait(
				"time",
				isNow ? `starts in ${inText(until, now)}` : `delayed${at}`,
				`Waits${end}: it was to start later.`,
				until,
			);
	}
}

/** Nobody starts anything there. */
function nobody(facts: HostFacts): Wait | null {
	const { refusal } = facts;
	return unserved(facts) ?? (refusal === undefined ? null : wait("redis", refusal.why, refusal.text));
}

/** Nobody takes it. */
function unserved({ host, isHere, worker, pid, instead, drainedBy = "somebody" }: HostFacts): Wait | null {
	const where = isHere ? "this host" : `its host ${host}`;
	switch (worker) {
		case "up":
			return null;
		case "none":
			return wait(
				"worker",
				"no worker",
				`Waits: no worker runs on ${where}. \`dispatch up\`${isHere ? "" : " there"} starts it.`,
			);
		case "drained":
			return wait(
				"worker",
				HOST_DRAINED,
				`Waits: ${isHere ? "this host" : `its host ${host}`} is drained (by ${drainedBy}) and starts nothing new. It goes on with: dispatch hosts resume ${host}`,
			);
		case "drains":
			return wait(
				"worker",
				"worker drains",
				`Waits: the worker of ${where} drains and starts nothing more. \`dispatch up\`${isHere ? "" : " there"} starts a new one.`,
			);
		case "stopped":
			return wait(
				"worker",
				"worker stopped",
				`Waits: this host's worker is stopped (SIGSTOP). It goes on with: kill -CONT ${pid}`,
			);
		case "refused":
			return wait("worker", "worker refused", "Waits: Redis refuses this host's worker.");
		case "elsewhere":
			return wait(
				"worker",
				"worker elsewhere",
				`Waits: no worker runs on this host: the worker of this state directory ${instead ?? "serves another Redis"}. \`dispatch up --restart\` mends it.`,
			);
	}
}

/** A limit of its backend or its batch. */
function limited({ batch, backend }: TaskView, facts: HostFacts, now: number): Wait | null {
	const limit = facts.limited?.get(`${batch ?? ""} ${backend}`);
	if (limit === undefined) return null;
	const count = `${limit.used} of ${limit.all}`;
	switch (limit.kind) {
		case "batch": {
			const { away } = limit;
			const counts =
				away &&
				` One of them is ${away.task} on its host ${away.host}, which is away: it counts until it ends, or is taken over with: dispatch retry ${away.task} --here`;
			return wait(
				"limit",
				`${count} of its batch work`,
				`Waits: ${count} tasks of its batch ${batch} work (max_parallel).${counts ?? ""}`,
			);
		}
		case "backend":
			return wait(
				"limit",
				`${count} of ${backend} work`,
				`Waits: ${count} agents of ${backend} work (backends.${backend}.concurrency).`,
			);
		case "starts": {
			const until = new Date(limit.until ?? now).toISOString();
			return wait(
				"limit",
				`${count} starts of ${backend}`,
				`Waits: ${count} agents of ${backend} were started within a minute (backends.${backend}.starts_per_minute). The next one starts in ${inText(until, now)}.`,
				until,
			);
		}
	}
}

/** As many live or work as may. @param hasWorktree it is made in the place that the task itself has taken */
function full(
	{ working, asking, concurrency, maxAgents, taken }: HostFacts,
	hasWorktree: boolean,
): Wait | null {
	const live = working + asking;
	if (maxAgents !== null && live >= maxAgents) {
		const agents = `${live} of ${maxAgents} agents live (worker.max_agents)`;
		if (asking === 0) return wait("place", `${live} of ${maxAgents} live`, `Waits for a place: ${agents}.`);
		const due = asking === 1 ? "1 answer is due" : `${asking} answers are due`;
		return wait("answers", due, `Waits for a place: ${agents}, and ${due}: dispatch questions`);
	}
	if (concurrency === null || Math.max(working, taken ?? 0) < concurrency) return null;
	if (working < concurrency && hasWorktree)
		return wait(
			"place",
			"worktree, or a free place",
			`Its worktree is being made, or it waits for a free place: its host says that ${taken} of ${concurrency} are taken.`,
		);
	if (working < concurrency)
		return wait(
			"place",
			"waits for a free place",
			`Waits for a free place: its host says that ${taken} of ${concurrency} are taken.`,
		);
	const agents = `${working} of ${concurrency} agents work (worker.concurrency)`;
	return wait("place", `${working} of ${concurrency} work`, `Waits for a place: ${agents}.`);
}
