import { existsSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { git } from "../../src/process/git.ts";
import { GIT_ENV, makeRepository } from "../git.ts";
import { processesOf } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** What a program of git's leaves behind, which ends once `go` is there. */
const LEFTOVERS: Record<string, (go: string) => string> = {
	"is silent": (go) => `(while [ ! -e ${go} ]; do sleep 0.1; done) &`,
	"writes for ever": (go) => `(trap '' PIPE; while [ ! -e ${go} ]; do echo x >&2; sleep 0.1; done) &`,
	"writes for ever from a session of its own": (go) =>
		`setsid sh -c 'trap "" PIPE; while [ ! -e ${go} ]; do echo x >&2; sleep 0.1; done' &`,
};

test.each(Object.entries(LEFTOVERS))(
	"who a program of git's left behind, with git's output in its hands, and %s, is waited for by nobody; all that was said is there",
	async (_, leftover) => {
		const cwd = temporaryFolder("git");
		const go = join(cwd, "go");
		const { code, stdout } = await git({
			args: ["-c", `alias.x=!${leftover(go)} seq 200000`, "x"],
			place: null,
			cwd,
			env: GIT_ENV,
			// Over by the time that the output is let go: the limit is git's, not theirs.
			limitMs: 4_000,
		});
		const left = processesOf(cwd).length;
		writeFileSync(go, "");
		expect(left).toBeGreaterThan(0);
		expect(code).toBe(0);
		expect(stdout.trimEnd().split("\n")).toHaveLength(200_000);
		await expect.poll(() => processesOf(cwd)).toEqual([]);
	},
);

/** git that waits for a filter which hears no SIGTERM; it has begun once `begun` is there */
function hanging(cwd: string, more: Partial<Parameters<typeof git>[0]> = {}) {
	const filter = `trap '' TERM; : >${join(cwd, "begun")}; while :; do sleep 0.1; done`;
	return git({
		args: ["-c", `filter.x.clean=${filter}`, "add", "a.x"],
		place: null,
		cwd,
		env: GIT_ENV,
		...more,
	});
}

function withFilter(): string {
	const cwd = temporaryFolder("git");
	makeRepository(cwd, { ".gitattributes": "*.x filter=x\n" });
	writeFileSync(join(cwd, "a.x"), "one\n");
	return cwd;
}

test("a git that is not wanted any more is ended with all that it started, also a filter that hears no SIGTERM", async () => {
	const cwd = withFilter();
	const wanted = new AbortController();
	const call = hanging(cwd, { signal: wanted.signal });
	const end = expect(call).rejects.toMatchObject({
		code: "DISPATCH_GIT_ENDED",
		message: "git was ended: the task was cancelled.",
		retryable: false,
	});
	await expect.poll(() => existsSync(join(cwd, "begun"))).toBe(true);
	wanted.abort("the task was cancelled");
	await end;
	await expect.poll(() => processesOf(cwd)).toEqual([]);
	rmSync(join(cwd, "begun"));
	await expect(hanging(cwd, { signal: wanted.signal })).rejects.toMatchObject({ code: "DISPATCH_GIT_ENDED" });
	expect(existsSync(join(cwd, "begun"))).toBe(false);
});

test("a git that takes longer than its limit is ended likewise, and is not to be tried again", async () => {
	const cwd = withFilter();
	await expect(hanging(cwd, { limitMs: 300 })).rejects.toMatchObject({
		code: "DISPATCH_GIT_ENDED",
		message: "git was ended: it took longer than 0.3 s.",
		retryable: false,
	});
	await expect.poll(() => processesOf(cwd)).toEqual([]);
});

const ENDLESS: Record<string, (cwd: string) => void> = {
	"a branch": (cwd) => symlinkSync("/dev/zero", join(cwd, ".git/refs/heads/zz")),
	"a tag": (cwd) => symlinkSync("/dev/zero", join(cwd, ".git/refs/tags/zz")),
};

test.each(Object.entries(ENDLESS))(
	"%s that is a link to a file without an end takes no more memory than git may have",
	async (_, plant) => {
		const cwd = temporaryFolder("git");
		makeRepository(cwd);
		plant(cwd);
		const args = ["for-each-ref", "--contains", "HEAD"];
		const memoryBytes = 128 * 1024 * 1024;
		const call = { args, place: null, cwd, env: GIT_ENV };
		const { code, stderr } = await git({ ...call, memoryBytes });
		expect({ code, stderr }).toMatchObject({
			code: 128,
			stderr: expect.stringMatching(/out of memory/i),
		});
	},
);

test("the memory that git may have without a word about it is limited, too, and reaches all that it starts", async () => {
	const cwd = temporaryFolder("git");
	const args = ["-c", "alias.x=!ulimit -d", "x"];
	const { stdout } = await git({ args, place: null, cwd, env: GIT_ENV });
	expect(Number(stdout)).toBeGreaterThan(0);
	expect(Number(stdout) * 1024).toBeLessThanOrEqual(totalmem());
});

test("no git on PATH is told as that", async () => {
	const cwd = temporaryFolder("git");
	const env = { ...GIT_ENV, PATH: cwd };
	await expect(git({ args: ["--version"], place: null, cwd, env })).rejects.toMatchObject({
		code: "DISPATCH_GIT",
		message: expect.stringContaining("could not be started"),
		hint: expect.stringContaining("Install git"),
	});
});
