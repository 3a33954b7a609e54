/** What was put in is never told as refused: a command loses its connection in place of each of its replies in turn. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { CuttingProxy } from "../cutting-proxy.ts";
import { TEST_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { type Ran, User } from "./harness.ts";

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

const rounds: Record<string, { all: number; args: (tag: string) => string[] }> = {
	enqueue: { all: 1, args: (tag) => ["enqueue", "--id", `${tag}-a`, "x"] },
	"enqueue --json": { all: 1, args: (tag) => ["enqueue", "--id", `${tag}-a`, "x", "--json"] },
	batch: { all: 2, args: (tag) => ["batch", flat(tag)] },
	"batch --json": { all: 2, args: (tag) => ["batch", flat(tag), "--json"] },
	"batch with needs": { all: 2, args: (tag) => ["batch", needing(tag)] },
	"batch --key": { all: 2, args: (tag) => ["batch", needing(tag), "--key", tag] },
};

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

/** One reply that is lost is asked for again: nothing of what is there is refused, or unknown. */
function isTrue({ code }: Ran, found: number, all: number): boolean {
	return code === 0 ? found === all : code === 5 && found === 0;
}

test.each(Object.keys(rounds))(
	"%s, with each of its replies lost in turn",
	async (name) => {
		const { all, args } = rounds[name] as (typeof rounds)[string];
		const untrue: string[] = [];
		proxy.cuts = 1;
		for (let n = 1; n <= MOST_REPLIES && proxy.cuts > 0; n++) {
			const tag = `${name.replace(/\W+/g, "")}${n}`;
			const given = args(tag);
			proxy.cuts = 0;
			proxy.loseReply(n);
			const ran = await user.run(given);
			const found = await there(tag);
			if (!isTrue(ran, found, all))
				untrue.push(`reply ${n}: code ${ran.code}, ${found} of ${all} there: ${ran.stderr}`);
		}
		expect(proxy.cuts, "it had its last reply").toBe(0);
		expect(untrue).toEqual([]);
	},
	TEST_LIMIT_MS,
);
