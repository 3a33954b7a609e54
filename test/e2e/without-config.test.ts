/** A config that does not load keeps nobody from stopping what runs, nor stops what was not meant. */
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

/** What looks, waits or answers; `asks` is the task, whose agent waits for an answer. */
const LOOKS: string[][] = [
	[],
	["ls"],
	["status", "asks"],
	["questions"],
	["logs", "asks"],
	["logs", "asks", "--events"],
	["wait", "asks", "--for", "question"],
	["watch"],
	["inbox"],
	["hosts"],
	["batch", "ls"],
	["note", "asks", "Be quick."],
	["answer", "asks", "Blue"],
	["output", "asks"],
	["wait", "asks"],
];

/** Of what stays: until it has said what it has to say of the config. */
async function brief(words: string[]): Promise<{ stderr: string }> {
	const child = user.start(words);
	let stderr = "";
	child.stderr?.on("data", (chunk: Buffer) => {
		stderr += chunk.toString();
	});
	const ended = once(child, "close");
	await expect.poll(() => stderr).toContain("goes on without it");
	child.kill("SIGINT");
	await ended;
	return { stderr };
}

test("whatever is wrong with the config, open questions are seen and answered, and it is said how it is mended", async () => {
	redis = await startTestRedis({ port: true });
	user = new User({ agent: "ten-line.sh", config: `redis: { url: "${redis.url}" }\n` });
	const good = readFileSync(configFile(), "utf8");
	await user.ok(["enqueue", "--id", "asks", "Paint the shed"]);
	await user.waitForState("asks", "asking");
	for (const [what, breakIt] of Object.entries(BREAKS)) {
		breakIt(good);
		const seen = await user.run(["questions"]);
		expect(seen, what).toMatchObject({ code: 0, stdout: expect.stringContaining("dispatch answer asks") });
		expect(seen.stderr, what).toMatch(/^dispatch: \S.*goes on without it, with redis:\S+\.\n/);
		rmSync(configFile(), { recursive: true });
		writeFileSync(configFile(), good, { mode: 0o600 });
	}
	BREAKS["YAML with a quote too few"]?.(good);
	for (const words of LOOKS) {
		const what = words.join(" ");
		const looks =
			words.includes("watch") || words.includes("inbox") ? await brief(words) : await user.run(words);
		expect(looks.stderr, what).toMatch(
			/Mend it with: dispatch config edit \(a worker that is up goes by the one before.*goes on without it/,
		);
		expect(looks.stderr, what).not.toContain("DISPATCH_CONFIG_INVALID");
	}
	const refused = await user.run(["enqueue", "x"]);
	expect(refused).toMatchObject({ code: 2, stdout: "" });
	expect(refused.stderr).toMatch(/Mend it with: dispatch config edit.*\[DISPATCH_CONFIG_INVALID\]/);
	expect(await user.json(["status", "asks"])).toMatchObject({ state: "completed" });
});

const startsServer = () => existsSync(join(user.home, "redis"));

test("no server is started by a config that was not understood; what it said last counts, and what is given", async () => {
	redis = await startTestRedis({ port: true });
	// As somebody has it who never used the local Redis, and whose file nobody here has read yet.
	user = new User({ config: `redsi: { url: "${redis.url}" }\n` });
	const wrong = readFileSync(configFile(), "utf8");
	for (const words of [["ls"], ["questions"], ["cancel", "x"], ["answer", "x", "Blue"]]) {
		const ran = await user.run(words);
		expect(ran, words.join(" ")).toMatchObject({ code: 5, stdout: "" });
		expect(ran.stderr, words.join(" ")).toMatch(
			/redsi: There is no such key.*dispatch config edit.*nothing is started by such a config/,
		);
		expect(startsServer(), words.join(" ")).toBe(false);
	}
	expect(await user.run(["ls", "--redis", redis.url])).toMatchObject({ code: 0 });
	// Read once when it was right, it is known what was meant.
	writeFileSync(configFile(), wrong.replace("redsi", "redis"), { mode: 0o600 });
	await user.ok(["ls"]);
	writeFileSync(configFile(), wrong, { mode: 0o600 });
	const ran = await user.run(["ls"]);
	expect(ran.code).toBe(0);
	expect(ran.stderr).toContain(`with ${redis.url}`);
	expect(startsServer()).toBe(false);
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
