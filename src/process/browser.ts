import { rmSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "./atomic-file.ts";
import { startInBackground } from "./background.ts";

/**
 * Opens an address in the user's browser: $BROWSER, else the platform's own way. The address holds a token and
 * everybody may read a command line: the browser is given a file of this user's that leads there.
 * @param home the state directory
 * @returns takes the file away again; null where no browser could be started
 */
export async function openBrowser(
	url: string,
	home: string,
	env: Record<string, string | undefined>,
): Promise<(() => void) | null> {
	const file = env.BROWSER || (process.platform === "darwin" ? "open" : "xdg-open");
	const page = pathOf(home);
	const forget = () => forgetLink(home);
	replaceFile(page, pageTo(url), { durable: false });
	try {
		await startInBackground({ file, args: [page], env: process.env, log: null }).started;
		return forget;
	} catch {
		forget();
		return null;
	}
}

const pathOf = (home: string) => join(home, "web-open.html");

/** The file that led a browser to a page of this state directory, where one is left. */
export function forgetLink(home: string): void {
	rmSync(pathOf(home), { force: true });
}

function pageTo(url: string): string {
	const address = url.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
	return `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url=${address}"><a href="${address}">dispatch</a>\n`;
}
