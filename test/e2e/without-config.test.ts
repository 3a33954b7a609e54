/** A config that does not load keeps nobody from stopping what runs, nor stops what was not meant. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { User } from "./harness.ts";

let user: User;
let redis: TestRedis | undefined;
afterEach(async () => {
	await user.cleanup();
	await redis?.stop();
	redis = undefined;
});

const lives = (pid: number) => user.processes().some((each) => each.pid === pid);
const configFile = () => join(user.home, "config.yaml");

/** What may become of a config while a worker goes by it; each leaves another part of it readable. */
const BREAKS: Record<string, (text: string) => void> = {
	"a key that there is not": (text) => writeFileSync(configFile(), `backend: x\n${text}`),
	"a model of no backend": (text) =>
		writeFileSync(configFile(), text.replace("backend: fake", "backend: gone")),
	"YAML with a quote too few": (text) => writeFileSync(configFile(), text.replace("default:", 'default: "')),
	"an address that is none": (text) => writeFileSync(configFile(), text.replace(/url: \S+/, "url: redis:/x")),
	"no text at all": () => writeFileSync(configFile(), Buffer.from([0, 255, 254])),
	"a directory in its place": () => {
		rmSync(configFile());
		mkdirSync(configFile());
	},
};

test("whatever is wrong with the config, its worker is found and stopped, and tasks can be cancelled", async () => {
	redis = await startTestRedis({ port: true });
	user = new User({ config: `redis: { url: "${redis.url}" }\n` });
	const good = readFileSync(configFile(), "utf8");
	const withoutIt = /^dispatch: \S.*goes on without it, with redis:\S+\.\n/;
	for (const [what, breakIt] of Object.entries(BREAKS)) {
		const task = what.replaceAll(" ", "-").toLowerCase();
		await user.ok(["enqueue", "--id", task, "--delay", "1h", "x"]);
		const pid = user.daemonPid() ?? 0;
		breakIt(good);
		expect(await user.ok(["doctor"], { code: 1 }), what).toContain(`The worker (pid ${pid}) runs`);
		const cancelled = await user.run(["cancel", task]);
		expect(cancelled, what).toMatchObject({ code: 0, stdout: `Cancelled \`${task}\`.\n` });
		const stopped = await user.run(["down"]);
		expect(stopped, what).toMatchObject({ code: 0, stdout: "The worker is stopped.\n" });
		for (const { stderr } of [cancelled, stopped]) expect(stderr, what).toMatch(withoutIt);
		expect(lives(pid), what).toBe(false);
		rmSync(configFile(), { recursive: true });
		writeFileSync(configFile(), good, { mode: 0o600 });
	}
});

test("an address that is none, in an option or a variable, stops nobody's worker", async () => {
	user = new User();
	await user.ok(["up"]);
	const pid = user.daemonPid() ?? 0;
	for (const [args, env] of [
		[["down", "--redis", "redis:/typo"], {}],
		[["down"], { DISPATCH_REDIS_URL: "localhost:6379" }],
	] as [string[], Record<string, string>][])
		expect(await user.run(args, { env })).toMatchObject({ code: 2, stdout: "" });
	expect(lives(pid)).toBe(true);
	expect(await user.ok(["down"])).toContain("The worker is stopped.");
});
