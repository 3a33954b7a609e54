import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { buildProgram } from "../../src/cli/program/program.ts";
import { User } from "../e2e/harness.ts";

const SKILL = readFileSync(join(import.meta.dirname, "../../skill/SKILL.md"), "utf8");

let user: User;
beforeEach(() => {
	user = new User();
});
afterEach(() => user.cleanup());

test("for the user, for the project, and where CLAUDE_CONFIG_DIR says; brought up to date, taken away", async () => {
	const mine = join(user.path, ".claude/skills/dispatch/SKILL.md");
	expect(await user.json(["skill", "install"])).toEqual({ path: mine, changed: true });
	expect(readFileSync(mine, "utf8")).toBe(SKILL);
	expect(await user.json(["skill", "install"])).toEqual({ path: mine, changed: false });
	await user.ok(["skill", "install", "--project"]);
	expect(existsSync(join(user.project, ".claude/skills/dispatch/SKILL.md"))).toBe(true);
	const env = { CLAUDE_CONFIG_DIR: join(user.path, "cc") };
	await user.ok(["skill", "install"], { env });
	expect(existsSync(join(user.path, "cc/skills/dispatch/SKILL.md"))).toBe(true);
	expect(await user.ok(["skill", "show"])).toBe(SKILL);
	expect(await user.json(["skill", "uninstall"])).toEqual({ path: mine, removed: true });
	expect(await user.json(["skill", "uninstall"])).toEqual({ path: mine, removed: false });
	expect(existsSync(join(user.path, ".claude/skills/dispatch"))).toBe(false);
});

test("what was changed by hand is neither overwritten nor removed without --force", async () => {
	const mine = join(user.path, ".claude/skills/dispatch/SKILL.md");
	await user.ok(["skill", "install"]);
	writeFileSync(mine, `${SKILL}\nMy own rule.\n`);
	for (const action of ["install", "uninstall"]) {
		const ran = await user.run(["skill", action]);
		expect(ran).toMatchObject({
			code: 8,
			stderr: expect.stringContaining(`dispatch skill ${action} --force`),
		});
		expect(readFileSync(mine, "utf8")).toContain("My own rule.");
	}
	await user.ok(["skill", "install", "--force"]);
	expect(readFileSync(mine, "utf8")).toBe(SKILL);
});

test("an older version is brought up to date; what else lies beside it stays", async () => {
	const directory = join(user.path, ".claude/skills/dispatch");
	const mine = join(directory, "SKILL.md");
	mkdirSync(directory, { recursive: true });
	writeFileSync(mine, "An older version.");
	const hash = createHash("sha256").update("An older version.").digest("hex");
	writeFileSync(join(directory, ".installed-by-dispatch"), hash);
	writeFileSync(join(directory, "notes.md"), "mine");
	expect(await user.json(["skill", "install"])).toEqual({ path: mine, changed: true });
	expect(readFileSync(mine, "utf8")).toBe(SKILL);
	await user.ok(["skill", "uninstall"]);
	expect(readdirSync(directory)).toEqual(["notes.md"]);
	writeFileSync(mine, SKILL);
	expect(await user.json(["skill", "uninstall"])).toEqual({ path: mine, removed: true });
});

test("its head is what Claude Code reads, and every command it names exists", () => {
	const head = parse(/^---\n([\s\S]*?)\n---\n/.exec(SKILL)?.[1] ?? "") as Record<string, string>;
	expect(head).toEqual({ name: "dispatch", description: expect.stringContaining("/dispatch") });
	const program = buildProgram({ env: {}, done: () => {} });
	const named = [...SKILL.matchAll(/dispatch ([a-z]+)/g)].map(([, name]) => name ?? "");
	const commands = new Set(program.commands.map((command) => command.name()));
	for (const [, line = ""] of SKILL.matchAll(/`(dispatch [a-z][^`]*)`/g)) {
		const [, name = "", ...words] = line.split(" ");
		expect(commands.has(name), line).toBe(true);
		const command = program.commands.find((each) => each.name() === name);
		const known = [...(command?.options ?? []), ...program.options].map(({ long }) => long);
		// What follows a group is its subcommand's.
		const isGroup = command?.commands.length !== 0;
		const options = words.filter((each) => each.startsWith("--") && each !== "--help");
		expect(isGroup ? [] : options.filter((each) => !known.includes(each)), line).toEqual([]);
	}
	expect(named.length).toBeGreaterThan(10);
	const { name } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"));
	// What `npm pack` makes of it.
	const file = name.replace("@", "").replace("/", "-");
	expect(SKILL).toContain(`npm install -g ./${file}-*.tgz`);
});
