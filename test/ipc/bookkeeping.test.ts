import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { array, assert, constantFrom, integer, property, record, string } from "fast-check";
import { expect, test } from "vitest";
import { readIpc, surveyIpc } from "../../src/ipc/questions.ts";
import { makeDirectory } from "./stage.ts";

const numbered = record({
	number: integer({ min: 0, max: 1_200 }),
	width: integer({ min: 3, max: 5 }),
	kind: constantFrom("question", "answer", "done"),
	form: constantFrom("file", "file", "file", "directory", "link"),
	text: string(),
});
const junk = constantFrom("001.question.tmp", ".001.a.tmp", "7.question", "notes.txt", "001.answers");

/** Whatever lies there, every name of the protocol is taken or refused, once, and nothing else is mentioned. */
test("readIpc accounts for every file", () => {
	const root = makeDirectory();
	assert(
		property(array(numbered, { maxLength: 30 }), array(junk), (entries, others) => {
			const dir = join(mkdtempSync(join(root, "d")), "tasks/t");
			const ipc = join(dir, "ipc");
			mkdirSync(ipc, { recursive: true });
			const names = new Map(
				entries.map((entry) => [`${String(entry.number).padStart(entry.width, "0")}.${entry.kind}`, entry]),
			);
			for (const name of others) writeFileSync(join(ipc, name), "junk");
			for (const [name, { form, text }] of names) put(join(ipc, name), form, text);

			const state = readIpc(dir);

			const taken = [
				...state.questions.map(({ seq }) => `${seq}.question`),
				...state.answered.map((seq) => `${seq}.answer`),
				...state.done.map((seq) => `${seq}.done`),
			];
			expect([...taken, ...state.rejected.map(({ name }) => name)].sort()).toEqual([...names.keys()].sort());
			for (const name of taken) expect(names.get(name)?.form).toBe("file");
			for (const seqs of [state.questions.map(({ seq }) => seq), state.answered, state.done]) {
				const numbers = seqs.map(Number);
				expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
			}
			for (const { seq, text } of state.questions) {
				expect(text).toBe(readFileSync(join(ipc, `${seq}.question`), "utf8").trimEnd());
				expect(text).not.toBe("");
			}
			expect(Number(surveyIpc(dir).nextSeq)).toBe(Math.max(0, ...entries.map(({ number }) => number)) + 1);
			rmSync(join(dir, "../.."), { recursive: true });
		}),
		{ numRuns: 60 },
	);
});

function put(path: string, form: string, text: string): void {
	if (form === "directory") mkdirSync(path);
	else if (form === "link") symlinkSync("notes.txt", path);
	else writeFileSync(path, text);
}
