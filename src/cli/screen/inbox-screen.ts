/** `dispatch inbox` on a terminal: one question after the other, and new ones as they come. */
import { viewTask } from "../../actions/views.ts";
import type { OpenQuestion } from "../../queue/records/questions.ts";
import type { Store } from "../../queue/records/store.ts";
import { DispatchError, EXIT, isOutage } from "../../task/errors.ts";
import type { Context } from "../context.ts";
import { ring } from "../show/bell.ts";
import { oneLine } from "../show/output.ts";
import { whoseTexts } from "../show/task-columns.ts";
import { type Answering, beginAnswering, Drafts, nameOf, pressAnswering } from "./answering.ts";
import { whyGone } from "./gone.ts";
import { type InboxMode, type InboxModel, inboxFrame, keyOf, placeIn } from "./inbox-frame.ts";
import { inboxKeys } from "./keys-page.ts";
import { Looks } from "./looks.ts";
import { leavesPage, pressPage } from "./page.ts";
import { sendAnswer, wordsOf, writeInEditor } from "./send-answer.ts";
import { Settling } from "./settling.ts";
import { DROPPED, isChord, type Key, Terminal } from "./terminal.ts";

export class InboxScreen {
	readonly #context: Context;
	readonly #store: Store;
	readonly #terminal: Terminal;
	readonly #drafts = new Drafts();
	readonly #stop = new AbortController();
	readonly #looks = new Looks(this.#stop.signal, () => this.#draw());
	readonly #settling = new Settling(() => this.#draw());
	/** whose task cannot be read: they hold up no other */
	readonly #unreadable = new Set<string>();
	/** it looked, and there was no question */
	#waited = false;
	/** what is being sent */
	#sending: string | null = null;
	/** it has looked once */
	#isReady = false;
	/** something was typed before the first question was there */
	#hasDropped = false;
	/** why the last answer was not taken: it says more than that the question is gone */
	#refusal: string | null = null;
	#exitCode: number | undefined;
	#model: InboxModel = {
		open: [],
		whose: new Map(),
		mode: { kind: "waits" },
		said: [],
		isSettling: false,
		awaySince: null,
		now: Date.now(),
	};

	constructor(context: Context, store: Store, signal: AbortSignal) {
		this.#context = context;
		this.#store = store;
		signal.addEventListener("abort", () => this.#end(EXIT.interrupted), { once: true });
		this.#terminal = new Terminal({
			keys: (key) => this.#press(key),
			resized: () => this.#draw(),
			dropped: () => this.#drop(),
		});
	}

	/** @returns the exit code */
	async run(): Promise<number | undefined> {
		this.#terminal.open();
		try {
			await this.#looks.run(this.#store, async () => {
				const isNew = await this.#look();
				this.#isReady = true;
				return isNew;
			});
		} finally {
			this.#settling.end();
			this.#terminal.close();
			// The screen is gone; what was done on it stays to be read.
			const done = [...this.#model.said.map((line) => oneLine(line)), ...this.#drafts.unsentLines()];
			for (const line of done) this.#context.output.write(line);
		}
		return this.#exitCode;
	}

	#end(exitCode: number | undefined): void {
		this.#exitCode = exitCode;
		this.#stop.abort();
	}

	#draw(): void {
		this.#model.now = Date.now();
		this.#model.awaySince = this.#looks.awaySince;
		this.#model.isSettling = this.#settling.isOn;
		this.#terminal.draw(inboxFrame(this.#model, this.#terminal.size, this.#context.output.colors));
	}

	async #look(): Promise<boolean> {
		const held = this.#model.open.map(keyOf);
		const before = held.join();
		const all = await this.#store.openQuestions();
		this.#model.open = all.filter((question) => !this.#unreadable.has(keyOf(question)));
		if (this.#model.open.map(keyOf).join() !== before) this.#model.whose = await this.#whose();
		const { mode, open } = this.#model;
		if (mode.kind === "list" && open.length === 0) this.#model.mode = { kind: "waits" };
		else if (mode.kind === "list") this.#holdSelection(mode, held);
		if (mode.kind === "answer") await this.#checkStillOpen(mode.answering);
		if (this.#model.mode.kind === "waits") await this.#openNext();
		return this.#model.open.map(keyOf).join() !== before;
	}

	/** Where the selected one is gone, the one that comes up in its place was not chosen: keys do nothing for a moment. */
	#holdSelection(mode: InboxMode & { kind: "list" }, before: readonly string[]): void {
		const now = this.#model.open.map(keyOf);
		if (mode.selected !== null && now.includes(mode.selected)) return;
		const place = Math.max(0, before.indexOf(mode.selected ?? ""));
		mode.selected = now[Math.min(place, now.length - 1)] ?? null;
		this.#settling.begin();
	}

	async #whose(): Promise<Map<string, string>> {
		const { records } = await this.#store.read([...new Set(this.#model.open.map(({ task }) => task))]);
		return whoseTexts(records.map(({ spec, host }) => ({ id: spec.id, createdBy: spec.createdBy, host })));
	}

	/** The oldest, with what was done last; rings for who waited for one. */
	async #openNext(): Promise<void> {
		await this.#openFrom(0);
		const { mode, said } = this.#model;
		if (mode.kind === "answer") {
			mode.answering.message ??= this.#hasDropped ? DROPPED : (said.at(-1) ?? null);
			this.#hasDropped = false;
			// Nobody opened it: what is being typed is meant for something else.
			if (this.#waited) {
				ring(this.#context, "question");
				this.#settling.begin();
			}
		}
		this.#waited = mode.kind === "waits";
	}

	/** One that is gone stays on the screen until a key leaves it: what is being typed is for no other question. */
	async #checkStillOpen(answering: Answering): Promise<void> {
		const { open } = this.#model;
		const { name, gone } = answering;
		if (this.#sending === name) return;
		if (open.some((question) => keyOf(question) === name)) {
			answering.gone = null;
			return;
		}
		answering.gone = await whyGone(this.#store, answering);
		if (answering.gone !== null && gone === null) {
			if (answering.message !== this.#refusal) answering.message = null;
			this.#say(answering.gone);
			this.#waited = open.length === 0;
		} else if (this.#waited && open.length > 0) {
			this.#waited = false;
			ring(this.#context, "question");
		}
	}

	#say(line: string): void {
		this.#model.said = [...this.#model.said, line];
	}

	/** Opens the first one from there on whose task can be read; after the last one comes the first. */
	async #openFrom(at: number): Promise<void> {
		const { open } = this.#model;
		for (const question of [...open.slice(at), ...open.slice(0, at)]) if (await this.#open(question)) return;
	}

	/** @returns false where its task cannot be read, or is gone by now */
	async #open(question: OpenQuestion): Promise<boolean> {
		const { task, seq, text, askedAt } = question;
		try {
			const view = await viewTask(this.#store, await this.#store.need(task));
			const known = view.questions.find((each) => nameOf(task, each) === keyOf(question));
			if (known === undefined || !known.open) return false;
			const answering = beginAnswering(view, { ...known, seq, text }, this.#drafts);
			this.#model.mode = { kind: "answer", answering, askedAt };
			this.#draw();
			// Nobody has seen yet what it would answer.
			if (this.#terminal.drop()) this.#drop();
			return true;
		} catch (error) {
			// An outage says nothing about the task.
			if (!(error instanceof DispatchError) || isOutage(error)) throw error;
			this.#unreadable.add(keyOf(question));
			this.#say(error.inFull);
			return false;
		}
	}

	/** What was typed too early is for no question, nor is the rest of it. */
	#drop(): void {
		const { mode } = this.#model;
		if (mode.kind === "answer") mode.answering.message = DROPPED;
		else this.#hasDropped = true;
		this.#settling.begin();
	}

	#press(key: Key): void {
		const { mode } = this.#model;
		if (key.ctrl && key.name === "c") this.#end(EXIT.interrupted);
		else if (this.#settling.holds(key)) return;
		else if (!this.#isReady && this.#model.awaySince === null && key.name !== "escape") this.#drop();
		else if (key.burst && mode.kind !== "answer") this.#drop();
		else if (mode.kind === "answer") this.#answer(mode.answering, key);
		else if (mode.kind === "page") {
			if (leavesPage(mode.page, key)) this.#model.mode = mode.back;
			else pressPage(mode.page, key, this.#terminal.size);
		} else this.#choose(key);
		this.#draw();
	}

	#choose(key: Key): void {
		const { name, text } = key;
		if (isChord(key)) return;
		const { open, mode } = this.#model;
		const selected = mode.kind === "list" ? placeIn(open, mode.selected) : 0;
		const step = name === "up" || name === "k" ? -1 : name === "down" || name === "j" ? 1 : 0;
		const to = open[Math.max(0, Math.min(open.length - 1, selected + step))];
		if (step !== 0) this.#model.mode = { kind: "list", selected: to === undefined ? null : keyOf(to) };
		else if (name === "q" || name === "escape") this.#end(undefined);
		else if (text === "?" || name === "f1")
			this.#model.mode = { kind: "page", page: inboxKeys(), back: mode };
		else if (name === "return" && open.length > 0) this.#go(() => this.#openFrom(selected));
	}

	#answer(answering: Answering, key: Key): void {
		if (this.#sending !== null) return;
		const act = pressAnswering(answering, key, this.#terminal.size);
		const at = this.#model.open.findIndex((question) => keyOf(question) === answering.name);
		if (act.kind === "back") this.#model.mode = { kind: "list", selected: this.#inListFor(answering) };
		else if (act.kind === "help")
			this.#model.mode = { kind: "page", page: inboxKeys(), back: this.#model.mode };
		else if (act.kind === "skip") {
			if (this.#model.open.every((question) => keyOf(question) === answering.name))
				answering.message = "There is no other open question.";
			else this.#go(() => this.#openFrom(at + 1));
		} else if (act.kind === "editor") this.#write(answering);
		else if (act.kind === "send") this.#send(answering, act.text);
	}

	/** In the list: where it stands, or what its task asks in its place. */
	#inListFor({ task, name }: Answering): string | null {
		const { open } = this.#model;
		const same = open.find((question) => keyOf(question) === name);
		const shown = same ?? open.find((question) => question.task === task) ?? open[0];
		return shown === undefined ? null : keyOf(shown);
	}

	#send(answering: Answering, text: string): void {
		answering.message = "Sending …";
		this.#sending = answering.name;
		this.#go(async () => {
			try {
				this.#say(await sendAnswer(this.#context, this.#store, answering, text, this.#drafts));
				this.#model.open = this.#model.open.filter((question) => keyOf(question) !== answering.name);
				this.#model.mode = { kind: "waits" };
				this.#settling.begin();
			} catch (error) {
				this.#refusal = wordsOf(error);
				answering.message = this.#refusal;
			} finally {
				this.#sending = null;
			}
			this.#looks.soon();
		});
	}

	#write(answering: Answering): void {
		this.#go(async () => {
			const said = await this.#terminal
				.aside(() => writeInEditor(this.#context, answering, this.#drafts))
				.catch(wordsOf);
			answering.message = said ?? (answering.gone === null ? "Enter sends it." : null);
		});
	}

	/** Beside the picture. What fails is said. */
	#go(work: () => Promise<void>): void {
		work()
			.catch((error: unknown) => this.#say(wordsOf(error)))
			.then(() => this.#draw());
	}
}
