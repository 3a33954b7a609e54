/** Several processes change the config at once, and what they do where its lock cannot be had. */
import { execFileSync } from "node:child_process";
import {
	chmodSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	realpathSync,
	writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { User } from "../e2e/harness.ts";

const MEETS = resolve(import.meta.dirname, "../fixtures/meets.cjs");
const FLOCK = execFileSync("sh", ["-c", "command -v flock"], { encoding: "utf8" }).trim();
const BEFORE =
	"default: fake\nbackends:\n  fake: { type: command, command: ./a }\nmodels:\n  old: { backend: fake }\n";

let user: User;
let path: string;
beforeEach(() => {
	user = new User({ asNobody: true });
	path = join(realpathSync(user.home), "config.yaml");
	writeFileSync(path, BEFORE);
});
afterEach(() => user.cleanup());

const read = () => readFileSync(path, "utf8");

/** A `flock` of the test's own. @returns the environment in which it is the one that is found */
function ownFlock(script: string): Record<string, string> {
	const folder = join(user.project, "bin");
	mkdirSync(folder, { recursive: true });
	user.write("bin/flock", `#!/bin/sh\n${script}\n`, 0o755);
	return { PATH: `${folder}:${user.env.PATH}` };
}

const CHANGES = {
	"add-model one --backend fake": /^ {2}one: \{ backend: fake \}$/m,
	"add-model two --backend fake": /^ {2}two: \{ backend: fake \}$/m,
	"add-backend mine --command ./mine.sh": /^ {4}command: \.\/mine\.sh$/m,
	"add-alias quick --model fake": /^ {2}quick:\n {4}model: fake$/m,
	"set-default old": /^default: old$/m,
};

test("of several processes that change the config at once none undoes what another one wrote", async () => {
	const meeting = join(user.project, "meeting");
	mkdirSync(meeting);
	chmodSync(meeting, 0o777);
	const env = {
		...ownFlock(`'${FLOCK}' "$@"; code=$?\n[ $code = 0 ] || : >'${meeting}'/"refused-$PPID"\nexit $code`),
		NODE_OPTIONS: `--require ${user.write("meets.cjs", readFileSync(MEETS, "utf8"))}`,
		MEET_FILE: path,
		MEET_IN: meeting,
		MEET_COUNT: String(Object.keys(CHANGES).length),
	};
	const ran = await Promise.all(
		Object.keys(CHANGES).map((line) => user.run(["config", ...line.split(" ")], { env })),
	);
	expect(ran.map(({ code, stderr }) => [code, stderr.replace(/^.*no program.*\n/, "")])).toEqual(
		ran.map(() => [0, ""]),
	);
	const missing = Object.entries(CHANGES).filter(([, written]) => !written.test(read()));
	expect(missing, read()).toEqual([]);
	// They did meet: whoever wrote first kept others out.
	expect(readdirSync(meeting).filter((name) => name.startsWith("refused"))).not.toEqual([]);
});

test("a config that is locked for too long is left alone, and an edited text stays in a draft that is named", async () => {
	const env = ownFlock("exit 1");
	const editor = user.write("editor.sh", `#!/bin/sh\necho "attempts: 3" >>"$1"\n`, 0o755);
	const { code, stderr } = await user.run(["config", "edit"], { env: { ...env, EDITOR: editor } });
	const draft = readdirSync(user.home).find((name) => name.includes("draft")) ?? "none";
	expect([code, stderr]).toEqual([2, expect.stringContaining("is held by another process.")]);
	expect(stderr).toContain(`your text is in ${join(user.home, draft)}`);
	expect(readFileSync(join(user.home, draft), "utf8")).toBe(`${BEFORE}attempts: 3\n`);
	expect(read()).toBe(BEFORE);
});

/** As on NFS: a descriptor that is open for reading only takes no lock. */
const AS_ON_NFS = `case $(grep flags: /proc/self/fdinfo/3) in
*[12]) : >'LOCKED'; exec '${FLOCK}' "$@" ;;
*) exit 65 ;;
esac`;

test("where only a descriptor for writing takes a lock the config is opened so, and one that may not be written goes without", async () => {
	const locked = join(user.project, "locked");
	const env = ownFlock(AS_ON_NFS.replace("LOCKED", locked));
	chmodSync(path, 0o444);
	await user.ok(["config", "add-model", "one", "--backend", "fake"], { env });
	expect([existsSync(locked), read()]).toEqual([false, expect.stringContaining("one:")]);
	chmodSync(path, 0o600);
	await user.ok(["config", "add-model", "two", "--backend", "fake"], { env });
	expect([existsSync(locked), read()]).toEqual([true, expect.stringContaining("two:")]);
});

test.each([65, 71])(
	"where the file system takes no lock at all (flock ends with %i) it is changed all the same",
	async (code) => {
		await user.ok(["config", "set-default", "old"], { env: ownFlock(`exit ${code}`) });
		expect(read()).toContain("default: old");
	},
);
