/**
 * Loads the program from V8's code cache, which halves the time of a start. A cache is made after the first
 * good run of each command, with the functions that it used; it lies beside the program, or in the user's
 * cache folder where that is not writable. No fault of the cache ever breaks a start.
 *
 * One run proves little (`ls --help` uses nothing of `ls`): a cache begins with a list of the forms of the
 * command that it has seen, and the first runs of each form add what they used. V8 believes what it is given: a byte
 * that a disk or a power failure has changed would end the process by a signal, so the head holds a checksum.
 */
import {
	closeSync,
	fstatSync,
	lstatSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	type Stats,
	statSync,
	constants as system,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, isAbsolute, join } from "node:path";
import { constants, Script } from "node:vm";
import { crc32 } from "node:zlib";
import { replaceFile } from "../../process/atomic-file.ts";
import { findUserHome } from "../../process/user-home.ts";

const COMMAND_FORM = /^[a-z]{1,20}$/;
/** The list of forms at the beginning of a cache; V8 copies data that is not aligned. */
const HEAD_BYTES = 1_024;
/** The first run of a form may differ from the others: it starts a worker, or finds no tasks. */
const RUNS_PER_FORM = 2;
const MAX_FORMS = 20;

/** Form of the command line → how many runs of it the cache has seen. */
type Seen = Record<string, number>;

/** What stands at the beginning of a cache. */
interface Head {
	/** of the compiled code */
	crc: number;
	seen: Seen;
}

/**
 * What `require(file)` returns.
 * @param contentHash names the file's content: V8 itself compares no more than the length
 */
export function loadProgram(file: string, contentHash: string): unknown {
	const require = createRequire(file);
	const run = compile(file, contentHash);
	if (run === null) return require(file);
	const module = { exports: {} };
	run.call(module.exports, module.exports, require, module, file, dirname(file));
	return module.exports;
}

type ModuleFunction = (
	exports: object,
	require: NodeJS.Require,
	module: object,
	file: string,
	folder: string,
) => void;

function compile(file: string, contentHash: string): ModuleFunction | null {
	try {
		const name = cacheName(file, contentHash);
		const folders = [join(dirname(file), "code-cache"), ...userCacheFolders()];
		const { seen, data: cachedData } = readCache(folders, name);
		// The build sees to it that the text is plain ASCII, which is read far faster so.
		const text = readFileSync(file, "latin1");
		const source = `(function (exports, require, module, __filename, __dirname) {${text}\n})`;
		const script = new Script(source, {
			filename: file,
			importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
			...(cachedData === null ? {} : { cachedData }),
		});
		if (script.cachedDataRejected) keepAfterRun(script, folders, name, {});
		else if (isNew(seen)) keepAfterRun(script, folders, name, seen);
		return script.runInThisContext() as ModuleFunction;
	} catch {
		return null;
	}
}

function cacheName(file: string, contentHash: string): string {
	const { size, mtimeMs } = statSync(file);
	const facts = [file, contentHash, size, mtimeMs, process.version, process.arch].join("\n");
	return `${command()}-${contentHash.slice(0, 8)}${checksum(facts)}.cache`;
}

/** FNV-1a. It names and protects nothing; loading node:crypto would take longer than reading the program. */
function checksum(text: string): string {
	let hash = 0x811c9dc5;
	for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
	return (hash >>> 0).toString(16).padStart(8, "0");
}

function command(): string {
	const word = process.argv[2] ?? "";
	return COMMAND_FORM.test(word) ? word : "other";
}

/** None where it would be relative, to wherever the command was called. */
function userCacheFolders(): string[] {
	const given = process.env.XDG_CACHE_HOME ?? "";
	if (isAbsolute(given)) return [join(given, "dispatch")];
	const home = findUserHome();
	return home === null ? [] : [join(home, ".cache", "dispatch")];
}

/** Option names alone: values differ at each run and change nothing. */
function form(): string {
	const words = process.argv.slice(3);
	const end = words.includes("--") ? words.indexOf("--") : words.length;
	const options = words.slice(0, end).filter((word) => /^--?[a-z]/i.test(word));
	const names = new Set(options.map((word) => word.replace(/=.*/s, "")));
	return checksum([...names].sort().join(" "));
}

function isNew(seen: Seen): boolean {
	const runs = seen[form()];
	return runs === undefined ? Object.keys(seen).length < MAX_FORMS : runs < RUNS_PER_FORM;
}

function readCache(folders: string[], name: string): { seen: Seen; data: Buffer | null } {
	for (const folder of folders) {
		try {
			if (!isOurs(folder)) continue;
			const file = readPlainFile(join(folder, name));
			const { crc, seen } = JSON.parse(file.toString("latin1", 0, HEAD_BYTES)) as Head;
			const data = file.subarray(HEAD_BYTES);
			if (crc32(data) === crc) return { seen, data };
		} catch {
			// Not there, not readable or damaged: the next one.
		}
	}
	return { seen: {}, data: null };
}

/** A FIFO in its place would hold every start up. */
function readPlainFile(path: string): Buffer {
	const fd = openSync(path, system.O_RDONLY | system.O_NONBLOCK | system.O_NOFOLLOW);
	try {
		const found = fstatSync(fd);
		// Its folder may be another one by now.
		if (!found.isFile() || !isOwn(found)) throw new Error("is no file of ours");
		return readFileSync(fd);
	} finally {
		closeSync(fd);
	}
}

/** A cache is code: it is taken only from a folder that nobody else can write to. */
function isOurs(folder: string): boolean {
	return isOwn(lstatSync(folder));
}

function isOwn({ uid, mode }: Stats): boolean {
	return uid === process.getuid?.() && (mode & 0o022) === 0;
}

function keepAfterRun(script: Script, folders: string[], name: string, seen: Seen): void {
	process.once("exit", (code) => {
		if (code !== 0) return;
		// What it was loaded from is in it again: it only grows.
		const compiled = script.createCachedData();
		const head: Head = { crc: crc32(compiled), seen: { ...seen, [form()]: (seen[form()] ?? 0) + 1 } };
		const data = Buffer.concat([Buffer.from(JSON.stringify(head).padEnd(HEAD_BYTES), "latin1"), compiled]);
		for (const folder of folders) if (writeCache(folder, name, data)) return;
	});
}

/** @returns whether it was written */
function writeCache(folder: string, name: string, data: Buffer): boolean {
	try {
		mkdirSync(folder, { recursive: true, mode: 0o700 });
		if (!isOurs(folder)) return false;
		replaceFile(join(folder, name), data, { durable: false });
		removeOlder(folder, name);
		return true;
	} catch {
		// A full or read-only disk: the next start compiles again.
		return false;
	}
}

/** Those of earlier builds of the same command. */
function removeOlder(folder: string, name: string): void {
	for (const other of readdirSync(folder)) {
		if (other !== name && other.startsWith(`${command()}-`)) rmSync(join(folder, other), { force: true });
	}
}
