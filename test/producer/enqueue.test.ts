import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Config, loadConfig } from "../../src/config/load.ts";
import { Orders } from "../../src/config/orders.ts";
import { enqueue, submit } from "../../src/producer/enqueue.ts";
import { resolveTask, type TaskRequest } from "../../src/producer/resolve.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { startTestRedis } from "../redis.ts";
import { requestOf as request } from "./request.ts";

let redis: Awaited<ReturnType<typeof startTestRedis>>;
let store: Store;
let config: Config;
const path = mkdtempSync(join(tmpdir(), "dp-"));
let project = "";
let count = 0;

beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({
		target: { socketPath: redis.socketPath },
		namespace: "produce",
		role: "command",
	});
	writeFileSync(
		join(path, "config.yaml"),
		"default: fake\nbackends:\n  fake: { type: command, command: fake-agent }\nmodels:\n  fake: { backend: fake }\n",
	);
	config = await loadConfig({ path: join(path, "config.yaml"), env: { PATH: "" } });
});

afterAll(async () => {
	await store?.close();
	await redis?.stop();
	rmSync(path, { recursive: true, force: true });
});

beforeEach(() => {
	count += 1;
	project = join(path, `project-${count}`);
	mkdirSync(project);
});

const requestOf = (changes: Partial<TaskRequest>) =>
	request({ prompt: `Review part ${count} of the code`, cwd: project, ...changes });

const orders = new Orders(path, "produce");
const put = (changes: Partial<TaskRequest>) => enqueue(store, "h1", config, requestOf(changes), orders);
const refusal = (code: string) => expect.objectContaining({ code });

test("a task is acknowledged with its files, and queued for its host", async () => {
	const { record, repeated } = await put({
		items: ["Look around", "Write output.md"],
		tags: { team: "web" },
	});
	expect(repeated).toBe(false);
	expect(record).toMatchObject({
		state: "queued",
		spec: { host: "h1", backend: "fake", cwd: project, tags: { team: "web" } },
	});
	expect(record.spec.givenItems).toEqual(["Look around", "Write output.md"]);
	const dir = join(project, ".dispatch", "tasks", record.spec.id);
	expect(readFileSync(join(dir, "plan.md"), "utf8")).toContain("- [ ] Look around\n- [ ] Write output.md");
	expect(existsSync(join(dir, "ipc"))).toBe(true);
	expect(readFileSync(join(project, ".dispatch", ".gitignore"), "utf8")).toBe("*\n");
});

test("ids made from a prompt are made unique, against Redis and against foreign directories", async () => {
	const { record } = await put({});
	const { id } = record.spec;
	mkdirSync(join(project, ".dispatch", "tasks", `${id}-2`));
	const ids = await Promise.all([put({}), put({})]);
	expect(ids.map(({ record: each }) => each.spec.id).sort()).toEqual([`${id}-3`, `${id}-4`]);
});

test("a given id that is taken is refused", async () => {
	await put({ id: `mine-${count}` });
	await expect(put({ id: `mine-${count}` })).rejects.toThrow(refusal("DISPATCH_ID_EXISTS"));
	mkdirSync(join(project, ".dispatch", "tasks", "theirs"));
	await expect(put({ id: "theirs" })).rejects.toThrow(refusal("DISPATCH_ID_EXISTS"));
	expect(await store.get("theirs")).toBeNull();
});

test("the same key is the same task; with other content it is a conflict", async () => {
	const first = await put({ key: "k1", id: "keyed" });
	const again = await put({ key: "k1", id: "keyed", createdBy: "somebody@else" });
	expect([again.repeated, again.record.spec.nonce]).toEqual([true, first.record.spec.nonce]);
	await expect(put({ key: "k1", id: "keyed", prompt: "Something else" })).rejects.toThrow(
		refusal("DISPATCH_KEY_CONFLICT"),
	);
	const unnamed = await put({ key: "k2", tags: { a: "1", b: "2" } });
	const same = await put({ key: "k2", tags: { b: "2", a: "1" } });
	expect(same.record.spec.id).toBe(unnamed.record.spec.id);
	await expect(put({ key: "k2", tags: { a: "1", b: "3" } })).rejects.toThrow(
		refusal("DISPATCH_KEY_CONFLICT"),
	);
});

test("a task whose acknowledgement was lost is the same task again", async () => {
	const task = await resolveTask("h1", config, requestOf({}));
	await store.create(task.spec);
	const again = await submit(store, { ...task, explicitId: true }, orders);
	expect([again.repeated, again.record.spec.nonce]).toEqual([false, task.spec.nonce]);
});

test("what cannot work is refused before anything is written", async () => {
	const before = await store.ids();
	const file = join(project, "file");
	writeFileSync(file, "");
	const circle = join(project, "circle");
	symlinkSync(circle, circle);
	const cases: [Partial<TaskRequest>, string][] = [
		[{ prompt: " \n" }, "DISPATCH_USAGE"],
		[{ prompt: "a\0b" }, "DISPATCH_USAGE"],
		[{ prompt: "x".repeat(1024 * 1024 + 1) }, "DISPATCH_USAGE"],
		[{ id: "Not An Id" }, "DISPATCH_USAGE"],
		[{ priority: 0 }, "DISPATCH_USAGE"],
		[{ attempts: 0 }, "DISPATCH_USAGE"],
		[{ items: [" "] }, "DISPATCH_USAGE"],
		[{ items: ["One", "Two\nThree"] }, "DISPATCH_USAGE"],
		[{ verify: "" }, "DISPATCH_USAGE"],
		[{ verify: " \n" }, "DISPATCH_USAGE"],
		[{ setup: "", worktree: true }, "DISPATCH_USAGE"],
		[{ planText: "# A plan without items\n" }, "DISPATCH_USAGE"],
		[{ cwd: join(project, "nowhere") }, "DISPATCH_BAD_CWD"],
		[{ cwd: file }, "DISPATCH_BAD_CWD"],
		[{ cwd: join(file, "within") }, "DISPATCH_BAD_CWD"],
		[{ cwd: circle }, "DISPATCH_BAD_CWD"],
		[{ cwd: join(project, "x".repeat(300)) }, "DISPATCH_BAD_CWD"],
		[{ model: "no-such-model" }, "DISPATCH_UNKNOWN_MODEL"],
	];
	for (const [changes, code] of cases)
		await expect(put(changes), JSON.stringify(changes).slice(0, 80)).rejects.toThrow(refusal(code));
	expect(await store.ids()).toEqual(before);
	expect(existsSync(join(project, ".dispatch"))).toBe(false);
});
