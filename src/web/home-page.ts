/** The first page: what needs an answer, then the tasks, newest first. */
import type { OpenQuestion } from "../queue/records/questions.ts";
import type { Store } from "../queue/records/store.ts";
import { type Html, html } from "./html.ts";
import { ago, page, type Site } from "./layout.ts";
import { type Part, readPart, taskList } from "./task-list.ts";

/** @param part what of the list of tasks is asked for */
export async function homePage(store: Store, site: Site, part: Part): Promise<string> {
	const [questions, list] = await Promise.all([store.openQuestions(), readPart(store, part)]);
	const now = store.clock.now();
	const name = questions.length > 0 ? `(${questions.length}) dispatch` : "dispatch";
	const body = html`${questionList(questions, now, site)}${taskList(list, now, site.place)}`;
	return page(name, site, body);
}

function questionList(questions: OpenQuestion[], now: number, site: Site): Html | null {
	if (questions.length === 0) return null;
	return html`<h2>Waiting for your answer</h2>${questions.map((question) => questionCard(question, questions, { now, site }))}`;
}

function questionCard(
	question: OpenQuestion,
	all: OpenQuestion[],
	{ now, site }: { now: number; site: Site },
): Html {
	const alone = all.filter((other) => other.task === question.task).length === 1;
	return html`<section class="card ask"><a href="${site.place}/task/${question.task}"><b>${question.task}</b></a>
<span class="soft small">${ago(question.askedAt, now)}</span><p>${question.text}</p>
<code class="command">${answerCommand(question, alone, site)}</code></section>`;
}

/** What to type to answer; task ids are kebab-case, so nothing needs quoting. */
export function answerCommand(
	{ task, seq }: Pick<OpenQuestion, "task" | "seq">,
	isOnly: boolean,
	{ option }: Pick<Site, "option">,
): string {
	const which = isOnly && Number(seq) === 1 ? "" : ` --seq ${Number(seq)}`;
	const where = option === null ? "" : ` ${option}`;
	return `dispatch answer ${task}${which} "…"${where}`;
}
