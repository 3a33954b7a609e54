/** `dispatch answer ID` on a terminal: one question, and the answer to it. */
import type { ShownQuestion } from "../../actions/answer.ts";
import { viewTask } from "../../actions/views.ts";
import type { Store } from "../../queue/records/store.ts";
import type { Question } from "../../task/question.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { TaskView } from "../../task/view.ts";
import type { Context } from "../context.ts";
import { textOf } from "../options/values.ts";
import { roomOf } from "../show/columns.ts";
import { onInterrupt } from "../show/interrupt.ts";
import { promptStream } from "../show/output.ts";
import { indented } from "../show/question-lines.ts";
import {
	type Answering,
	answerFrame,
	beginAnswering,
	Drafts,
	headLine,
	type OpenQuestion,
	pressAnswering,
} from "./answering.ts";
import { whyGone } from "./gone.ts";
import { answerKeys } from "./keys-page.ts";
import { Looks } from "./looks.ts";
import { leavesPage, type Page, pageFrame, pressPage } from "./page.ts";
import { writeInEditor } from "./send-answer.ts";
import { Settling } from "./settling.ts";
import { canDraw, DROPPED, type Frame, type Key, Terminal } from "./terminal.ts";

const TYPE_IT = "Type the answer; Ctrl-D on an empty line sends it.";
const OTHERS = "All open questions, one by one: dispatch inbox";

/** What was typed for the question that was shown. */
export interface TypedAnswer {
	text: string;
	seq: number;
	shown: ShownQuestion;
	/** where it did not arrive: what was typed stays to be read */
	tellUnsent(): void;
}

/**
 * Has an answer typed: on the screen, or line by line on a terminal that draws nothing.
 * @returns null where the user gave up
 */
export async function typedAnswer(
	context: Context,
	store: Store,
	record: TaskRecord,
	question: Question,
): Promise<TypedAnswer | null> {
	const asked = { seq: Number(question.seq), shown: question };
	const view = await viewTask(store, record);
	const open = view.questions.find(
		(each) =>
			each.seq === question.seq &&
			each.text === question.text &&
			Date.parse(each.askedAt) === question.askedAt,
	);
	if (open === undefined || !canDraw(context.env, promptStream())) {
		const block = indented(question.text, roomOf(promptStream(), context.env));
		for (const line of [`${view.id} asks:`, ...block, TYPE_IT]) context.output.aside(line);
		return { ...asked, text: (await textOf(["-"])).trim(), tellUnsent: () => {} };
	}
	const interrupt = onInterrupt({ hangUp: true });
	const screen = new AnswerScreen(context, store, view, open, interrupt.signal);
	const text = await screen.run().finally(() => interrupt.release());
	if (text !== null) return { ...asked, text: text.trim(), tellUnsent: () => screen.tellUnsent() };
	screen.tellUnsent();
	return null;
}

class AnswerScreen {
	readonly #context: Context;
	readonly #store: Store;
	readonly #drafts = new Drafts();
	readonly #terminal: Terminal;
	readonly #answering: Answering;
	readonly #signal: AbortSignal;
	readonly #stop = new AbortController();
	readonly #looks = new Looks(this.#stop.signal, () => this.#draw());
	readonly #settling = new Settling(() => this.#draw());
	/** in front of the question */
	#page: Page | null = null;
	#end: (text: string | null) => void = () => {};

	constructor(context: Context, store: Store, view: TaskView, open: OpenQuestion, signal: AbortSignal) {
		this.#context = context;
		this.#store = store;
		this.#signal = signal;
		this.#answering = beginAnswering(view, open, this.#drafts);
		this.#terminal = new Terminal({
			keys: (key) => this.#press(key),
			resized: () => this.#draw(),
			dropped: () => this.#drop(),
			out: promptStream(),
		});
	}

	/** @returns what was typed; null where the user gave up */
	async run(): Promise<string | null> {
		const typed = new Promise<string | null>((resolve) => {
			this.#end = resolve;
		});
		this.#signal.addEventListener("abort", () => this.#end(null), { once: true });
		this.#terminal.open();
		this.#draw();
		try {
			return await Promise.race([typed, this.#looks.run(this.#store, () => this.#look()).then(() => typed)]);
		} finally {
			this.#stop.abort();
			this.#settling.end();
			this.#terminal.close();
		}
	}

	/** What was typed and not sent, to be read when the screen has gone: stdout is for the result. */
	tellUnsent(): void {
		for (const line of this.#drafts.unsentLines()) this.#context.output.aside(line);
	}

	/** As it is while somebody writes: answered elsewhere, or asked by another task of this name. */
	async #look(): Promise<boolean> {
		const { gone } = this.#answering;
		this.#answering.gone = await whyGone(this.#store, this.#answering);
		if (gone === null && this.#answering.gone !== null) this.#answering.message = null;
		return this.#answering.gone !== gone;
	}

	#draw(): void {
		this.#terminal.draw(this.#frame());
	}

	#frame(): Frame {
		const { size } = this.#terminal;
		const { colors } = this.#context.output;
		const page = this.#page;
		const { isOn } = this.#settling;
		const top = (place: string) => headLine(` ${page?.title}`, place, size, colors);
		if (page !== null) return pageFrame(page, top, size, colors, isOn);
		const head = headLine(` ${this.#answering.task} asks (${this.#answering.seq})`, "", size, colors);
		return answerFrame(this.#answering, head, size, colors, isOn ? null : ["Esc quit"]);
	}

	#drop(): void {
		this.#answering.message = DROPPED;
		this.#settling.begin();
	}

	#press(key: Key): void {
		if (key.ctrl && key.name === "c") this.#end(null);
		else if (this.#settling.holds(key)) return;
		else if (key.burst && this.#page !== null) this.#drop();
		else if (this.#page !== null) {
			if (leavesPage(this.#page, key)) this.#page = null;
			else pressPage(this.#page, key, this.#terminal.size);
		} else this.#answer(key);
		this.#draw();
	}

	#answer(key: Key): void {
		const answering = this.#answering;
		const act = pressAnswering(answering, key, this.#terminal.size);
		if (act.kind === "back") this.#end(null);
		// Where it is gone, it is refused, with the reason.
		else if (act.kind === "send" || act.kind === "gone") this.#end(act.text);
		else if (act.kind === "help") this.#page = answerKeys();
		else if (act.kind === "skip") answering.message = OTHERS;
		else if (act.kind === "editor")
			void this.#terminal
				.aside(() => writeInEditor(this.#context, answering, this.#drafts))
				.catch(String)
				.then((said) => {
					answering.message = said ?? "Enter sends it.";
				})
				.then(() => this.#draw());
	}
}
