/** The pages of the docs: what they name is there. `test/e2e/pages.test.ts` runs their commands. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { backendOf } from "../../src/backends/index.ts";
import { buildProgram } from "../../src/cli/program/program.ts";
import { ERRORS } from "../../src/task/errors.ts";
import type { TaskView } from "../../src/task/view.ts";
import { type HostFacts, waitOf } from "../../src/task/view-why.ts";
import { agentEnv } from "../../src/worker/agent-env.ts";
import { NOW, taskView } from "../task-view.ts";
import { commandsOf, type Fence, fencesOf, pages, ROOT, textOf } from "./fences.ts";

const PAGES = pages();
const MAP = "docs/README.md";
const program = buildProgram({ env: {}, done: () => {} });

test("the pages are seen by this test at all", () => {
	expect(PAGES).toEqual(expect.arrayContaining(["README.md", MAP, "docs/QUESTIONS.md", "skill/SKILL.md"]));
	expect(fencesOf("README.md").flatMap(commandsOf).length).toBeGreaterThan(8);
});

test("the map names every page of docs/", () => {
	const named = [...textOf(MAP).matchAll(/\]\(([\w/-]+\.md)\)/g)].map(([, path]) => `docs/${path}`);
	expect(PAGES.filter((page) => page.startsWith("docs/") && page !== MAP && !named.includes(page))).toEqual(
		[],
	);
});

test("what no test runs says why, and the map lists it", () => {
	const marked = PAGES.flatMap(fencesOf)
		.filter(({ notRun }) => notRun !== null)
		.map(
			({ page, text, notRun }) =>
				`| [${page}](${page.replace(/^docs\//, "").replace(/^(README|skill)/, "../$1")}) | \`${text.split("\n")[0]?.split("#")[0]?.trim()}\` … | ${notRun} |`,
		);
	const listed = textOf(MAP)
		.split("\n")
		.filter((line) => line.includes("` … |"));
	expect(listed).toEqual(marked);
});

describe.each(PAGES)("%s", (page) => {
	test("has a language at each fence", () => {
		expect(
			fencesOf(page)
				.filter(({ language }) => language === "")
				.map(({ line }) => line),
		).toEqual([]);
	});

	test("names commands, options, files and headings that exist", () => {
		const fenced = fencesOf(page).flatMap(commandsOf);
		const inline = [...withoutFences(page).matchAll(/`(dispatch [^`]+)`/g)].map(([, line = ""]) => line);
		const lines = [...fenced, ...fencesOf(page).flatMap(stepsOf), ...inline].flatMap((line) =>
			[...line.matchAll(/(?<=^|[;|&(] ?|\$\()dispatch .*$/g)].map(([text]) => text),
		);
		expect(lines.map((line) => faultOf(line)).filter(Boolean)).toEqual([]);
		expect(links(page).filter((link) => !isThere(page, link))).toEqual([]);
	});
});

/** The commands of a CI server's file, which is read as its own parser would. */
function stepsOf({ language, text, file }: Fence): string[] {
	if (language !== "yaml" || file !== null) return [];
	const stepsIn = (value: unknown): string[] => {
		if (typeof value === "string") return value.startsWith("dispatch ") ? [value] : [];
		return typeof value === "object" && value !== null ? Object.values(value).flatMap(stepsIn) : [];
	};
	return stepsIn(parse(text));
}

test("the jobs for CI servers run a batch, and leave nothing behind on the runner", () => {
	const jobs = fencesOf("docs/BATCHES.md")
		.map(stepsOf)
		.filter((steps) => steps.length > 0);
	expect(jobs).toHaveLength(2);
	for (const steps of jobs)
		expect(steps).toEqual([
			expect.stringMatching(/^dispatch batch tasks\.yaml --key "nightly-\$\S.*" --wait --timeout 1h$/),
			"dispatch output licences > licences.md",
			"dispatch down --stop-agents",
		]);
});

function withoutFences(page: string): string {
	return textOf(page).replace(/^ *```.*?^ *```$/gms, "");
}

/** @returns what is wrong with a line of `dispatch`; null when nothing is */
function faultOf(line: string): string | null {
	const words =
		line
			.replace(/"[^"]*"|'[^']*'/g, "TEXT")
			.split(/ [|>&;#]| -- /)[0]
			?.split(/\s+/)
			.slice(1) ?? [];
	let command: Command = program;
	while (words[0] !== undefined) {
		const sub: Command | undefined = command.commands.find(
			(each) => each.name() === words[0] || each.aliases().includes(words[0] ?? ""),
		);
		if (sub === undefined) break;
		command = sub;
		words.shift();
	}
	// `dispatch "fix it"`, `dispatch COMMAND --help`, `dispatch …`
	if (command === program && /^[a-z]/.test(words[0] ?? "")) return `${line}: there is no such command`;
	const known = [
		"--help",
		...[...command.options, ...program.options].flatMap(({ long, short, negate }) => [
			long,
			short,
			negate ? long?.replace("--no-", "--") : null,
		]),
	];
	const wrong = words
		.map((word) => word.replace(/[=|,].*$/, ""))
		.find((word) => /^--?[a-z]/.test(word) && !known.includes(word));
	return wrong === undefined || command === program ? null : `${line}: there is no ${wrong}`;
}

function links(page: string): string[] {
	return [...withoutFences(page).matchAll(/\]\(([^)\s]+)\)/g)]
		.map(([, link = ""]) => link)
		.filter((link) => !/^https?:/.test(link));
}

function isThere(page: string, link: string): boolean {
	const [path = "", heading] = link.split("#");
	const target = path === "" ? page : join(dirname(page), path);
	if (!existsSync(join(ROOT, target))) return false;
	return heading === undefined || headings(target).includes(heading);
}

/** As GitHub makes anchors of them. */
function headings(page: string): string[] {
	return [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, text = ""]) =>
		text
			.toLowerCase()
			.replace(/[^\p{L}\p{N}\s_-]/gu, "")
			.replace(/\s/g, "-"),
	);
}

/** Read by its name somewhere in the sources: `env.NAME`, a login that a CLI's entry lists, a `DISPATCH_…` of any text. */
function variablesOfSources(): string[] {
	const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" }).filter((path) =>
		path.endsWith(".ts"),
	);
	const constants = [
		"DISPATCH_VERSION",
		"DISPATCH_BUILD",
		"DISPATCH_HOT",
		"DISPATCH_WORDS_OF_MAIN",
		"DISPATCH_BUNDLES",
		...Object.keys(ERRORS),
	];
	const found = files.flatMap((path) => {
		const text = readFileSync(join(ROOT, "src", path), "utf8").replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, "");
		const read = [...text.matchAll(/\benv(?:ironment)?\??\.([A-Z][A-Z0-9_]+)/g)].map(([, name = ""]) => name);
		const named = [...text.matchAll(/\bDISPATCH_[A-Z0-9_]*[A-Z0-9]\b(?!_)/g)].map(([name]) => name);
		const logins = /backends\/\w+\/cli\.ts$/.test(`src/${path}`)
			? [...text.matchAll(/"([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)"/g)]
			: [];
		return [...read, ...named, ...logins.map(([, name = ""]) => name)];
	});
	return [...new Set(found)].filter((name) => !constants.includes(name)).sort();
}

test("every environment variable that the sources read stands on docs/ENVIRONMENT.md, and no other", () => {
	const read = variablesOfSources();
	expect(read).toEqual(
		expect.arrayContaining(["DISPATCH_MAX_BACKOFF_MS", "DISPATCH_DONE_GRACE_MS", "CODEX_API_KEY"]),
	);
	const page = [...textOf("docs/ENVIRONMENT.md").matchAll(/^\|.+$/gm)]
		.flatMap(([row]) => [...(row.split("|")[1] ?? "").matchAll(/`([A-Z][A-Z0-9_]+)`/g)])
		.map(([, name]) => name);
	const elsewhere = [...textOf("docs/ENVIRONMENT.md").matchAll(/`(DISPATCH_[A-Z_]+)`/g)].map(
		([, name = ""]) => name,
	);
	expect(read.filter((name) => ![...page, ...elsewhere].includes(name))).toEqual([]);
	expect(page.filter((name) => !read.includes(name ?? ""))).toEqual([]);
});

/** The first cells of the table below a heading, without marks. */
function firstCells(page: string, heading: string): string[] {
	const [, part = ""] = textOf(page).split(`\n## ${heading}\n`);
	const rows = (part.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("| "));
	return rows.slice(1).map((row) => (row.split(" | ")[0] ?? "").slice(2).replaceAll("`", ""));
}

test("docs/TROUBLESHOOTING.md names each reason why a queued task waits, in the words of `status`, and no other", () => {
	const until = new Date(NOW + 60_000).toISOString();
	const holds = [
		"host_gone",
		"rate_limited",
		"unavailable",
		"auth",
		"billing",
		"budget",
		"backoff",
		"delayed",
	] as const;
	const workers = ["none", "drains", "stopped", "refused", "elsewhere"] as const;
	const free: HostFacts = {
		...{ host: "mini1", isHere: true, worker: "up", pid: 7, working: 0, asking: 0 },
		...{ concurrency: 2, maxAgents: 2, taken: null },
	};
	const text = (changes: Partial<TaskView>, facts: Partial<HostFacts> = {}) =>
		waitOf(taskView("a", { state: "queued", ...changes }), { ...free, ...facts }, NOW)?.text ?? "";
	const texts = [
		...holds.map((kind) => text({ hold: { kind, until } })),
		...workers.map((worker) => text({}, { worker })),
		text({}, { working: 2, maxAgents: 4 }),
		text({}, { working: 1, asking: 1 }),
		text({}, { taken: 2 }),
	];
	const said = firstCells("docs/TROUBLESHOOTING.md", "A task stays queued");
	expect(said.filter((cell) => !texts.some((each) => each.includes(cell)))).toEqual([]);
	expect(texts.filter((each) => !said.some((cell) => each.includes(cell)))).toEqual([]);
});

test("docs/TROUBLESHOOTING.md names no reason of a failure that no code gives", () => {
	const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" });
	const given = files
		.filter((path) => path.endsWith(".ts") && path !== "task/states.ts")
		.map((path) => readFileSync(join(ROOT, "src", path), "utf8"))
		.join("\n");
	const reasons = firstCells("docs/TROUBLESHOOTING.md", "A task failed").flatMap((cell) => cell.split(", "));
	expect(reasons).toContain("not_started");
	expect(reasons.filter((reason) => !given.includes(`"${reason}"`))).toEqual([]);
});

test("docs/ENVIRONMENT.md names every variable of dispatch's own that an agent gets", () => {
	const env = agentEnv({
		...{ base: {}, backend: backendOf("command"), home: "/h", taskDir: "/p/t", redisUrl: null },
	});
	const own = Object.keys(env).filter((name) => name.startsWith("DISPATCH_"));
	expect(own).toContain("DISPATCH_HOME");
	expect(firstCells("docs/ENVIRONMENT.md", "What an agent gets")).toEqual(expect.arrayContaining(own));
});
