/** `batch FILE`, and what is done to a batch as a whole. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { BatchFlags } from "../batch.ts";
import type { ListFlags, RetryOneFlags, WaitOneFlags } from "../batches.ts";
import { type Definer, example, forAgents } from "./definer.ts";
import { requireNoOtherWord } from "./group.ts";
import { missing } from "./several.ts";

const BATCH = "the batch's id, the beginning of it, or its key";

export function defineBatch(definer: Definer): void {
	const { program, run } = definer;
	const group = program
		.command("batch")
		.description("submit the tasks of a YAML or JSON file, or look after those of one")
		.usage("[options] <file> | <command>")
		.argument("[file]", "a list of tasks, or `tasks:` with one; paths in it begin at its directory")
		.option("--key <key>", "idempotent: the same key gives the same tasks")
		.option("--unattended", "nobody can answer: a question fails the task (the default when CI is set)")
		.option("--wait", "wait until all have ended")
		.option("--timeout <duration>", "with --wait or --with-worker: give up waiting after this time, e.g. 2h")
		.option("--with-worker", "as --wait, by a worker and a Redis of its own, which are gone at its end")
		.option("--rerun <which>", "with --key: start those again that `failed`")
		.option("--dry-run", "show the tasks with their prompts, and submit nothing")
		.option("--require-items", "a foreach that finds nothing is an error (exit code 2)")
		.option("--schema", "print the JSON Schema of batch files, for editors, and do nothing else")
		.addHelpText(
			"after",
			example("dispatch batch tasks.yaml --dry-run", "dispatch batch tasks.yaml --key nightly-42 --wait"),
		)
		.allowExcessArguments()
		.action((file: string | undefined, flags: BatchFlags) =>
			run(async (context) => {
				await requireNoOtherWord(group, (word) => word === "-" || existsSync(word));
				if (flags.schema) return (await import("../batch.ts")).printBatchSchema(context);
				if (file === undefined) return missing(group, "file");
				return flags.withWorker && !flags.dryRun
					? (await import("../batch-with-worker.ts")).batchWithWorker(context, file, flags)
					: (await import("../batch.ts")).batch(context, file, flags);
			}),
		);
	defineLooks(group, definer);
	defineActs(group, definer);
}

function defineLooks(group: Command, { runAnyway }: Definer): void {
	forAgents(group.command("ls"))
		.description("list batches, newest first, with how far they are")
		.option("--limit <n>", "at most so many (default: 50)")
		.option("--all", "all of them")
		.addHelpText("after", example("dispatch batch ls"))
		.action((flags: ListFlags, command: Command) => {
			requireOwn(group, command);
			return runAnyway(async (context) => (await import("../batches.ts")).listThem(context, flags));
		});
	forAgents(group.command("status"))
		.description("how far a batch is, and its tasks: first what asks, then what failed")
		.argument("<batch>", BATCH)
		.option("--limit <n>", "at most so many tasks (default: 50)")
		.option("--all", "all of them")
		.addHelpText("after", example("dispatch batch status nightly-42"))
		.action((batch: string, flags: ListFlags, command: Command) => {
			requireOwn(group, command);
			return runAnyway(async (context) => (await import("../batches.ts")).showOne(context, batch, flags));
		});
	forAgents(group.command("wait"))
		.description("wait until all tasks of a batch have ended; exit codes as of `batch --wait`")
		.argument("<batch>", BATCH)
		.option("--timeout <duration>", "give up waiting after this time, e.g. 2h")
		.addHelpText("after", example("dispatch batch wait nightly-42 --timeout 1h"))
		.action((batch: string, flags: WaitOneFlags, command: Command) => {
			const { timeout = flags.timeout } = requireOwn(group, command, ["timeout"]);
			return runAnyway(async (context) =>
				(await import("../batches.ts")).waitForOne(context, batch, { timeout }),
			);
		});
}

function defineActs(group: Command, { run, runAnyway }: Definer): void {
	group
		.command("cancel")
		.description("cancel all tasks of a batch that have not ended")
		.argument("<batch>", BATCH)
		.addHelpText("after", example("dispatch batch cancel nightly-42"))
		.action((batch: string, _flags: object, command: Command) => {
			requireOwn(group, command);
			return runAnyway(async (context) => (await import("../batches.ts")).cancelOne(context, batch));
		});
	group
		.command("retry")
		.description("start those tasks of a batch again that failed or were cancelled")
		.argument("<batch>", BATCH)
		.option("--failed", "only those that failed, and what was skipped because of them")
		.option("--fresh", "in a new session with the plan as it was at first")
		.addHelpText("after", example("dispatch batch retry nightly-42 --failed"))
		.action((batch: string, flags: RetryOneFlags, command: Command) => {
			requireOwn(group, command);
			return run(async (context) => (await import("../batches.ts")).retryOne(context, batch, flags));
		});
}

/**
 * What stands behind a command of the group and is an option of the group, too, is read as that one's: `--dry-run`
 * would be taken, and mean nothing.
 * @param shared options that both have
 */
function requireOwn(group: Command, command: Command, shared: readonly string[] = []): BatchFlags {
	const given = group.opts<Record<string, unknown>>();
	const other = group.options.find((option) => {
		const name = option.attributeName();
		return given[name] !== undefined && !shared.includes(name);
	});
	if (other !== undefined)
		command.error(`error: unknown option '${other.long}'`, { code: "commander.unknownOption" });
	return given;
}
