/** A session that is of no use any more is left, whatever the CLI, and the work goes on from the plan. */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { User } from "./harness.ts";

const AGENT = resolve(import.meta.dirname, "../fixtures/agents/poisoned-session.sh");
let user: User;
afterEach(() => user?.cleanup());

const KINDS = ["claude", "codex", "cursor"] as const;
const WAYS = ["claims", "refused", "gone"] as const;

function userOf(kind: string, way: string): void {
	user = new User();
	const config = [
		"default: m",
		`backends: { ${kind}: { type: ${kind}, command: "${AGENT} ${kind} ${way}" } }`,
		`models: { m: { backend: ${kind} } }`,
	];
	writeFileSync(join(user.home, "config.yaml"), `${config.join("\n")}\n`);
}

const starts = () => readFileSync(join(user.project, "starts.log"), "utf8").trim().split("\n");

test.each(KINDS.flatMap((kind) => WAYS.map((way) => [kind, way] as const)))(
	"%s: a resume that did nothing (%s): the next start is a new session on the present plan",
	async (kind, way) => {
		userOf(kind, way);
		await user.ok(["enqueue", "--id", "job", "--attempts", "3", "Do it"]);
		const done = await user.taskInState("job", "completed");
		expect(starts()).toEqual(["fresh", "resumed", "fresh"]);
		expect(done.plan).toMatchObject({ done: 2, total: 2 });
	},
);

test.each(WAYS.slice(0, 1).concat("gone"))(
	"with no attempt left (%s), a retry is in a new session",
	async (way) => {
		userOf("claude", way);
		await user.ok(["enqueue", "--id", "job", "--attempts", "2", "Do it"]);
		const failed = await user.taskInState("job", "failed");
		expect(failed.outcome?.message).toContain("the next start is a new one");
		await user.ok(["retry", "job"]);
		await user.waitForState("job", "completed");
		expect(starts()).toEqual(["fresh", "resumed", "fresh"]);
	},
);

test("what was answered in an earlier session is marked so in status, and stays", async () => {
	user = new User({ agent: "ten-line.sh" });
	await user.ok(["enqueue", "--id", "job", "Do it"]);
	const sessions = async () =>
		(
			await user.json<{ questions: { answer: string; earlierSession: boolean }[] }>(["status", "job"])
		).questions.map(({ answer, earlierSession }) => [answer, earlierSession]);
	await user.waitForState("job", "asking");
	await user.ok(["answer", "job", "Blue"]);
	await user.waitForState("job", "completed");
	expect(await sessions()).toEqual([["Blue", false]]);
	await user.ok(["retry", "--fresh", "job"]);
	// Once the new session has begun.
	await expect.poll(sessions).toContainEqual(["Blue", true]);
	await user.waitForState("job", "asking");
	await user.ok(["answer", "job", "Red"]);
	await user.waitForState("job", "completed");
	expect(await sessions()).toEqual([
		["Blue", true],
		["Red", false],
	]);
	expect(await user.ok(["status", "job"])).toMatch(
		/Worker asked \(001, in an earlier session\): "Which colour\?"\n.*"Blue"\nWorker asked \(001\): "Which colour\?"\n.*"Red"\n/,
	);
});
