import { DEFAULT_LISTEN, DEFAULT_PORT } from "../../web/server.ts";
import type { Context } from "../context.ts";
import { wholeNumber } from "../options/values.ts";
import { runWeb, showRunningWeb } from "../web.ts";

const HIGHEST_PORT = 65_535;

export interface WebFlags {
	port?: string;
	listen?: string;
	open?: boolean;
	/** started by another command */
	background?: boolean;
	/** what the commands on its pages need: known to the command that starts it in the background */
	option?: string;
}

export async function web(context: Context, flags: WebFlags): Promise<number | undefined> {
	const port = flags.port === undefined ? DEFAULT_PORT : wholeNumber(flags.port, "--port", 0, HIGHEST_PORT);
	const isUsual = flags.port === undefined && flags.listen === undefined && !flags.background;
	if (isUsual && (await showRunningWeb(context, flags.open ?? false))) return undefined;
	const { listen = DEFAULT_LISTEN, option = context.neededOption } = flags;
	await runWeb(context, { port, listen, option }, flags);
	return undefined;
}
