/** The hosts that share a Redis. */
import type { DrainFlags } from "../hosts.ts";
import { type Definer, example, forAgents } from "./definer.ts";
import { requireNoOtherWord } from "./group.ts";

export function defineMachines({ program, run, runAnyway }: Definer): void {
	const hosts = forAgents(program.command("hosts"))
		.description("the hosts of this Redis: who is alive, what each can run, how full it is")
		.argument("[host]", "only this one")
		.usage("[options] [host]")
		.allowExcessArguments()
		.addHelpText("after", example("dispatch hosts"))
		.action((host: string | undefined) =>
			runAnyway(async (context) => {
				const module = await import("../hosts.ts");
				await requireNoOtherWord(hosts, (word) => module.isHost(context, word));
				return module.hosts(context, host);
			}),
		);
	hosts
		.command("drain")
		.description("let a host start nothing new, from anywhere; what runs there goes on")
		.argument("<host>", "its id")
		.option("--wait", "until no agent works or asks there")
		.option(
			"--timeout <duration>",
			"with --wait: give up waiting after this time, e.g. 10m; it stays drained",
		)
		.addHelpText("after", example("dispatch hosts drain mini1"))
		.action((host: string, flags: DrainFlags) =>
			run(async (context) => (await import("../hosts.ts")).drain(context, host, flags)),
		);
	hosts
		.command("resume")
		.description("let a drained host take tasks again")
		.argument("<host>", "its id")
		.addHelpText("after", example("dispatch hosts resume mini1"))
		.action((host: string) => run(async (context) => (await import("../hosts.ts")).resume(context, host)));
	hosts
		.command("rm")
		.description("take a host that is gone out of the list; once a worker runs there again it is back")
		.argument("<host>", "its id")
		.addHelpText("after", example("dispatch hosts rm old-laptop"))
		.action((host: string) => run(async (context) => (await import("../hosts.ts")).rmHost(context, host)));
}
