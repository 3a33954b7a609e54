/** `dispatch doctor`: real programs, a real Redis, and nothing that it starts by itself. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hasOtherUsers } from "../../src/process/other-users.ts";
import { closedGate, holdUntil, noteLasting } from "../../src/queue/records/gates.ts";
import { openStore } from "../../src/queue/records/open.ts";
import { noteUsage } from "../../src/queue/records/spend.ts";
import { PROGRAM, User } from "../e2e/harness.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";

interface Finding {
	area: string;
	level: "ok" | "warn" | "broken";
	text: string;
	fix: string | null;
	fixed?: true;
}

/** Only the agent CLIs of a test are on its PATH. */
let bin: string;
let user: User;
let sound: TestRedis;
beforeAll(async () => {
	sound = await startTestRedis();
});
afterAll(() => sound.stop());
beforeEach(() => {
	user = new User();
	bin = join(user.path, "bin");
	mkdirSync(bin);
});
afterEach(() => user.cleanup());

function cli(name: string, script: string): void {
	writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
	chmodSync(join(bin, name), 0o755);
}

const configure = (text: string) => writeFileSync(join(user.home, "config.yaml"), text);

async function doctor(args: string[] = [], env: Record<string, string> = {}) {
	const ran = await user.run(["doctor", "--json", ...args], {
		env: { PATH: bin, IS_SANDBOX: "1", DISPATCH_REDIS_URL: sound.url, ...env },
	});
	const report = JSON.parse(ran.stdout) as { ok: boolean; findings: Finding[] };
	expect(ran.code).toBe(report.ok ? 0 : 1);
	const broken = report.findings.filter(({ level }) => level === "broken");
	for (const { level, fix } of report.findings) expect(fix === null).toBe(level === "ok");
	return {
		...report,
		broken,
		level: (text: string) => report.findings.find((each) => each.text.includes(text))?.level,
	};
}

const CODEX = `# mine
default: gpt-5
backends:
  codex:
    command: >
      codex exec
      --full-auto -C "$(pwd)"
models:
  gpt-5: { backend: codex }
`;

describe("agent CLIs", () => {
	test("a dropped flag is broken, --fix replaces it and nothing else", async () => {
		cli("codex", "echo codex-cli 0.169.0");
		configure(CODEX);
		const before = await doctor();
		expect(before.broken.map(({ text }) => text)).toEqual([expect.stringContaining("--full-auto")]);
		expect(before.level("codex-cli 0.169.0")).toBe("ok");
		const after = await doctor(["--fix"]);
		expect([after.ok, after.findings.some(({ fixed }) => fixed)]).toEqual([true, true]);
		expect(readFileSync(join(user.home, "config.yaml"), "utf8")).toBe(
			CODEX.replace("--full-auto", "--sandbox workspace-write"),
		);
	});

	test("a program that is missing, one that fails and one that hangs", async () => {
		cli("codex", "echo broken install >&2; exit 3");
		cli("agent", "PATH=/usr/bin:/bin sleep 60");
		configure(
			"default: codex\nbackends:\n  codex: { command: codex exec }\n  claude: { command: claude -p }\n  cursor: { command: agent -p }\n",
		);
		const { broken } = await doctor();
		expect(broken.map(({ text }) => text)).toEqual([
			expect.stringMatching(/codex refused --version: broken install/),
			"claude: no program claude on PATH.",
			expect.stringMatching(/agent gave no version within 5 s/),
		]);
	});

	test("of a user's own program as of a known CLI; a shell line that begins with a word of the shell tells nothing", async () => {
		configure(
			"default: own\nbackends:\n  own: { command: nosuch.sh -x }\n  line: { command: 'cd sub && ./a' }\n  near: { command: ./a.sh }\n",
		);
		const { broken, level } = await doctor();
		expect(broken.map(({ text }) => text)).toEqual(["own: no program nosuch.sh on PATH."]);
		expect([level("a shell line of your own"), level("./a.sh is looked for")]).toEqual(["ok", "ok"]);
	});

	test("what is there and cannot be started is told as what it is", async () => {
		const file = join(user.path, "plain.sh");
		writeFileSync(file, "true", { mode: 0o644 });
		configure(
			`default: own\nbackends:\n  own: { command: ${file} -x }\n  folder: { command: ${user.path} }\n  gone: { command: /nosuch/a }\n`,
		);
		const { broken } = await doctor();
		expect(broken.map(({ text }) => text)).toEqual([
			`own: ${file} is not executable.`,
			`folder: ${user.path} is a directory.`,
			"gone: no file /nosuch/a.",
		]);
		expect(broken[0]?.fix).toBe(`chmod +x ${file}`);
	});

	test("what is told of several is told once, and the last line counts", async () => {
		configure("backends:\n  one: { command: 'cd a; ./a' }\n  two: { command: ./b.sh }\n");
		const { findings } = await doctor();
		const readers = findings.filter(({ text }) => text.includes("other users"));
		expect(readers.map(({ text }) => text.split(":")[0])).toEqual(hasOtherUsers() ? ["one, two"] : []);
		const warnings = findings.filter(({ level }) => level === "warn").length;
		const { stdout } = await user.run(["doctor"], {
			env: { PATH: bin, IS_SANDBOX: "1", DISPATCH_REDIS_URL: sound.url },
		});
		expect(stdout).toMatch(new RegExp(`\n(?:Nothing is|\\d+) broken, ${warnings} warnings?\\.\n$`));
	});

	test("an old version is told, with the way to a new one; so is a model that codex does not know", async () => {
		const list = JSON.stringify({ id: 2, result: { data: [{ id: "gpt-6" }] } });
		cli(
			"codex",
			`[ "$1" = app-server ] || { echo codex-cli 0.170.1; exit; }\nread -r _\necho '${list}'\nexec /bin/cat`,
		);
		cli("claude", "echo '1.0.128 (Claude Code)'");
		configure(
			"default: codex\nbackends: { codex: { command: codex exec }, claude: { command: claude -p } }\nmodels: { gpt-5.3-codex: { backend: codex }, gpt-6: { backend: codex } }\n",
		);
		const { findings, level } = await doctor();
		expect(level("1.0.128")).toBe("warn");
		expect(findings.find(({ text }) => text.includes("1.0.128"))?.fix).toContain("claude-code@latest");
		expect(level("0.170.1")).toBe("ok");
		expect(level("does not know the model gpt-5.3-codex")).toBe("warn");
		expect(level("does not know the model gpt-6")).toBeUndefined();
	});

	test("logins are told by files and variables, keys are never shown; root needs IS_SANDBOX", async () => {
		cli("claude", "echo 2.1.330");
		configure(
			"default: claude\nbackends: { claude: { command: claude -p --dangerously-skip-permissions } }\n",
		);
		expect((await doctor()).level("no login was found")).toBe("warn");
		const keyed = await doctor([], { ANTHROPIC_API_KEY: "sk-secret-1" });
		expect(keyed.level("ANTHROPIC_API_KEY")).toBe("ok");
		expect(JSON.stringify(keyed.findings)).not.toContain("sk-secret-1");
		mkdirSync(join(user.path, ".claude"));
		writeFileSync(join(user.path, ".claude", ".credentials.json"), "{}");
		expect((await doctor()).level(".credentials.json")).toBe("ok");
		const asRoot = await doctor([], { IS_SANDBOX: "" });
		expect(asRoot.level("for root")).toBe(process.getuid?.() === 0 ? "broken" : undefined);
	});
});

test("OPENAI_API_KEY is no login of codex' own service, CODEX_API_KEY is; a provider of one's own may name it", async () => {
	cli("codex", "echo codex-cli 0.169.0");
	configure("default: codex\nbackends: { codex: { command: codex exec } }\n");
	const openai = await doctor([], { OPENAI_API_KEY: "sk-secret-1" });
	expect(openai.level("no login was found (neither CODEX_API_KEY")).toBe("warn");
	expect((await doctor([], { CODEX_API_KEY: "k" })).level("a login is there (CODEX_API_KEY)")).toBe("ok");
	const own = `codex exec -c 'model_providers.x={env_key="OPENAI_API_KEY"}' -c 'model_provider="x"'`;
	configure(`default: codex\nbackends: { codex: { command: ${JSON.stringify(own)} } }\n`);
	const named = await doctor([], { OPENAI_API_KEY: "sk-secret-1" });
	expect(named.level("a login is there (OPENAI_API_KEY)")).toBe("ok");
});

describe("config", () => {
	test("one that cannot be loaded is broken, and its namespace is not made up", async () => {
		configure("default: opus\nbackend: x\n");
		const { broken } = await doctor();
		expect(broken.map(({ text }) => text)).toEqual([
			expect.stringMatching(/config\.yaml:2:1: backend: There is no/),
		]);
	});

	test("the older form works and is a warning; no CLI at all is broken", async () => {
		cli("agent", "echo 1.0");
		configure("default: cursor\nagents: { cursor: { command: agent -p } }\n");
		const older = await doctor();
		expect([older.ok, older.level("older form")]).toEqual([true, "warn"]);
		configure("");
		cli("agent", "");
		chmodSync(join(bin, "agent"), 0o644);
		expect((await doctor()).level("No agent CLI is configured")).toBe("broken");
	});
});

describe("Redis and the worker", () => {
	let evicting: TestRedis;
	beforeAll(async () => {
		evicting = await startTestRedis({
			settings: ["--appendonly", "no", "--maxmemory-policy", "allkeys-lru"],
		});
	});
	afterAll(() => evicting.stop());

	test("starts neither of them", async () => {
		const { ok } = await doctor([], { PATH: process.env.PATH ?? "", DISPATCH_REDIS_URL: "" });
		expect(ok).toBe(true);
		expect(user.processes()).toEqual([]);
	});

	test("a sound server, one that evicts, and none", async () => {
		const good = await doctor(["--redis", sound.url]);
		expect([good.ok, good.level("noeviction"), good.level("PING")]).toEqual([true, "ok", expect.any(String)]);
		const bad = await doctor(["--redis", evicting.url]);
		expect(bad.level("maxmemory-policy is allkeys-lru")).toBe("broken");
		expect(bad.level("no append-only file")).toBe("warn");
		const none = await doctor(["--redis", "redis://me:secret@127.0.0.1:1"]);
		expect(none.level("cannot be reached")).toBe("broken");
		expect(JSON.stringify(none.findings)).not.toContain("secret");
	});

	test("a backend that is held for its login is released, unless the login is known to be missing", async () => {
		cli("claude", "echo 1.0");
		configure("default: claude\nbackends: { claude: { command: claude -p } }\n");
		const env = { DISPATCH_HOST_ID: "held", DISPATCH_NAMESPACE: "held" };
		const store = await openStore({ target: sound.target, namespace: "held", role: "command" });
		try {
			const gated = { host: "held", backend: "claude", model: "opus" };
			for (let count = 0; count < 2; count++) await noteLasting(store, gated, "auth", "Not logged in");
			expect((await doctor([], env)).level("claude is held (Not logged in)")).toBe("warn");
			expect(await closedGate(store, gated)).not.toBeNull();
			const released = await doctor([], { ...env, ANTHROPIC_API_KEY: "sk-1" });
			expect(released.level("claude is held (Not logged in): lifted")).toBe("ok");
			expect(await closedGate(store, gated)).toBeNull();
			const hold = {
				kind: "rate_limited" as const,
				until: Date.now() + 3_600_000,
				message: "Opus",
				limited: "opus",
			};
			await holdUntil(store, gated, hold);
			expect((await doctor([], env)).level("claude (opus) is rate limited until")).toBe("warn");
			expect(await closedGate(store, gated)).not.toBeNull();
			expect((await doctor(["--fix"], env)).level("claude (opus) is rate limited")).toBe("ok");
			expect(await closedGate(store, gated)).toBeNull();
		} finally {
			await store.close();
		}
	});

	test("prompts that others can read in ps are told where the machine has other users", async () => {
		const lines = ["shown: { command: sh }", "hidden: { command: sh, prompt_by: stdin }"];
		configure(`backends: { ${lines.join(", ")} }\n`);
		symlinkSync("/bin/sh", join(bin, "sh"));
		const { level } = await doctor();
		expect(level("shown: other users")).toBe(hasOtherUsers() ? "warn" : undefined);
		expect(level("hidden: other users")).toBeUndefined();
	});

	test("a day's budget that is spent is told with those who spent it", async () => {
		cli("claude", "echo 1.0");
		const lines = "default: claude\nbackends: { claude: { command: claude -p } }\n";
		const env = { DISPATCH_HOST_ID: "day", DISPATCH_NAMESPACE: "day" };
		const store = await openStore({ target: sound.target, namespace: "day", role: "command" });
		try {
			const ofSession = { inputTokens: 1, outputTokens: 1, costUsd: 12.5 };
			await noteUsage(store, "dear-one", { session: "s", epoch: 1, budgetUsd: null, ofSession, ofRun: null });
			configure(`${lines}budget: { daily: 20 }\n`);
			expect((await doctor([], env)).level("The day's budget")).toBeUndefined();
			configure(`${lines}budget: { daily: 10 }\n`);
			const told = "The day's budget of $10 is spent: $12.50 today (UTC), most of it by `dear-one` $12.50.";
			expect((await doctor([], env)).level(told)).toBe("warn");
		} finally {
			await store.close();
		}
	});

	test("a running worker: its version, and where its environment differs", async () => {
		await user.ok(["up"], { env: { PATH: process.env.PATH ?? "", OPENAI_API_KEY: "sk-secret-2" } });
		const { findings, level } = await doctor([], { DISPATCH_REDIS_URL: "" });
		expect(level("runs dispatch")).toBe("ok");
		expect(level("started with another PATH")).toBe("warn");
		expect(level("OPENAI_API_KEY differs between this shell and the worker (only for the worker)")).toBe(
			"warn",
		);
		expect(level("answers.")).toBe("ok");
		expect(JSON.stringify(findings)).not.toContain("sk-secret-2");
	});
});

test("a signing key that cannot be used is broken: nothing could be submitted, or would start", async () => {
	configure("backends: { a: { command: cat } }\n");
	const key = join(user.home, "signing-key");
	expect((await doctor()).level("signing key")).toBeUndefined();
	for (const damaged of ["", "garbage\n"]) {
		writeFileSync(key, damaged);
		expect((await doctor()).level(`The signing key ${key} is damaged`)).toBe("broken");
	}
});

test("a check that cannot be made is a finding, and keeps nobody from the others", async () => {
	configure('default: x\nbackends:\n  x: { type: command, command: "true" }\n');
	await doctor();
	// Leads in a circle: neither there nor absent, for root, too.
	symlinkSync("runs", join(user.home, "runs"));
	const { level } = await doctor();
	expect(level("The agents could not be looked at: What runs here")).toBe("broken");
	const others = ["answers", "are free for", "No worker runs here"];
	expect(others.filter((other) => level(other) === undefined)).toEqual([]);
	const status = await user.run(["status"], { env: { PATH: bin, DISPATCH_REDIS_URL: sound.url } });
	expect([status.code, status.stdout]).toEqual([0, expect.stringContaining("No tasks yet")]);
	expect(status.stderr).toContain("What runs here cannot be looked at");
	const up = await user.run(["up"], { env: { DISPATCH_REDIS_URL: sound.url } });
	expect([up.code, up.stderr]).toEqual([1, expect.stringMatching(/What runs here.*\[DISPATCH_NO_WORKER\]/s)]);
});

test("with hardly a descriptor left it says what it could not look at, and ends as it should", async () => {
	configure('default: x\nbackends:\n  x: { type: command, command: "true" }\n');
	const limited = `ulimit -n 24; exec "${process.execPath}" "${PROGRAM}" doctor --json --redis ${sound.url}`;
	const ran = spawnSync("sh", ["-c", limited], { env: user.env, cwd: user.project, encoding: "utf8" });
	const report = JSON.parse(ran.stdout) as { ok: boolean; findings: Finding[] };
	expect(ran.stderr).toBe("");
	expect([ran.status, report.ok]).toEqual(report.ok ? [0, true] : [1, false]);
	expect(report.findings.map(({ text }) => text).join("\n")).toContain("are free for");
});
