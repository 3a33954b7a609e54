/** The picture of `dispatch inbox`, from fixed facts. */
import picocolors from "picocolors";
import stringWidth from "string-width";
import { expect, test } from "vitest";
import { type InboxModel, inboxFrame, keyOf } from "../../src/cli/screen/inbox-frame.ts";
import { whoseTexts } from "../../src/cli/show/task-columns.ts";
import { NOW, taskView } from "../task-view.ts";

const NO_COLORS = picocolors.createColors(false);

function asked(n: number) {
	return { task: `job-${n}`, seq: "001", text: "Which colour?", askedAt: NOW };
}

function picture(changes: Partial<InboxModel>, columns = 80): string[] {
	const open = Array.from({ length: 30 }, (_, n) => asked(n));
	const model: InboxModel = {
		open,
		whose: new Map(),
		mode: { kind: "list", selected: keyOf(asked(0)) },
		said: [],
		isSettling: false,
		awaySince: null,
		now: NOW,
		...changes,
	};
	return inboxFrame(model, { columns, rows: 24 }, NO_COLORS).lines as string[];
}

test("a list that is cut says how many questions are out of sight", () => {
	expect(picture({}).at(-2)).toBe("   9 more below");
	expect(picture({ mode: { kind: "list", selected: keyOf(asked(29)) } }).at(-2)).toBe("   9 more above");
	expect(picture({ mode: { kind: "list", selected: keyOf(asked(15)) } }).at(-2)).toBe(
		"   5 more above, 4 more below",
	);
});

test("whose task asks, and where it runs, stands beside it where not all are of one", () => {
	const tasks = [taskView("job-0"), taskView("job-1", { createdBy: "bob@mini2", host: "mini2" })];
	const lines = picture({ whose: whoseTexts(tasks) });
	expect(lines[1]).toBe("›job-0 (ann@mini1 on mini1): Which colour?");
	expect(lines[2]).toBe(" job-1 (bob@mini2 on mini2): Which colour?");
	const atOne = [taskView("job-0"), taskView("job-1", { createdBy: "bob@mini1" })];
	expect(picture({ whose: whoseTexts(atOne) })[2]).toBe(" job-1 (bob): Which colour?");
	expect(picture({ whose: whoseTexts([taskView("job-0")]) })[1]).toBe("›job-0: Which colour?");
	for (const line of picture({ whose: whoseTexts(tasks) }, 30))
		expect(stringWidth(line)).toBeLessThanOrEqual(30);
});

test("while keys do nothing the last line says so", () => {
	expect(picture({ isSettling: true }).at(-1)).toBe(" Keys work in a moment");
});
