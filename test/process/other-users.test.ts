import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { hasOtherUsers } from "../../src/process/other-users.ts";

const PROC = "proc /proc proc rw,nosuid,nodev,noexec,relatime";
const SYSTEM = [
	"root:x:0:0:root:/root:/bin/bash",
	"daemon:x:1:1::/:/usr/sbin/nologin",
	"nobody:x:65534:65534::/:/bin/sh",
];
const ME = 1_042;

test.each<[boolean, string, string[], string]>([
	[false, "the system's own accounts", SYSTEM, PROC],
	[false, "this user", [...SYSTEM, `me:x:${ME}:1000::/home/me:/bin/bash`], PROC],
	[
		false,
		"a service that has a shell",
		[...SYSTEM, "postgres:x:113:120::/var/lib/postgresql:/bin/bash"],
		PROC,
	],
	[true, "another person", [...SYSTEM, "ann:x:1999:1000::/home/ann:/bin/zsh"], PROC],
	[true, "another person without a shell of their own choice", ["ann:x:1999:1000::/home/ann:"], PROC],
	[false, "one who may not log in", ["ci:x:1999:1000::/home/ci:/usr/sbin/nologin"], PROC],
	[
		false,
		"another person who sees no processes",
		["ann:x:1999:1000::/home/ann:/bin/zsh"],
		`${PROC},hidepid=2`,
	],
	[
		false,
		"the same, spelled otherwise",
		["ann:x:1999:1000::/home/ann:/bin/zsh"],
		`${PROC},gid=4,hidepid=invisible`,
	],
	[true, "one from whom nothing is hidden", ["ann:x:1999:1000::/home/ann:/bin/zsh"], `${PROC},hidepid=off`],
	[false, "lines that are none", ["", "x", "::::::", "ann:x:one:1::/:/bin/sh"], PROC],
])("%s: %s", (expected, _what, accounts, mount) => {
	const dir = mkdtempSync(join(tmpdir(), "users-"));
	onTestFinished(() => rmSync(dir, { recursive: true }));
	const files = { passwd: join(dir, "passwd"), mounts: join(dir, "mounts"), me: ME };
	writeFileSync(files.passwd, accounts.join("\n"));
	writeFileSync(files.mounts, `sysfs /sys sysfs rw 0 0\n${mount} 0 0\n`);
	expect(hasOtherUsers(files)).toBe(expected);
	expect(hasOtherUsers({ ...files, passwd: join(dir, "none"), mounts: join(dir, "none") })).toBe(false);
});
