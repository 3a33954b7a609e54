import {
	appendFileSync,
	linkSync,
	mkdirSync,
	readFileSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { appendNote, readPlan, readPlanText, writePlan } from "../../src/ipc/plan-file.ts";
import { readReport } from "../../src/ipc/report.ts";
import { ipcStamp, signsOfLife } from "../../src/ipc/signs.ts";
import { rememberSecret } from "../../src/task/secrets.ts";
import { makeFifo, makeTask } from "./stage.ts";

const HOSTILE: [string, (path: string) => void][] = [
	["a missing file", () => {}],
	["a link", (path) => symlinkSync("/etc/hostname", path)],
	["a device", (path) => symlinkSync("/dev/zero", path)],
	["a FIFO", makeFifo],
	["a directory", (path) => mkdirSync(path)],
];

describe("plan.md", () => {
	test("is written and read whole", async () => {
		const { dir } = await makeTask();
		writePlan(dir, "# P\n\n- [x] One\n");
		expect(readPlanText(dir)).toBe("# P\n\n- [x] One\n");
		expect(readPlan(dir)?.items).toMatchObject([{ marker: "x", text: "One" }]);
	});

	test.each(HOSTILE)("%s in its place is no plan", async (_what, put) => {
		const { dir } = await makeTask();
		rmSync(join(dir, "plan.md"));
		put(join(dir, "plan.md"));
		expect(readPlan(dir)).toBeNull();
		expect(appendNote(dir, "x")).toBe("no_plan");
	});

	test("one of more than 1 MiB is no plan", async () => {
		const { dir } = await makeTask();
		writeFileSync(join(dir, "plan.md"), "x".repeat(1024 * 1024));
		expect(readPlanText(dir)).toHaveLength(1024 * 1024);
		appendFileSync(join(dir, "plan.md"), "x");
		expect(readPlan(dir)).toBeNull();
	});

	test.each([
		["a title", `# ${"x".repeat(960)}SECRET`],
		["an item", `- [ ] ${"x".repeat(960)}SECRET`],
		["an item of a table", `| plan | state |\n|---|---|\n| ${"x".repeat(960)}SECRET | open |`],
		["a note", `- [ ] a\n  ${"x".repeat(960)}SECRET`],
		["a line", `- [ ] a${" ".repeat(7_960)}SECRET`],
	])("where %s is cut no part of a secret is left", async (_, plan) => {
		const { dir } = await makeTask();
		const secret = "plPlanned0123456789".repeat(5);
		rememberSecret("A_KEY", secret);
		writeFileSync(join(dir, "plan.md"), `${plan.replace("SECRET", secret)}\n\n- [x] b\n`);
		expect(JSON.stringify(readPlan(dir))).not.toContain("plPlanned");
	});

	test("a note is appended until it is seen there", async () => {
		const { dir } = await makeTask();
		const agentWrites = (text: string) => writeFileSync(join(dir, "plan.md"), text);
		agentWrites("# P\r\n\r\n- [ ] One");
		expect(appendNote(dir, "Use Redis 7.\n- [x] no item")).toBe("appended");
		const noted = "# P\r\n\r\n- [ ] One\n\n> **Note from dispatcher:** Use Redis 7.\n> - [x] no item\n";
		expect(readPlanText(dir)).toBe(noted);
		expect(readPlan(dir)?.items).toHaveLength(1);
		expect(appendNote(dir, "Use Redis 7.\n- [x] no item")).toBe("there");
		agentWrites("# P\n\n- [x] One\n");
		expect(appendNote(dir, "Use Redis 7.\n- [x] no item")).toBe("appended");
		expect(appendNote(dir, "Another")).toBe("appended");
		agentWrites((readPlanText(dir) ?? "").replaceAll("\n", "\r\n"));
		expect(appendNote(dir, "Use Redis 7.\n- [x] no item")).toBe("there");
	});
});

test("notes never make a plan unreadable: one that does not fit waits until there is room again", async () => {
	const { dir } = await makeTask();
	writePlan(dir, "# P\n\n- [ ] One\n");
	const note = (n: number) => `${n} ${"y".repeat(16_000)}`;
	const results = Array.from({ length: 200 }, (_, n) => appendNote(dir, note(n)));
	const fitting = results.indexOf("full");
	expect(fitting).toBeGreaterThan(50);
	expect(new Set(results.slice(fitting))).toEqual(new Set(["full"]));
	// What stands there is seen as ever, and the agent has room for some words of its own.
	expect(appendNote(dir, note(0))).toBe("there");
	appendFileSync(join(dir, "plan.md"), "z".repeat(64 * 1024));
	expect(readPlan(dir)?.items).toMatchObject([{ text: "One" }]);
	writePlan(dir, "# P\n\n- [ ] One\n");
	expect(appendNote(dir, note(199))).toBe("appended");
});

test("a note is never written through a second name of the plan", async () => {
	const { dir, cwd } = await makeTask();
	const outside = join(cwd, "a file of the user's");
	writeFileSync(outside, "# P\n\n- [ ] One\n");
	rmSync(join(dir, "plan.md"));
	linkSync(outside, join(dir, "plan.md"));
	expect(appendNote(dir, "x")).toBe("no_plan");
	writePlan(dir, "# New\n");
	expect(readFileSync(outside, "utf8")).toBe("# P\n\n- [ ] One\n");
});

describe("output.md", () => {
	test("is capped, and the cut is marked and tears no character", async () => {
		const { dir } = await makeTask();
		writeFileSync(join(dir, "output.md"), "Found 3 issues\n");
		expect(readReport(dir)).toBe("Found 3 issues\n");
		writeFileSync(join(dir, "output.md"), `a${"ü".repeat(256 * 1024)}`);
		const report = readReport(dir) ?? "";
		expect(report).toBe(`a${"ü".repeat(128 * 1024 - 1)}\n\n[cut]\n`);
	});

	test.each([...HOSTILE, ["an empty file", (path: string) => writeFileSync(path, "\n")] as const])(
		"%s is no report",
		async (_what, put) => {
			const { dir } = await makeTask();
			put(join(dir, "output.md"));
			expect(readReport(dir)).toBeNull();
		},
	);
});

test("the stamp changes with every change of the agent's files, and only then", async () => {
	const { dir, ipc, write } = await makeTask();
	const changes: (() => void)[] = [
		() => appendFileSync(join(dir, "plan.md"), "- [ ] One\n"),
		() => writeFileSync(join(dir, "output.md"), "r"),
		() => writeFileSync(join(dir, "context.md"), "c"),
		() => write("001.question", ""),
		() => write("001.question", "filled in place"),
		() => renameSync(join(ipc, "001.question"), join(ipc, "002.question")),
		() => rmSync(ipc, { recursive: true }),
		() => symlinkSync("nowhere", ipc),
		() => rmSync(dir, { recursive: true }),
	];
	const stamps = [signsOfLife(dir)];
	for (const change of changes) {
		change();
		stamps.push(signsOfLife(dir));
		expect(signsOfLife(dir)).toBe(stamps.at(-1));
	}
	expect(new Set(stamps).size).toBe(stamps.length);
});

test("the stamp of a crowded ipc/ changes with every new file", async () => {
	const { dir, write } = await makeTask();
	const stamps = Array.from({ length: 80 }, (_, index) => {
		write(`${index + 100}.question`, "Q");
		return ipcStamp(dir);
	});
	expect(new Set(stamps).size).toBe(stamps.length);
});
