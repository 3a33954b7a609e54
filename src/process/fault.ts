/**
 * Named points at which a test makes this process fail, to show that neither a crash nor an exception there
 * loses a task, hangs it or runs it twice. `DISPATCH_FAULT=POINT[:MODE[:TASK]]`, several with commas between;
 * without the variable a call costs one look at it.
 */

/** Every point there is, in the order of a task's life. The exhaustive test goes through this list. */
export const FAULT_POINTS = [
	"run-job.taken",
	"run-job.read",
	"fallback.chosen",
	"fallback.queued",
	"run-job.free",
	"run-job.placed",
	"run-job.started",
	"worktree.begin",
	"worktree.branch",
	"worktree.added",
	"worktree.whole",
	"start.read",
	"start.permitted",
	"start.directory",
	"start.claimed",
	"start.answers",
	"start.moved-aside",
	"start.carried",
	"start.prepared",
	"start.noted",
	"start.spawned",
	"look.read",
	"look.opening",
	"look.opened",
	"look.limits",
	"look.status",
	"look.launched",
	"look.log",
	"look.appended",
	"look.gate",
	"look.plan",
	"look.ipc",
	"look.notes",
	"look.progress",
	"look.settle",
	"bridge.rejected",
	"bridge.ask",
	"bridge.asked",
	"bridge.publish",
	"bridge.published",
	"bridge.delivered",
	"end.tree",
	"end.ended",
	"settle.begin",
	"settle.swept",
	"settle.facts",
	"settle.decided",
	"commit.begin",
	"commit.tree",
	"commit.made",
	"commit.branch",
	"commit.done",
	"settle.report",
	"settle.reported",
	"settle.gate",
	"settle.move",
	"settle.moved",
	"settle.unstarted",
	"verify.begin",
	"verify.made",
	"verify.look",
	"verify.verdict",
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];

const thrown = new Set<string>();

/** @param task the fault may be meant for one task alone */
export function faultPoint(point: FaultPoint, task: string): void {
	const wanted = process.env.DISPATCH_FAULT;
	if (wanted === undefined) return;
	for (const one of wanted.split(",")) {
		const [name, mode = "kill", only = task] = one.split(":");
		if (name === point && only === task) fail(point, mode, task);
	}
}

function fail(point: FaultPoint, mode: string, task: string): void {
	if (mode === "kill") process.kill(process.pid, "SIGKILL");
	if (mode === "throw-once") {
		const name = `${point}:${task}`;
		if (thrown.has(name)) return;
		thrown.add(name);
	}
	throw new Error(`a test's fault at ${point}`);
}
