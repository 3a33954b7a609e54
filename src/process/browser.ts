import { startInBackground } from "./background.ts";

/** Opens an address in the user's browser: $BROWSER, else the platform's own way. @returns false where that failed */
export function openBrowser(url: string, env: Record<string, string | undefined>): Promise<boolean> {
	const file = env.BROWSER || (process.platform === "darwin" ? "open" : "xdg-open");
	const browser = startInBackground({ file, args: [url], env: process.env, log: null });
	return browser.started.then(
		() => true,
		() => false,
	);
}
