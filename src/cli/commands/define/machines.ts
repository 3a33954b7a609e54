/** The hosts that share a Redis. */
import { type Definer, example, forAgents } from "./definer.ts";

export function defineMachines({ program, run }: Definer): void {
	forAgents(program.command("hosts"))
		.description("the hosts of this Redis: who is alive, what each can run, how full it is")
		.argument("[host]", "only this one")
		.addHelpText("after", example("dispatch hosts"))
		.action((host: string | undefined) =>
			run(async (context) => (await import("../hosts.ts")).hosts(context, host)),
		);
}
