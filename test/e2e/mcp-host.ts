/** A host agent: it speaks to `dispatch mcp` over its standard input and output. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { PROGRAM, type User } from "./harness.ts";

/** @returns connected; the caller closes it */
export async function hostAgentOf(user: User, env: Record<string, string> = {}): Promise<Client> {
	const client = new Client({ name: "test", version: "1" });
	await client.connect(
		new StdioClientTransport({
			command: process.execPath,
			args: [PROGRAM, "mcp"],
			cwd: user.project,
			env: { ...user.env, ...env },
			stderr: "ignore",
		}),
	);
	return client;
}
