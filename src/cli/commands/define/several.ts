/** Options of commands for several tasks at once. */
import type { Command } from "commander";
import { isFilter, type SeveralFlags } from "../../options/ids.ts";
import { names, repeatable } from "./definer.ts";

export const IDS_OR_FILTER = "<ids...> | --state <state> | --tag <k=v>";

/**
 * The options of a filter, with which the ids are left out: usage shows what is needed without them.
 * @param which tasks it chooses from @param needed what the usage names
 */
export function several(command: Command, which: string, needed = IDS_OR_FILTER): Command {
	return command
		.usage(`[options] ${needed}`)
		.addOption(
			names("--state <state>", `instead of ids: ${which}, in this state; several with commas (repeatable)`),
		)
		.addOption(repeatable("--tag <k=v>", "instead of ids: with this label (repeatable)"))
		.option("--host <id>", "instead of ids: of this host (default: of the host you are on)")
		.option("--any-host", "with --state or --tag: of every host of this Redis")
		.option("-y, --yes", "do not ask; needed for several by a filter where nobody can be asked");
}

export function requireSome(command: Command, ids: readonly string[], flags: SeveralFlags): void {
	if (ids.length === 0 && !isFilter(flags)) missing(command, "ids");
}

/** As commander says it of an argument that is always needed. */
export function missing(command: Command, name: string): never {
	command.error(`error: missing required argument '${name}'`, { code: "commander.missingArgument" });
}
