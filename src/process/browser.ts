import { spawn } from "node:child_process";

/** Opens an address in the user's browser: $BROWSER, else the platform's own way. @returns false where that failed */
export function openBrowser(url: string, env: Record<string, string | undefined>): Promise<boolean> {
	const program = env.BROWSER || (process.platform === "darwin" ? "open" : "xdg-open");
	return new Promise((resolve) => {
		const child = spawn(program, [url], { stdio: "ignore", detached: true });
		child.once("error", () => resolve(false));
		child.once("spawn", () => {
			child.unref();
			resolve(true);
		});
	});
}
