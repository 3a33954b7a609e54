/**
 * Where the demo plays: a state directory of its own (`$DISPATCH_HOME/demo`) with its own config, Redis
 * and daemon, so that nothing of the user's is touched. It is made anew for every demo and taken down at
 * its end; what a killed demo left running is taken down first.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { type Home, openHome } from "../../config/home.ts";
import { addressOf } from "../../config/state-directory.ts";
import { startDaemon } from "../../host/process.ts";
import { stopDaemon } from "../../host/stop.ts";
import { endTree } from "../../process/end-tree.ts";
import { liveRuns } from "../../process/live-runs.ts";
import type { Store } from "../../queue/records/store.ts";
import { stopLocalServer } from "../../queue/redis/local-server.ts";
import { DispatchError } from "../../task/errors.ts";
import { Context, type Environment } from "../context.ts";

/** The user's settings, which a demo must neither follow nor change. */
const NOT_FOR_DEMO = [
	"DISPATCH_CONFIG",
	"DISPATCH_NAMESPACE",
	"DISPATCH_HOST_ID",
	"DISPATCH_REDIS_URL",
	"REDIS_URL",
];
const NAMESPACE_FORM = /^dispatch-demo-[0-9a-f]{8}$/;
const AGENT_GRACE_MS = 1_000;
export const DEMO_BACKEND = "demo";

export class DemoStage {
	readonly context: Context;
	#starting: Promise<unknown> = Promise.resolve();

	private constructor(context: Context) {
		this.context = context;
	}

	/** @throws DISPATCH_NO_REDIS_SERVER when there is neither a server to start nor an address given */
	static async open(user: Context): Promise<DemoStage> {
		const path = stagePath(user);
		await takeDownLeftovers(path);
		rmSync(path, { recursive: true, force: true });
		mkdirSync(path, { recursive: true, mode: 0o700 });
		writeFileSync(join(path, "config.yaml"), demoConfig(), { mode: 0o600 });
		const given = givenAddress(user.env);
		const env = demoEnvironment(user.env, path);
		// The daemon is started with this process's environment.
		for (const name of NOT_FOR_DEMO) delete process.env[name];
		return new DemoStage(await openContext(user, env, given));
	}

	async start(): Promise<Store> {
		const { context } = this;
		const starting = context.redisUrl().then((url) => startDaemon(context.home, url));
		this.#starting = starting.catch(() => {});
		await starting;
		return context.store();
	}

	/** Leaves no process; tolerant of a stage that was never started. */
	async takeDown(): Promise<void> {
		const { context } = this;
		await this.#starting;
		await endProcesses(context.home);
		if ((await context.redisUrl()) !== null) await forgetNamespace(await context.store());
		await context.close();
		await stopLocalServer({ path: context.home.base });
	}
}

export function stagePath(user: Context): string {
	return join(user.home.base, "demo");
}

/** Whether the stamp of a task directory is an earlier demo's. */
export function isOfDemo(stamp: ReadonlyMap<string, unknown>): boolean {
	return NAMESPACE_FORM.test(String(stamp.get("namespace")));
}

/** The own local server; where no server is installed, the address that the user gave. */
async function openContext(user: Context, env: Environment, given: string | null): Promise<Context> {
	const open = (redis: string | undefined) => Context.open({ env, output: user.output, redis });
	const context = await open(undefined);
	try {
		await context.target();
		return context;
	} catch (error) {
		const noServer = error instanceof DispatchError && error.code === "DISPATCH_NO_REDIS_SERVER";
		const address = given ?? user.config.redisUrl;
		if (!noServer || address === null) throw error;
		return open(address);
	}
}

function givenAddress(env: Environment): string | null {
	return env.DISPATCH_REDIS_URL || env.REDIS_URL || null;
}

function demoEnvironment(env: Environment, path: string): Environment {
	const kept = Object.entries(env).filter(([name]) => !NOT_FOR_DEMO.includes(name));
	return { ...Object.fromEntries(kept), DISPATCH_HOME: path };
}

function demoConfig(): string {
	const command = `${quoted(process.execPath)} ${quoted(agentProgram())}`;
	return stringify({
		namespace: `dispatch-demo-${randomBytes(4).toString("hex")}`,
		default: DEMO_BACKEND,
		backends: { [DEMO_BACKEND]: { type: "command", command } },
		models: { [DEMO_BACKEND]: { backend: DEMO_BACKEND } },
	});
}

/** It lies beside the program that runs now, which npm may have linked from elsewhere. */
function agentProgram(): string {
	const path = join(dirname(realpathSync(process.argv[1] ?? ".")), "demo-agent.cjs");
	if (existsSync(path)) return path;
	throw new DispatchError("DISPATCH_INTERNAL", `The demo's agent is missing: ${path}.`, {
		hint: "Build it: npm run build",
	});
}

/** A word for sh. */
function quoted(word: string): string {
	return `'${word.replaceAll("'", `'\\''`)}'`;
}

async function takeDownLeftovers(path: string): Promise<void> {
	if (!existsSync(join(path, "home-id"))) return;
	const home = openHome({ DISPATCH_HOME: path }, { url: addressOf(path)?.url ?? null });
	await endProcesses(home);
	await stopLocalServer({ path: home.base });
}

/** The daemon, and the agents that a killed daemon left behind. */
async function endProcesses(home: Home): Promise<void> {
	await stopDaemon(home, { drain: false, stopAgents: true });
	for (const run of liveRuns(home.path).live) await endTree(run, { graceMs: AGENT_GRACE_MS });
}

/** On a server that is shared: removes what the demo wrote. */
async function forgetNamespace(store: Store): Promise<void> {
	await store.guard(async (client) => {
		let cursor = "0";
		do {
			const [next, keys] = await client.scan(cursor, "MATCH", `${store.keys.prefix}*`, "COUNT", "500");
			if (keys.length > 0) await client.unlink(...keys);
			cursor = next;
		} while (cursor !== "0");
	});
}
