import { once } from "node:events";
import {
	linkSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
	moveIpcAside,
	publishAnswer,
	QUESTION_LIMIT_BYTES,
	QUESTIONS_LIMIT,
	readIpc,
	retireAnswer,
	surveyIpc,
	writeDone,
} from "../../src/ipc/questions.ts";
import { temporaryName } from "../../src/process/atomic-file.ts";
import { makeFifo, makeTask } from "./stage.ts";

const NOTHING = { questions: [], answered: [], done: [], finished: false, rejected: [] };

describe("reading ipc/", () => {
	test("tells questions, answers, acknowledgements and the end", async () => {
		const { dir, write } = await makeTask();
		expect(readIpc(dir)).toEqual(NOTHING);
		write("002.question", "Second?\r\n1. a\r\n2. b\r\n\n");
		write("001.question", "First?\n  with a second line");
		write("001.answer", "yes");
		write("001.done", "");
		write(".done", "");
		expect(readIpc(dir)).toEqual({
			questions: [
				{ seq: "001", text: "First?\n  with a second line" },
				{ seq: "002", text: "Second?\n1. a\n2. b" },
			],
			answered: ["001"],
			done: ["001"],
			finished: true,
			rejected: [],
		});
	});

	test("ignores temporary files and every other name", async () => {
		const { dir, write } = await makeTask();
		const names = [
			"001.question.tmp",
			".001.ab.tmp",
			"1.question",
			"01.question",
			"001.question~",
			"x.answer",
		];
		for (const name of [...names, "001.questions", "-01.question", ".done.tmp", "001.Question"])
			write(name, "Q?");
		expect(readIpc(dir)).toEqual(NOTHING);
	});

	test("takes 1,000 questions in the order of their numbers, gaps and four digits included", async () => {
		const { dir, write } = await makeTask();
		const seqs = Array.from({ length: 1_000 }, (_, index) => String(index * 2 + 1).padStart(3, "0"));
		for (const seq of [...seqs].reverse()) write(`${seq}.question`, `Q${seq}`);
		const { questions, rejected } = readIpc(dir);
		expect(questions).toEqual(seqs.map((seq) => ({ seq, text: `Q${seq}` })));
		expect(rejected).toEqual([]);
		expect(surveyIpc(dir).nextSeq).toBe("2000");
	});

	test("reads so many questions and no more", async () => {
		const { dir, write } = await makeTask();
		for (let n = 1; n <= QUESTIONS_LIMIT + 3; n++) write(`${String(n).padStart(3, "0")}.question`, "Q");
		const { questions, rejected } = readIpc(dir);
		expect(questions.at(-1)?.seq).toBe(String(QUESTIONS_LIMIT));
		expect(rejected).toEqual([{ name: "ipc", why: `holds more than ${QUESTIONS_LIMIT} questions` }]);
	});

	test("of two spellings of a number the shorter one stands", async () => {
		const { dir, write } = await makeTask();
		write("0001.question", "late");
		write("001.question", "first");
		write("9999999.question", "far off");
		const { questions, rejected } = readIpc(dir);
		expect(questions).toEqual([{ seq: "001", text: "first" }]);
		expect(rejected.map(({ name }) => name)).toEqual(["0001.question", "9999999.question"]);
	});

	test("replaces what is no UTF-8, and takes exactly the largest size", async () => {
		const { dir, write } = await makeTask();
		write("001.question", Buffer.from([0x41, 0xff, 0xfe, 0x42, 0xe2, 0x82]));
		write("002.question", "q".repeat(QUESTION_LIMIT_BYTES));
		write("003.question", "q".repeat(QUESTION_LIMIT_BYTES + 1));
		write("004.question", " \n");
		const { questions, rejected } = readIpc(dir);
		expect(questions.map(({ seq, text }) => [seq, text.length])).toEqual([
			["001", 5],
			["002", QUESTION_LIMIT_BYTES],
		]);
		expect(questions[0]?.text).toBe("A\uFFFD\uFFFDB\uFFFD");
		expect(rejected).toEqual([
			{ name: "003.question", why: "is larger than 65536 bytes" },
			{ name: "004.question", why: "is empty" },
		]);
	});

	test("refuses what is no regular file, without blocking on it", async () => {
		const { dir, ipc, cwd, write } = await makeTask();
		writeFileSync(join(cwd, "secret"), "secret");
		makeFifo(join(ipc, "001.question"));
		mkdirSync(join(ipc, "002.question"));
		symlinkSync(join(cwd, "secret"), join(ipc, "003.question"));
		symlinkSync("nowhere", join(ipc, "004.question"));
		symlinkSync("/dev/zero", join(ipc, "005.question"));
		const server = createServer().listen(join(ipc, "006.question"));
		onTestFinished(() => void server.close());
		await once(server, "listening");
		mkdirSync(join(ipc, "007.answer"));
		symlinkSync(join(cwd, "secret"), join(ipc, "007.done"));
		makeFifo(join(ipc, ".done"));
		write("008.question", "fine?");
		const { rejected, ...rest } = readIpc(dir);
		expect(rest).toEqual({ ...NOTHING, questions: [{ seq: "008", text: "fine?" }], rejected: undefined });
		expect(rejected).toEqual([
			{ name: "001.question", why: "is a FIFO" },
			{ name: "002.question", why: "is a directory" },
			{ name: "003.question", why: "is a link" },
			{ name: "004.question", why: "is a link" },
			{ name: "005.question", why: "is a link" },
			{ name: "006.question", why: "is a socket" },
			{ name: "007.answer", why: "is not a regular file" },
			{ name: "007.done", why: "is not a regular file" },
			{ name: ".done", why: "is not a regular file" },
		]);
	});

	test("refuses a hard link, which is another file of this user's; a temporary name that was left is no other one", async () => {
		const { dir, ipc, cwd, write } = await makeTask();
		writeFileSync(join(cwd, "signing-key"), "secret");
		linkSync(join(cwd, "signing-key"), join(ipc, "001.question"));
		write("002.question", "Just published?");
		linkSync(join(ipc, "002.question"), temporaryName(join(ipc, "002.question")));
		write("003.question", "Temporary, and elsewhere?");
		linkSync(join(ipc, "003.question"), temporaryName(join(ipc, "003.question")));
		linkSync(join(ipc, "003.question"), join(cwd, "elsewhere"));
		write("004.question", "fine?");
		const { questions, rejected } = readIpc(dir);
		expect(questions.map(({ seq }) => seq)).toEqual(["002", "004"]);
		const why = "is a hard link: it has another name elsewhere";
		expect(rejected).toEqual([
			{ name: "001.question", why },
			{ name: "003.question", why },
		]);
		rmSync(join(cwd, "elsewhere"));
		expect(readIpc(dir).questions.map(({ seq }) => seq)).toEqual(["002", "003", "004"]);
	});

	test.each(["ipc", ".", "..", "../.."])("refuses %s where it is missing or became a link", async (part) => {
		const { dir, ipc, cwd, write } = await makeTask();
		write("001.question", "Q?");
		const path = part === "ipc" ? ipc : join(dir, part);
		renameSync(path, join(cwd, "moved"));
		const refused = {
			...NOTHING,
			rejected: [{ name: "ipc", why: "is missing, not a directory, or cannot be read" }],
		};
		expect(readIpc(dir)).toEqual(refused);
		symlinkSync(join(cwd, "moved"), path);
		expect(readIpc(dir)).toEqual(refused);
		expect(publishAnswer(dir, "001", "no")).toBe("blocked");
	});
});

describe("answering", () => {
	test("an answer is there whole, once, and no temporary file stays", async () => {
		const { dir, ipc } = await makeTask();
		expect(publishAnswer(dir, "001", "grün\n")).toBe("published");
		expect(publishAnswer(dir, "001", "other")).toBe("exists");
		expect(readFileSync(join(ipc, "001.answer"), "utf8")).toBe("grün\n");
		expect(readdirSync(ipc)).toEqual(["001.answer"]);
	});

	test.each([
		["a directory", (path: string) => mkdirSync(path)],
		["a link", (path: string) => symlinkSync("target", path)],
		["a FIFO", makeFifo],
	])("%s in the answer's place is never replaced nor written through", async (_what, put) => {
		const { dir, ipc } = await makeTask();
		put(join(ipc, "001.answer"));
		expect(publishAnswer(dir, "001", "text")).toBe("blocked");
		expect(readdirSync(ipc)).toEqual(["001.answer"]);
	});

	test("a number cannot lead out of ipc/", async () => {
		const { dir } = await makeTask();
		for (const seq of ["../001", "1", "", "001/../../x"]) {
			expect(() => publishAnswer(dir, seq, "x")).toThrow("Expected a question's number");
		}
	});

	test("acknowledging twice is as good as once", async () => {
		const { dir } = await makeTask();
		writeDone(dir, "001");
		writeDone(dir, "001");
		expect(readIpc(dir).done).toEqual(["001"]);
	});

	test("a retired answer makes room and is kept", async () => {
		const { dir, ipc, write } = await makeTask();
		retireAnswer(dir, "001");
		write("001.question", "new text");
		publishAnswer(dir, "001", "old");
		writeDone(dir, "001");
		retireAnswer(dir, "001");
		expect(readIpc(dir)).toMatchObject({ answered: [], done: [], rejected: [] });
		expect(publishAnswer(dir, "001", "new")).toBe("published");
		const kept = readdirSync(ipc).filter((name) => name.startsWith(".001.answer."));
		expect(kept.map((name) => readFileSync(join(ipc, name), "utf8"))).toEqual(["old"]);
	});
});

describe("moving ipc/ aside", () => {
	test("keeps what was asked, begins anew, and a repeat does no harm", async () => {
		const { dir, write } = await makeTask();
		write("001.question", "Q?");
		moveIpcAside(dir, 3);
		moveIpcAside(dir, 3);
		expect(readIpc(dir)).toEqual(NOTHING);
		expect(readFileSync(join(dir, "attempts/3/ipc/001.question"), "utf8")).toBe("Q?");
		write("001.question", "Again?");
		moveIpcAside(dir, 3);
		expect(readFileSync(join(dir, "attempts/3-2/ipc/001.question"), "utf8")).toBe("Again?");
		expect(surveyIpc(dir).nextSeq).toBe("001");
	});

	test("heals a missing ipc/ and moves a link away as a link", async () => {
		const { dir, ipc, cwd } = await makeTask();
		rmSync(ipc, { recursive: true });
		moveIpcAside(dir, 1);
		expect(readIpc(dir)).toEqual(NOTHING);
		rmSync(ipc, { recursive: true });
		mkdirSync(join(cwd, "outside"));
		writeFileSync(join(cwd, "outside/001.question"), "Q?");
		symlinkSync(join(cwd, "outside"), ipc);
		moveIpcAside(dir, 2);
		expect(readIpc(dir)).toEqual(NOTHING);
		expect(readdirSync(join(cwd, "outside"))).toEqual(["001.question"]);
	});

	test("refuses to move through a link", async () => {
		const { dir, cwd, write } = await makeTask();
		write("001.question", "Q?");
		symlinkSync(cwd, join(dir, "attempts"));
		expect(() => moveIpcAside(dir, 1)).toThrow(expect.objectContaining({ code: "DISPATCH_BAD_CWD" }));
		expect(readIpc(dir).questions).toHaveLength(1);
	});
});
