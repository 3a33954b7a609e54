/** A user whose one backend is a real CLI that talks to a scripted model. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { User } from "../e2e/harness.ts";
import type { Script } from "../fixtures/model-server/conversation.ts";
import { startModelServer } from "../fixtures/model-server/server.ts";
import { type CliKind, cliCommand, cliEnv, MODELS } from "./support.ts";

export interface Prepared {
	script: Script;
	/** on top of the CLI's own environment */
	env?: Record<string, string>;
	/** the backend's `permissions:` */
	permissions?: string;
	/** changes the usual command line */
	command?: (line: string) => string;
	/** further lines of the config */
	config?: string[];
}

export async function prepare(kind: CliKind, options: Prepared) {
	const server = await startModelServer({ script: options.script });
	const user = new User();
	const home = join(user.path, "cli-home");
	mkdirSync(home);
	const { PATH: _path, ...env } = cliEnv(kind, server.url, home);
	Object.assign(user.env, env, options.env);
	const usual = cliCommand(kind, server.url);
	const lines = [
		"default: m",
		"backends:",
		`  ${kind}:`,
		`    command: ${JSON.stringify(options.command?.(usual) ?? usual)}`,
		...(options.permissions === undefined ? [] : [`    permissions: ${options.permissions}`]),
		`models: { m: { backend: ${kind}, id: ${MODELS[kind]} } }`,
		...(options.config ?? []),
	];
	writeFileSync(join(user.home, "config.yaml"), `${lines.join("\n")}\n`);
	onTestFinished(async () => {
		await user.cleanup();
		await server.stop();
	});
	return { user, server };
}
