/**
 * `--setup`: a command of the user's own that makes a new worktree fit for work (dependencies). It runs in the place
 * of the agent until it has succeeded once, in the agent's own process tree: detached, followed, cancelled and
 * adopted as that, and begun anew when it was killed.
 */
import { join } from "node:path";
import { isThere, replaceFile } from "../process/atomic-file.ts";
import { tailLines } from "../process/log-tail.ts";
import { readRegularFile } from "../process/read-file.ts";
import type { RunDir } from "../process/run-dir.ts";
import { isBeforeSeals, isBy, type Looks, type Seals } from "../process/sealed-file.ts";

const LIMIT_S = 30 * 60;
/** As `timeout` ends. */
const TOO_LONG = 124;
const TAIL_LINES = 40;
const CODE_LIMIT_BYTES = 256;
const CODE = "setup.code";
/** What the exit code must carry. It is read and emptied before anything of the task's runs: no agent has ever seen it. */
const SEAL = "setup.seal";

/** Where there is no `timeout` (macOS), the task's own limits hold it. */
const RUNNER = `run=$1; mark=$2; shift 2
read -r seal <"$run/${SEAL}"
: >"$run/${SEAL}" || exit 1
limit=$(command -v timeout) && limit="$limit -k 5 ${LIMIT_S}"
$limit sh "$run/setup.sh" >"$run/setup.log" 2>&1
code=$?
if [ $code -ne 0 ]; then
	echo "$code $seal" >"$run/${CODE}"
	exit 1
fi
: >"$mark" || exit 1
exec "$@"
`;

/**
 * @param mark a file that is there once it has succeeded
 * @param argv of the agent
 * @returns what is to be started in its place. @throws DISPATCH_DISK
 */
export function afterSetup(
	run: RunDir,
	{ command, mark, argv }: { command: string; mark: string; argv: readonly string[] },
	seals: Seals,
): readonly string[] {
	if (isThere(mark)) return argv;
	replaceFile(join(run.path, "setup.sh"), `${command}\n`);
	replaceFile(join(run.path, SEAL), `${sealOf(run, seals)}\n`);
	const runner = join(run.path, "setup-runner.sh");
	replaceFile(runner, RUNNER);
	return ["sh", runner, run.path, mark, ...argv];
}

/** All that it printed, as far as it has got. */
export const setupLog = (run: RunDir) => join(run.path, "setup.log");

const factsOf = ({ facts }: RunDir) => ({ start: facts.nonce });
const sealOf = (run: RunDir, seals: Seals) => seals.seal(CODE, factsOf(run));

/**
 * @param run as its record names it
 * @returns how it failed, and what it printed last; null: it did not, there was none, or an agent says so, which begins
 * only after a setup that has succeeded
 * @throws DISPATCH_KEY_UNUSABLE, what `isOurTrouble`
 */
export function failedSetup(run: RunDir, seals: Looks): { how: string; tail: string[] } | null {
	const file = readRegularFile(join(run.path, CODE), CODE_LIMIT_BYTES);
	if (file.kind !== "text") return null;
	const [code = "", seal = ""] = file.text.trim().split(" ");
	if (!isBy(seals, CODE, factsOf(run), seal) && !isBeforeSeals(run.facts.nonce, seals)) return null;
	const how =
		code === String(TOO_LONG) ? `it did not end within ${LIMIT_S / 60} minutes` : `exit code ${code}`;
	return { how, tail: tailLines(setupLog(run), TAIL_LINES) };
}
