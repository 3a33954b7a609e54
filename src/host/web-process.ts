/** `dispatch web` in the background: what it leaves in the state directory, its start and its stop. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Home } from "../config/home.ts";
import { replaceFile } from "../process/atomic-file.ts";
import { startInBackground } from "../process/background.ts";
import { forgetLink } from "../process/browser.ts";
import { type Identity, processIdentity, sameProcess, signalProcess } from "../process/identity.ts";
import { DispatchError } from "../task/errors.ts";
import { readJson } from "./files.ts";
import { backgroundEnv } from "./process.ts";

const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 5_000;
const LOOK_MS = 20;

interface WebFile {
	identity: Identity;
	/** with its token: the file is for this user's eyes only */
	url: string;
	/** `up --web` started it, and `down` stops it; else somebody has it in a terminal */
	background: boolean;
}

const statePath = (home: string) => join(home, "web.json");
const logPath = (home: string) => join(home, "web.log");

/** Called by the server itself, once it answers: the first of several is told. @returns takes the file away */
export function announceWeb(home: string, url: string, background: boolean): () => void {
	const identity = processIdentity(process.pid);
	if (identity === null || (!background && runningWeb(home) !== null)) return () => {};
	replaceFile(statePath(home), JSON.stringify({ identity, url, background }));
	return () => rmSync(statePath(home), { force: true });
}

/** What the server leaves: nothing else is printed, opened in a browser or shown with its token. */
const LINK = /^http:\/\/(?:127(?:\.\d{1,3}){3}|localhost|\[::1\]):\d{1,5}\/[\w/-]*\?token=[\w-]+$/;

/** The one that runs; a file of any other form is of none. @param home the state directory */
export function runningWeb(home: string): WebFile | null {
	const file = readJson(statePath(home), { rewritten: true });
	return isWebFile(file) && sameProcess(file.identity) ? file : null;
}

function isWebFile(file: unknown): file is WebFile {
	const { url, identity, background } = (file ?? {}) as {
		url?: unknown;
		identity?: Partial<Identity> | null;
		background?: unknown;
	};
	const { pid, bootId, startTime } = identity ?? {};
	if (typeof bootId !== "string" || typeof startTime !== "string") return false;
	if (typeof background !== "boolean") return false;
	return Number.isSafeInteger(pid) && Number(pid) > 0 && typeof url === "string" && LINK.test(url);
}

/**
 * @param option what the commands on its pages need: its own environment names the address
 * @throws DISPATCH_NO_WORKER with what it said last
 */
export async function startWebProcess(
	home: Home,
	redisUrl: string | null,
	option: string | null,
): Promise<{ url: string }> {
	const running = runningWeb(home.path);
	if (running !== null) return running;
	// The usual port is the base's; the link says which one it is.
	const port = home.path === home.base ? [] : ["--port", "0"];
	const needed = option === null ? [] : [`--option=${option}`];
	const child = startInBackground({
		file: process.execPath,
		args: [...process.execArgv, process.argv[1] ?? "", "web", "--background", ...port, ...needed],
		cwd: home.path,
		env: backgroundEnv(home, redisUrl),
		log: { path: logPath(home.path), flags: "w" },
	});
	const until = performance.now() + READY_LIMIT_MS;
	while (performance.now() < until && child.fault() === null) {
		const web = runningWeb(home.path);
		if (web !== null) return web;
		await sleep(LOOK_MS);
	}
	const said = readFileSync(logPath(home.path), "utf8").trim().split("\n").at(-1);
	throw new DispatchError("DISPATCH_NO_WORKER", `The web view did not start: ${said || "it said nothing"}`, {
		hint: "Run `dispatch web` to watch it start; --port names another port.",
	});
}

/** @returns false when none ran */
export async function stopWebProcess(home: string): Promise<boolean> {
	const file = runningWeb(home);
	if (file === null || !file.background) return false;
	signalProcess(file.identity, "SIGTERM");
	forgetLink(home);
	const until = performance.now() + STOP_LIMIT_MS;
	while (sameProcess(file.identity)) {
		if (performance.now() > until) signalProcess(file.identity, "SIGKILL");
		await sleep(LOOK_MS);
	}
	return true;
}
