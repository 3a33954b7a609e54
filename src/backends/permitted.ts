import { DispatchError } from "../task/errors.ts";
import { narrower, type Permissions } from "../task/spec.ts";
import type { BackendConfig } from "./contract.ts";
import { backendOf } from "./index.ts";

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
	if (line !== null) return line;
	throw new DispatchError(
		"DISPATCH_NO_PERMISSIONS",
		`The backend ${config.name} (${config.type}) has no flags for permissions: ${permissions}.`,
		{ hint: "Use another model, or restrict that CLI in its own settings and take the key out." },
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
