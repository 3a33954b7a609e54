/** `dispatch doctor`: what is broken, with its fix. It starts neither Redis nor a worker. */
import type { Config } from "../../config/config.ts";
import { configPath, type Home, homePath, openHome } from "../../config/home.ts";
import { rememberConfig } from "../../config/secrets.ts";
import { directoryFor } from "../../config/state-directory.ts";
import { addressWithoutConfig } from "../../config/without-config.ts";
import { damagedText, workerDiffers } from "../../host/process.ts";
import { placeOf } from "../../task/address.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import { rememberEnvironment } from "../../task/secrets.ts";
import { type Environment, givenAddress } from "../context.ts";
import { checkBackend, checkModels, checkPromptWays, loginOf } from "../doctor/check-backends.ts";
import { checkConfig } from "../doctor/check-config.ts";
import {
	checkDisk,
	checkGit,
	checkKey,
	checkLeft,
	checkOthers,
	checkSurroundings,
	checkWorker,
	NO_WORKER,
	runningWorker,
} from "../doctor/check-machine.ts";
import { checkRecords } from "../doctor/check-records.ts";
import { checkRedis, redisTarget } from "../doctor/check-redis.ts";
import { broken, checked, type Finding, looked } from "../doctor/finding.ts";
import { type Output, oneLine } from "../show/output.ts";

export interface DoctorFlags {
	fix?: boolean;
}

export interface DoctorInput {
	output: Output;
	env: Environment;
	/** `--redis` */
	redis: string | undefined;
}

/** @returns 1 when something is broken */
export async function doctor(input: DoctorInput, flags: DoctorFlags): Promise<number> {
	const findings = await examine(input, flags.fix ?? false);
	const isOk = findings.every(({ level }) => level !== "broken");
	input.output.result({ ok: isOk, findings }, linesOf(findings, input.output));
	return isOk ? EXIT.ok : EXIT.taskFailed;
}

async function examine({ env, redis }: DoctorInput, fix: boolean): Promise<Finding[]> {
	rememberEnvironment(env);
	const { found, findings } = await looked("config", "The config", async () => {
		const { config: loaded, findings: said } = await checkConfig(configPath(env), env, fix);
		return { found: loaded, findings: said };
	});
	const config = found ?? null;
	const opened = await openedHome(env, config, redis);
	if ("finding" in opened) return [...findings, opened.finding];
	const { home, path, base, url } = opened;
	const redisPlace = await looked("redis", "The local Redis", () => ({
		found: redisTarget(url, base),
		findings: [],
	}));
	const target = redisPlace.found ?? null;
	const running = await looked("worker", "The worker", () => {
		const there = runningWorker(path);
		return {
			found: there,
			findings: [
				...checkWorker(there, env, { home, redisUrl: url }, damagedText({ path })),
				...checkLeft(base, url),
				...checkOthers({ base, path }),
			],
		};
	});
	const worker = running.found ?? null;
	rememberEnvironment(worker?.env ?? {});
	if (config !== null) rememberConfig(config, worker?.env ?? env);
	// Agents get the worker's environment.
	const agentEnv = worker?.env ?? env;
	const [redisFindings, git, models, ...backends] = await Promise.all([
		// What could not be looked at is told already, and is not "not running".
		redisPlace.found === undefined
			? []
			: checked("redis", "Redis", () => checkRedis(target, env, { home: base, fix })),
		checked("machine", "git", () => checkGit(agentEnv)),
		config === null ? [] : checked("backend", "The models", () => checkModels(config, agentEnv)),
		...Object.values(config?.backends ?? {}).map((backend) =>
			checked("backend", `The backend ${backend.name}`, () => checkBackend(backend, agentEnv)),
		),
	]);
	const notLoggedIn = Object.values(config?.backends ?? {})
		.filter((backend) => loginOf(backend, agentEnv).state === "missing")
		.map(({ name }) => name);
	const records = await checkRecords(target, home, {
		notLoggedIn,
		fix,
		dailyUsd: config?.budget.dailyUsd ?? null,
		place: placeOf(url),
		url,
	});
	// Where tasks wait for this host's worker, that is the one thing to say of it.
	const isMissed = records.hosts.some(({ area }) => area === "worker");
	return [
		...findings,
		...records.hosts,
		...records.agents,
		...backends.flat(),
		...checkPromptWays(Object.values(config?.backends ?? {})),
		...models,
		...records.holds,
		...records.notifications,
		...redisPlace.findings,
		...redisFindings,
		...running.findings.filter((finding) => !isMissed || finding !== NO_WORKER),
		...(config === null || home === null || running.found === undefined
			? []
			: checkSurroundings(workerDiffers(home, config, env))),
		...git,
		...(home === null ? [] : checkKey(path)),
		...(await checked("machine", "The free space", () => checkDisk(path))),
	];
}

/** Where the address in force has its state, and what is shared. */
interface Opened {
	url: string | null;
	path: string;
	base: string;
	/** null: a config that does not load names no namespace, and the directory is left alone */
	home: Home | null;
}

async function openedHome(
	env: Environment,
	config: Config | null,
	redis: string | undefined,
): Promise<Opened | { finding: Finding }> {
	try {
		const base = homePath(env);
		const withoutConfig = () => addressWithoutConfig({ path: configPath(env), base });
		const configured = config === null ? await withoutConfig() : config.redisUrl;
		const url = givenAddress(redis, env, configured)?.url ?? null;
		if (config === null) return { url, path: directoryFor(base, url), base, home: null };
		const home = openHome(env, { configured: config.namespace, url });
		return { url, path: home.path, base, home };
	} catch (error) {
		if (!(error instanceof DispatchError)) throw error;
		return { finding: broken("machine", error.message, error.hint ?? "Give another one by DISPATCH_HOME.") };
	}
}

function linesOf(findings: Finding[], { colors }: Output): string[] {
	const marks = { ok: colors.green("ok    "), warn: colors.yellow("warn  "), broken: colors.red("broken") };
	const lines = findings.flatMap(({ level, text, fix, fixed }) => [
		`${fixed ? colors.green("fixed ") : marks[level]}  ${oneLine(text)}`,
		...(fix === null ? [] : [`          ${oneLine(fix)}`]),
	]);
	const count = (wanted: Finding["level"]) => findings.filter(({ level }) => level === wanted).length;
	const warnings = count("warn");
	const warned = warnings === 0 ? "" : warnings === 1 ? ", 1 warning" : `, ${warnings} warnings`;
	return [...lines, `${count("broken") === 0 ? "Nothing is broken" : `${count("broken")} broken`}${warned}.`];
}
