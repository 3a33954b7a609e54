/** A small review by patterns: real findings, with the place, and never the secret itself. */
import type { SourceFile } from "./files.ts";

const CODE = /\.(c|cc|cpp|cs|go|java|jsx?|kt|mjs|cjs|php|py|rb|rs|sh|swift|tsx?|vue|svelte|html)$/;
const LONG_LINE = 2_000;
const LONG_FILE_LINES = 500;

export interface Finding {
	file: SourceFile;
	line: number;
	kind: string;
	text: string;
}

interface Rule {
	kind: string;
	pattern: RegExp;
	text: string;
}

const SECRETS: Rule[] = [
	{ kind: "secret", pattern: /\bAKIA[0-9A-Z]{16}\b/, text: "looks like an AWS access key" },
	{ kind: "secret", pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/, text: "a private key" },
	{ kind: "secret", pattern: /\b(ghp|gho|ghs)_[A-Za-z0-9]{36}\b/, text: "looks like a GitHub token" },
	{ kind: "secret", pattern: /\bsk[-_](live|ant|proj)[-_][A-Za-z0-9_-]{16,}/, text: "looks like an API key" },
	{
		kind: "secret",
		pattern: /\b\w*(password|passwd|secret|api_?key|token)\b["']?\s*[:=]\s*["'][^"'\s$<{]{8,}["']/i,
		text: "a credential written into the source",
	},
];

const RISKS: Rule[] = [
	{ kind: "injection", pattern: /(?<![.\w])eval\(|\bnew Function\(/, text: "runs text as code" },
	{
		kind: "injection",
		pattern: /\bexec(Sync)?\(\s*(`[^`]*\$\{|["'][^"']*["']\s*\+)/,
		text: "builds a shell command from parts",
	},
	{
		kind: "injection",
		pattern: /\bshell\s*[:=]\s*(true|True)\b|\bos\.system\(/,
		text: "starts a program through a shell",
	},
	{
		kind: "injection",
		pattern: /["'`]\s*(SELECT|INSERT|UPDATE|DELETE)\b[^"'`]*(["']\s*\+|\$\{)/i,
		text: "builds SQL from parts",
	},
	{ kind: "injection", pattern: /\.innerHTML\s*=[^=]|dangerouslySetInnerHTML=/, text: "sets raw HTML" },
	{
		kind: "injection",
		pattern: /\bpickle\.loads?\(|\byaml\.load\((?!.*Safe)/,
		text: "loads data that can run code",
	},
	{ kind: "crypto", pattern: /createHash\(["'](md5|sha1)["']|hashlib\.(md5|sha1)\(/, text: "a weak hash" },
	{
		kind: "tls",
		pattern: /rejectUnauthorized:\s*false|verify=False/,
		text: "switches certificate checks off",
	},
];

const MARKERS: Rule[] = [{ kind: "todo", pattern: /\b(TODO|FIXME)\b[:( ]/, text: "left to do" }];

export const findSecrets = (files: SourceFile[]): Finding[] => match(files, SECRETS);

export const findRisks = (files: SourceFile[]): Finding[] => match(files.filter(isCode), RISKS);

export function findUpkeep(files: SourceFile[]): Finding[] {
	const code = files.filter(isCode);
	const long = code.filter((file) => file.lines.length > LONG_FILE_LINES);
	return [
		...long.map((file) => ({ file, line: 1, kind: "size", text: `${file.lines.length} lines in one file` })),
		...match(code, MARKERS),
	];
}

export function isCode(file: SourceFile): boolean {
	return CODE.test(file.path);
}

/** One finding per line and kind. */
function match(files: SourceFile[], rules: Rule[]): Finding[] {
	return files.flatMap((file) =>
		file.lines.flatMap((line, index) => {
			if (line.length > LONG_LINE) return [];
			const rule = rules.find(({ pattern }) => pattern.test(line));
			return rule === undefined ? [] : [{ file, line: index + 1, kind: rule.kind, text: rule.text }];
		}),
	);
}
