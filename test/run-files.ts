/** What may lie in a run directory, where its agent can write, and plausible words to forge there. */

/** That nobody reads back: a temporary one of the wrapper's, the copy of a command. */
const UNREAD = ["exit.tmp", "pid.tmp", "verify/exit.tmp", "verify/pid.tmp", "verify/check.sh"];

const FOLLOWED = { sessionId: null, result: { ok: true, message: "done" }, failure: "rate_limited" };

const EXITS = ["0\n", "137\n", "-1\n"];
const PIDS = ["1\n", `${process.pid}\n`];
const IDENTITIES = [`{"pid":${process.pid},"startTime":1}`];

/** By the name of a file in a run directory: what an agent may write there. */
export const FORGED: Record<string, readonly string[]> = {
	/** the directory itself */
	".": [],
	/** that of all starts of the task */
	"..": [""],
	"run.json": [
		'{"task":"own","epoch":1,"nonce":"another"}',
		'{"task":"other","epoch":1,"nonce":"another"}',
		"{}",
	],
	spawning: [""],
	pid: PIDS,
	alive: [""],
	"agent.log": ["hello\n"],
	"shell.log": ["Killed\n"],
	exit: EXITS,
	ended: [""],
	"identity.json": IDENTITIES,
	ending: ["shutdown", "cancel", "finished", "AAAA\nshutdown", "\nshutdown"],
	answers: ["[]", `AAAA\n[{"seq":"001","hash":"h","answer":"yes","by":"ann@here"}]`],
	"launch.json": ['{"sessionId":"s-other","carried":["001"]}'],
	sessions: ["s-other\n"],
	"silence.json": ['{"stamp":"","silentMs":1000000}'],
	"followed.json": [JSON.stringify({ offset: 1_000_000, seen: FOLLOWED })],
	"setup.code": ["3\n", "124 AAAA\n"],
	"setup.seal": ["AAAA\n"],
	"setup.log": ["npm ERR!\n"],
	"setup.sh": ["exit 1\n"],
	"setup-runner.sh": ["exit 1\n"],
	/** of the check, which has a run directory of its own */
	verify: ["0\n"],
	"verify/begun": ["1700000000000", "AAAA\n1700000000000"],
	"verify/spawning": [""],
	"verify/pid": PIDS,
	"verify/alive": [""],
	"verify/agent.log": ["all tests passed\n"],
	"verify/shell.log": ["Killed\n"],
	"verify/exit": EXITS,
	"verify/ended": [""],
	"verify/identity.json": IDENTITIES,
};

export const RUN_FILES = Object.keys(FORGED);

/** Whether the table above, or who writes it, knows this name. */
export const isKnown = (name: string) => RUN_FILES.includes(name) || UNREAD.includes(name);
