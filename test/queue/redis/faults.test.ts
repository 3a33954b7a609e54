import { expect, test } from "vitest";
import { translateFault } from "../../../src/queue/redis/connect.ts";

const target = { url: "redis://u:secret@here:6379" };

test.each([
	["OOM command not allowed when used memory > 'maxmemory'.", "DISPATCH_REDIS_FULL", "dispatch rm"],
	// Redis 6.2 tells what a script was refused with in this way.
	[
		"ERR Error running script (call to f_6b1bf486c81ceb7edf3c093f4c48582e38c0e791): @user_script:12: @user_script: 12: -OOM command not allowed when used memory > 'maxmemory'.",
		"DISPATCH_REDIS_FULL",
		"dispatch rm",
	],
	[
		"ERR Error running script (call to f_1): @user_script:3: -MISCONF Redis is configured to save RDB snapshots.",
		"DISPATCH_REDIS_UNREACHABLE",
		"free space",
	],
	[
		"MISCONF Errors writing to the AOF file: No space left on device",
		"DISPATCH_REDIS_UNREACHABLE",
		"free space",
	],
	["LOADING Redis is loading the dataset in memory", "DISPATCH_REDIS_UNREACHABLE", "reads its data"],
	["BUSY Redis is busy running a script.", "DISPATCH_REDIS_UNREACHABLE", "script"],
	["UNKILLABLE Sorry the script already executed.", "DISPATCH_REDIS_UNREACHABLE", "script"],
	["NOREPLICAS Not enough good replicas to write.", "DISPATCH_REDIS_UNREACHABLE", "replicas"],
	["READONLY You can't write against a read only replica.", "DISPATCH_REDIS_UNREACHABLE", "replica"],
	["MASTERDOWN Link with MASTER is down.", "DISPATCH_REDIS_UNREACHABLE", "replica"],
	["CLUSTERDOWN The cluster is down", "DISPATCH_REDIS_UNREACHABLE", "cluster"],
	["NOAUTH Authentication required.", "DISPATCH_REDIS_UNREACHABLE", "password"],
	["WRONGPASS invalid username-password pair.", "DISPATCH_REDIS_UNREACHABLE", "password"],
	["NOPERM this user has no permissions.", "DISPATCH_REDIS_UNREACHABLE", "ACL SETUSER"],
	["ERR max number of clients reached", "DISPATCH_REDIS_UNREACHABLE", "maxclients"],
	["connect ECONNREFUSED 127.0.0.1:6379", "DISPATCH_REDIS_UNREACHABLE", "Check that it runs"],
])("%s", (said, code, hint) => {
	const fault = translateFault(new Error(said), target);
	expect(fault).toMatchObject({ code, hint: expect.stringContaining(hint) });
	expect(String(fault)).not.toContain("secret");
});

test("what is no fault of the server is passed on as it is", () => {
	const error = new Error(
		"ERR Error running script (call to f_1): @user_script:3: attempt to index a nil value",
	);
	expect(translateFault(error, target)).toBe(error);
});

test.runIf(process.platform === "linux")(
	"whatever a local server without room on its disk is missed by, the disk is named",
	() => {
		// /proc has no room at all.
		const local = { socketPath: "/nowhere/redis.sock", dataDir: "/proc" };
		for (const said of [
			"connect ECONNREFUSED",
			"Connection is closed.",
			"MISCONF Errors writing to the AOF file",
		]) {
			const fault = translateFault(new Error(said), local);
			expect(fault).toMatchObject({ code: "DISPATCH_REDIS_UNREACHABLE" });
			expect(String(fault)).toContain("The disk of the local Redis is full: there is no room in /proc");
		}
		const roomy = translateFault(new Error("connect ECONNREFUSED"), { ...local, dataDir: "/nowhere" });
		expect(String(roomy)).not.toContain("full");
	},
);
