import { constants, createReadStream } from "node:fs";
import { PassThrough, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { printedFrom } from "../../process/log-tail.ts";
import { openRegularFile } from "../../process/read-file.ts";
import { epochsOf, openRun } from "../../process/run-dir.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Context } from "../context.ts";
import type { LogsFlags } from "./log-source.ts";
import { plain } from "./output.ts";
import { readerGone } from "./reader-gone.ts";
import { sideNotes } from "./side-logs.ts";

/** A terminal gets no control sequences; everything else what was printed, as it is. */
function presentable(): Transform {
	if (process.stdout.isTTY !== true) return new PassThrough();
	// A character may begin in one chunk and end in the next.
	const decoder = new TextDecoder();
	return new Transform({
		transform(chunk: Buffer, _encoding, done) {
			done(null, plain(decoder.decode(chunk, { stream: true })));
		},
		flush(done) {
			done(null, decoder.decode());
		},
	});
}

/**
 * Copies what the agent printed, byte for byte and nothing else, oldest start first.
 * @param attempt only this start; null: all of them
 * @throws DISPATCH_USAGE
 */
export async function printRawLog(
	context: Context,
	record: TaskRecord,
	flags: LogsFlags,
	attempt: number | null,
): Promise<undefined> {
	const { spec, host } = record;
	const other = (["follow", "lines", "since"] as const).find((name) => flags[name] !== undefined);
	if (other !== undefined || context.output.json)
		throw new DispatchError("DISPATCH_USAGE", `--raw does not go with --${other ?? "json"}.`, {
			hint: "Leave one of them out: --raw copies the agent's whole output as it is.",
		});
	if (host !== context.home.hostId)
		throw new DispatchError("DISPATCH_USAGE", `The raw output of \`${spec.id}\` is on the host ${host}.`, {
			hint: "Run it there, or leave --raw out: the lines are in Redis.",
		});
	const kept = epochsOf(context.home.path, spec.id).reverse();
	const wanted = kept.filter((epoch) => attempt === null || epoch === attempt);
	if (attempt !== null && wanted.length === 0)
		throw new DispatchError(
			"DISPATCH_USAGE",
			`The raw output of start ${attempt} of \`${spec.id}\` is not here.`,
			{
				hint: `It ran on another host, or was cleared away; its lines: dispatch logs ${spec.id} --attempt ${attempt}`,
			},
		);
	for (const epoch of wanted) {
		if (readerGone.aborted) break;
		const run = openRun(context.home.path, spec.id, epoch);
		const log = run === null ? null : openRegularFile(run.logPath, constants.O_RDONLY);
		if (log === null || "kind" in log) continue;
		try {
			const start = printedFrom(log.fd, log.stats);
			await pipeline(createReadStream("", { fd: log.fd, start }), presentable(), process.stdout, {
				end: false,
			});
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
		}
	}
	for (const note of sideNotes(context, record, attempt)) context.output.note(note);
	return undefined;
}
