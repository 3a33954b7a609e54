/** What was put in is never told as refused: a command loses its connection in place of each of its replies in turn. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { pendingNotes } from "../../src/queue/records/notes.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { EXIT } from "../../src/task/errors.ts";
import { CHOSEN, part } from "../chance.ts";
import { CuttingProxy } from "../cutting-proxy.ts";
import { TEST_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { type Ran, User } from "./harness.ts";
import { hostAgentOf } from "./mcp-host.ts";

/** Past these a command has had all its replies. */
const MOST_REPLIES = 60;

let redis: TestRedis;
let proxy: CuttingProxy;
let user: User;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--appendonly", "no"] });
	proxy = new CuttingProxy(redis.socketPath);
	user = new User({ redis: await proxy.start() });
	store = await openStore({ target: redis.target, namespace: "default", role: "service" });
	await user.ok(["up"]);
	// It is there, and does nothing: each command has the replies to itself.
	process.kill(user.daemonPid() as number, "SIGSTOP");
});
afterAll(async () => {
	await store?.close();
	await user?.cleanup();
	await proxy?.stop();
	await redis?.stop();
});

interface Round {
	all: number;
	/** before any reply is lost */
	prepare?: (tag: string) => Promise<unknown>;
	run: (tag: string) => Promise<Ran>;
	/** how many have what was asked for; left out: that are there */
	found?: (tag: string) => Promise<number>;
}

/** Nothing ends here: one look is made, and that is all. */
const SOON = ["--timeout", "1ms"];

const enqueued = (...options: string[]): Round => ({
	all: 1,
	run: (tag) => user.run(["enqueue", "--id", `${tag}-a`, "x", ...options]),
});
const batched = (file: (tag: string) => string, ...options: string[]): Round => ({
	all: 2,
	run: (tag) => user.run(["batch", file(tag), ...options]),
});
const keyed = (tag: string) => ["batch", flat(tag), "--key", tag];

const rounds: Record<string, Round> = {
	enqueue: enqueued(),
	"enqueue --json": enqueued("--json"),
	"enqueue --wait": enqueued("--wait", ...SOON),
	"enqueue --wait --json": enqueued("--wait", "--json", ...SOON),
	"enqueue --follow": enqueued("--follow", ...SOON),
	batch: batched(flat),
	"batch --json": batched(flat, "--json"),
	"batch --wait": batched(flat, "--wait", ...SOON),
	"batch --wait --json": batched(flat, "--wait", "--json", ...SOON),
	"batch with needs": batched(needing),
	"batch --key": { all: 2, run: (tag) => user.run(["batch", needing(tag), "--key", tag]) },
	"batch --rerun failed": {
		all: 2,
		prepare: async (tag) => {
			await user.ok(keyed(tag));
			for (const id of [`${tag}-a`, `${tag}-b`]) await store.move({ id, from: ["queued"], to: "failed" });
		},
		run: (tag) => user.run([...keyed(tag), "--rerun", "failed"]),
		found: async (tag) =>
			(await store.getMany([`${tag}-a`, `${tag}-b`])).filter(({ state }) => state === "queued").length,
	},
	"the tool enqueue of mcp": { all: 1, run: enqueuedByHost },
	note: {
		all: 1,
		prepare: (tag) => user.ok(["enqueue", "--id", `${tag}-a`, "x"]),
		run: (tag) => user.run(["note", `${tag}-a`, "n"]),
		found: async (tag) => (await pendingNotes(store, `${tag}-a`)).length,
	},
};

async function enqueuedByHost(tag: string): Promise<Ran> {
	const host = await hostAgentOf(user);
	try {
		const args = { id: `${tag}-a`, prompt: "x" };
		const { isError, content } = await host.callTool({ name: "enqueue", arguments: args });
		return {
			code: isError ? EXIT.redisUnreachable : EXIT.ok,
			stdout: JSON.stringify(content),
			stderr: "",
		};
	} finally {
		await host.close();
	}
}

function flat(tag: string): string {
	return user.write(`${tag}.yaml`, `- { id: ${tag}-a, prompt: x }\n- { id: ${tag}-b, prompt: x }\n`);
}

function needing(tag: string): string {
	return user.write(
		`${tag}.yaml`,
		`- { id: ${tag}-a, prompt: x }\n- { id: ${tag}-b, prompt: x, needs: [${tag}-a] }\n`,
	);
}

/** What can be seen of the round, by a connection that nobody cuts. */
async function there(tag: string): Promise<number> {
	return (await store.ids()).filter((id) => id.startsWith(`${tag}-`)).length;
}

/**
 * One reply that is lost is asked for again: nothing of what is there is refused, or unknown. Of a task that was ended
 * and is started again the reply is not asked for twice: that is told.
 */
function isTrue(
	{ code, stdout, stderr }: Ran,
	found: number,
	{ all, tag }: { all: number; tag: string },
): boolean {
	const said = `${stdout}${stderr}`;
	if (code === EXIT.redisUnreachable) return found === 0 || said.includes("Not known: ");
	const areNamed = ["a", "b"].slice(0, all).every((each) => said.includes(`${tag}-${each}`));
	return (code === EXIT.ok || code === EXIT.timedOut) && found === all && areNamed;
}

test.each(part(Object.keys(rounds), 7))(
	`%s, with each of its replies lost in turn (${CHOSEN})`,
	async (name) => {
		const { all, prepare, run, found: foundBy = there } = rounds[name] as Round;
		const untrue: string[] = [];
		proxy.cuts = 1;
		for (let n = 1; n <= MOST_REPLIES && proxy.cuts > 0; n++) {
			const tag = `${name.replace(/\W+/g, "")}${n}`;
			proxy.loseReply(Number.POSITIVE_INFINITY);
			await prepare?.(tag);
			proxy.cuts = 0;
			proxy.loseReply(n);
			const ran = await run(tag);
			const found = await foundBy(tag);
			if (!isTrue(ran, found, { all, tag }))
				untrue.push(`reply ${n}: code ${ran.code}, ${found} of ${all} there: ${ran.stdout}${ran.stderr}`);
		}
		expect(proxy.cuts, "it had its last reply").toBe(0);
		expect(untrue).toEqual([]);
	},
	TEST_LIMIT_MS,
);
