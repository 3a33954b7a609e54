/** Actions on a real store: values in, values or refusals out. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { answerTask } from "../../src/actions/answer.ts";
import { afterCancel, cancelTasks, endedMeanwhile, refusedOrAsked } from "../../src/actions/cancel.ts";
import { exactly, findTask } from "../../src/actions/find-task.ts";
import { noteTask } from "../../src/actions/note.ts";
import { type Removable, removableTasks, removeIfEnded, removeTask } from "../../src/actions/remove.ts";
import { type RetryPlace, type RetryRequest, retryTasks } from "../../src/actions/retry.ts";
import { requireAsShown, theOnly } from "../../src/actions/several.ts";
import { answerLine } from "../../src/cli/show/answer-lines.ts";
import { emptyConfig } from "../../src/config/config.ts";
import { Orders } from "../../src/config/orders.ts";
import { spendOrder } from "../../src/config/spent-orders.ts";
import { claimRun, epochsOf, removeRuns, tasksWithRuns } from "../../src/process/run-dir.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { agreedTo } from "../../src/task/agreed.ts";
import { chosenOption, optionsOf } from "../../src/task/question-options.ts";
import type { TaskRecord } from "../../src/task/record.ts";
import { HOST, question, runningTask, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { temporaryFolder } from "../temporary-folder.ts";

let redis: TestRedis;
let store: Store;
const orders = new Orders(temporaryFolder("acts"), "acts");
beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--maxmemory-policy", "noeviction"] });
	store = await openStore({ target: redis.target, namespace: "acts", role: "command" });
});
afterAll(async () => {
	await store?.close();
	await redis?.stop();
});

async function retryTask(on: Store, place: RetryPlace, id: string, request: RetryRequest) {
	return theOnly((await retryTasks(on, place, [id], request)) ?? []);
}

const ASKED = "Which port?\n\nOptions:\n1. 8080\n2. 9090\n3. 1";

test.each([
	["2", "9090"],
	[" 2\n", "9090"],
	["1", null],
	["3", "1"],
	["4", null],
	["0", null],
	["02", null],
	["8080", null],
	["2 of them", null],
	["2.", "9090"],
	["2)", "9090"],
	["２", "9090"],
	[" ２． ", "9090"],
	["1.", null],
	["4.", null],
	["2.5", null],
	["(2", null],
	["2..", null],
	["-", null],
])("the answer %j chooses %j", (said, chosen) => {
	expect(chosenOption(ASKED, said)?.text ?? null).toBe(chosen);
});

test("options are options with the line ends of Windows, too", () => {
	const asked = ASKED.replaceAll("\n", "\r\n");
	expect(chosenOption(asked, "2")).toEqual({ number: 2, text: "9090" });
	expect(optionsOf(asked)).toEqual(optionsOf(ASKED));
});

test("an option's number is sent as its text, and said; every name of a question's file has its number", async () => {
	const epoch = await runningTask(store, "port");
	await store.ask("port", epoch, [question("0001", ASKED), question("002", "Free text?")]);
	const first = await answerTask(store, await findTask(store, "por"), { text: "2", by: "me@here", seq: 1 });
	expect(first).toMatchObject({ task: "port", seq: "0001", answer: "9090", option: 2, state: "asking" });
	const second = await answerTask(store, "port", { text: "2", by: "me@here", seq: null });
	expect(second).toMatchObject({ seq: "002", answer: "2", option: null, state: "running", was: "asking" });
	expect([first, second].map(({ noSuchOption }) => noSuchOption)).toEqual([false, false]);
	expect((await store.questions("port")).map(({ answer }) => answer)).toEqual(["9090", "2"]);
	await expect(answerTask(store, "port", { text: "1", by: "you@here", seq: 1 })).rejects.toMatchObject({
		code: "DISPATCH_ALREADY_ANSWERED",
		// As `status` and `logs` say the time.
		message: expect.stringMatching(/ by me@here at \d\d:\d\d:\d\d: "9090"/),
	});
	for (const text of [" ", "…", " …\n"])
		await expect(answerTask(store, "port", { text, by: "me", seq: null })).rejects.toMatchObject({
			code: "DISPATCH_USAGE",
		});
});

test("an answer to the question that was shown goes to no other text that stands in its place by now", async () => {
	const epoch = await runningTask(store, "shown");
	const asks = async (text: string) => store.ask("shown", epoch, [question("001", text)]);
	const answer = async (text: string, shown: string) => {
		const askedAt = (await store.questions("shown")).at(-1)?.askedAt ?? 0;
		return answerTask(store, "shown", { text, by: "me@here", seq: 1, shown: { text: shown, askedAt } });
	};
	await asks("May I run the tests?");
	expect(await asks("May I drop the table?\n\n1. Yes\n2. No")).toMatchObject({ asked: ["001"] });
	await expect(answer("1", "May I run the tests?")).rejects.toMatchObject({
		code: "DISPATCH_STALE",
		message: "Question 001 of `shown` has another text by now: your answer was not sent.",
	});
	expect((await store.questions("shown")).map((each) => each.answer)).toEqual([null]);
	expect(await answer("2", "May I drop the table?\n\n1. Yes\n2. No")).toMatchObject({ answer: "No" });
	await expect(answer("2", "May I run the tests?")).rejects.toMatchObject({
		code: "DISPATCH_ALREADY_ANSWERED",
	});
	await asks("May I go on?");
	await expect(answer("Yes", "May I run the tests?")).rejects.toMatchObject({ code: "DISPATCH_STALE" });
	expect(await answerTask(store, "shown", { text: "Yes", by: "me@here", seq: 1 })).toMatchObject({
		question: "May I go on?",
	});
});

/** As the worker of that host does. */
const hostBeats = () => store.client.hset(store.keys.host(HOST), "beatAt", Date.now());

test("several are cancelled at once, and none when one of them is not there", async () => {
	await hostBeats();
	for (const id of ["c1", "c2"]) await runningTask(store, id);
	await store.create(specOf("c3"));
	await expect(cancelTasks(store, ["c3", "nobody"], { by: "me" })).rejects.toMatchObject({
		code: "DISPATCH_NO_SUCH_TASK",
	});
	expect(await store.stateOf("c3")).toBe("queued");
	const replies = await cancelTasks(store, ["c1", "c2", "c3", "c1"], { by: "me" });
	expect(replies.map((each) => `${each.task} ${theOnly([each]).result}`)).toEqual([
		"c1 cancelling",
		"c2 cancelling",
		"c3 cancelled",
	]);
	// One time limit for all: no host ends them here.
	expect([...(await afterCancel(store, ["c1", "c2"], 0)).values()]).toEqual(["running", "running"]);
	const waiting = afterCancel(store, ["c1", "c2"], 60_000);
	for (const id of ["c1", "c2"]) await store.move({ id, from: ["running"], to: "cancelled", set: {} });
	expect([...(await waiting).values()]).toEqual(["cancelled", "cancelled"]);
	const late = new Map<string, "completed" | "cancelled">([
		["c1", "completed"],
		["c2", "cancelled"],
	]);
	const [c1, c2] = endedMeanwhile(replies, late);
	expect(c1).toMatchObject({ refusal: { code: "DISPATCH_ALREADY_ENDED", exitCode: 8 } });
	expect(c2).toMatchObject({ done: { result: "cancelling" } });
	const again = await cancelTasks(store, ["c1"], { by: "me" });
	expect(() => theOnly(refusedOrAsked(again))).toThrow("Nothing to cancel: `c1` is cancelled.");
});

test("what was read, and started again before the act comes to it, is left alone by the scripts", async () => {
	const place = { path: temporaryFolder("acts"), hostId: "elsewhere" };
	const stale = { code: "DISPATCH_STALE", message: expect.stringContaining("left alone") };
	await runningTask(store, "again");
	const running = await store.need("again");
	await store.move({ id: "again", from: ["running"], to: "failed", set: {} });
	const failed = await store.need("again");
	await store.move({ id: "again", from: ["failed"], to: "queued", set: {} });
	await store.move({ id: "again", from: ["queued"], to: "running", runNonce: "n2", set: {} });
	expect(await cancelTasks(store, [running], { by: "me" })).toMatchObject([{ refusal: stale }]);
	const note = { text: "Stop", by: "me", agreed: agreedTo(running) };
	await expect(noteTask(store, running, note)).rejects.toMatchObject(stale);
	expect(await store.need("again")).toMatchObject({
		state: "running",
		stopRequested: false,
		pendingNotes: 0,
	});
	await store.move({ id: "again", from: ["running"], to: "failed", set: {} });
	await expect(removeTask(store, { id: "again", record: failed }, place)).rejects.toMatchObject(stale);
	expect(await removeIfEnded(store, failed, place)).toBeNull();
	expect(await store.stateOf("again")).toBe("failed");
	expect(await removeIfEnded(store, await store.need("again"), place)).toMatchObject({ task: "again" });
});

test.each(["removeTask", "removeIfEnded"])(
	"a new task of the id that was just removed (%s) keeps the start that it has made meanwhile",
	async (by) => {
		const place = { path: temporaryFolder("acts"), hostId: HOST };
		const start = (epoch: number, taskNonce: string) => {
			const facts = { task: "same", epoch, taskNonce, nonce: `n${epoch}`, backend: "fake", cwd: "/tmp" };
			claimRun(place.path, { ...facts, taskDir: place.path, startedAt: 1, sessionId: null });
		};
		const epoch = await runningTask(store, "same");
		await store.move({ id: "same", from: ["running"], to: "failed", set: {} });
		const record = await store.need("same");
		start(epoch, record.spec.nonce);
		start(epoch + 1, "another");
		const isById = by === "removeTask";
		expect(
			await (isById ? removeTask(store, { id: "same", record }, place) : removeIfEnded(store, record, place)),
		).toEqual({ task: "same", fault: null });
		expect(epochsOf(place.path, "same")).toEqual([epoch + 1]);
		await removeRuns(place.path, "same", epoch + 1);
		expect(tasksWithRuns(place.path)).toEqual([]);
	},
);

test("one that left the states of the filter is not cancelled; one that began meanwhile is, where they hold that", async () => {
	await hostBeats();
	for (const id of ["q1", "q2"]) await store.create(specOf(id));
	const read = await store.getMany(["q1", "q2"]);
	await store.move({ id: "q1", from: ["queued"], to: "running", runNonce: "n1", set: {} });
	expect(await cancelTasks(store, read, { by: "me", states: ["queued"] })).toMatchObject([
		{ task: "q1", refusal: { message: "`q1` is running by now, it was queued: left alone." } },
		{ task: "q2", done: { result: "cancelled" } },
	]);
	expect(await cancelTasks(store, read.slice(0, 1), { by: "me" })).toMatchObject([
		{ done: { result: "cancelling" } },
	]);
});

test("a question that is longer than any agent may ask is not read by lists and screens", async () => {
	await store.ask("huge", await runningTask(store, "huge"), [question("001", "x".repeat(200_000))]);
	const huge = (await store.openQuestions()).find(({ task }) => task === "huge");
	expect(huge?.text).toContain("This question is damaged in Redis: it.text has 200000 characters");
});

test("the same question, asked anew since it was shown, gets no answer that was meant for the earlier one", async () => {
	const epoch = await runningTask(store, "anew");
	await store.ask("anew", epoch, [question("001", "Delete it?")]);
	const [shown] = await store.questions("anew");
	await store.move({ id: "anew", from: ["asking"], to: "failed", set: {} });
	await store.move({ id: "anew", from: ["failed"], to: "queued", set: {} });
	await store.move({ id: "anew", from: ["queued"], to: "running", runNonce: "n2", set: {} });
	await store.ask("anew", epoch + 1, [question("001", "Delete it?")]);
	const [asked] = await store.questions("anew");
	const answer = (askedAt = 0) =>
		answerTask(store, "anew", { text: "Yes", by: "me", seq: 1, shown: { text: "Delete it?", askedAt } });
	await expect(answer(shown?.askedAt)).rejects.toMatchObject({
		code: "DISPATCH_STALE",
		message: "Question 001 of `anew` was asked anew since: your answer was not sent.",
	});
	expect(await answer(asked?.askedAt)).toMatchObject({ answer: "Yes" });
});

test("an id that is given twice, or gone since it was read, is never taken for the beginning of another one's", async () => {
	for (const id of ["fix", "fix-2", "fix-3"]) {
		await store.create(specOf(id));
		await cancelTasks(store, [id], { by: "me" });
	}
	await store.create(specOf("fix-4"));
	const place = { path: temporaryFolder("acts"), hostId: "elsewhere" };
	const [queued] = await removableTasks(store, ["fix-4"]);
	await expect(removeTask(store, queued as Removable, place)).rejects.toMatchObject({
		code: "DISPATCH_NOT_ENDED",
		message: "`fix-4` is queued, it has not ended.",
	});
	const removable = await removableTasks(store, ["fix", "fix-3", "fix", "fix-3"]);
	for (const each of removable) await removeTask(store, each, place);
	expect(removable.map(({ id }) => id)).toEqual(["fix", "fix-3"]);
	expect((await store.ids()).filter((id) => id.startsWith("fix")).sort()).toEqual(["fix-2", "fix-4"]);
	const gone = { code: "DISPATCH_NO_SUCH_TASK" };
	await store.remove("fix-2");
	const epoch = await runningTask(store, "other-1");
	await store.ask("other-1", epoch, [question("001", ASKED)]);
	await expect(answerTask(store, "other", { text: "2", by: "me", seq: 1 })).rejects.toMatchObject(gone);
	await expect(cancelTasks(store, ["fix"], { by: "me", find: exactly })).rejects.toMatchObject(gone);
	expect(await store.stateOf("fix-4")).toBe("queued");
	expect(await store.stateOf("other-1")).toBe("asking");
});

test("retry --model keeps the words of template and alias, and widens no permission", async () => {
	const config = emptyConfig();
	const backend = {
		name: "fake",
		type: "command" as const,
		command: "true",
		modelFlag: false,
		permissions: null,
	};
	config.backends.fake = backend;
	config.models.opus = { backend: "fake", id: null };
	config.aliases.careful = { model: "opus", prompt: "Be careful.", backend: null, permissions: "edit" };
	const place = { config, orders, hostId: HOST };
	for (const id of ["r1", "r2", "r3"]) {
		await runningTask(store, id, { promptAddition: "Template's words.", permissions: "read_only" }, orders);
		await store.move({ id, from: ["running"], to: "failed", set: { hasReport: true } });
	}
	const request = { fresh: false, model: "opus", sign: false };
	const agent = { promptAddition: "Template's words.", permissions: "read_only" };
	expect(await retryTasks(store, place, ["r1", "r2"], request)).toMatchObject([
		{ task: "r1", done: { agent, fresh: false } },
		{ task: "r2", done: {} },
	]);
	const third = await retryTask(store, place, "r3", { fresh: true, model: "careful", sign: false });
	expect(third.agent).toMatchObject({
		promptAddition: "Be careful.\n\nTemplate's words.",
		permissions: "read_only",
	});
	orders.require(await store.need("r3"));
	expect(await store.need("r3")).toMatchObject({ state: "queued", startMode: "fresh", hasReport: false });
	await expect(retryTask(store, place, "r1", request)).rejects.toMatchObject({
		code: "DISPATCH_NOT_ENDED",
	});
});

test.each([
	["8", true, 'Answer sent as the text "8": the question has no such option. '],
	["1", false, "Answer sent. "],
	["2", false, 'Answer sent: "9090" (option 2). '],
	["8 of them", false, "Answer sent. "],
	["8.", true, 'Answer sent as the text "8.": the question has no such option. '],
	["８", true, 'Answer sent as the text "８": the question has no such option. '],
	["1.", false, "Answer sent. "],
	["2)", false, 'Answer sent: "9090" (option 2). '],
])("the answer %j to a question with options: no such option is %s, and said", async (text, isNone, line) => {
	const id = `number-${text.codePointAt(0)}-${text.length}-${isNone}`;
	await store.ask(id, await runningTask(store, id), [question("001", ASKED)]);
	const answered = await answerTask(store, id, { text, by: "me@here", seq: null });
	expect(answered.noSuchOption).toBe(isNone);
	expect(answerLine(answered).slice(0, line.length)).toBe(line);
});

test("a question is the one that was shown by its number, its text, and when it was asked", async () => {
	await store.ask("shown-again", await runningTask(store, "shown-again"), [question("001", "Which port?")]);
	const record = await store.need("shown-again");
	const [asked] = await store.questions("shown-again");
	const check = (changes: Partial<NonNullable<typeof asked>>) => () => {
		if (asked === undefined) throw new Error("nothing was asked");
		requireAsShown({ record, question: asked }, { record, question: { ...asked, ...changes } }, ["asking"]);
	};
	expect(check({ answeredBy: null })).not.toThrow();
	for (const change of [{ text: "Delete it all?" }, { askedAt: 1 }, { seq: "002" }])
		expect(check(change)).toThrow("`shown-again` asks something else by now: left alone.");
});

test("a task that nobody on this host signed is not started again, unless its user vouches for it", async () => {
	const place = { config: emptyConfig(), orders, hostId: HOST };
	const request = { fresh: false, model: null, sign: false };
	await runningTask(store, "old");
	await store.move({ id: "old", from: ["running"], to: "failed", set: {} });
	await expect(retryTask(store, place, "old", request)).rejects.toMatchObject({
		code: "DISPATCH_NOT_SIGNED",
		hint: expect.stringContaining("dispatch retry old --sign"),
	});
	const elsewhere = { ...place, hostId: "h2" };
	await expect(retryTask(store, elsewhere, "old", { ...request, sign: true })).rejects.toMatchObject({
		code: "DISPATCH_NOT_SIGNED",
		message: expect.stringContaining("of the host h1"),
	});
	expect(await store.stateOf("old")).toBe("failed");
	const signed = { ...request, sign: true };
	const agrees = vi.fn(async (records: readonly TaskRecord[]) => records.length === 0);
	await runningTask(store, "busy");
	// What cannot be started anyway is not shown for a signature.
	expect(await retryTasks(store, place, ["busy"], signed, agrees)).toMatchObject([
		{ task: "busy", refusal: { code: "DISPATCH_NOT_ENDED" } },
	]);
	expect(agrees).not.toHaveBeenCalled();
	expect(await retryTasks(store, place, ["old", "busy"], signed, agrees)).toBeNull();
	expect(agrees.mock.calls.map(([records]) => records.map(({ spec }) => spec.id))).toEqual([["old"]]);
	expect(await store.stateOf("old")).toBe("failed");
	const shown = await store.need("old");
	// Changed by hand while its user looks at what was shown.
	await retryTasks(store, place, ["old"], signed, async () => {
		const spec = JSON.stringify({ ...shown.spec, prompt: "Do something else" });
		await store.client.hset(store.keys.task("old"), "spec", spec);
		return true;
	});
	const queued = await store.need("old");
	expect(() => orders.require(queued)).toThrow(expect.objectContaining({ code: "DISPATCH_NOT_SIGNED" }));
	orders.require({ ...queued, spec: shown.spec });
});

test("a copy of a task that was removed is not vouched for: its start would be refused all the same", async () => {
	const home = temporaryFolder("acts");
	const own = new Orders(home, "acts");
	await runningTask(store, "copy", {}, own);
	await store.move({ id: "copy", from: ["running"], to: "failed", set: {} });
	spendOrder(home, (await store.need("copy")).spec.nonce);
	const place = { config: emptyConfig(), orders: own, hostId: HOST };
	const request = { fresh: false, model: null, sign: true };
	await expect(retryTask(store, place, "copy", request)).rejects.toMatchObject({
		code: "DISPATCH_NOT_SIGNED",
		hint: expect.stringContaining("dispatch rm copy"),
	});
	expect(await store.stateOf("copy")).toBe("failed");
});

test("another host starts a task again as it was signed, and chooses nothing for it", async () => {
	const place = { config: emptyConfig(), orders: new Orders(temporaryFolder("acts"), "acts"), hostId: "h2" };
	await runningTask(store, "far", {}, orders);
	await store.move({ id: "far", from: ["running"], to: "failed", set: {} });
	await retryTasks(store, place, ["far"], { fresh: true, model: null, sign: false });
	const again = await store.need("far");
	expect(again.state).toBe("queued");
	expect(() => orders.require(again)).not.toThrow();
});
