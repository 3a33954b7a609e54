/** The files that a review looks at: text, of a sensible size, the project's own. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";

const SKIPPED_DIRS = new Set([
	"node_modules",
	"dist",
	"build",
	"coverage",
	"vendor",
	"target",
	"__pycache__",
	"venv",
]);
const SKIPPED_FILES = /(^|[-.])(lock|min\.(js|css)|map|snap)$|package-lock\.json$|go\.sum$/;
const MAX_FILES = 2_000;
const MAX_FILE_BYTES = 512 * 1024;
const MAX_BYTES = 20 * 1024 * 1024;
const BINARY_PROBE_BYTES = 8_000;
const TEST_FILE = /(^|\/)(tests?|spec|__tests__)\/|[._-](test|spec)\.[a-z]+$|(^|\/)test_[^/]+\.py$/;

export interface SourceFile {
	/** relative to the reviewed directory, with slashes */
	path: string;
	lines: string[];
	isTest: boolean;
}

interface Sources {
	files: SourceFile[];
	/** whether a cap was reached: there is more than was read */
	capped: boolean;
}

/** Reads the text files under `root`; follows no links, and skips dependencies, build output and dot files. */
export function readSources(root: string): Sources {
	const files: SourceFile[] = [];
	let bytes = 0;
	for (const path of walk(root)) {
		if (files.length >= MAX_FILES || bytes >= MAX_BYTES) return { files, capped: true };
		const text = readText(path);
		if (text === null) continue;
		bytes += text.length;
		const name = relative(root, path).split(sep).join("/");
		files.push({ path: name, lines: text.split(/\r?\n/), isTest: TEST_FILE.test(name) });
	}
	return { files, capped: false };
}

function* walk(directory: string): Generator<string> {
	for (const entry of entriesOf(directory)) {
		if (entry.name.startsWith(".")) continue;
		const path = join(directory, entry.name);
		if (entry.isDirectory() && !SKIPPED_DIRS.has(entry.name)) yield* walk(path);
		else if (entry.isFile() && !SKIPPED_FILES.test(entry.name)) yield path;
	}
}

function entriesOf(directory: string) {
	try {
		return readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
	} catch {
		return [];
	}
}

/** @returns null for what is too large, binary or unreadable */
function readText(path: string): string | null {
	try {
		if (statSync(path).size > MAX_FILE_BYTES) return null;
		const content = readFileSync(path);
		return content.subarray(0, BINARY_PROBE_BYTES).includes(0) ? null : content.toString("utf8");
	} catch {
		return null;
	}
}
