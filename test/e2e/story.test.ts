/** A new user's first ten minutes on a terminal: nothing is typed that was not printed, or said by --help. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { Screen } from "../cli/tmux.ts";
import { PROGRAM, User } from "./harness.ts";

const PROMPT = "READY>";

let user: User | undefined;
let screen: Screen | undefined;
afterEach(async () => {
	screen?.close();
	await user?.cleanup();
});

/** What stands in the text in place of `expected`'s group; else the story ends here. */
function printed(text: string, expected: RegExp): string {
	const found = expected.exec(text)?.[1];
	if (found === undefined) throw new Error(`${expected} was not printed:\n${text}`);
	return found;
}

test("from the demo to: what goes on, answer, report, cancel, default model", async () => {
	user = new User({ agent: "ten-line.sh", agents: { other: "busy.sh" } });
	const bin = join(user.path, "bin");
	mkdirSync(bin);
	writeFileSync(join(bin, "dispatch"), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`, {
		mode: 0o755,
	});
	const env = { ...user.env, PATH: `${bin}:${user.env.PATH}` };
	writeFileSync(join(user.path, "rc"), `PS1="${PROMPT} "\n`);
	const terminal = new Screen(["bash", "--noprofile", "--rcfile", join(user.path, "rc")], {
		columns: 160,
		rows: 70,
		cwd: user.project,
		env,
	});
	screen = terminal;
	/** @returns what the line printed */
	const type = async (line: string, meanwhile?: () => Promise<unknown>): Promise<string> => {
		await terminal.waitFor(/READY>$/);
		terminal.keys("C-l");
		await terminal.waitFor(/^READY>$/);
		terminal.type(line);
		terminal.keys("Enter");
		await meanwhile?.();
		return terminal.waitFor(/^READY> \S.*\nREADY>$/s);
	};

	// `npm start` is this command.
	const demo = await type("dispatch demo", async () => {
		await terminal.waitFor("Worker is asking:");
		await terminal.waitFor("Your answer");
		terminal.keys("Enter");
	});
	const enqueue = printed(demo, /Now yours: (dispatch enqueue .+)$/m);
	const follow = printed(await type(enqueue), /Follow it with: (dispatch status \S+)$/m);
	const id = follow.split(" ").at(-1) ?? "";
	await user.waitForState(id, "asking");
	expect(await type("dispatch")).toContain(`${id} asks:`);
	const answer = printed(await type(follow), /Answer with: (dispatch answer \S+ "…")$/m);
	expect(await type(answer.replace("…", "Blue"))).toContain("Answer sent. Worker is continuing.");
	await user.waitForState(id, "completed");
	const output = printed(await type(follow), /(dispatch output \S+)/);
	expect(await type(output)).toContain("The answer: Blue");

	const help = await type("dispatch --help");
	for (const word of ["cancel", "config"]) expect(help).toMatch(new RegExp(`^ {2}${word}[, ]`, "m"));
	await type(`${enqueue.replace(/"$/, ' again"')}`);
	const listed = printed(await type("dispatch ls"), /^(\S+) +(?:asking|running|queued)/m);
	const cancel = printed(await type("dispatch cancel --help"), /^ {2}\$ (dispatch cancel) /m);
	expect(await type(`${cancel} ${listed}`)).toContain(`Cancelled \`${listed}\``);

	const named = printed(await type("dispatch config --help"), /^ {2}(set-default) /m);
	const setDefault = printed(
		await type(`dispatch config ${named} --help`),
		/^ {2}\$ (dispatch config set-default) /m,
	);
	const shown = printed(
		await type("dispatch --help | grep config; dispatch config show"),
		/models\.(other)\.backend/,
	);
	expect(await type(`${setDefault} ${shown}`)).toContain("The default is other.");
	expect(
		(await user.json<{ settings: { default: { value: string } } }>(["config", "show"])).settings.default
			.value,
	).toBe("other");
});
