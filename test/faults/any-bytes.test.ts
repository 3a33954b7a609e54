/** Whatever bytes an agent prints, plans, asks and reports: its task ends, is shown, and can be removed. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { User } from "../e2e/harness.ts";
import { TEST_LIMIT_MS } from "../patience.ts";

const RUNS = Number(process.env.BYTES_RUNS ?? 4);
let user: User;
afterEach(() => user?.cleanup());

/** What agents are known to break on, between any bytes at all. */
const text = fc.oneof(
	fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
	fc.string({ unit: "binary", maxLength: 300 }).map((some) => Buffer.from(some)),
	fc.nat(200).map((n) => Buffer.from(`${"x".repeat(n)}\u{1f600}\u{1f468}‍\u{1f469}`)),
	fc.constantFrom(
		Buffer.from([0xed, 0xa0, 0xbd]),
		Buffer.from("\0".repeat(50)),
		Buffer.from("\u001b]0;title\u0007\u001b[2J\r\n"),
		Buffer.from(
			'{"type":"system","subtype":"init","session_id":"--\\ud83d"}\n{"type":"result","result":"\\ud83d"}\n',
		),
		Buffer.from('{"type":"thread.started","thread_id":"\\u0000"}\n{"type":"error","message":"\\udc00"}\n'),
		Buffer.from(`- [x] ${"é\u{1f600}".repeat(400)}\n`),
	),
);
const maybe = fc.option(text, { freq: 4 });

/** The same agent behind each kind of output that is parsed. */
const BACKENDS = ["fake", "claude", "codex", "cursor"] as const;
/** JSON can spell what no bytes can: half a character, where a message, an activity or a session's id stands. */
const HALVES = [
	'{"type":"system","subtype":"init","session_id":"\\ud83d"}',
	'{"type":"assistant","message":{"content":[{"type":"text","text":"\\udc00 Working"}]}}',
	'{"type":"result","subtype":"success","is_error":true,"result":"No \\ud83d"}',
	'{"type":"thread.started","thread_id":"\\ud83d"}',
	'{"type":"turn.failed","error":{"message":"No \\udc00"}}',
].join("\n");
type Files = Record<"log" | "error" | "plan" | "question" | "report", Buffer | null>;
type Run = [files: Files, done: boolean, code: 0 | 3, model: (typeof BACKENDS)[number]];
const halves = (model: (typeof BACKENDS)[number]): Run => [
	{ log: Buffer.from(HALVES), error: null, plan: null, question: null, report: null },
	false,
	3,
	model,
];

test(
	"any bytes as output, plan, question and report",
	async () => {
		user = new User({ agent: "writes-bytes.sh" });
		const program = join(import.meta.dirname, "../fixtures/agents/writes-bytes.sh");
		for (const type of BACKENDS.slice(1))
			await user.ok(["config", "add-backend", type, "--command", program, "--type", type]);
		const bytes = join(user.project, "bytes");
		let n = 0;
		await fc.assert(
			fc.asyncProperty(
				fc.record({ log: maybe, error: maybe, plan: maybe, question: maybe, report: maybe }),
				fc.boolean(),
				fc.constantFrom(0, 0, 3),
				fc.constantFrom(...BACKENDS),
				async (files, done, code, model) => {
					rmSync(bytes, { recursive: true, force: true });
					mkdirSync(bytes);
					for (const [name, content] of Object.entries(files))
						if (content !== null) writeFileSync(join(bytes, name), content);
					if (done) writeFileSync(join(bytes, "done"), "");
					writeFileSync(join(bytes, "code"), String(code));
					const id = `t${n++}`;
					await user.ok(["enqueue", "--id", id, "--model", model, "--attempts", "1", "Do it"]);
					const ended = await user.taskInState(id, "completed", "failed", "parked");
					expect(ended.state === "failed" ? ended.outcome?.message : "no failure").toMatch(/\S/);
					for (const command of ["status", "logs", "ls", "questions"]) {
						const args = command === "status" || command === "logs" ? [command, id] : [command];
						expect(await user.ok(args)).not.toMatch(/[\u0000-\u0008\u000e-\u001a\u009b]/);
						for (const line of (await user.ok([...args, "--json"])).trim().split("\n"))
							if (line !== "") JSON.parse(line);
					}
					for (const args of [
						["output", id],
						["output", id, "--json"],
					])
						expect([0, 6]).toContain((await user.run(args)).code);
					if (ended.state === "parked") await user.ok(["cancel", id]);
					await user.ok(["rm", id]);
					expect((await user.run(["status", id])).code).toBe(6);
				},
			),
			{
				numRuns: RUNS,
				endOnFailure: true,
				examples: BACKENDS.slice(1).map(halves),
			},
		);
	},
	4 * TEST_LIMIT_MS,
);
