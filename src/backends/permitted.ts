import { DispatchError } from "../task/errors.ts";
import { narrower, type Permissions } from "../task/spec.ts";
import type { BackendConfig } from "./contract.ts";
import { backendOf } from "./index.ts";
import { clisOf } from "./started.ts";

/**
 * A backend's command line, held to the narrower of what this host's config and the task's alias allow. An
 * alias can narrow only: it reaches the worker through Redis, and whoever writes there gains nothing by it.
 * @param taskDir absolute
 * @throws DISPATCH_NO_PERMISSIONS when the CLI has no flags for it
 */
export function permittedCommand(config: BackendConfig, alias: Permissions | null, taskDir: string): string {
	const permissions = narrower(config.permissions, alias === "full" ? null : alias);
	if (permissions === null) return config.command;
	requireHarmless(taskDir);
	const line = backendOf(config.type).permit(config.command, permissions, taskDir);
	if (line !== null) {
		if (permissions !== "full") requireHeld(config, line);
		return line;
	}
	throw new DispatchError(
		"DISPATCH_NO_PERMISSIONS",
		`The backend ${config.name} (${config.type}) has no flags for permissions: ${permissions}.`,
		{ hint: "Use another model, or restrict that CLI in its own settings and take the key out." },
	);
}

/** Flags by which some CLI may do everything. */
const FREEDOM =
	/--(?:allow-)?dangerously-[\w-]+|--full-auto|--yolo|--allow-all[\w-]*|danger-full-access|bypassPermissions/;
const ARGUMENTS = /\$(?:@|\{@\})/g;

/** What cannot be taken out of a line (it stands in a script, or behind another program) is refused, not run. */
function requireHeld({ name, command }: BackendConfig, line: string): void {
	const flag = FREEDOM.exec(line)?.[0];
	const why =
		flag !== undefined
			? `holds ${flag} where it cannot be taken out`
			: clisOf(command).length > 1
				? "starts more than one agent"
				: (command.match(ARGUMENTS)?.length ?? 0) > 1
					? 'has "$@" more than once'
					: null;
	if (why === null) return;
	throw new DispatchError(
		"DISPATCH_NO_PERMISSIONS",
		`The command of the backend ${name} cannot be held to its permissions: it ${why}.`,
		{ hint: "Write the plain call of one agent there, as `claude -p`, without such a flag." },
	);
}

/** In the rules of the CLIs these separate, end or widen: a directory `x),Bash(*)` would allow everything. */
const MEANS_SOMETHING = /[()[\]{},*?!\\\p{Cc}]/u;

function requireHarmless(taskDir: string): void {
	const found = MEANS_SOMETHING.exec(taskDir)?.[0];
	if (found === undefined) return;
	throw new DispatchError(
		"DISPATCH_NO_PERMISSIONS",
		`The path ${JSON.stringify(taskDir)} holds ${JSON.stringify(found)}, which has a meaning in permission rules.`,
		{ hint: "Rename the directory, or use a backend without permissions:." },
	);
}
