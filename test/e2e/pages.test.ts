/** Every fenced command of README.md, docs/*.md and skill/*.md runs as printed, in the order of its page. */
import { afterEach, expect, test } from "vitest";
import { commandsOf, type Fence, fencesOf, pages } from "../house/fences.ts";
import { SETUPS } from "./page-setups.ts";
import { PageShell } from "./page-shell.ts";

let shell: PageShell | undefined;
afterEach(() => shell?.close());

const RUN = pages().filter((page) => fencesOf(page).some(isRun));

test.each(RUN)("%s: its commands run, and its sessions print what they show", async (page) => {
	const { user, programs, prepare, before = [] } = SETUPS[page] ?? {};
	const mine = new PageShell(user, programs);
	shell = mine;
	await prepare?.(mine);
	for (const { file, text } of fencesOf(page)) if (file !== null) mine.write(file, text);
	for (const step of fencesOf(page).filter(isRun).flatMap(stepsOf)) {
		for (const [form, make] of before) if (step.lines.some((line) => form.test(line))) await make(mine);
		const said = await mine.run(step.lines, { strict: step.printed === null });
		const found = step.printed === null ? `ended with ${said.code}` : shownAs(step.printed, said.output);
		const wanted = step.printed === null ? "ended with 0" : step.printed;
		expect(found, `${step.at}: ${step.lines.join("\n")}\n${said.output}`).toBe(wanted);
	}
	expect(fencesOf(page).some(answers) ? await otherAnswers(mine) : []).toEqual([]);
});

function answers(fence: Fence): boolean {
	return isRun(fence) && /^(?:\$ )?dispatch answer /m.test(fence.text);
}

interface Listed {
	questions: { text: string; answer: string | null }[];
}

/** The answers that a question did not offer: `all` where it says `(yes or no)`. */
async function otherAnswers(shell: PageShell): Promise<string[]> {
	const { code, output } = await shell.run(["dispatch ls --all --json 2>&-"], { strict: false });
	expect(code, output).toBe(0);
	const tasks: Listed[] = JSON.parse(output);
	return tasks.flatMap(({ questions }) =>
		questions.flatMap(({ text, answer }) => {
			const [, one, other] = /\((\w+) or (\w+)\)$/.exec(text.trim()) ?? [];
			const isOffered = one === undefined || answer === null || answer === one || answer === other;
			return isOffered ? [] : [`${text} ${answer}`];
		}),
	);
}

function isRun(fence: Fence): boolean {
	return fence.notRun === null && commandsOf(fence).length > 0;
}

interface Step {
	at: string;
	lines: string[];
	/** of a session: what stands below its command */
	printed: string | null;
}

/** A block of commands is one step, a session one for each command. */
function stepsOf(fence: Fence): Step[] {
	const at = `${fence.page}:${fence.line}`;
	if (fence.language === "sh") return [{ at, lines: fence.text.trimEnd().split("\n"), printed: null }];
	return fence.text
		.split(/^\$ /m)
		.slice(1)
		.map((step) => {
			const [line = "", ...printed] = step.split("\n");
			return { at, lines: [line], printed: printed.join("\n") };
		});
}

/** Without what differs from run to run: ages, and how far columns are apart. */
function steady(text: string): string {
	return text
		.replace(/\b\d+(?:\.\d+)?(?:ms|s|m|h)\b/g, "1s")
		.replace(/ {2,}/g, "  ")
		.trimEnd();
}

/** @returns `printed`, where the output is that with anything in place of its `…`; else the output */
function shownAs(printed: string, output: string): string {
	const form = steady(printed)
		.split("…")
		.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
		.join("[^]*?");
	return new RegExp(`^${form}$`).test(steady(output)) ? printed : output;
}
