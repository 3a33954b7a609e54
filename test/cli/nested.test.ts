/** Inside a task: every command that is not on the list of those that look is refused. */
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildProgram } from "../../src/cli/program/program.ts";
import { User } from "../e2e/harness.ts";

const LOOK = (
	"ask ls status templates questions logs output diff wait mcp completion complete doctor watch inbox " +
	"batch/ls batch/status batch/wait config/path config/show skill/show help"
).split(" ");

const program = () => buildProgram({ env: { DISPATCH_TASK: "outer" }, done: () => {} });

function leaves(command: Command, names: string[] = []): { names: string[]; command: Command }[] {
	return command.commands.flatMap((each) => {
		const path = [...names, each.name()];
		return each.commands.length > 0 ? leaves(each, path) : [{ names: path, command: each }];
	});
}

/** Something for every argument and option that must be there. */
function wordsFor({ names, command }: { names: string[]; command: Command }): string[] {
	const args = command.registeredArguments
		.filter(({ required }) => required)
		.map(({ argChoices }) => argChoices?.[0] ?? "x");
	const options = command.options
		.filter(({ mandatory }) => mandatory)
		.flatMap(({ long }) => [long ?? "", "x"]);
	return [...names, ...args, ...options];
}

const changing = leaves(program()).filter(({ names }) => !LOOK.includes(names.join("/")));

describe("refused inside a task", () => {
	test("some commands are seen at all", () => {
		expect(changing.map(({ names }) => names.join(" "))).toEqual(
			expect.arrayContaining(["enqueue", "answer", "cancel", "rm", "down", "config add-backend"]),
		);
	});

	test.each(changing.map((leaf) => [wordsFor(leaf).join(" ")]))("%s", async (line) => {
		await expect(program().parseAsync(line.split(" "), { from: "user" })).rejects.toMatchObject({
			code: "DISPATCH_NESTED",
			message: expect.stringContaining('agent of the task "outer"'),
		});
	});

	test("doctor --fix", async () => {
		const run = program().parseAsync(["doctor", "--fix"], { from: "user" });
		await expect(run).rejects.toMatchObject({ code: "DISPATCH_NESTED" });
	});
});

describe("with --allow-nested", () => {
	let user: User;
	beforeAll(() => {
		user = new User();
	});
	afterAll(() => user.cleanup());
	const inside = { env: { DISPATCH_TASK: "outer" } };

	test("it takes the config's word too, and is recorded as the agent's act", async () => {
		const refused = await user.run(["enqueue", "x", "--allow-nested"], inside);
		expect(refused).toMatchObject({ code: 7, stderr: expect.stringContaining("allow: [nested]") });
		const allowing = new User({ config: "allow: [nested]\n" });
		try {
			expect(await allowing.run(["enqueue", "x"], inside)).toMatchObject({ code: 7 });
			const task = await allowing.json<{ createdBy: string }>(
				["enqueue", "--id", "asks", "x", "--allow-nested"],
				inside,
			);
			expect(task.createdBy).toBe("agent of outer");
			await allowing.waitForState("asks", "asking");
			await allowing.ok(["--allow-nested", "answer", "asks", "Blue"], inside);
			const { questions } = await allowing.json<{ questions: { answeredBy: string }[] }>(["status", "asks"]);
			expect(questions).toMatchObject([{ answeredBy: "agent of outer" }]);
		} finally {
			await allowing.cleanup();
		}
	});

	test("looking is always allowed", async () => {
		for (const args of [["ls"], ["questions"], ["watch", "--help"], ["inbox"]])
			expect((await user.run(args, inside)).code).toBe(0);
	});
});
