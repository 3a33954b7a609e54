import { createHash } from "node:crypto";
import { chmodSync, existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { swapConfig } from "../../config/change.ts";
import { detectConfig } from "../../config/detect.ts";
import { configPath } from "../../config/home.ts";
import { parseConfig } from "../../config/parse.ts";
import { renderConfig } from "../../config/render.ts";
import { createConfig, readConfigText } from "../../config/save.ts";
import { processIdentity } from "../../process/identity.ts";
import { readOwnFile } from "../../process/own-file.ts";
import { DispatchError } from "../../task/errors.ts";
import { openEditor } from "../show/editor.ts";
import type { ConfigCommand } from "./config.ts";

/**
 * Opens a draft in the user's editor; it becomes the config when it loads, and is left beside it when not. The next edit
 * opens that again, unless the config has changed since: its name tells of which text it is.
 */
export async function editInEditor({ output, env }: ConfigCommand): Promise<undefined> {
	const path = configPath(env);
	const text = readConfigText(path);
	const base = text === null ? "new" : createHash("sha256").update(text).digest("hex").slice(0, 8);
	const draft = `${path}.draft-${process.pid}-${base}.yaml`;
	const left = leftDrafts(path);
	const again = left.find((name) => name.endsWith(`-${base}.yaml`));
	const offered = text ?? renderConfig(detectConfig(env));
	if (again !== undefined) {
		renameSync(again, draft);
		output.note("This is your draft of before. To begin anew, remove all of its text.");
	} else if (text === null) createConfig(draft, offered);
	else writeDraft(draft, path, text);
	const others = left.filter((name) => name !== again);
	if (others.length > 0) output.note(`Left of an earlier edit, and not opened: ${others.join(", ")}`);
	await openEditor(env, draft, `${path} was not changed.`).catch((error: unknown) => {
		throw leftBy(error, draft, again === undefined ? offered : null, path);
	});
	const edited = savedText(draft, path);
	if (edited === text || (again !== undefined && edited.trim() === "")) {
		rmSync(draft, { force: true });
		checkKept(edited, path, env);
		output.result({ path, changed: false }, [`${path} was not changed.`]);
		return;
	}
	checkDraft(edited, draft, path, env);
	const swapped = await swapConfig(path, text, edited).catch((error: unknown) => {
		throw keptIn(draft, path, error);
	});
	if (!swapped)
		throw new DispatchError("DISPATCH_BAD_FILE", `${path} was changed by another process meanwhile.`, {
			hint: `It stays as that left it; your text is in ${draft}.`,
		});
	rmSync(draft, { force: true });
	output.result({ path, changed: true }, [`${path} was changed.`]);
}

/** Whatever the editor left there. @throws DISPATCH_BAD_FILE */
function savedText(draft: string, path: string): string {
	const file = readOwnFile(draft);
	if (file.kind === "bytes") return file.bytes.toString("utf8");
	const why = file.kind === "absent" ? "it is gone" : file.why;
	throw new DispatchError("DISPATCH_BAD_FILE", `What the editor left as ${draft} cannot be read: ${why}.`, {
		hint: `${path} was not changed.`,
	});
}

/** Drafts of this config that nobody has open, the newest first. */
function leftDrafts(path: string): string[] {
	const folder = dirname(path);
	const begin = `${basename(path)}.draft-`;
	const names = existsSync(folder) ? readdirSync(folder) : [];
	const left = names.filter((name) => {
		const pid = Number(
			/^(\d+)(?:-\w+)?\.yaml$/.exec(name.startsWith(begin) ? name.slice(begin.length) : "")?.[1],
		);
		return pid > 0 && processIdentity(pid) === null;
	});
	const ages = left.map((name) => join(folder, name)).map((file) => ({ file, at: statSync(file).mtimeMs }));
	return ages.sort((a, b) => b.at - a.at).map(({ file }) => file);
}

/** Of an editor that failed: what it had saved is kept, and told. @param offered null: a draft of before, which stays */
function leftBy(error: unknown, draft: string, offered: string | null, path: string): unknown {
	const file = readOwnFile(draft);
	const text = file.kind === "bytes" ? file.bytes.toString("utf8") : (offered ?? "");
	if (error instanceof DispatchError && text !== offered && text.trim() !== "")
		return new DispatchError(error.code, error.message, {
			hint: `${path} was not changed; what it had saved is in ${draft}.`,
			cause: error,
		});
	rmSync(draft, { force: true });
	return error;
}

function writeDraft(draft: string, path: string, text: string): void {
	try {
		writeFileSync(draft, text, { mode: 0o600 });
		chmodSync(draft, statSync(path).mode & 0o777);
	} catch (error) {
		throw new DispatchError("DISPATCH_BAD_FILE", `${draft} cannot be written: ${(error as Error).message}.`, {
			cause: error,
		});
	}
}

/** Left as it was, it may be what was to be mended. */
function checkKept(text: string, path: string, env: ConfigCommand["env"]): void {
	try {
		parseConfig(text, path, env);
	} catch (error) {
		if (!(error instanceof DispatchError)) throw error;
		throw new DispatchError(error.code, error.message, {
			hint: "It was not changed, and is still broken. A worker that is up goes by the one before.",
			cause: error,
		});
	}
}

function checkDraft(text: string, draft: string, path: string, env: ConfigCommand["env"]): void {
	try {
		parseConfig(text, draft, env);
	} catch (error) {
		throw keptIn(draft, path, error);
	}
}

function keptIn(draft: string, path: string, error: unknown): unknown {
	if (!(error instanceof DispatchError)) return error;
	return new DispatchError(error.code, error.message, {
		hint: `${path} was not changed; your text is in ${draft}.`,
		cause: error,
	});
}
