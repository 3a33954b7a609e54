/** Wording of outcomes: how an agent ended, and what a person can do about it. */

import { cleanText } from "../clean-text.ts";
import { cutText } from "../cut-text.ts";
import { shownCommand } from "../secrets-of-command.ts";
import type { EndFacts } from "./facts.ts";
import type { FailureClass } from "./failure.ts";

const MAX_QUOTED_CHARS = 200;

export function loginHint({ agentName, cli }: EndFacts): string {
	return cli?.login.how ?? `Log in to the CLI of backend ${agentName}.`;
}

const REFUSALS = {
	rate_limited: ["is rate limited", "Wait a while, then:"],
	overloaded: ["has no room: its service is overloaded", "Wait a while, or use another model."],
	outage: ["cannot reach its service", "Look at the network and at the service's status page, then:"],
	refused: ["was refused by its service before any work was done", "See what it says, then:"],
	quota: [
		"has used up its quota",
		"Raise it in the service's console, or use another model, then: dispatch doctor --fix.",
	],
	billing: [
		"has an account with nothing left",
		"Add credit or mend the plan, or use another model, then: dispatch doctor --fix.",
	],
	model: ["does not get its model", "Give another one with --model, or mend `models:` in the config."],
} as const satisfies Partial<Record<FailureClass, readonly [string, string]>>;

/** What a service's refusal means, and what can be done about it. */
export function refusalText(failure: FailureClass, agentName: string): { what: string; advice: string } {
	const [what, advice] = REFUSALS[failure as keyof typeof REFUSALS] ?? ["was refused", ""];
	return { what: `${agentName} ${what}`, advice };
}

/** Why the CLI could not be started, and how to mend it. */
export function startHint({
	agentName,
	cli,
	command,
	exit,
	failure,
	failureMessage,
	logTail,
}: EndFacts): string {
	const said = failureMessage ?? logTail.at(-1) ?? "";
	const line = command === null ? "" : ` (\`${oneLine(shownCommand(command))}\`)`;
	const what = `${agentName} could not be started${line}${said.trim() === "" ? "" : `: ${oneLine(said)}`}.`;
	if (exit.kind === "exited" && exit.code === 127) {
		const check = `check \`command:\` of backend ${agentName} in the config`;
		return `${what} ${cli === null ? `The command was not found: ${check}.` : `Install it with \`${cli.install}\`, or ${check}.`}`;
	}
	if (exit.kind === "exited" && exit.code === 126) {
		return `${what} The file is not executable: mend it with chmod +x, or check \`command:\` of backend ${agentName} in the config.`;
	}
	// The parser's message carries its own next step where there is one.
	return failure === null ? what : `${what} Check \`command:\` of backend ${agentName} in the config.`;
}

/** "exited with code 1", "was ended by SIGKILL", "is gone, its exit status is unknown" */
export function exitOf(exit: EndFacts["exit"]): string {
	if (exit.kind !== "exited") return "is gone, its exit status is unknown";
	if (exit.signal !== null) return `was ended by ${oneLine(exit.signal)}`;
	return exit.code === null ? "ended with an unknown status" : `exited with code ${exit.code}`;
}

/** Text of an agent inside a message of ours: one line, no control characters, no full stop, not too long. */
export function oneLine(text: string): string {
	const line = cleanText(text)
		.replace(/[\s\p{Cc}]+/gu, " ")
		.trim();
	return cutText(line, MAX_QUOTED_CHARS).replace(/\.+$/, "");
}
