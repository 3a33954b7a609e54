/** A batch over files: what `--dry-run` shows, what is run, and what finding nothing means. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { JSON_SCHEMAS } from "../../src/cli/commands/schemas.ts";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

const NAMES = [
	"grün weiß.ts",
	"-rf.ts",
	"$(touch pwned).ts",
	"'; touch pwned; '.ts",
	"line\nbreak.ts",
	"{{item}}.ts",
];

function history(): void {
	const git = (...args: string[]) =>
		execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...args], { cwd: user.project });
	git("init", "-q");
	mkdirSync(join(user.project, "src"));
	user.write("src/old.ts", "old\n".repeat(20));
	user.write("src/gone.ts", "");
	git("add", "-A");
	git("commit", "-qm", "begin");
	git("tag", "begin");
	git("mv", "src/old.ts", "src/new.ts");
	git("rm", "-q", "src/gone.ts");
	for (const name of NAMES) user.write(`src/${name}`, name);
	git("add", "-A");
	git("commit", "-qm", "work");
}

const FILE = {
	name: "review",
	defaults: { model: "quick" },
	tasks: [
		{
			id: "see-{{item}}",
			foreach: { changed: "begin", include: "*.ts" },
			cwd: "src",
			prompt: "Review {{item}}",
			verify: "test -f {{item}}",
		},
	],
};

test("each changed file is a task of its own, checked under its own name; the same again adds nothing", async () => {
	user = new User({ agents: { quick: "writes-report.sh" } });
	history();
	user.write("review.json", JSON.stringify(FILE));
	const planned = JSON_SCHEMAS["batch --dry-run"].parse(
		await user.json(["batch", "review.json", "--dry-run"]),
	);
	expect(planned).toHaveLength(NAMES.length + 1);
	const shown = await user.ok(["batch", "review.json", "--dry-run"]);
	expect(shown).toMatch(/^Would dispatch `see-new-ts` using quick \(.+\) in .*src\.\n {2}Review new\.ts$/m);
	expect(shown).toMatch(/^ {2}Review "line\\nbreak\.ts"$/m);
	expect(shown).toMatch(/\nWould dispatch 7 tasks\.\n$/);
	expect(existsSync(join(user.project, "src/.dispatch"))).toBe(false);
	const done = await user.json<{ id: string; state: string; tags: Record<string, string> }[]>([
		"batch",
		"review.json",
		"--key",
		"k",
		"--wait",
	]);
	expect(done.map(({ id }) => id)).toEqual(planned.map(({ id }) => id));
	expect(new Set(done.map(({ state, tags }) => `${state} ${tags.batch}`))).toEqual(
		new Set(["completed review"]),
	);
	expect(readdirSync(join(user.project, "src"))).not.toContain("pwned");
	expect(await user.ok(["batch", "review.json", "--key", "k"])).toMatch(
		/Follow them with: dispatch batch status k\n$/,
	);
	const again = await user.ok(["batch", "review.json", "--key", "k", "--wait"]);
	expect(again.match(/was dispatched before under the same key/g)).toHaveLength(7);
	expect(await user.json<unknown[]>(["ls", "--all"])).toHaveLength(7);
});

test("finding nothing is told and done; with --require-items it is an error, and nothing is enqueued", async () => {
	user = new User({ agents: { quick: "writes-report.sh" } });
	user.write("none.yaml", "- { prompt: Review, foreach: 'nosuch/*' }\n");
	expect(await user.run(["batch", "none.yaml", "--wait"])).toMatchObject({
		code: 0,
		stdout: "There is nothing to do.\n",
		stderr: expect.stringMatching(/none\.yaml:1:21: \[0\]\.foreach: nothing in .* matches nosuch\/\*\./),
	});
	expect(await user.json(["batch", "none.yaml"])).toEqual([]);
	user.write(
		"some.yaml",
		"- { prompt: Review, foreach: 'nosuch/*' }\n- { prompt: Mend, model: quick, id: mend }\n",
	);
	const refused = await user.run(["batch", "some.yaml", "--require-items"]);
	expect(refused).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("nothing in") });
	expect(refused.stderr.trim().split("\n")).toHaveLength(1);
	expect(existsSync(join(user.home, "redis"))).toBe(false);
	expect(await user.ok(["batch", "some.yaml", "--wait"])).toMatch(/^1 completed in /m);
});

test("--rerun failed starts what failed under the same key, and leaves the others as they are", async () => {
	user = new User({ agents: { quick: "writes-report.sh" } });
	const tasks = [
		{ id: "good", prompt: "One", model: "quick" },
		{ id: "bad", prompt: "Two", model: "quick", attempts: 1, verify: "test -f mended" },
	];
	user.write("tasks.json", JSON.stringify(tasks));
	const call = ["batch", "tasks.json", "--key", "k", "--wait"];
	expect(await user.ok(call, { code: 1 })).toMatch(/\n1 completed, 1 failed in /);
	const { epoch } = await user.json(["status", "good"]);
	user.write("mended", "");
	expect(await user.ok(call, { code: 1 })).not.toContain("starts again");
	const again = await user.ok([...call, "--rerun", "failed"]);
	expect(again).toMatch(/^`bad` starts again where it stopped, using quick\.$/m);
	expect(again).toMatch(/\n2 completed in /);
	expect(await user.json(["status", "good"])).toMatchObject({ state: "completed", epoch });
	expect(await user.ok([...call, "--rerun", "failed"])).not.toContain("starts again");
});

test.each([
	[["--rerun", "failed"], "--rerun needs --key. By the key"],
	[["--rerun", "all", "--key", "k"], 'Expected --rerun to be failed, got "all".'],
])("%j is refused, and nothing is enqueued", async (args, says) => {
	user = new User();
	user.write("tasks.json", JSON.stringify([{ prompt: "x" }]));
	expect(await user.run(["batch", "tasks.json", ...args])).toMatchObject({
		code: 2,
		stdout: "",
		stderr: expect.stringContaining(says),
	});
	expect(existsSync(join(user.home, "redis"))).toBe(false);
});
