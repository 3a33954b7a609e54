/**
 * Every error a user can meet, in one registry. docs/ERRORS.md lists the same codes; a test compares
 * them. Exit codes are the contract of the command line.
 */
export const EXIT = {
	ok: 0,
	taskFailed: 1,
	usage: 2,
	needsAnswer: 3,
	timedOut: 4,
	redisUnreachable: 5,
	noSuchTask: 6,
	refused: 7,
	conflict: 8,
	internal: 70,
	interrupted: 130,
} as const;

export const ERRORS = {
	DISPATCH_USAGE: { exit: EXIT.usage, retryable: false, means: "An option or argument is wrong." },
	DISPATCH_CONFIG_INVALID: {
		exit: EXIT.usage,
		retryable: false,
		means: "The config file cannot be used as it stands.",
	},
	DISPATCH_NO_BACKEND: { exit: EXIT.usage, retryable: false, means: "No agent CLI is configured or found." },
	DISPATCH_NO_PERMISSIONS: {
		exit: EXIT.usage,
		retryable: false,
		means: "The agent CLI cannot be held to the permissions that the config asks for.",
	},
	DISPATCH_UNKNOWN_MODEL: {
		exit: EXIT.usage,
		retryable: false,
		means: "The model is neither configured nor found.",
	},
	DISPATCH_BAD_FILE: {
		exit: EXIT.usage,
		retryable: false,
		means: "A file that was named cannot be read or written.",
	},
	DISPATCH_BAD_CWD: { exit: EXIT.usage, retryable: false, means: "The working directory cannot be used." },
	DISPATCH_WRONG_NAMESPACE: {
		exit: EXIT.usage,
		retryable: false,
		means: "This state directory serves another namespace.",
	},
	DISPATCH_REDIS_UNREACHABLE: {
		exit: EXIT.redisUnreachable,
		retryable: true,
		means: "Redis cannot be reached, or is not ready.",
	},
	DISPATCH_REDIS_POLICY: {
		exit: EXIT.usage,
		retryable: false,
		means: "The Redis server may throw data away (its eviction policy is not noeviction).",
	},
	DISPATCH_REDIS_FULL: {
		exit: EXIT.redisUnreachable,
		retryable: true,
		means: "Redis refused a write because its memory limit is reached.",
	},
	DISPATCH_NO_REDIS_SERVER: {
		exit: EXIT.redisUnreachable,
		retryable: false,
		means: "No redis-server is installed and no Redis address is given.",
	},
	DISPATCH_NO_SUCH_TASK: { exit: EXIT.noSuchTask, retryable: false, means: "There is no task of that id." },
	DISPATCH_NO_SUCH_BATCH: {
		exit: EXIT.noSuchTask,
		retryable: false,
		means: "There is no batch of that id or key.",
	},
	DISPATCH_NO_SUCH_HOST: { exit: EXIT.noSuchTask, retryable: false, means: "There is no host of that id." },
	DISPATCH_HOST_IN_USE: {
		exit: EXIT.conflict,
		retryable: false,
		means: "A worker runs on the host, or tasks of it have not ended.",
	},
	DISPATCH_NO_QUESTION: {
		exit: EXIT.conflict,
		retryable: false,
		means: "The task has no such open question.",
	},
	DISPATCH_ALREADY_ANSWERED: {
		exit: EXIT.conflict,
		retryable: false,
		means: "The question has its answer already.",
	},
	DISPATCH_ALREADY_ENDED: { exit: EXIT.conflict, retryable: false, means: "The task has ended." },
	DISPATCH_NOT_ENDED: { exit: EXIT.conflict, retryable: false, means: "The task has not ended yet." },
	DISPATCH_NEEDS: { exit: EXIT.conflict, retryable: false, means: "A task that it needs did not complete." },
	DISPATCH_SKILL_CHANGED: {
		exit: EXIT.conflict,
		retryable: false,
		means: "The installed skill was changed by hand.",
	},
	DISPATCH_ID_EXISTS: { exit: EXIT.conflict, retryable: false, means: "A task of that id exists." },
	DISPATCH_KEY_CONFLICT: {
		exit: EXIT.conflict,
		retryable: false,
		means: "The same --key was used with other content.",
	},
	DISPATCH_DAMAGED: {
		exit: EXIT.conflict,
		retryable: false,
		means: "What Redis holds about the task, or about all, cannot be read.",
	},
	DISPATCH_NESTED: {
		exit: EXIT.refused,
		retryable: false,
		means: "An agent tried to change something, which --allow-nested and the config do not allow.",
	},
	DISPATCH_NOT_SIGNED: {
		exit: EXIT.refused,
		retryable: false,
		means: "The record is not signed by this host's user: it is not executed.",
	},
	DISPATCH_NO_WORKER: { exit: EXIT.taskFailed, retryable: true, means: "The worker could not be started." },
	DISPATCH_OTHER_WRITER: {
		exit: EXIT.conflict,
		retryable: false,
		means: "A copy of this state directory, or another machine, works under the same identity.",
	},
	DISPATCH_ALREADY_RUNNING: {
		exit: EXIT.conflict,
		retryable: false,
		means: "Another worker holds this state directory.",
	},
	DISPATCH_LOCKED: {
		exit: EXIT.conflict,
		retryable: true,
		means: "A program that is none of dispatch's has locked a lock file of the state directory.",
	},
	DISPATCH_NO_REPORT: { exit: EXIT.noSuchTask, retryable: true, means: "The task has no report." },
	DISPATCH_NOT_IN_TASK: {
		exit: EXIT.usage,
		retryable: false,
		means: "`dispatch ask` was called outside a task.",
	},
	DISPATCH_TIMED_OUT: { exit: EXIT.timedOut, retryable: true, means: "The time given by --timeout is over." },
	DISPATCH_STALE: {
		exit: EXIT.conflict,
		retryable: true,
		means:
			"The task or host changed in between (an older state, revision or epoch was named, another question was shown, or a drain was ended).",
	},
	DISPATCH_HOST_GONE: {
		exit: EXIT.taskFailed,
		retryable: true,
		means: "No worker runs on the host of the task: nobody works on it.",
	},
	DISPATCH_BUDGET_SPENT: {
		exit: EXIT.refused,
		retryable: false,
		means: "The task has cost what its budget allows.",
	},
	DISPATCH_DISK: {
		exit: EXIT.taskFailed,
		retryable: true,
		means: "A file of dispatch's own could not be written.",
	},
	DISPATCH_KEY_UNUSABLE: {
		exit: EXIT.taskFailed,
		retryable: true,
		means: "The signing key of the state directory cannot be used. What needs it waits.",
	},
	DISPATCH_GIT: {
		exit: EXIT.taskFailed,
		retryable: true,
		means: "git could not do what a task's worktree or branch needs.",
	},
	DISPATCH_GIT_ENDED: {
		exit: EXIT.taskFailed,
		retryable: false,
		means: "git hung or took too long, or its task was cancelled: dispatch ended it.",
	},
	DISPATCH_APPLY_CONFLICT: {
		exit: EXIT.conflict,
		retryable: false,
		means: "What a task changed does not fit what is in the working tree: nothing was changed.",
	},
	DISPATCH_UNSAVED_WORK: {
		exit: EXIT.conflict,
		retryable: false,
		means: "A worktree holds work that is in no commit, or on no branch: it is not deleted without --force.",
	},
	DISPATCH_NO_HOME: {
		exit: EXIT.usage,
		retryable: false,
		means: "There is no directory to keep dispatch's state in.",
	},
	DISPATCH_INTERNAL: { exit: EXIT.internal, retryable: false, means: "A fault in dispatch itself." },
} as const satisfies Record<string, { exit: number; retryable: boolean; means: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** An expected refusal: one line that says what, with which value, and (as `hint`) the next step. */
export class DispatchError extends Error {
	override readonly name = "DispatchError";
	readonly code: ErrorCode;
	readonly hint: string | undefined;

	constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause });
		this.code = code;
		this.hint = options.hint;
	}

	/** What and the next step, each a sentence: what the system said has no full stop. */
	get inFull(): string {
		if (this.hint === undefined) return this.message;
		return `${this.message}${/[.!?:…]$/.test(this.message) ? "" : "."} ${this.hint}`;
	}

	get exitCode(): number {
		return ERRORS[this.code].exit;
	}

	get retryable(): boolean {
		return ERRORS[this.code].retryable;
	}
}

/** Whether Redis itself is in trouble: that is everybody's, it passes, and says nothing about a task. */
export function isOutage(error: unknown): boolean {
	return error instanceof DispatchError && error.code.startsWith("DISPATCH_REDIS_");
}

/** Whether the signing key cannot be used until a person mends it: that is every task's, and says nothing about one. */
export function isKeyFault(error: unknown): boolean {
	return error instanceof DispatchError && error.code === "DISPATCH_KEY_UNUSABLE";
}
