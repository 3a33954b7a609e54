/** What to type after the demo. */
import { KNOWN_CLIS } from "../../backends/known.ts";
import { which } from "../../process/which.ts";
import type { Environment } from "../context.ts";

const COMMAND = 'dispatch enqueue "review src/"';

/** The last line can be copied as it is; what it needs first stands before it. */
export function nextSteps(env: Environment): string[] {
	const found = KNOWN_CLIS.filter(({ programs }) => which(programs[0], env.PATH) !== null).map(
		({ type, programs: [program] }) => (type === program ? type : `${type} (${program})`),
	);
	const clis =
		found.length > 0
			? `Agent CLIs found: ${found.join(", ")}.`
			: `No agent CLI is on your PATH yet; one of them: ${KNOWN_CLIS[0]?.install}`;
	// `npm start` in a clone runs a program that is installed nowhere.
	const first = which("dispatch", env.PATH) !== null ? [] : ["Put dispatch on your PATH: npm install -g ."];
	return [clis, ...first, `Now yours: ${COMMAND}`];
}
