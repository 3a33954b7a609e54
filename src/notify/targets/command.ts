import { DeliveryError, receiver } from "../target.ts";
import { textOf, titleOf } from "../text.ts";

const LIMIT_MS = 30_000;

/**
 * A shell line of the user's own: the payload on its stdin, the words for a person in its environment, which holds no
 * variable of the daemon's but those that any program needs and those that `env` names.
 */
export const command = receiver({
	fields: { command: "line", env: "variables" },
	async deliver({ command, env: own }, payload, { run }) {
		const env = {
			...own,
			DISPATCH_EVENT: payload.event,
			DISPATCH_TASK_ID: payload.task.id,
			DISPATCH_TITLE: withoutNul(titleOf(payload)),
			DISPATCH_TEXT: withoutNul(textOf(payload)),
		};
		const code = await run({ command, env, input: `${JSON.stringify(payload)}\n`, limitMs: LIMIT_MS });
		if (code !== 0)
			throw new DeliveryError(code === null ? "the command took too long" : `exit code ${code}`);
	},
});

/** The environment cannot hold one. */
function withoutNul(text: string): string {
	return text.replaceAll("\0", "\uFFFD");
}
