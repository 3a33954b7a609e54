/** `dispatch watch`: a live table on a terminal, a line per change elsewhere. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { answerTask } from "../../actions/answer.ts";
import { afterCancel, cancelTasks, refuseEnded } from "../../actions/cancel.ts";
import { exactly } from "../../actions/find-task.ts";
import { lastLines } from "../../queue/records/log.ts";
import type { Store } from "../../queue/records/store.ts";
import { untilTaken } from "../../queue/redis/or-aborted.ts";
import { damagedView } from "../../task/damaged.ts";
import { DispatchError } from "../../task/errors.ts";
import { isEnded } from "../../task/states.ts";
import { timeLimit } from "../../task/time-limit.ts";
import type { TaskView } from "../../task/view.ts";
import type { Context } from "../context.ts";
import { whoAmI } from "../options/values.ts";
import { changeLines, damagedLine } from "../screen/change-lines.ts";
import { TaskReader } from "../screen/task-reader.ts";
import { type Key, Terminal } from "../screen/terminal.ts";
import { inOrder, type WatchModel, watchFrame } from "../screen/watch-frame.ts";
import { ring } from "../show/bell.ts";
import { onInterrupt } from "../show/interrupt.ts";
import { plain } from "../show/output.ts";
import { openQuestion } from "../show/question-lines.ts";
import { readerGone } from "../show/reader-gone.ts";
import { ensureWorker } from "../worker-up.ts";
import { sentLine } from "./answer.ts";
import { cancelLine } from "./cancel.ts";
import { withoutPrompt } from "./status.ts";

const LOOK_MS = 1_000;
/** An answer of Redis that takes longer is an outage. */
const AWAY_AFTER_MS = 2_000;
const LOG_LINES = 1_000;
const PAGE_LINES = 10;
const STEPS: Readonly<Record<string, number>> = {
	up: -1,
	k: -1,
	down: 1,
	j: 1,
	pageup: -PAGE_LINES,
	pagedown: PAGE_LINES,
};
const INPUT_LIMIT_CHARS = 10_000;
const CANCEL_LIMIT_MS = 20_000;

export async function watch(context: Context): Promise<undefined> {
	const store = await context.store("service");
	const interrupt = onInterrupt();
	try {
		if (process.stdout.isTTY === true && !context.output.json) {
			await new WatchScreen(context, store, interrupt.signal).run();
		} else await printChanges(context, store, interrupt.signal);
	} finally {
		interrupt.release();
	}
}

async function printChanges({ output }: Context, store: Store, signal: AbortSignal): Promise<void> {
	const reader = new TaskReader(store);
	const known = new Map<string, TaskView>();
	const told = new Set<string>();
	const stop = timeLimit(null, signal, readerGone);
	while (!stop.signal.aborted) {
		// A Redis that is away holds nobody who wants to leave.
		const tasks = await untilTaken(() => reader.read(), stop.signal);
		if (tasks === "aborted") break;
		for (const task of tasks.reverse()) {
			const lines = changeLines(known.get(task.id), task);
			known.set(task.id, task);
			if (lines.length === 0) continue;
			if (output.json) output.write(JSON.stringify(withoutPrompt(task)));
			else for (const line of lines) output.write(line);
		}
		for (const each of reader.damaged.filter(({ id }) => !told.has(id))) {
			told.add(each.id);
			if (output.json) output.write(JSON.stringify(damagedView(each, store.namespace)));
			else output.write(damagedLine(each));
		}
		await sleep(LOOK_MS, undefined, { signal: stop.signal }).catch(() => {});
	}
	stop.release();
}

class WatchScreen {
	readonly #context: Context;
	readonly #store: Store;
	readonly #terminal: Terminal;
	readonly #stop = new AbortController();
	#wake = new AbortController();
	#model: WatchModel = {
		tasks: [],
		damaged: [],
		selected: null,
		mode: { kind: "list" },
		message: null,
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
		});
	}

	async run(): Promise<void> {
		const reader = new TaskReader(this.#store);
		this.#terminal.open();
		try {
			while (!this.#stop.signal.aborted) {
				await this.#orAway(() => this.#look(reader));
				this.#draw();
				await this.#pause();
			}
		} finally {
			this.#terminal.close();
		}
	}

	/** Until the next look is due, a key asks for it, or the screen ends. */
	async #pause(): Promise<void> {
		this.#wake = new AbortController();
		const pause = timeLimit(LOOK_MS, this.#stop.signal, this.#wake.signal);
		if (!pause.signal.aborted) await once(pause.signal, "abort");
		pause.release();
	}

	async #look(reader: TaskReader): Promise<void> {
		const before = new Set(this.#asking());
		const isFirst = this.#model.tasks.length === 0;
		this.#model.tasks = await reader.read();
		this.#model.damaged = reader.damaged;
		if (!isFirst && this.#asking().some((id) => !before.has(id))) ring(this.#context, "question");
		const ids = inOrder(this.#model.tasks).map(({ id }) => id);
		if (this.#model.selected === null || !ids.includes(this.#model.selected))
			this.#model.selected = ids[0] ?? null;
		const { mode } = this.#model;
		if (mode.kind === "logs")
			mode.lines = (await lastLines(this.#store, mode.task, LOG_LINES)).map(({ text }) => plain(text));
	}

	#asking(): string[] {
		return this.#model.tasks.filter((task) => openQuestion(task) !== undefined).map(({ id }) => id);
	}

	/** Keeps the picture alive while Redis does not answer. */
	async #orAway(look: () => Promise<void>): Promise<void> {
		const begun = Date.now();
		const timer = setInterval(() => {
			if (Date.now() - begun < AWAY_AFTER_MS) return;
			this.#model.awaySince ??= begun;
			this.#draw();
		}, LOOK_MS);
		try {
			await untilTaken(look, this.#stop.signal);
		} finally {
			clearInterval(timer);
		}
		this.#model.awaySince = null;
	}

	#draw(): void {
		this.#model.now = Date.now();
		this.#terminal.draw(watchFrame(this.#model, this.#terminal.size, this.#context.output.colors));
	}

	#press(key: Key): void {
		if (key.ctrl && key.name === "c") this.#stop.abort();
		const { mode } = this.#model;
		this.#model.message = null;
		if (mode.kind === "answer") this.#type(mode, key);
		else if (mode.kind === "cancel") this.#confirm(mode.task, key);
		else if (mode.kind === "logs") this.#scroll(mode, key);
		else this.#choose(key);
		this.#draw();
	}

	#choose({ name }: Key): void {
		this.#move(STEPS[name] ?? 0);
		if (name === "q") this.#stop.abort();
		const task = this.#model.tasks.find(({ id }) => id === this.#model.selected);
		if (task === undefined) return;
		if (name === "a" || name === "return") this.#beginAnswer(task);
		else if (name === "l") {
			this.#model.mode = { kind: "logs", task: task.id, lines: [], below: 0 };
			this.#wake.abort();
		} else if (name === "c") {
			if (isEnded(task.state)) this.#model.message = `${task.id} is ${task.state}: nothing to cancel.`;
			else this.#model.mode = { kind: "cancel", task: task.id };
		}
	}

	#move(by: number): void {
		const ids = inOrder(this.#model.tasks).map(({ id }) => id);
		const at = ids.indexOf(this.#model.selected ?? "");
		this.#model.selected = ids[Math.max(0, Math.min(ids.length - 1, at + by))] ?? null;
	}

	#beginAnswer(task: TaskView): void {
		const open = openQuestion(task);
		if (open === undefined) this.#model.message = `${task.id} has no open question.`;
		else this.#model.mode = { kind: "answer", task: task.id, seq: open.seq, question: open.text, input: "" };
	}

	#type(mode: WatchModel["mode"] & { kind: "answer" }, key: Key): void {
		if (key.name === "escape") this.#model.mode = { kind: "list" };
		else if (key.name === "return" && !key.pasted) {
			if (mode.input.trim() !== "") this.#answer(mode, mode.input);
		} else if (key.name === "backspace") mode.input = [...mode.input].slice(0, -1).join("");
		else if (key.ctrl && key.name === "u") mode.input = "";
		else if (key.ctrl && key.name === "w") mode.input = mode.input.replace(/\S+\s*$/, "");
		else if (!key.ctrl && mode.input.length < INPUT_LIMIT_CHARS)
			mode.input += plain(key.text).replace(/\s/g, " ");
	}

	#answer({ task, seq }: { task: string; seq: string }, text: string): void {
		this.#model.mode = { kind: "list" };
		this.#act(async (store) => {
			const request = { text: text.trim(), by: whoAmI(), seq: Number(seq) };
			const answered = await answerTask(store, task, request);
			return `${sentLine(answered)}${await this.#waits(answered.host === this.#context.home.hostId)}`;
		});
	}

	#confirm(task: string, { name }: Key): void {
		if (!["y", "n", "escape", "return"].includes(name)) return;
		this.#model.mode = { kind: "list" };
		if (name !== "y") return;
		this.#act(async (store) => {
			const replies = await cancelTasks(store, [task], { by: whoAmI(), find: exactly });
			refuseEnded(replies);
			const waits = await this.#waits(replies.some(({ host }) => host === this.#context.home.hostId));
			const ends = await afterCancel(store, [task], CANCEL_LIMIT_MS);
			return `${replies.map((reply) => cancelLine(reply, ends.get(reply.task))).join(" ")}${waits}`;
		});
	}

	/** Sees to it that a worker runs, where that is this host's affair. @returns why it waits all the same */
	async #waits(isOurs: boolean): Promise<string> {
		const hindrance = isOurs ? (await ensureWorker(this.#context, false)).hindrance : null;
		return hindrance === null ? "" : ` ${hindrance}`;
	}

	#scroll(mode: WatchModel["mode"] & { kind: "logs" }, { name }: Key): void {
		if (name === "q") this.#stop.abort();
		else if (name === "escape") this.#model.mode = { kind: "list" };
		else mode.below = Math.max(0, Math.min(mode.lines.length - 1, mode.below - (STEPS[name] ?? 0)));
	}

	/** Acts beside the picture; what it says stands above the keys. */
	#act(work: (store: Store) => Promise<string>): void {
		this.#model.message = "…";
		work(this.#store)
			.catch((error: unknown) => {
				if (!(error instanceof DispatchError)) return String(error);
				return error.inFull;
			})
			.then((message) => {
				this.#model.message = message;
				this.#wake.abort();
			});
	}
}
