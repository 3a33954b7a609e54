/** A repository with all that a history does to files, and names that are anybody's choice. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseBatch } from "../../src/producer/batch.ts";

export const HOSTILE = [
	"$(touch pwned).ts",
	"'; touch pwned; '.ts",
	"-rf.ts",
	"`touch pwned`.ts",
	'a" ; touch pwned ; ".ts',
	"line\n- [x] break.ts",
	"{{item}} {{index}}.ts",
	"grün weiß.ts",
	"🎉.ts",
	"日本.ts",
	" two  spaces .ts",
	"back\\slash.ts",
	"sep\u2028arated.ts",
	"#no comment.ts",
	"[x].ts",
];

/** Ends on the branch `work`, which left `start`; `main` has gone on meanwhile. */
export function makeHistory(folder: string): void {
	const git = (...args: string[]) =>
		execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...args], { cwd: folder });
	const put = (name: string, text = name) => {
		mkdirSync(dirname(join(folder, name)), { recursive: true });
		writeFileSync(join(folder, name), text);
	};
	git("init", "-q", "-b", "main");
	git("config", "core.quotePath", "true");
	for (const name of [
		"src/kept.ts",
		"src/old name.ts",
		"src/gone.ts",
		"src/changed.ts",
		"sub/inner.ts",
		"-old.md",
	])
		put(name, `${name}\n`.repeat(20));
	put(".gitignore", "ignored/\n");
	git("add", "-A");
	git("commit", "-qm", "first");
	git("branch", "start");
	git("checkout", "-qb", "work");
	git("mv", "src/old name.ts", "src/neuer näme.ts");
	git("rm", "-q", "src/gone.ts");
	put("src/changed.ts", "now\n");
	put(".github/flow.yml");
	put("sub/-deep.ts");
	for (const name of HOSTILE) put(`hostile/${name}`);
	put("-top.ts");
	git("add", "-A");
	git("commit", "-qm", "second");
	git("checkout", "-q", "main");
	put("src/of-main-alone.ts");
	git("add", "-A");
	git("commit", "-qm", "meanwhile");
	git("checkout", "-q", "work");
	put("sub/inner.ts", "not committed\n");
	put("src/new one.ts");
	put("ignored/built.ts");
	rmSync(join(folder, "-old.md"));
}

/** A batch file of that folder. */
export function parseIn(folder: string, text: string, key: string | null = null) {
	return parseBatch(text, {
		file: join(folder, "tasks.yaml"),
		key,
		unattended: false,
		createdBy: "tester@here",
		readText: (path) => `- [ ] read ${path}\n`,
		fillTemplate: (_name, _project, values) => ({ prompt: values.p ?? null, addition: null, plan: "" }),
	});
}
