/** `--dry-run` refuses what the call itself refuses, says what that would find, and starts nothing. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { JSON_SCHEMAS } from "../../src/cli/commands/schemas.ts";
import { type Task, User } from "./harness.ts";

let user: User;
beforeAll(async () => {
	user = new User({ agents: { quick: "all-done-no-donefile.sh", broken: "item-error.sh" } });
	await user.ok(["enqueue", "--id", "taken", "--model", "quick", "One", "--wait"]);
	user.write("key.yaml", "- { id: keyed, prompt: One, model: quick }\n");
	await user.ok(["batch", "key.yaml", "--key", "k", "--wait"]);
});
afterAll(() => user?.cleanup());

const GROUP = '- { id: "g-{{item}}", prompt: x, foreach: [a, b] }\n';

describe("a dry run is refused as the call itself", () => {
	const batch = (text: string, ...args: string[]) => ["batch", text, ...args];
	test.each<[string, string[], number, RegExp]>([
		["an id that is taken", batch("- { id: taken, prompt: x }\n"), 8, /:1:5: \[0\]\.id: .*"taken" already/],
		["a need that is not there", batch("- { prompt: x, needs: [nix] }\n"), 2, /:1:24: .*no task "nix"/],
		[
			"the name of a foreach for its id",
			batch(`${GROUP}- { prompt: x, needs: [g] }\n`),
			2,
			/:2:24: .*no task "g".* All tasks of that foreach are: needs: \["g-\{\{item\}\}"\]/,
		],
		["a slip", batch(`${GROUP}- { prompt: x, needs: [g-aa] }\n`), 2, /"g-aa".* Did you mean "g-a"\?/],
		["a task's beginning", batch("- { prompt: x, needs: [take] }\n"), 2, /Did you mean "taken"\?/],
		[
			"a key of other content",
			batch("- { id: keyed, prompt: Two }\n", "--key", "k"),
			8,
			/The key "k\/keyed"/,
		],
		["enqueue --id", ["enqueue", "--id", "taken", "x"], 8, /a task "taken" already/],
		["enqueue --after", ["enqueue", "--after", "nix", "x"], 6, /no task "nix" to wait for/],
		["its beginning", ["enqueue", "--after", "take", "x"], 6, /"take" to wait for.* Did you mean "taken"\?/],
		["enqueue --key", ["enqueue", "--key", "k/keyed", "x"], 8, /The key "k\/keyed"/],
	])("%s", async (_, [command = "", ...args], code, says) => {
		const [first = "", ...more] = args;
		if (command === "batch") user.write("t.yaml", first);
		const words = command === "batch" ? [command, "t.yaml", ...more] : [command, ...args];
		const dry = await user.run([...words, "--dry-run"]);
		expect([dry.code, dry.stderr]).toEqual([code, expect.stringMatching(says)]);
		expect(await user.run(words)).toEqual(dry);
	});
});

test("what the same key made before is found, and what failed of it would be started again", async () => {
	const task = (id: string, model = "quick") => `- { id: ${id}, prompt: x, model: ${model}, attempts: 1 }\n`;
	user.write("again.yaml", task("good") + task("bad", "broken"));
	await user.run(["batch", "again.yaml", "--key", "n", "--wait"]);
	user.write("again.yaml", task("good") + task("bad", "broken") + task("new"));
	const dry = (...more: string[]) => ["batch", "again.yaml", "--key", "n", "--dry-run", ...more];
	const said = await user.ok(dry("--rerun", "failed"));
	expect(said).toMatch(/^`good` was dispatched before under the same key; it is completed\.$/m);
	expect(said).toMatch(
		/^`bad` was dispatched before under the same key; it failed, and would be started again\.$/m,
	);
	expect(said).toMatch(/\nWould dispatch 1 task and start 1 again; 1 was dispatched before\.\n$/);
	expect(await user.ok(dry())).toMatch(/\nWould dispatch 1 task; 2 were dispatched before\.\n$/);
	const would = JSON_SCHEMAS["batch --dry-run"].parse(await user.json(dry("--rerun", "failed")));
	expect(would.map((each) => `${each.id} ${each.would}`)).toEqual([
		"good find",
		"bad restart",
		"new dispatch",
	]);
	expect((await user.json<Task[]>(["ls", "--all"])).map(({ id }) => id)).not.toContain("new");
	const found = await user.ok(["enqueue", "--key", "own", "--id", "own", "x", "--wait", "--model", "quick"]);
	expect(found).toContain("`own`");
	expect(
		await user.ok(["enqueue", "--key", "own", "--id", "own", "x", "--model", "quick", "--dry-run"]),
	).toBe("`own` was dispatched before under the same key; it is completed.\n");
});

test("an id that was not given has the number that it would get", async () => {
	const planned = await user.json(["enqueue", "Taken", "--dry-run"]);
	expect(planned).toMatchObject({ id: "taken-2", would: "dispatch" });
});

test("where Redis cannot be reached it says what was not looked up, and starts no server", async () => {
	const fresh = new User();
	fresh.write("t.yaml", "- { id: a, prompt: x, needs: [nix] }\n");
	try {
		for (const args of [
			["batch", "t.yaml"],
			["enqueue", "--after", "nix", "x"],
		]) {
			const dry = await fresh.run([...args, "--dry-run"]);
			expect(dry).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Would dispatch /) });
			expect(dry.stderr).toMatch(
				/^dispatch: Redis cannot be reached: ids, keys and needs were not looked up/,
			);
		}
		expect(await fresh.json(["enqueue", "--after", "nix", "x", "--dry-run"])).toMatchObject({ would: null });
		expect(await fresh.run(["enqueue", "x", "--dry-run"])).toMatchObject({ code: 0, stderr: "" });
		expect(fresh.processes()).toEqual([]);
	} finally {
		await fresh.cleanup();
	}
});

test("a place for an item that nothing fills in is told with its line, and no fault", async () => {
	user.write(
		"places.yaml",
		`- prompt: "Explain {{ item }} and {{name}}"
  model: quick
- prompt: "Review {{itm}}, {{item}}, {{file}}"
  model: quick
  foreach: [a]
`,
	);
	const { code, stderr } = await user.run(["batch", "places.yaml", "--dry-run"]);
	expect(code).toBe(0);
	expect(stderr.replaceAll(user.project, "")).toBe(
		`dispatch: /places.yaml:1:3: [0].prompt: {{ item }} stays as it stands: the task has no \`foreach\`.
dispatch: /places.yaml:3:3: [1].prompt: {{itm}} stays as it stands: did you mean {{item}}?
`,
	);
	user.write("many.yaml", '- { prompt: "{{index}}", model: quick }\n'.repeat(8));
	const many = await user.run(["batch", "many.yaml", "--dry-run"]);
	expect(many.stderr).toMatch(/^(dispatch: .*many\.yaml:.*\n){5}dispatch: The same at 3 more places\.\n$/);
});
