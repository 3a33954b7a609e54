/** What connects dispatch with other programs: the MCP server, the skill, notifications. */
import type { SkillCommand, SkillFlags } from "../skill.ts";
import { type Definer, example, forAgents } from "./definer.ts";
import { explainsItself } from "./group.ts";

export function defineHosts(definer: Definer): void {
	const { program, env, run, runBare } = definer;
	forAgents(program.command("mcp"))
		.description("serve MCP on stdin and stdout, for Claude Code, Cursor and other host agents")
		.addHelpText("after", example("dispatch mcp", "claude mcp add dispatch -- dispatch mcp"))
		.action(() =>
			runBare(async () => {
				const { redis, allowNested = false } = program.opts<{ redis?: string; allowNested?: boolean }>();
				return (await import("../mcp.ts")).mcp({ env, redis, allowNested });
			}),
		);
	program
		.command("notify")
		.description("try the notifications: a test goes to every target of the config")
		.addHelpText("after", example("dispatch notify"))
		.action(() => run(async (context) => (await import("../notify.ts")).notify(context)));
	defineSkill(definer);
}

function defineSkill({ program, env, runBare }: Definer): void {
	const skill = explainsItself(program.command("skill"))
		.description("the /dispatch skill, with which Claude Code plays the dispatcher")
		.addHelpText("after", example("dispatch skill install"));
	const act = (work: (commands: typeof import("../skill.ts"), command: SkillCommand) => Promise<undefined>) =>
		runBare(async (output) => work(await import("../skill.ts"), { output, env }));
	skill
		.command("install")
		.description("put it where Claude Code finds it, or bring it up to date")
		.option("--project", "for this project (.claude/skills) instead of the user")
		.option("--force", "even if it was changed by hand")
		.addHelpText("after", example("dispatch skill install --project"))
		.action((flags: SkillFlags) => act((commands, command) => commands.installSkill(command, flags)));
	skill
		.command("uninstall")
		.description("take it away")
		.option("--project", "that of this project")
		.option("--force", "even if it was changed by hand")
		.addHelpText("after", example("dispatch skill uninstall"))
		.action((flags: SkillFlags) => act((commands, command) => commands.removeSkill(command, flags)));
	forAgents(skill.command("show"))
		.description("print it")
		.addHelpText("after", example("dispatch skill show"))
		.action(() => act((commands, command) => commands.showSkill(command)));
}
