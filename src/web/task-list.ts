/** The list of tasks on the first page: which of them, how many of how many, and the way to the others. */
import type { Store } from "../queue/records/store.ts";
import { oneLine } from "../task/clean-text.ts";
import { type DamagedTask, damagedError } from "../task/damaged.ts";
import { openNeeds } from "../task/needs.ts";
import type { TaskRecord } from "../task/record.ts";
import { isLive, isState, SKIPPED } from "../task/states.ts";
import { type Became, totalsApart, totalsOf } from "../task/totals.ts";
import { viewOf } from "../task/view.ts";
import { whatOf } from "../task/view-what.ts";
import { waitOf } from "../task/view-why.ts";
import { type Html, html } from "./html.ts";
import { ago, stateBadge } from "./layout.ts";

const TASKS_SHOWN = 100;
const WHAT_CHARS = 200;

/** What of the list is asked for. */
export interface Part {
	/** null: tasks in every state; skipped ones are not among the cancelled ones */
	state: Became | null;
	/** counts from 1, newest first */
	page: number;
}

export interface ListedPart extends Part {
	records: TaskRecord[];
	damaged: DamagedTask[];
	/** place of the first one shown, from 0 */
	first: number;
	/** how many there are in this state */
	total: number;
	pages: number;
	/** how many there are of each; none where there are none */
	counts: Partial<Record<Became, number>>;
	/** in every state, damaged ones too */
	all: number;
}

/** Of an address: what cannot be read asks for the first page of all. */
export function partOf(query: Readonly<Record<string, unknown>>): Part {
	const { state, page } = query;
	const number = typeof page === "string" && /^\d{1,9}$/.test(page) ? Number(page) : 1;
	return { state: isState(state) || state === SKIPPED ? state : null, page: Math.max(1, number) };
}

/** Behind the last page the last one is read: tasks may have been removed meanwhile. */
export async function readPart(store: Store, part: Part): Promise<ListedPart> {
	const states = await store.states();
	const cancelled = [...states].filter(([, state]) => state === "cancelled").map(([id]) => id);
	const skipped = new Set(await store.skippedOf(cancelled));
	const counts = totalsApart(totalsOf(states.values()), skipped.size);
	const ids = [...states].filter(
		([id, state]) => part.state === null || part.state === (skipped.has(id) ? SKIPPED : state),
	);
	const pages = Math.max(1, Math.ceil(ids.length / TASKS_SHOWN));
	const page = Math.min(part.page, pages);
	const first = (page - 1) * TASKS_SHOWN;
	const { records, damaged } = await store.read(ids.slice(first, first + TASKS_SHOWN).map(([id]) => id));
	const all = states.size;
	return { state: part.state, page, records, damaged, first, total: ids.length, pages, counts, all };
}

/** @param place the path that all pages are below */
export function taskList(list: ListedPart, now: number, place: string): Html {
	if (list.all === 0) {
		return html`<h2>Tasks</h2><p class="card soft">No tasks yet. Start one: <code class="command">dispatch enqueue "review src/"</code></p>`;
	}
	return html`<h2>Tasks</h2>${stateLinks(list, place)}${taskTable(list.records, now, place)}${damagedList(list.damaged)}${pageLinks(list, place)}`;
}

function linkTo(place: string, { state, page }: Part): string {
	const asked = [...(state === null ? [] : [`state=${state}`]), ...(page === 1 ? [] : [`page=${page}`])];
	return `${place}/${asked.length === 0 ? "" : `?${asked.join("&")}`}`;
}

function stateLinks({ state, counts, all }: ListedPart, place: string): Html {
	const parts: [Became | null, number][] = [[null, all], ...(Object.entries(counts) as [Became, number][])];
	const links = parts.map(([each, count]) => {
		const name = html`${each ?? "all"} <b>${count}</b>`;
		const href = linkTo(place, { state: each, page: 1 });
		return each === state
			? html`<a class="here" aria-current="page" href="${href}">${name}</a>`
			: html`<a href="${href}">${name}</a>`;
	});
	return html`<nav class="states small">${links}</nav>`;
}

function pageLinks(list: ListedPart, place: string): Html {
	const { state, page, pages, first, total } = list;
	const shown = list.records.length + list.damaged.length;
	const where = total === 0 ? "No tasks" : `${first + 1}–${first + shown} of ${total} tasks`;
	const to = (other: number, name: string) =>
		other < 1 || other > pages ? null : html`<a href="${linkTo(place, { state, page: other })}">${name}</a>`;
	return html`<nav class="pages small"><span class="soft">${where}${state === null ? "" : ` that are ${state}`}</span>${to(page - 1, "← Newer")}${to(page + 1, "Older →")}</nav>`;
}

function taskTable(tasks: TaskRecord[], now: number, place: string): Html | null {
	if (tasks.length === 0) return null;
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
	return html`<tr><td class="id"><a href="${place}/task/${task.spec.id}">${task.spec.id}</a></td><td>${stateBadge(task.state)}</td>
<td>${items.length > 0 ? bar : html`<span class="soft small">–</span>`}</td>
<td class="now soft small">${nowText(task, now)}</td><td class="age soft small">${ago(task.createdAt, now)}</td></tr>`;
}

/** What it waits for, and what it is about: who looks at a list of many knows few of them by name. */
function nowText(task: TaskRecord, now: number): string {
	const { state, reason, outcome, hold, spec, progress } = task;
	const { id, prompt } = spec;
	const why = whyText(task, now);
	const what = whatOf({ id, state, reason, outcome, hold, prompt, plan: progress.plan, questions: [] });
	const said = isLive(state) && progress.activity !== null ? progress.activity : what;
	return oneLine(why === null ? said : `${why} · ${said}`, WHAT_CHARS);
}

function whyText(task: TaskRecord, now: number): string | null {
	if (task.state === "waiting") return `after ${openNeeds(task).join(", ")}`;
	const waits = waitOf(viewOf(task, [], ""), undefined, now);
	return waits?.why ?? task.hold?.kind.replaceAll("_", " ") ?? null;
}
