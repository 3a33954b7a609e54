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

test.each(["ionice -c 3 claude -p", "chrt -r 1 env claude -p", "strace -c /usr/bin/claude -p"])(
	"%s starts a session of its own",
	(command) => {
		const input = { command, model: null, modelFlag: true, budgetUsd: null, prompt: "x", sessionId: "id-1" };
		expect(backendOf("claude").start(input).argv.join(" ")).toContain("--session-id");
		expect(backendOf("claude").resume(input)).not.toBeNull();
	},
);
