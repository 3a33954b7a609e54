/** What one look at a task needs, finds, and hands on when the agent is gone. */
import type { Config } from "../config/load.ts";
import { readPlan } from "../ipc/plan-file.ts";
import { type IpcState, readIpc } from "../ipc/questions.ts";
import type { AgentStatus } from "../process/agent.ts";
import { faultPoint } from "../process/fault.ts";
import type { RunDir } from "../process/run-dir.ts";
import type { Seals } from "../process/sealed-file.ts";
import type { Store } from "../queue/records/store.ts";
import type { Hub } from "../task/hub.ts";
import type { Ending } from "../task/outcome/ending.ts";
import type { Plan } from "../task/plan.ts";
import type { TaskRecord } from "../task/record.ts";
import type { Serial } from "../task/serial.ts";
import type { Followed } from "./followed.ts";
import type { LiveTask } from "./live-task.ts";

/** Everything known of an agent that is gone, for `settle` to decide. */
export interface AgentEnd {
	record: TaskRecord;
	/** null: nothing was ever started under the permit */
	run: RunDir | null;
	status: AgentStatus;
	seen: Followed | null;
	plan: Plan | null;
	/** the `.done` file is there */
	finished: boolean;
	ending: Ending | null;
	/** our own processes ended and took the agent along */
	takenDown: boolean;
	/** it is gone, and so is its run directory: somebody removed that, perhaps the agent */
	takenAway: boolean;
}

export interface ReconcileDeps {
	store: Store;
	home: string;
	host: string;
	config: Config;
	hub: Hub;
	seals: Seals;
	serial: Serial;
	/** false: not settled yet, ask again at the next look */
	settle: (end: AgentEnd) => Promise<boolean>;
	/** monotonic ms */
	monotonic: () => number;
	graceMs: { done: number; term: number };
	/** of a start that is followed from now on, as its record stands */
	began: (record: TaskRecord) => void;
	/** a live task's directories are worth watching, or no longer */
	watch: (task: string, dirs: { taskDir: string; runDir: string } | null) => void;
	/** for the log: a step of a look failed; it is tried again */
	fault: (task: string, step: string, error: unknown) => void;
}

/** What one look has found. */
export interface Found {
	status: AgentStatus;
	plan: Plan | null;
	ipc: IpcState;
	/** more output lies there than one look may read */
	more: boolean;
}

export function planOf(live: LiveTask): Plan | null {
	faultPoint("look.plan", live.run.facts.task);
	return readPlan(live.run.facts.taskDir);
}

export function ipcOf(task: string, taskDir: string): IpcState {
	faultPoint("look.ipc", task);
	return readIpc(taskDir);
}
