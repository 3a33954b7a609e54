/**
 * What ran beside an agent and printed into files of its start: `--setup` before it, `--verify` behind it. Lines of
 * the user's own commands: they stand among the agent's with our mark, each as a quotation.
 */
import { type Stats, statSync } from "node:fs";
import { sealsOf } from "../../config/signing-key.ts";
import { agentStatus } from "../../process/agent.ts";
import { checkOf } from "../../process/end-run.ts";
import { tailLines } from "../../process/log-tail.ts";
import { epochsOf, openRun, type RunDir } from "../../process/run-dir.ts";
import { type Looks, orNothing } from "../../process/sealed-file.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isLive } from "../../task/states.ts";
import { failedSetup, setupLog } from "../../worker/setup.ts";
import type { Context } from "../context.ts";
import type { Moment } from "./log-source.ts";
import { oneLine } from "./output.ts";
import { ownRows } from "./own-lines.ts";

const LINES_SHOWN = 400;

interface SideLog {
	what: "setup" | "check";
	/** of the file that holds all of it */
	path: string;
	/** when it was written to last, ms since the Unix epoch */
	at: number;
	/** null: it succeeded, or was ended with its start */
	how: string | null;
}

/** @param attempt only of this start; null: of all of them. @returns in the order of their times; none of another host's */
export function sideMoments(context: Context, record: TaskRecord, attempt: number | null): Moment[] {
	return logsOf(context, record, attempt)
		.map((log) => ({ at: log.at, lines: ownRows(linesOf(log)) }))
		.sort((a, b) => a.at - b.at);
}

/** For who reads files: a line for each. */
export function sideNotes(context: Context, record: TaskRecord, attempt: number | null): string[] {
	return logsOf(context, record, attempt).map(({ what, path }) => `What the ${what} printed is in ${path}`);
}

function linesOf({ what, path, how }: SideLog): string[] {
	const place = `all of it is in ${oneLine(path)}`;
	if (how === null) return [`The ${what} has printed something; ${place}`];
	const lines = tailLines(path, LINES_SHOWN).map((line) => `| ${oneLine(line)}`);
	return [`The ${what} printed this (${how}); ${place}`, ...lines];
}

function logsOf({ home }: Context, record: TaskRecord, attempt: number | null): SideLog[] {
	const { spec, host } = record;
	if (host !== home.hostId || (spec.setup === null && spec.verify === null)) return [];
	const starts = epochsOf(home.path, spec.id).filter((epoch) => attempt === null || epoch === attempt);
	return starts.flatMap((epoch) => {
		const run = openRun(home.path, spec.id, epoch);
		if (run === null) return [];
		const isNow = isLive(record.state) && epoch === record.epoch;
		return [...setupOf(run, isNow, orNothing(sealsOf(home.path))), ...checkLogOf(run)];
	});
}

function setupOf(run: RunDir, isNow: boolean, seals: Looks): SideLog[] {
	const isAlone = isNow && sizeOf(run.logPath) === 0;
	return logAt("setup", setupLog(run), failedSetup(run, seals)?.how ?? (isAlone ? "so far" : null));
}

function checkLogOf(run: RunDir): SideLog[] {
	const check = checkOf(run);
	const how = () => {
		const status = agentStatus(check);
		if (status.kind === "alive") return "so far";
		return status.kind === "exited" && status.code === 0 ? null : "it failed";
	};
	return sizeOf(check.logPath) === 0 ? [] : logAt("check", check.logPath, how());
}

function logAt(what: SideLog["what"], path: string, how: string | null): SideLog[] {
	const stats = statsOf(path);
	return stats?.isFile() && stats.size > 0 ? [{ what, path, at: stats.mtimeMs, how }] : [];
}

const sizeOf = (path: string) => statsOf(path)?.size ?? 0;

/** An agent can reach it: what cannot be looked at (a link to itself) is none. */
function statsOf(path: string): Stats | undefined {
	try {
		return statSync(path);
	} catch {
		return undefined;
	}
}
