/** Help: every command explains itself, topics fit on a screen, and near words lead to what was meant. */
import { join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pageOf } from "../../src/cli/commands/help.ts";
import { TOPICS } from "../../src/cli/help/topics.ts";
import { calledIn, commandOf, usageOf } from "../../src/cli/program/help.ts";
import { meantBy } from "../../src/cli/program/near-words.ts";
import { buildProgram } from "../../src/cli/program/program.ts";
import { User } from "../e2e/harness.ts";

/** A screen of 80×25, with the prompt below. */
const SCREEN = { columns: 80, lines: 25 };

let user: User;
beforeAll(() => {
	user = new User();
});
afterAll(() => user.cleanup());

const program = buildProgram({ env: {}, done: () => {} });
const visible = (command: Command) => command.createHelp().visibleCommands(command);
const all = visible(program).flatMap((command) => [command, ...visible(command)]);

function helpOf(command: Command): string {
	let help = "";
	command.configureOutput({
		writeOut: (text) => {
			help += text;
		},
	});
	command.outputHelp();
	return help;
}

describe("the help of every command", () => {
	test("lists the everyday ones first, and each command in a group", () => {
		const groups = new Set(visible(program).map((command) => command.helpGroup()));
		expect([...groups][0]).toBe("Every day:");
		expect([...groups]).not.toContain("Commands:");
		expect([...groups]).not.toContain("");
		expect(helpOf(program)).toMatch(/Every day:\n {2}enqueue .*\n {2}run .*\n {2}status, show /);
	});

	test.each(all.map((command) => [usageOf(command), command] as const))("%s", (usage, command) => {
		const help = helpOf(command);
		expect(help.startsWith(`Usage: ${usage.split(" ").slice(0, 2).join(" ")}`)).toBe(true);
		expect(help).toContain("Global options:\n  --redis <url>");
		expect(help).not.toContain("--version");
		expect(help).toMatch(/\nExample:\n {2}\$ dispatch /);
		expect(help).toMatch(/\n\n[A-Z/][^\n]*(\n[^\n]+)*\.\n\n/);
	});

	test("an alias is its command, and its help says so", async () => {
		const aliases = [
			["ps", "ls"],
			["show", "status"],
			["stop", "cancel"],
		] as const;
		for (const [alias, name] of aliases) {
			expect(commandOf(program, alias)?.name()).toBe(name);
			expect(helpOf(commandOf(program, name) ?? program)).toContain(`Usage: dispatch ${name}|${alias} `);
		}
		expect(await user.ok(["enqueue", "--help"])).toContain(
			"`dispatch run …` is `dispatch enqueue --follow …`",
		);
	});
});

test.each([
	["answer", "<id> [text...]"],
	["note", "<id> <text...>"],
	["cancel", "<ids...> | --state <state> | --tag <k=v>"],
	["retry", "<ids...> | --state <state> | --tag <k=v> | --failed"],
	["rm", "<ids...> | --state <state> | --tag <k=v>"],
	["status", "[id]"],
	["wait", "[ids...]"],
])("usage of %s tells what is needed from what may be left out", (name, args) => {
	expect(helpOf(commandOf(program, name) ?? program)).toMatch(/^Usage: /);
	expect(commandOf(program, name)?.usage()).toBe(`[options] ${args}`);
});

describe("a command of several, called alone, explains itself", () => {
	test.each(["config", "skill", "service"])("%s", async (name) => {
		const alone = await user.run([name]);
		expect(alone).toMatchObject({ code: 0, stderr: "" });
		expect(alone.stdout).toContain(`Usage: dispatch ${name} [options] [command]`);
		expect(alone.stdout).toMatch(/\nCommands:\n {2}\w+/);
	});

	test("help on one of them is that one's, by either way", async () => {
		const help = await user.ok(["config", "add-model", "--help"]);
		expect(await user.ok(["config", "help", "add-model"])).toBe(help);
		expect(await user.ok(["help", "config", "add-model"])).toBe(help);
	});

	test("notify without a target says what it is for, and how to add one", async () => {
		const { code, stderr } = await user.run(["notify"]);
		expect(code).toBe(2);
		expect(stderr).toMatch(/No notifications .* sends a test .*type: bell.*dispatch help notifications/);
	});
});

describe("topics", () => {
	test("are listed by `dispatch help topics`", async () => {
		const list = await user.ok(["help", "topics"]);
		for (const name of ["questions", "batches", "config", "redis", "hosts"])
			expect(TOPICS.map((topic) => topic.name)).toContain(name);
		for (const { name, title } of TOPICS) expect(list).toMatch(new RegExp(`^ {2}${name} +${title}$`, "m"));
		expect(await user.ok(["--help"])).toContain("dispatch help topics");
	});

	test("fit on a screen", async () => {
		for (const topic of TOPICS) {
			const lines = pageOf(program, topic);
			expect(lines.length, topic.name).toBeLessThanOrEqual(SCREEN.lines);
			expect(lines.filter((line) => line.length > SCREEN.columns)).toEqual([]);
			expect(lines.join("\n")).not.toMatch(/\t| \n/);
		}
	});

	test.each(TOPICS.map((topic) => [topic.name, topic] as const))(
		"%s is printed as it is written: nothing in it is taken for a secret",
		async (name, topic) => {
			expect(await user.ok(["help", name])).toBe(`${pageOf(program, topic).join("\n")}\n`);
		},
	);

	const called = TOPICS.flatMap(({ name, text }) =>
		[...text.matchAll(/\$ dispatch (.+?)(?: {2,}.*)?$/gm)].map(([, line = ""]) => [name, line] as const),
	);
	test.each(called)("of %s, `dispatch %s` names a command and options that there are", (_topic, line) => {
		const words = line
			.replace(/"[^"]*"/g, "TEXT")
			.replace(/^--redis \S+ /, "")
			.split(" ");
		const command = calledIn(program, words);
		expect(words.slice(0, 2)).toContain(command?.name());
		const known = [...(command?.options ?? []), ...program.options].flatMap(({ long, short }) => [
			long,
			short,
		]);
		for (const word of words.filter((each) => /^-./.test(each))) expect(known).toContain(word);
	});

	test("a topic of a command's name shows both, and an unknown one what is near", async () => {
		expect(await user.ok(["help", "config"])).toMatch(
			/^Config: .*\nThe command: dispatch config .*--help\n$/s,
		);
		const near = await user.run(["help", "question"]);
		expect([near.code, near.stderr]).toEqual([
			2,
			expect.stringMatching(/no help for "question"\. Did you mean `dispatch help questions`/),
		]);
		for (const word of ["limits", "budget"])
			expect((await user.run(["help", word])).stderr).toContain("Did you mean `dispatch help config`?");
	});
});

const NEAR = {
	list: "ls",
	version: "--version",
	start: "up",
	enque: "enqueue",
	delete: "rm",
	remove: "rm",
	kill: "cancel",
	submit: "enqueue",
	tasks: "ls",
	tail: "logs",
	result: "output",
	reply: "answer",
	resume: "retry",
	restart: "up --restart",
	shutdown: "down",
	clean: "prune",
	top: "watch",
	dashboard: "web",
	check: "doctor",
	models: "config",
	init: "config init",
	machines: "hosts",
	drain: "hosts drain",
	redis: "help redis",
	topics: "help topics",
	limits: "help config",
	budget: "help config",
	docs: "help topics",
	STATUS: "status",
	stauts: "status",
	anwser: "answer",
};

describe("a near word leads to what was meant", () => {
	const names = program.commands.map((command) => command.name());
	test.each(Object.entries(NEAR))("%s → %s", (word, line) => {
		expect(meantBy(word, names)).toBe(line);
		const [name = ""] = line.split(" ");
		expect([...names, "--version"]).toContain(name);
	});

	test.each([
		[["list"], 'Unknown command "list". Did you mean `dispatch ls`? '],
		[["list", "all", "bugs"], '`dispatch ls`? To submit a task: dispatch enqueue "list all bugs". '],
		[["xyzzy"], 'Unknown command "xyzzy". `dispatch --help` lists the commands. '],
		[["config", "list"], "Did you mean `dispatch config show`? "],
		[["-v"], "Did you mean --version? "],
	])("%j", async (words, says) => {
		const ran = await user.run(words);
		expect(ran.stderr).toContain(says);
		expect([ran.code, ran.stdout]).toEqual([2, ""]);
	});
});

describe("a missing argument shows the command's usage and an example", () => {
	test.each([
		[["answer"], "Usage: dispatch answer [options] <id> [text...]; e.g. dispatch answer review-login-code"],
		[
			["config", "add-backend", "x"],
			"Usage: dispatch config add-backend [options] <name>; e.g. dispatch config",
		],
		[["ls", "x"], "Usage: dispatch ls [options]; e.g. dispatch ls"],
		[["stop"], "the worker stops by `dispatch down`"],
		[["enqueue"], "Usage: dispatch enqueue [options] [prompt...]; e.g. dispatch enqueue"],
		[["run", "--attempts", "2"], "Usage: dispatch run [options] [prompt...]; e.g. dispatch run"],
		[["batch", "--wait"], "Usage: dispatch batch [options] <file> | <command>; e.g. dispatch batch"],
		...["cancel", "rm"].map((name): [string[], string] => [
			[name],
			`Usage: dispatch ${name} [options] <ids...> | --state <state> | --tag <k=v>; e.g. dispatch ${name}`,
		]),
		[["retry"], "--state <state> | --tag <k=v> | --failed; e.g. dispatch retry"],
		...["status", "logs", "output", "diff", "apply"].map((name): [string[], string] => [
			[name, "a", "b"],
			`It takes one task: name each in a call of its own. Usage: dispatch ${name} [options]`,
		]),
	])("%j", async (words, says) => {
		const ran = await user.run(words);
		expect(ran.stderr).toContain(says);
		expect([ran.code, ran.stderr.split("\n").length]).toEqual([2, 2]);
	});
});

test("a template of one's own begins as a copy, where no folder is yet; one that is there stays", async () => {
	const builtIn = await user.ok(["templates", "code-review"]);
	const said = await user.ok(["templates", "copy", "code-review", "mine"]);
	expect(said).toBe(
		`Wrote ${join(user.home, "templates/mine.md")}. Use it: dispatch enqueue --template mine\n`,
	);
	expect(await user.ok(["templates", "mine"])).toBe(builtIn);
	const again = await user.run(["templates", "copy", "code-review", "mine"]);
	expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("There is a template")]);
	const up = await user.run(["templates", "copy", "code-review", "../up"]);
	expect([up.code, up.stderr]).toEqual([2, expect.stringContaining('got "../up"')]);
});
