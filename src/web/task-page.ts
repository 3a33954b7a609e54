/** One task: what was asked, its plan, its questions, how it ended, its report. */
import type { Store } from "../queue/records/store.ts";
import type { Plan } from "../task/plan.ts";
import type { KeptQuestion } from "../task/question.ts";
import { agentOf, branchOf, type TaskRecord, workspaceOf } from "../task/record.ts";
import { isOfEarlierSession, isOpen } from "../task/view.ts";
import { troubleOf } from "../task/view-why.ts";
import { changesText } from "../task/worktree.ts";
import { answerCommand } from "./home-page.ts";
import { type Html, html } from "./html.ts";
import { ago, page, type Site, stateBadge } from "./layout.ts";

const MARKS: Record<string, string> = { " ": "○", x: "✓", "?": "?", "!": "!" };

/** @returns null when there is no such task */
export async function taskPage(store: Store, site: Site, id: string): Promise<string | null> {
	const record = await store.get(id);
	if (record === null) return null;
	const [questions, report] = await Promise.all([store.questions(id), store.report(id)]);
	const now = store.clock.now();
	const agent = agentOf(record);
	const body = html`<h1>${id} ${stateBadge(record.state)}</h1>
<p class="soft small">${[agent.model ?? agent.backend, `on ${record.host}`, ...placeOf(record), ago(record.createdAt, now)].join(" · ")}</p>
${neededLine(record, site.place)}${troubleCard(record, now)}${outcomeCard(record)}<section class="card"><pre>${record.spec.prompt}</pre></section>
${planList(record.progress.plan)}${questionList(record, questions, { now, site })}
${report === null ? null : html`<h2>Report</h2><section class="card"><pre>${report}</pre></section>`}`;
	return page(`${id} · dispatch`, site, body);
}

function neededLine({ state, spec, needs }: TaskRecord, place: string): Html | null {
	if (spec.after.length === 0) return null;
	const each = spec.after.map((id, n) => {
		const isOpen = needs[id]?.met === false;
		return html`${n === 0 ? "" : ", "}<a href="${place}/task/${id}">${id}</a>${isOpen ? "" : " ✓"}`;
	});
	return html`<p class="soft small">${state === "waiting" ? "Waits for " : "After "}${each}</p>`;
}

/** The directory; with a worktree its branch, and what that holds. */
function placeOf(record: TaskRecord): string[] {
	const branch = branchOf(record);
	if (branch === null) return [workspaceOf(record)];
	const { changes } = record;
	return [workspaceOf(record), changes === null ? branch : `${branch}: ${changesText(changes)}`];
}

function troubleCard(record: TaskRecord, now: number): Html | null {
	const trouble = troubleOf(record, now);
	return trouble === null ? null : html`<section class="card">${trouble.text}</section>`;
}

function outcomeCard({ outcome }: TaskRecord): Html | null {
	if (outcome === null) return null;
	const tail =
		outcome.kind === "failed" && outcome.logTail.length > 0
			? html`<pre class="soft">${outcome.logTail.join("\n")}</pre>`
			: null;
	return html`<section class="card">${outcome.message}${tail}</section>`;
}

function planList(plan: Plan): Html | null {
	if (plan.items.length === 0) return null;
	const items = plan.items.map(
		({ marker, text, note }) =>
			html`<li class="${marker === "x" ? "done" : ""}"><span class="mark">${MARKS[marker] ?? marker}</span>${text}${note === null ? null : html` <span class="soft small">${note}</span>`}</li>`,
	);
	return html`<h2>Plan</h2><ul class="plan card">${items}</ul>`;
}

/** As they were written, line by line. */
function endedQuestion(question: KeptQuestion, record: TaskRecord, now: number): Html {
	const { text, answer, answeredBy, answeredAt } = question;
	const session = isOfEarlierSession(question, record)
		? html` <span class="small">(in an earlier session)</span>`
		: null;
	const when = answeredAt === null ? "" : `, ${ago(answeredAt, now)}`;
	const said =
		answer === null
			? html`<p class="said soft">Not answered.</p>`
			: html`<p class="said">${answer}</p><span class="soft small">${answeredBy ?? "?"}${when}</span>`;
	return html`<section class="card"><p class="said soft">${text}${session}</p>${said}</section>`;
}

function questionList(
	record: TaskRecord,
	questions: KeptQuestion[],
	{ now, site }: { now: number; site: Site },
): Html | null {
	if (questions.length === 0) return null;
	const open = questions.filter((question) => isOpen(question, record)).length;
	const cards = questions.map((question) => {
		if (!isOpen(question, record)) return endedQuestion(question, record, now);
		return html`<section class="card ask"><p>${question.text}</p>
<code class="command">${answerCommand({ task: record.spec.id, seq: question.seq }, open === 1, site)}</code></section>`;
	});
	return html`<h2>Questions</h2>${cards}`;
}
