import { expect } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import type { User } from "./harness.ts";

/** Pages of `dispatch web`, as a browser gets them by the link that it prints. @param more options of it */
export async function webPages(
	user: User,
	paths: readonly string[],
	more: readonly string[] = [],
): Promise<string[]> {
	const web = user.start(["web", "--port", "0", ...more]);
	let said = "";
	web.stdout?.on("data", (chunk: Buffer) => {
		said += chunk.toString();
	});
	const link = () => /http:\/\/\S+token=\S+/.exec(said)?.[0] ?? "";
	try {
		await expect.poll(link, { timeout: CONDITION_LIMIT_MS, interval: 100 }).not.toBe("");
		return await pagesOf(link(), paths);
	} finally {
		web.kill();
	}
}

/** @param link as it is printed */
export async function pagesOf(link: string, paths: readonly string[]): Promise<string[]> {
	const { headers } = await fetch(link, { redirect: "manual" });
	const cookie = (headers.get("set-cookie") ?? "").split(";")[0] ?? "";
	const place = link.replace(/\/\?.*/, "");
	return await Promise.all(
		paths.map(async (path) => (await fetch(place + path, { headers: { cookie } })).text()),
	);
}
