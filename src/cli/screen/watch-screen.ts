/** `dispatch watch` on a terminal: looks, draws, and does what the keys say. */
import { afterCancel, cancelTasks, endedMeanwhile, refusedOrAsked } from "../../actions/cancel.ts";
import { exactly } from "../../actions/find-task.ts";
import { reportOf } from "../../actions/report.ts";
import { retryTask } from "../../actions/retry.ts";
import { theOnly } from "../../actions/several.ts";
import type { Told } from "../../actions/unsigned.ts";
import type { Store } from "../../queue/records/store.ts";
import { DispatchError } from "../../task/errors.ts";
import { shownFields, type TaskRecord } from "../../task/record.ts";
import { isEnded } from "../../task/states.ts";
import type { TaskView } from "../../task/view.ts";
import { cancelLine } from "../commands/cancel.ts";
import { retryLine } from "../commands/retry.ts";
import type { Context } from "../context.ts";
import { whoAmI } from "../options/values.ts";
import { ring } from "../show/bell.ts";
import { hereOf, refusedHere } from "../show/here.ts";
import { inAskedOrder, openQuestion } from "../show/question-lines.ts";
import { type Answering, beginAnswering, Drafts, nameOf, pressAnswering } from "./answering.ts";
import { diffText } from "./diff-text.ts";
import { Editor } from "./editor.ts";
import { whyGone } from "./gone.ts";
import { watchKeys } from "./keys-page.ts";
import { logText } from "./log-text.ts";
import { Looks } from "./looks.ts";
import { leavesPage, type Page, pressPage, readPage } from "./page.ts";
import { sendAnswer, waitsBecause, wordsOf, writeInEditor } from "./send-answer.ts";
import { Settling } from "./settling.ts";
import { statusPage } from "./status-page.ts";
import { TaskReader } from "./task-reader.ts";
import { DROPPED, isChord, type Key, Terminal } from "./terminal.ts";
import { SORTS, tasksShown, type WatchMode, type WatchModel, watchFrame } from "./watch-frame.ts";

const LOG_LINES = 1_000;
const PAGE_LINES = 10;
const STEPS: Readonly<Record<string, number>> = {
	up: -1,
	k: -1,
	down: 1,
	j: 1,
	pageup: -PAGE_LINES,
	pagedown: PAGE_LINES,
	home: Number.NEGATIVE_INFINITY,
	end: Number.POSITIVE_INFINITY,
};
/** One row, however long it is. */
const FILTER_COLUMNS = 1_000_000;
const SENDING = "Sending …";
const CANCEL_LIMIT_MS = 20_000;

type Mode<Kind extends WatchMode["kind"]> = WatchMode & { kind: Kind };

export class WatchScreen {
	readonly #context: Context;
	readonly #store: Store;
	readonly #terminal: Terminal;
	readonly #drafts = new Drafts();
	readonly #stop = new AbortController();
	readonly #looks = new Looks(this.#stop.signal, () => this.#draw());
	readonly #settling = new Settling(() => this.#draw());
	#refused: ReadonlyMap<string, Told> = new Map();
	#url: string | null = null;
	/** the questions whose answers are on their way */
	readonly #sending = new Set<string>();
	#model: WatchModel = {
		tasks: [],
		damaged: [],
		selected: null,
		filter: "",
		sort: "need",
		mode: { kind: "list" },
		message: null,
		isSettling: false,
		awaySince: null,
		now: Date.now(),
	};

	constructor(context: Context, store: Store, signal: AbortSignal) {
		this.#context = context;
		this.#store = store;
		signal.addEventListener("abort", () => this.#stop.abort(), { once: true });
		this.#terminal = new Terminal({
			keys: (key) => this.#press(key),
			resized: () => this.#draw(),
			dropped: () => this.#drop(),
		});
	}

	async run(): Promise<void> {
		const reader = new TaskReader(this.#store, (records) => refusedHere(this.#context, records));
		this.#url = await this.#context.redisUrl();
		this.#terminal.open();
		try {
			await this.#looks.run(this.#store, () => this.#look(reader));
		} finally {
			this.#settling.end();
			this.#terminal.close();
			for (const line of this.#drafts.unsentLines()) this.#context.output.write(line);
		}
	}

	async #look(reader: TaskReader): Promise<boolean> {
		const before = new Set(this.#asking());
		const isFirst = this.#model.tasks.length === 0;
		this.#model.tasks = await reader.readWithWaits(() => hereOf(this.#context, this.#url));
		this.#refused = reader.refused;
		this.#model.damaged = reader.damaged;
		this.#model.unread = reader.unread;
		this.#model.unreadSkipped = reader.unreadSkipped;
		if (!isFirst && this.#asking().some((id) => !before.has(id))) ring(this.#context, "question");
		this.#select(0);
		const { mode } = this.#model;
		if (mode.kind === "answer" && !this.#sending.has(mode.answering.name)) {
			const gone = await this.#whyGone(mode.answering);
			if (mode.answering.gone === null && gone !== null) mode.answering.message = null;
			mode.answering.gone = gone;
		}
		if (mode.kind === "page" && mode.logsOf !== null) {
			mode.page.text = await logText(this.#store, mode.logsOf, LOG_LINES);
			// Somebody reads along.
			return true;
		}
		return reader.hasNews;
	}

	/** @returns null: it is open */
	async #whyGone(answering: Answering): Promise<string | null> {
		const { task, name } = answering;
		const questions = this.#model.tasks.find(({ id }) => id === task)?.questions ?? [];
		const isOpen = questions.some((question) => question.open && nameOf(task, question) === name);
		return isOpen ? null : whyGone(this.#store, answering);
	}

	#asking(): string[] {
		return inAskedOrder(this.#model.tasks).map(({ id }) => id);
	}

	#draw(): void {
		this.#model.now = Date.now();
		this.#model.awaySince = this.#looks.awaySince;
		this.#model.isSettling = this.#settling.isOn;
		this.#terminal.draw(watchFrame(this.#model, this.#terminal.size, this.#context.output.colors));
	}

	/** What was typed too early is for nothing that stands here, nor is the rest of it. */
	#drop(): void {
		const { mode } = this.#model;
		if (mode.kind === "confirm") this.#model.mode = { kind: "list" };
		if (mode.kind === "answer") mode.answering.message = DROPPED;
		else this.#model.message = DROPPED;
		this.#settling.begin();
		this.#draw();
	}

	#press(key: Key): void {
		if (key.ctrl && key.name === "c") this.#stop.abort();
		if (this.#settling.holds(key)) return;
		const { mode } = this.#model;
		if (key.burst && mode.kind !== "answer" && mode.kind !== "filter") {
			this.#drop();
			return;
		}
		this.#model.message = null;
		switch (mode.kind) {
			case "answer":
				this.#answer(mode.answering, key);
				break;
			case "confirm":
				this.#confirm(mode, key);
				break;
			case "page":
				this.#turn(mode, key);
				break;
			case "filter":
				this.#filter(mode.editor, key);
				break;
			case "list":
				this.#choose(key);
		}
		this.#draw();
		const { mode: now } = this.#model;
		const hasOpened = now !== mode && (now.kind === "answer" || now.kind === "confirm");
		// Nobody has seen yet what it would answer, or agree to.
		if (hasOpened && this.#terminal.drop()) this.#drop();
	}

	#choose(key: Key): void {
		const { name, text } = key;
		if (isChord(key)) return;
		const step = STEPS[name];
		if (step !== undefined) this.#select(step);
		else if (name === "q") this.#stop.abort();
		else if (text === "?" || name === "f1") this.#open(watchKeys("list"));
		else if (text === "/") this.#beginFilter();
		else if (name === "s")
			this.#model.sort = SORTS[(SORTS.indexOf(this.#model.sort) + 1) % SORTS.length] ?? "need";
		else if (name === "escape") {
			this.#model.filter = "";
			this.#model.sort = "need";
		} else {
			const task = this.#model.tasks.find(({ id }) => id === this.#model.selected);
			if (task !== undefined) this.#onTask(task, name);
		}
	}

	#onTask(task: TaskView, name: string): void {
		const { id } = task;
		const open = openQuestion(task);
		if (name === "a" && open === undefined) this.#model.message = `${id} has no open question.`;
		else if ((name === "a" || name === "return") && open !== undefined) this.#begin(task, open);
		else if (name === "i" || name === "return") {
			const own = { host: this.#context.home.hostId, refused: this.#refused.get(id) ?? null };
			this.#open(statusPage(task, own));
		} else if (name === "l") {
			const page = {
				title: `logs of ${id}`,
				text: null,
				from: null,
				empty: "It has printed nothing yet.",
				mayQuit: true,
			};
			this.#open(page, id);
			this.#looks.soon();
		} else if (name === "o") {
			const report = () => reportOf(this.#store, id, this.#context.home.hostId);
			this.#openText(`report of ${id}`, "It is empty.", async () => (await report()).report);
		} else if (name === "d" && task.branch === null)
			this.#model.message = `${id} has no worktree: it works in ${task.cwd} itself.`;
		else if (name === "d") {
			const diff = () => diffText(this.#context, this.#store, id);
			this.#openText(`diff of ${id}`, "It has changed nothing.", diff);
		} else if (name === "c") {
			if (isEnded(task.state)) this.#model.message = `${id} is ${task.state}: nothing to cancel.`;
			else this.#model.mode = { kind: "confirm", act: "cancel", shown: task };
		} else if (name === "r") {
			if (isEnded(task.state)) this.#model.mode = { kind: "confirm", act: "retry", shown: task };
			else this.#model.message = `${id} is ${task.state}: only what has ended is started again.`;
		}
	}

	/** Moves the selection, and holds it within what is shown. */
	#select(by: number): void {
		const ids = tasksShown(this.#model).map(({ id }) => id);
		const at = Math.max(0, ids.indexOf(this.#model.selected ?? ""));
		this.#model.selected = ids[Math.max(0, Math.min(ids.length - 1, at + by))] ?? null;
	}

	#beginFilter(): void {
		const editor = new Editor();
		editor.set(this.#model.filter);
		this.#model.mode = { kind: "filter", editor };
	}

	#filter(editor: Editor, key: Key): void {
		const { name } = key;
		if (name === "up" || name === "down") {
			this.#select(STEPS[name] ?? 0);
			return;
		}
		if (name === "escape") editor.set("");
		const pressed = name === "escape" || name === "enter" ? "send" : editor.press(key, FILTER_COLUMNS);
		this.#model.filter = editor.text;
		if (pressed === "send") this.#model.mode = { kind: "list" };
		this.#select(0);
	}

	#begin(task: TaskView, open: TaskView["questions"][number]): void {
		const answering = beginAnswering(task, open, this.#drafts);
		if (this.#sending.has(answering.name)) answering.message = SENDING;
		this.#model.mode = { kind: "answer", answering };
	}

	#answer(answering: Answering, key: Key): void {
		// What is typed on after Enter is no command of the list, and changes nothing that is on its way.
		const isSending = this.#sending.has(answering.name);
		if (isSending && key.name !== "escape") return;
		const act = pressAnswering(answering, key, this.#terminal.size);
		if (act.kind === "back") {
			this.#model.mode = { kind: "list" };
			if (isSending) this.#model.message = SENDING;
			else if (this.#drafts.has(answering.name)) this.#model.message = "What you typed is kept.";
		} else if (act.kind === "help") this.#open(watchKeys("answer"));
		else if (act.kind === "editor") this.#writeInEditor(answering);
		else if (act.kind === "skip") this.#beginNext(answering);
		else if (act.kind === "send") void this.#send(answering, act.text);
	}

	/** The question stays in sight until the answer has arrived, or was refused. */
	async #send(answering: Answering, text: string): Promise<void> {
		const { name } = answering;
		answering.message = SENDING;
		this.#sending.add(name);
		const said = await sendAnswer(this.#context, this.#store, answering, text, this.#drafts).catch(wordsOf);
		const { mode } = this.#model;
		if (mode.kind === "answer" && mode.answering.name === name) {
			this.#model.mode = { kind: "list" };
			this.#settling.begin();
		}
		this.#model.message = said;
		this.#sending.delete(name);
		this.#looks.soon();
		this.#draw();
	}

	/** The open question behind this one, of whichever task; after the last one the first. */
	#beginNext(answering: Answering): void {
		const { name } = answering;
		const open = tasksShown({ ...this.#model, filter: "", sort: "need" }).flatMap((task) =>
			task.questions.filter((question) => question.open).map((question) => ({ task, question })),
		);
		const at = open.findIndex(({ task, question }) => nameOf(task.id, question) === name);
		const next = open[(at + 1) % open.length];
		if (next === undefined || nameOf(next.task.id, next.question) === name) {
			answering.message = "There is no other open question.";
			return;
		}
		this.#model.selected = next.task.id;
		this.#begin(next.task, next.question);
	}

	#writeInEditor(answering: Answering): void {
		void this.#terminal
			.aside(() => writeInEditor(this.#context, answering, this.#drafts))
			.catch(wordsOf)
			.then((said) => {
				answering.message = said;
			})
			.then(() => this.#draw());
	}

	/** Every key but y ends it, and does nothing else. */
	#confirm({ shown, act }: Mode<"confirm">, key: Key): void {
		this.#model.mode = { kind: "list" };
		if (key.name !== "y" || isChord(key)) return;
		this.#act(async (store) => {
			const record = await exactly(store, shown.id);
			const { createdAt, epoch } = shownFields(record);
			if (createdAt !== shown.createdAt || epoch !== shown.epoch)
				throw new DispatchError("DISPATCH_STALE", `${shown.id} was started again meanwhile: left alone.`);
			return act === "cancel" ? this.#cancel(store, record) : this.#retry(store, record);
		});
	}

	async #cancel(store: Store, record: TaskRecord): Promise<string> {
		const task = record.spec.id;
		const each = refusedOrAsked(await cancelTasks(store, [record], { by: whoAmI() }));
		const waits = await this.#waits([theOnly(each)]);
		const ends = await afterCancel(store, [task], CANCEL_LIMIT_MS);
		return `${cancelLine(theOnly(endedMeanwhile(each, ends)), ends.get(task))}${waits}`;
	}

	async #retry(store: Store, record: TaskRecord): Promise<string> {
		const request = { fresh: false, model: null, sign: false };
		const retried = await retryTask(store, await this.#context.place(), record, request);
		return `${retryLine(retried)}${await this.#waits([retried])}`;
	}

	#waits(on: readonly { host: string }[]): Promise<string> {
		return waitsBecause(
			this.#context,
			on.some(({ host }) => host === this.#context.home.hostId),
		);
	}

	/** @param logsOf whose logs it shows, also those that come */
	#open(page: Page, logsOf: string | null = null): void {
		this.#model.mode = { kind: "page", page, logsOf, back: this.#model.mode };
	}

	/** A page of what is read once. */
	#openText(title: string, empty: string, read: () => Promise<string>): void {
		const page = readPage(title, null, empty);
		this.#open(page);
		read()
			.catch(wordsOf)
			.then((text) => {
				page.text = text;
				this.#draw();
			});
	}

	#turn(mode: Mode<"page">, key: Key): void {
		if (key.name === "q" && mode.page.mayQuit) this.#stop.abort();
		else if (leavesPage(mode.page, key)) this.#model.mode = mode.back;
		else pressPage(mode.page, key, this.#terminal.size);
	}

	/** Acts beside the picture; what it says stands above the keys. */
	#act(work: (store: Store) => Promise<string>): void {
		this.#model.message = "…";
		work(this.#store)
			.catch(wordsOf)
			.then((message) => {
				this.#model.message = message;
				this.#looks.soon();
			});
	}
}
