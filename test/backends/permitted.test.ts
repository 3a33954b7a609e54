import { expect, test } from "vitest";
import type { BackendConfig } from "../../src/backends/contract.ts";
import { backendOf } from "../../src/backends/index.ts";
import { permittedCommand } from "../../src/backends/permitted.ts";

const claude = (permissions: BackendConfig["permissions"]): BackendConfig => ({
	name: "claude",
	type: "claude",
	command: "claude -p",
	modelFlag: true,
	permissions,
});

test.each(["/p/x),Bash(*),Edit(/.dispatch/tasks/a", "/p/a,b", "/p/a*", "/p/[b]", "/p/{b}", "/p/a\nb"])(
	"the directory %j widens no rule",
	(dir) => {
		for (const permissions of ["read_only", "edit"] as const)
			expect(() => permittedCommand(claude(permissions), null, dir)).toThrow(
				expect.objectContaining({ code: "DISPATCH_NO_PERMISSIONS" }),
			);
		expect(permittedCommand(claude(null), null, dir)).toBe("claude -p");
	},
);

test("usual directories are named in the rules", () => {
	expect(permittedCommand(claude("read_only"), null, "/p/My Shop-2/é_1")).toContain(
		"Edit(//p/My Shop-2/é_1/**)",
	);
});

test.each([
	["timeout -s KILL 1h codex exec -s read-only", "timeout -s KILL 1h codex exec "],
	["nice -n 5 timeout --sandbox x codex exec --full-auto", "nice -n 5 timeout --sandbox x codex exec "],
	["/opt/bin/codex exec", "/opt/bin/codex exec "],
])("flags before the CLI's own word are not taken: %s", (command, begin) => {
	const line = permittedCommand({ ...claude("edit"), type: "codex", command }, null, "/p/a");
	expect(line.startsWith(begin)).toBe(true);
	expect(line.slice(begin.length)).toBe("--sandbox workspace-write");
});

test.each([
	["claude -p '--dangerously-skip-permissions'", "claude -p --permission-mode acceptEdits"],
	['claude -p "--permission-mode=plan"', "claude -p --permission-mode acceptEdits"],
	['claude "$@" --dangerously-skip-permissions|tee log', "--allowedTools="],
	['claude -p "$@" --dangerously-skip-permissions; true', "claude -p --permission-mode acceptEdits"],
	["claude -p --dangerously-skip-permissions 2>&1", "2>&1 --permission-mode acceptEdits"],
])("what the shell reads as a flag is taken out: %s", (command, expected) => {
	const line = permittedCommand({ ...claude("edit"), command }, null, "/p/a");
	expect(line).toContain(expected);
	expect(line).not.toMatch(/dangerously|plan/);
	expect(line.match(/"\$@"/g)).toEqual(command.match(/"\$@"/g));
});

test.each([
	['codex exec "$@" || claude -p --dangerously-skip-permissions', /--dangerously-skip-permissions/],
	["sh -c 'claude -p --dangerously-skip-permissions \"$@\"' sh", /--dangerously-skip-permissions/],
	["claude -p $(echo --dangerously-skip-permissions)", /--dangerously-skip-permissions/],
	['claude -p "$@" | codex exec', /more than one agent/],
	['claude -p "$@" || claude -p "$@"', /more than one agent/],
	['run "$@" || run "$@"', /more than once/],
])("a line that cannot be held to permissions is refused: %s", (command, why) => {
	for (const type of ["claude", "codex"] as const) {
		const config = { ...claude("edit"), type, command };
		expect(() => permittedCommand(config, null, "/p/a")).toThrow(why);
		expect(permittedCommand({ ...config, permissions: null }, null, "/p/a")).toBe(command);
	}
});

test.each([
	"claude -p --append-system-prompt 'first; codex exec later'",
	'claude -p --settings \'{"a": "b | claude c"}\'',
	"(cd . && claude -p)",
])("what stands in quotes starts no second agent: %s", (command) => {
	expect(permittedCommand({ ...claude("edit"), command }, null, "/p/a")).toContain("acceptEdits");
});

test.each([
	'claude -p "$@" | grep -c x',
	'claude -p "$@" | tee --verbose log',
	'claude -p "$@"; rm -r tmp',
	'claude -p "$@" && echo --model done',
])("flags of other programs behind it are none of its own: %s", (command) => {
	const input = { command, model: "opus", modelFlag: true, budgetUsd: null, prompt: "x", sessionId: "id-1" };
	const words = backendOf("claude").start(input).argv;
	for (const flag of ["--session-id", "--verbose", "--model"]) expect(words).toContain(flag);
});

test.each(["ionice -c 3 claude -p", "chrt -r 1 env claude -p", "strace -c /usr/bin/claude -p"])(
	"%s starts a session of its own",
	(command) => {
		const input = { command, model: null, modelFlag: true, budgetUsd: null, prompt: "x", sessionId: "id-1" };
		expect(backendOf("claude").start(input).argv.join(" ")).toContain("--session-id");
		expect(backendOf("claude").resume(input)).not.toBeNull();
	},
);
