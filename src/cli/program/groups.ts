/** Every command of the top level, in the order of the help: the everyday ones first. */
export const GROUPS: readonly (readonly [heading: string, names: readonly string[]])[] = [
	[
		"Every day:",
		["enqueue", "run", "status", "ls", "questions", "answer", "inbox", "watch", "logs", "output"],
	],
	[
		"More about tasks:",
		["wait", "note", "cancel", "retry", "diff", "apply", "rm", "prune", "batch", "templates"],
	],
	["Worker:", ["up", "down", "hosts", "worker", "service", "web", "doctor"]],
	["Settings and other programs:", ["config", "notify", "skill", "mcp", "completion"]],
	["First steps:", ["demo", "help"]],
	["Inside a task:", ["ask"]],
];

const NAMES = GROUPS.flatMap(([, names]) => names).join("|");
const PLAIN = new RegExp(`\\bdispatch (?:${NAMES})(?![\\w-])(?![^\`\\n]*--redis\\b)`);

/** Whether a command stands in it that does not say which Redis it is for. */
export function namesPlainCommand(text: string): boolean {
	return PLAIN.test(text);
}
