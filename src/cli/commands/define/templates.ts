/** `templates`. */
import type { CopyFlags } from "../templates.ts";
import { type Definer, example, forAgents } from "./definer.ts";

export function defineTemplates({ program, run }: Definer): void {
	const templates = forAgents(program.command("templates"))
		.description("list the templates for `enqueue --template`, or print one")
		.argument("[name]", "print this one as it is written")
		.addHelpText("after", example("dispatch templates", "dispatch templates security-review"))
		.action((name: string | undefined) =>
			run(async (context) => (await import("../templates.ts")).templates(context, name)),
		);
	templates
		.command("copy")
		.description("begin a template of your own with another one")
		.argument("<name>", "the one to begin with")
		.argument("<new-name>", "what yours is called")
		.option("--project", "in this project's .dispatch/templates instead of the state directory")
		.addHelpText("after", example("dispatch templates copy code-review mine"))
		.action((name: string, as: string, flags: CopyFlags) =>
			run(async (context) => (await import("../templates.ts")).copyTemplate(context, name, as, flags)),
		);
}
