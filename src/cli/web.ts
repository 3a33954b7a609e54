/** `dispatch web`: serves the board and the inbox until it is stopped. */
import { once } from "node:events";
import { announceWeb } from "../host/web-process.ts";
import { openBrowser } from "../process/browser.ts";
import { showOnPurpose } from "../task/secrets.ts";
import { isLoopback } from "../web/access.ts";
import { startWeb, type WebOptions } from "../web/server.ts";
import type { Context } from "./context.ts";
import { onInterrupt } from "./show/interrupt.ts";

/** Returns after SIGINT or SIGTERM. @throws DISPATCH_USAGE, DISPATCH_REDIS_UNREACHABLE */
export async function runWeb(
	context: Context,
	options: WebOptions,
	{ open = false, background = false }: { open?: boolean; background?: boolean } = {},
): Promise<void> {
	const interrupt = onInterrupt();
	const web = await startWeb(await context.store("service"), options);
	const { output } = context;
	showOnPurpose(web.url);
	output.result({ url: web.url }, [
		`The board and the open questions are at ${web.url}`,
		"Keep the link to yourself: whoever has it can read along. Ctrl-C stops.",
	]);
	if (!isLoopback(options.listen)) {
		output.note(
			`Other machines can reach ${options.listen}, and the link travels unencrypted: put HTTPS in front of it.`,
		);
	}
	const closePage = open ? await openBrowser(web.url, context.home.path, context.env) : null;
	if (open && closePage === null) output.note("No browser could be started: open the link yourself.");
	const forget = background ? announceWeb(context.home.path, web.url) : () => {};
	if (!interrupt.signal.aborted) await once(interrupt.signal, "abort");
	interrupt.release();
	forget();
	closePage?.();
	await web.stop();
}
