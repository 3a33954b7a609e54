/** The first page: what needs an answer, then the tasks, newest first. */
import type { OpenQuestion } from "../queue/records/questions.ts";
import type { Store } from "../queue/records/store.ts";
import { cutText } from "../task/cut-text.ts";
import { type DamagedTask, damagedError } from "../task/damaged.ts";
import type { TaskRecord } from "../task/record.ts";
import { type Html, html } from "./html.ts";
import { ago, page, stateBadge } from "./layout.ts";

const TASKS_SHOWN = 100;

/** @param place the path that all pages are below */
export async function homePage(store: Store, place: string): Promise<string> {
	const [questions, { records, damaged }] = await Promise.all([
		store.openQuestions(),
		store.newest(TASKS_SHOWN),
	]);
	const now = store.clock.now();
	const title = questions.length > 0 ? `(${questions.length}) dispatch` : "dispatch";
	const body = html`${questionList(questions, now, place)}<h2>Tasks</h2>${taskTable(records, now, place)}${damagedList(damaged)}`;
	return page(title, { namespace: store.namespace, place }, body);
}

function questionList(questions: OpenQuestion[], now: number, place: string): Html | null {
	if (questions.length === 0) return null;
	return html`<h2>Waiting for your answer</h2>${questions.map((question) => questionCard(question, questions, { now, place }))}`;
}

function questionCard(
	question: OpenQuestion,
	all: OpenQuestion[],
	{ now, place }: { now: number; place: string },
): Html {
	const alone = all.filter((other) => other.task === question.task).length === 1;
	return html`<section class="card ask"><a href="${place}/task/${question.task}"><b>${question.task}</b></a>
<span class="soft small">${ago(question.askedAt, now)}</span><p>${question.text}</p>
<code class="command">${answerCommand(question.task, alone ? null : question.seq)}</code></section>`;
}

/** What to type to answer; task ids are kebab-case, so nothing needs quoting. */
export function answerCommand(task: string, seq: string | null): string {
	return `dispatch answer ${task}${seq === null ? "" : ` --seq ${Number(seq)}`} "…"`;
}

function taskTable(tasks: TaskRecord[], now: number, place: string): Html {
	if (tasks.length === 0) {
		return html`<p class="card soft">No tasks yet. Start one: <code class="command">dispatch enqueue "review src/"</code></p>`;
	}
	return html`<table><thead><tr><th>Task</th><th>State</th><th>Plan</th><th>Now</th><th>Created</th></tr></thead>
<tbody>${tasks.map((task) => taskRow(task, now, place))}</tbody></table>`;
}

/** Their ids are any text: no link leads there. */
function damagedList(damaged: readonly DamagedTask[]): Html | null {
	if (damaged.length === 0) return null;
	const cards = damaged.map((task) => {
		const { message, hint } = damagedError(task);
		return html`<section class="card"><b>${message}</b><br><span class="soft small">${hint ?? ""}</span></section>`;
	});
	return html`<h2>Damaged</h2>${cards}`;
}

function taskRow(task: TaskRecord, now: number, place: string): Html {
	const { items } = task.progress.plan;
	const done = items.filter((item) => item.marker === "x").length;
	const bar = html`<progress value="${done}" max="${items.length}"></progress> <span class="small">${done}/${items.length}</span>`;
	return html`<tr><td><a href="${place}/task/${task.spec.id}">${task.spec.id}</a></td><td>${stateBadge(task.state)}</td>
<td>${items.length > 0 ? bar : html`<span class="soft small">–</span>`}</td>
<td class="now soft small">${nowText(task)}</td><td class="age soft small">${ago(task.createdAt, now)}</td></tr>`;
}

function nowText(task: TaskRecord): string {
	if (task.outcome !== null && task.outcome.kind !== "queued") return task.outcome.message;
	if (task.hold !== null) return task.hold.kind.replace("_", " ");
	const next = task.progress.plan.items.find((item) => item.marker === " ");
	return task.progress.activity ?? next?.text ?? cutText(task.spec.prompt, 120);
}
