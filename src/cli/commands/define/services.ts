/** Worker, web and demo. */
import { Option } from "commander";
import type { DownFlags } from "../down.ts";
import type { ServiceFlags } from "../service.ts";
import type { UpFlags } from "../up.ts";
import type { WebFlags } from "../web.ts";
import type { WorkerFlags } from "../worker.ts";
import { type Definer, example } from "./definer.ts";
import { explainsItself } from "./group.ts";

export function defineServices({ program, run, runAnyway }: Definer): void {
	program
		.command("up")
		.description("start the worker (and the local Redis) in the background")
		.option("--restart", "with a new worker: it reads the config and the environment anew; agents run on")
		.option("--web", "and the web view, until `dispatch down`")
		.addHelpText("after", example("dispatch up --web"))
		.action((flags: UpFlags) => run(async (context) => (await import("../up.ts")).up(context, flags)));
	program
		.command("down")
		.description("stop the worker and the local Redis; agents run on until told otherwise")
		.option("--drain", "start nothing more and wait for the agents")
		.option("--stop-agents", "end the agents; their tasks go on at the next start")
		.addHelpText("after", example("dispatch down --drain"))
		.action((flags: DownFlags) =>
			runAnyway(async (context) => (await import("../down.ts")).down(context, flags)),
		);
	program
		.command("worker")
		.description("a worker in the foreground, for systemd, containers and CI")
		.option("--concurrency <n>", "agents that work at a time")
		.option("--standby", "wait while another worker serves this state directory")
		.addOption(new Option("--background").hideHelp())
		.addHelpText("after", example("dispatch worker --concurrency 4"))
		.action((flags: WorkerFlags) =>
			run(async (context) => (await import("../worker.ts")).worker(context, flags)),
		);
	defineService({ program, run });
	program
		.command("web")
		.description("Bull Board and the open questions in a browser")
		.option("--port <n>", "listen on this port, 0 for any (default: 4747)")
		.option("--listen <address>", "listen on this address (default: 127.0.0.1)")
		.option("--open", "open it in the browser")
		.addOption(new Option("--background").hideHelp())
		.addOption(new Option("--option <option>").hideHelp())
		.addHelpText("after", example("dispatch web --open --port 8080"))
		.action((flags: WebFlags) => run(async (context) => (await import("../web.ts")).web(context, flags)));
	program
		.command("demo")
		.description("the main job from end to end with a bundled agent; no account needed")
		.option(
			"--cwd <dir>",
			"work in this directory (default: the current one, if it is a project, else a sample)",
		)
		.addHelpText("after", example("dispatch demo"))
		.action((flags: { cwd?: string }) =>
			run(async (context) => (await import("../demo.ts")).demo(context, flags)),
		);
}

function defineService({ program, run }: Pick<Definer, "program" | "run">): void {
	const service = explainsItself(program.command("service"))
		.description("run the worker under systemd: agents survive its restarts")
		.addHelpText("after", example("dispatch service install --print"));
	service
		.command("install")
		.description("write a systemd user unit")
		.option("--print", "print the unit instead")
		.addHelpText("after", example("dispatch service install --print"))
		.action((flags: ServiceFlags) =>
			run(async (context) => (await import("../service.ts")).installService(context, flags)),
		);
}
