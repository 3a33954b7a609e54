/** docs/BATCHES.md and docs/batch.schema.json are what the schema of batch files says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildProgram } from "../../src/cli/program/program.ts";
import { BATCH_KEYS, batchJsonSchema, describedKeys } from "../../src/producer/batch/schema.ts";
import { ROOT } from "./fences.ts";

const PAGE = join(ROOT, "docs/BATCHES.md");

/** Keys that are not called as the option is. */
const OPTION_OF: Record<string, string | null> = {
	prompt: "PROMPT",
	items: "--item",
	vars: "--var",
	tags: "--tag",
	needs: "--after",
	prompt_file: "--prompt-file",
	// Of a file with many tasks alone.
	foreach: null,
};
/** What `enqueue` does itself, and is no part of the task. */
const NO_KEYS = ["--wait", "--follow", "--timeout", "--dry-run", "--after"];

const optionOf = (key: string) => (key in OPTION_OF ? OPTION_OF[key] : `--${key}`) ?? null;

function tableOf(what: "file" | "foreach"): string {
	const rows = describedKeys(what).map(([key, means]) => `| \`${key}\` | ${means} |`);
	return ["| key | value |", "|---|---|", ...rows].join("\n");
}

function tableOfTask(): string {
	const rows = describedKeys("task").map(([key, means]) => {
		const option = optionOf(key);
		return `| \`${key}\` | ${means} | ${option === null ? "" : `\`${option}\``} |`;
	});
	return ["| key | value | as the option |", "|---|---|---|", ...rows].join("\n");
}

function filled(page: string, name: string, table: string): string {
	const [begin, end] = [`<!-- ${name}: made by \`npm run docs\` -->`, "<!-- end -->"];
	const from = page.indexOf(begin) + begin.length;
	return `${page.slice(0, from)}\n${table}\n${page.slice(page.indexOf(end, from))}`;
}

test("the page's tables are what the schema says (mend them with `npm run docs`)", async () => {
	const page = readFileSync(PAGE, "utf8");
	const tables = {
		"keys of the file": tableOf("file"),
		"keys of a task": tableOfTask(),
		foreach: tableOf("foreach"),
	};
	const wanted = Object.entries(tables).reduce((text, [name, table]) => filled(text, name, table), page);
	expect(wanted).toContain("| `prompt_file` |");
	await expect(wanted).toMatchFileSnapshot(PAGE);
});

test("docs/batch.schema.json is the schema (mend it with `npm run docs`)", async () => {
	const text = `${JSON.stringify(batchJsonSchema(), null, "\t")}\n`;
	await expect(text).toMatchFileSnapshot(join(ROOT, "docs/batch.schema.json"));
});

test("every key has its words", () => {
	const silent = [...describedKeys("file"), ...describedKeys("task"), ...describedKeys("foreach")].filter(
		([, means]) => means === "",
	);
	expect(silent).toEqual([]);
});

test("a task of a batch can be told all that `enqueue` can be told", () => {
	const program = buildProgram({ env: {}, done: () => {} });
	const enqueue = program.commands.find((command) => command.name() === "enqueue");
	const options = (enqueue?.options ?? []).filter(({ hidden }) => !hidden).map(({ long }) => long ?? "");
	expect(options.length).toBeGreaterThan(15);
	const known = [...BATCH_KEYS.map(optionOf), ...NO_KEYS];
	expect(options.filter((option) => !known.includes(option))).toEqual([]);
	const written = ["PROMPT", ...options];
	expect(BATCH_KEYS.map(optionOf).filter((option) => option !== null && !written.includes(option))).toEqual(
		[],
	);
});
