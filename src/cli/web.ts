/** `dispatch web`: serves the board and the inbox until it is stopped. */
import { once } from "node:events";
import { announceWeb, runningWeb } from "../host/web-process.ts";
import { openBrowser } from "../process/browser.ts";
import { shownAddress } from "../task/address.ts";
import { showOnPurpose } from "../task/secrets.ts";
import { isLoopback } from "../web/access.ts";
import { startWeb, type WebOptions } from "../web/server.ts";
import type { Context } from "./context.ts";
import { onInterrupt } from "./show/interrupt.ts";

/** Returns after SIGINT or SIGTERM. @throws DISPATCH_USAGE, DISPATCH_REDIS_UNREACHABLE */
export async function runWeb(
	context: Context,
	options: Omit<WebOptions, "redis">,
	{ open = false, background = false }: { open?: boolean; background?: boolean } = {},
): Promise<void> {
	const interrupt = onInterrupt();
	const url = await context.redisUrl();
	const redis = url === null ? "local Redis" : shownAddress({ url }).replace(/^rediss?(?:\+\w+)?:\/\//, "");
	const web = await startWeb(await context.store("service"), { ...options, redis });
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
	const forget = announceWeb(context.home.path, web.url, background);
	if (!interrupt.signal.aborted) await once(interrupt.signal, "abort");
	interrupt.release();
	forget();
	closePage?.();
	await web.stop();
}

/**
 * Where a page runs already: its link.
 * @returns false where none runs
 */
export async function showRunningWeb(context: Context, open: boolean): Promise<boolean> {
	await context.redisUrl();
	const { output, home, env } = context;
	const running = runningWeb(home.path);
	if (running === null) return false;
	const { url, background, identity } = running;
	showOnPurpose(url);
	output.result({ url }, [
		`The board and the open questions are at ${url}`,
		background
			? "It runs in the background since `dispatch up --web`; `dispatch down` stops it. --port starts another one."
			: `It is the \`dispatch web\` of process ${identity.pid}: Ctrl-C in its terminal stops it. --port starts another one.`,
	]);
	// The file that leads there is left for the browser; `down` takes it away.
	if (open && (await openBrowser(url, home.path, env)) === null)
		output.note("No browser could be started: open the link yourself.");
	return true;
}
