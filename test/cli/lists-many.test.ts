/** `ls` of more tasks than it lists. */
import { beforeEach, expect, test } from "vitest";
import { ask, setTheStage, tasks, user } from "./several-stage.ts";

const MANY = 55;

setTheStage();
beforeEach(async () => {
	// Of another host: an answer is due, and no worker of this one takes them.
	await tasks({ asks: "running" }, "mini2");
	await ask("asks", "001", "Which colour?");
});

async function newer(count: number) {
	const names = Array.from({ length: count }, (_, n) => [`newer-${n}`, "queued"] as const);
	await tasks(Object.fromEntries(names), "mini2");
}

test.each([
	[["ls"], MANY],
	[["ls", "--limit", "1"], 2],
	[["ls", "--limit", "1", "--tag", "team=web"], 2],
	[["ls", "--limit", "1", "--host", "mini2", "--state", "queued,asking"], 2],
	[["ls", "--limit", "1", "--sort", "-age"], 2],
])(
	"%j beside %i newer tasks shows the open question and the command that answers it",
	async (args, count) => {
		await newer(count);
		const shown = await user.ok(args);
		expect(shown).toContain(`of ${count + 1} tasks. All of them: add --all`);
		expect(shown).toContain('asks asks: "Which colour?"\n  dispatch answer asks "…"\n');
	},
);

test("a question of a task that does not match is none of the list's", async () => {
	await newer(2);
	expect(await user.ok(["ls", "--limit", "1", "--state", "queued"])).not.toContain("Which colour?");
	expect(await user.ok(["ls", "--limit", "1", "--tag", "team=core"])).not.toContain("Which colour?");
});

test.each([["--state", "failed"], ["--tag", "team=core"], ["--host", "mini3"], ["--mine"]])(
	"ls %s that hits none says how many others there are",
	async (...filter) => {
		await newer(2);
		expect(await user.ok(["ls", ...filter])).toBe(
			"None of the 3 tasks matches. All of them: dispatch ls --all\n",
		);
	},
);
