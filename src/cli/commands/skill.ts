/** `dispatch skill …`: puts the skill where Claude Code finds it. What a user changed in it stays. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { userHome } from "../../config/home.ts";
import { hintFor } from "../../process/atomic-file.ts";
import { writeOwnFile } from "../../process/own-file.ts";
import { DispatchError } from "../../task/errors.ts";
import type { Environment } from "../context.ts";
import type { Output } from "../show/output.ts";

/** Beside SKILL.md: the hash of what was installed, to tell a user's changes from an older version. */
const STAMP = ".installed-by-dispatch";

export interface SkillFlags {
	project?: boolean;
	force?: boolean;
}

export interface SkillCommand {
	output: Output;
	env: Environment;
}

export async function showSkill({ output }: SkillCommand): Promise<undefined> {
	const text = skillText();
	output.result({ skill: text }, text.trimEnd().split("\n"));
}

/** @throws DISPATCH_SKILL_CHANGED when the user's own changes would be lost */
export async function installSkill({ output, env }: SkillCommand, flags: SkillFlags): Promise<undefined> {
	const path = skillPath(env, flags);
	const text = skillText();
	const there = existsSync(path) ? readFileSync(path, "utf8") : null;
	if (there !== null && there !== text && !flags.force) refuseChanged(path, there, "install");
	const refuse = (error: unknown) =>
		new DispatchError("DISPATCH_BAD_FILE", `Cannot write ${path}: ${(error as Error).message}.`, {
			hint: hintFor(
				error,
				"Make the directory writable, or install it for the project: dispatch skill install --project",
			),
			cause: error,
		});
	try {
		mkdirSync(dirname(path), { recursive: true });
	} catch (error) {
		throw refuse(error);
	}
	writeOwnFile(path, text, { mode: 0o644, refuse });
	writeOwnFile(join(dirname(path), STAMP), hashOf(text), { mode: 0o644, refuse });
	const changed = there !== text;
	const how = there === null ? "Installed" : changed ? "Updated" : "It was there already:";
	output.result({ path, changed }, [`${how} ${path}`, "In Claude Code: /dispatch, in a new session."]);
}

export async function removeSkill({ output, env }: SkillCommand, flags: SkillFlags): Promise<undefined> {
	const path = skillPath(env, flags);
	const there = existsSync(path);
	if (there && !flags.force) refuseChanged(path, readFileSync(path, "utf8"), "uninstall");
	if (there) removeOurs(dirname(path));
	output.result({ path, removed: there }, [there ? `Removed ${path}` : `${path} is not there.`]);
}

/** What else the user keeps in that directory stays. */
function removeOurs(directory: string): void {
	for (const name of ["SKILL.md", STAMP]) rmSync(join(directory, name), { force: true });
	if (readdirSync(directory).length === 0) rmSync(directory, { recursive: true });
}

/** What we wrote, now or as an older version, is ours to replace. */
function refuseChanged(path: string, text: string, action: string): void {
	const stamp = join(dirname(path), STAMP);
	if (text === skillText()) return;
	if (existsSync(stamp) && readFileSync(stamp, "utf8") === hashOf(text)) return;
	throw new DispatchError("DISPATCH_SKILL_CHANGED", `${path} was changed by hand.`, {
		hint: `Keep a copy, then: dispatch skill ${action} --force`,
	});
}

function skillPath(env: Environment, { project }: SkillFlags): string {
	const base = project
		? join(process.cwd(), ".claude")
		: env.CLAUDE_CONFIG_DIR || join(userHome(), ".claude");
	return join(base, "skills", "dispatch", "SKILL.md");
}

/** Beside dist/, in the package as in the repository. */
function skillText(): string {
	return readFileSync(join(dirname(realpathSync(process.argv[1] ?? ".")), "..", "skill", "SKILL.md"), "utf8");
}

function hashOf(text: string): string {
	return createHash("sha256").update(text).digest("hex");
}
