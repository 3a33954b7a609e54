import { expect, test } from "vitest";
import { permittedCommand } from "../../src/backends/permitted.ts";
import type { BackendConfig } from "../../src/config/config.ts";

const claude = (permissions: BackendConfig["permissions"]): BackendConfig => ({
	name: "claude",
	type: "claude",
	command: "claude -p",
	modelFlag: true,
	permissions,
});

test.each([
	"/p/x),Bash(*),Edit(/.dispatch/tasks/a",
	"/p/a,b",
	"/p/a*",
	"/p/[b]",
	"/p/{b}",
	"/p/a\nb",
	"/p/$x",
	"/p/a'b",
])("the directory %j widens no rule", (dir) => {
	for (const permissions of ["read_only", "edit"] as const)
		expect(() => permittedCommand(claude(permissions), null, dir)).toThrow(
			expect.objectContaining({ code: "DISPATCH_NO_PERMISSIONS" }),
		);
	expect(permittedCommand(claude(null), null, dir)).toBe("claude -p");
});

test("usual directories are named in the rules", () => {
	expect(permittedCommand(claude("read_only"), null, "/p/My Shop-2/é_1")).toContain(
		"Edit(//p/My Shop-2/é_1/**)",
	);
});
