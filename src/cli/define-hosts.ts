/** How host agents drive dispatch: the MCP server, the skill. */
import { type Definer, example } from "./definer.ts";

export function defineHosts({ program, env, runBare }: Definer): void {
	program
		.command("mcp")
		.description("serve MCP on stdin and stdout, for Claude Code, Cursor and other host agents")
		.addHelpText("after", example("claude mcp add dispatch -- dispatch mcp"))
		.action(() =>
			runBare(async () => {
				const { redis } = program.opts<{ redis?: string }>();
				return (await import("./commands/mcp.ts")).mcp({ env, redis });
			}),
		);
}
