/** The frame of the own pages: one style sheet, one small script, no foreign sources. */
import { sinceText } from "../task/view-times.ts";
import { type Html, html } from "./html.ts";

export const STYLE = `
:root { color-scheme: light dark; --bg: #f7f8fa; --card: #fff; --ink: #1b2430; --soft: #667085; --line: #e3e7ee;
	--accent: #2f6fed; --ask: #b45309; --ask-bg: #fff7e8; --ok: #15803d; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --bg: #12161c; --card: #1a2029; --ink: #e6eaf0; --soft: #93a0b4;
	--line: #2a3340; --accent: #79a5ff; --ask: #f5b95c; --ask-bg: #2b2415; --ok: #5fce8a; --bad: #ff8a7d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main, header > div { max-width: 62rem; margin: 0 auto; padding: 0 1.25rem; }
header { border-bottom: 1px solid var(--line); background: var(--card); }
header > div { display: flex; flex-wrap: wrap; gap: .2rem 1rem; align-items: baseline; padding-block: .8rem; }
.where { min-width: 0; }
body { overflow-wrap: anywhere; }
header b { font-size: 1.1rem; } header a:last-child { margin-left: auto; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
h1 { font-size: 1.3rem; margin: 1.6rem 0 .4rem; } h2 { font-size: 1rem; margin: 1.6rem 0 .6rem; }
.soft { color: var(--soft); } .small { font-size: .87rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .9rem 1.1rem; margin: 0 0 .7rem; }
.ask { background: var(--ask-bg); border-color: var(--ask); }
.ask p { margin: .3rem 0 .6rem; font-size: 1.02rem; }
.ask p, .said { white-space: pre-wrap; } .said { margin: .3rem 0 0; }
code, pre { font: .87rem/1.5 ui-monospace, monospace; }
code.command { display: inline-block; max-width: 100%; background: var(--card); border: 1px solid var(--line); border-radius: 6px;
	padding: .2rem .55rem; user-select: all; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
table { width: 100%; border-collapse: collapse; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
th, td { text-align: left; padding: .55rem .8rem; border-top: 1px solid var(--line); vertical-align: middle; }
thead th { border-top: 0; font-size: .8rem; font-weight: 500; color: var(--soft); }
td.now { max-width: 22rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
td.age { white-space: nowrap; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin: 0 0 .7rem; } nav.pages { margin: .7rem 0 1.6rem; }
nav .here { color: inherit; text-decoration: underline; } nav b { font-weight: 500; }
@media (max-width: 44rem) {
	thead { display: none; } table, tbody, tr, td { display: block; }
	tr { border-top: 1px solid var(--line); padding: .6rem .9rem; } tr:first-child { border-top: 0; }
	td { border: 0; padding: 0; } td:not(.id, .now) { display: inline-block; margin-right: .7rem; }
	td.id { font-weight: 500; } td.now { max-width: none; }
}
.state { font-size: .82rem; border-radius: 99px; padding: .1rem .6rem; border: 1px solid currentColor; color: var(--soft); white-space: nowrap; }
.running { color: var(--accent); } .asking, .parked { color: var(--ask); } .completed { color: var(--ok); } .failed { color: var(--bad); }
progress { width: 5.5rem; height: .5rem; vertical-align: middle; accent-color: var(--accent); }
ul.plan { list-style: none; padding: .7rem 1.1rem; } ul.plan li { padding: .15rem 0; overflow-wrap: anywhere; }
.mark { display: inline-block; width: 1.6rem; } .done { color: var(--soft); }
`;

/** Fetches the page again and swaps it in, unless somebody is selecting text to copy. */
export const PAGE_SCRIPT = `
setInterval(async () => {
	if (document.hidden || String(getSelection()) !== "") return;
	try {
		const response = await fetch(location.href, { credentials: "same-origin" });
		const page = new DOMParser().parseFromString(await response.text(), "text/html");
		const fresh = page.querySelector("main");
		if (fresh && String(getSelection()) === "") document.querySelector("main").replaceWith(fresh);
		document.title = page.title;
	} catch {}
}, 3000);
`;

/** What every page tells and leads to. */
export interface Site {
	/** which data it shows: the Redis, and the namespace unless it is the usual one */
	name: string;
	/** the path that all pages are below */
	place: string;
	/** what a command needs, too, to be for this data: `--redis URL`; null: nothing */
	option: string | null;
}

const USUAL_NAMESPACE = "default";

/** @param redis as it may be shown */
export function siteName(redis: string, namespace: string): string {
	return namespace === USUAL_NAMESPACE ? redis : `${redis} · ${namespace}`;
}

/** Pages of several addresses stand beside each other in one browser: the title says which one this is. */
export function page(title: string, { name, place }: Site, body: Html): string {
	return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · ${name}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="${place}/page.css"><script src="${place}/page.js" defer></script></head>
<body><header><div><b>dispatch</b><a href="${place}/">Tasks</a><span class="soft small where">${name}</span><a href="${place}/board">Queues</a></div></header>
<main>${body}</main></body></html>`.text;
}

/** A page that says one thing; it loads nothing, for readers without a session. */
export function messagePage(title: string, text: string): string {
	return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>dispatch: ${title}</title>
<style>body { overflow-wrap: anywhere; font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 18vh auto; padding: 0 1.25rem; color-scheme: light dark; }</style></head>
<body><h1>${title}</h1><p>${text}</p></body></html>`.text;
}

export function stateBadge(state: string): Html {
	return html`<span class="state ${state}">${state}</span>`;
}

/** "3m ago", for two times in ms: by the clock of all lists. */
export function ago(at: number, now: number): string {
	return `${sinceText(at, now)} ago`;
}
