import { existsSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Home } from "../../config/home.ts";
import { KEY_FILE, openSigner } from "../../config/signing-key.ts";
import { readDaemonFile } from "../../host/files.ts";
import { leftText, placesLeft } from "../../host/left-places.ts";
import { otherWorkers, otherWorkerText, otherwise } from "../../host/process.ts";
import type { Difference } from "../../host/surroundings.ts";
import { askProgram } from "../../process/ask-program.ts";
import { isFrozen, sameProcess } from "../../process/identity.ts";
import { environmentOf } from "../../process/processes.ts";
import { placeOf } from "../../task/address.ts";
import { DispatchError } from "../../task/errors.ts";
import { VERSION } from "../../task/version.ts";
import type { Environment } from "../context.ts";
import { broken, type Finding, ok, warn } from "./finding.ts";

const MIB = 1024 * 1024;
const LITTLE_SPACE_MIB = 500;
const NO_SPACE_MIB = 50;
const GIT_LIMIT_MS = 5_000;
const RESTART = "dispatch up --restart (agents run on and are adopted)";

/** Free space where the state directory is, or will be. */
export function checkDisk(home: string): Finding {
	let place = home;
	while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
	const { bavail, bsize } = statfsSync(place);
	const free = Math.floor((bavail * bsize) / MIB);
	const text = `${free} MiB are free for ${home}.`;
	const fix = "Make room: `dispatch rm` removes old tasks; DISPATCH_HOME names another directory.";
	if (free < NO_SPACE_MIB) return broken("machine", text, fix);
	return free < LITTLE_SPACE_MIB ? warn("machine", text, fix) : ok("machine", text);
}

/** Without it nothing can be submitted, and nothing starts. @param home the state directory's path */
export function checkKey(home: string): Finding[] {
	try {
		if (existsSync(join(home, KEY_FILE))) openSigner(home);
		return [];
	} catch (error) {
		const fix = (error instanceof DispatchError && error.hint) || "Make it readable for you.";
		return [broken("machine", (error as Error).message, fix)];
	}
}

export async function checkGit(env: Environment): Promise<Finding> {
	const ran = await askProgram({
		file: "git",
		args: ["--version"],
		env: { PATH: env.PATH ?? "" },
		limitMs: GIT_LIMIT_MS,
	});
	if (ran.exitCode === 0) return ok("machine", `${ran.stdout.trim()}.`);
	return warn("machine", "git is not on PATH: agents cannot use it.", "Install git.");
}

export interface Worker {
	pid: number;
	version: string;
	redis: string;
	host: string | null;
	configFault: string | null;
	redisFault: string | null;
	draining: boolean;
	/** null where the system does not show it */
	env: Environment | null;
}

/** The daemon of a state directory, if one lives. */
export function runningWorker(home: string): Worker | null {
	const file = readDaemonFile(home);
	if (file === null || !sameProcess(file.identity)) return null;
	const { pid } = file.identity;
	const { version, redis, host, configFault, redisFault, draining } = file;
	return { pid, version, redis, host, configFault, redisFault, draining, env: environmentOf(pid) };
}

/** Where nothing waits for one. */
export const NO_WORKER = ok("worker", "No worker runs here; the first task starts one.");

/** Its version, and where its environment differs from the caller's. Values of keys are never shown. */
export function checkWorker(
	worker: Worker | null,
	env: Environment,
	{ home, redisUrl }: { home: Pick<Home, "hostId"> | null; redisUrl: string | null },
	damage: string | null = null,
): Finding[] {
	if (damage !== null) return [warn("worker", damage, "dispatch up")];
	if (worker === null) return [NO_WORKER];
	const { pid, version } = worker;
	const findings = [
		version === VERSION
			? ok("worker", `The worker (pid ${pid}) runs dispatch ${version}.`)
			: warn("worker", `The worker (pid ${pid}) runs dispatch ${version}, and this is ${VERSION}.`, RESTART),
	];
	const instead = otherwise(worker, home, redisUrl);
	if (instead !== null)
		findings.push(
			broken("worker", `The worker (pid ${pid}) ${instead}: nothing that is submitted here starts.`, RESTART),
		);
	if (isFrozen(pid))
		findings.push(broken("worker", `The worker (pid ${pid}) is stopped (SIGSTOP).`, `kill -CONT ${pid}`));
	if (worker.redisFault !== null)
		findings.push(broken("worker", `The worker (pid ${pid}) can do nothing: ${worker.redisFault}`, RESTART));
	if (worker.draining)
		findings.push(
			warn(
				"worker",
				`The worker (pid ${pid}) is draining: it starts nothing more, and stops when its agents have ended.`,
				"dispatch up",
			),
		);
	if (worker.configFault)
		findings.push(
			broken(
				"worker",
				`The worker goes by the config as it was before: ${worker.configFault}`,
				"dispatch config edit",
			),
		);
	if (worker.env === null) return findings;
	if (worker.env.PATH !== env.PATH)
		findings.push(
			warn("worker", "The worker was started with another PATH: agents get the worker's.", RESTART),
		);
	return findings;
}

/** What waits at addresses that a worker of an earlier version has left. @param base the base directory */
export function checkLeft(base: string, redisUrl: string | null): Finding[] {
	return placesLeft(base, placeOf(redisUrl)).map((left) =>
		warn("worker", leftText(left), "dispatch retry ID --here, with that address"),
	);
}

/** Each serves its address, and has places of its own. */
export function checkOthers(home: Pick<Home, "base" | "path">): Finding[] {
	return otherWorkers(home).map((other) =>
		ok("worker", `${otherWorkerText(other, "doctor")} looks at it (${other.path}).`),
	);
}

/** What agents get otherwise than this shell; values are never shown. */
export function checkSurroundings(found: readonly Difference[]): Finding[] {
	return found.map(({ name, how }) =>
		warn(
			"worker",
			`${name} differs between this shell and the worker (${how}): agents get the worker's.`,
			`${RESTART}; or let it travel with each task: env: [${name}] in the config`,
		),
	);
}
