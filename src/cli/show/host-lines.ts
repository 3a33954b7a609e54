/** The table of hosts, and what is to be said below it. Pure. */
import type { HostHold, HostView } from "../../actions/hosts.ts";
import { formatDuration } from "../../task/duration.ts";
import type { HostBackend } from "../../task/host.ts";
import { clockText, sinceText } from "../../task/view-times.ts";
import type { Column } from "./columns.ts";
import { type Output, oneLine } from "./output.ts";

/** A clock that is off by less harms nobody. */
const CLOCK_OFF_MS = 2_000;
const NAME_SHOWN = 60;
const LIST_LEAST = 12;
const LIST_WISH = 24;

const LOST: readonly HostView["state"][] = ["silent", "stopped", "gone"];

/** @param now ms since the Unix epoch */
export function hostColumns(
	hosts: readonly HostView[],
	now: number,
	colors: Pick<Output["colors"], "red" | "yellow" | "green">,
): Column[] {
	const column = (heading: string, cell: (host: HostView) => string, more: Partial<Column> = {}): Column => ({
		heading,
		cells: hosts.map(cell),
		...more,
	});
	const paint = (text: string, row: number) => {
		const { state = "unknown", damage = [] } = hosts[row] ?? {};
		if (state === "working" && damage.length === 0) return colors.green(text);
		return state === "gone" ? colors.red(text) : colors.yellow(text);
	};
	const isAny = (has: (host: HostView) => boolean) => hosts.some(has);
	return [
		column("HOST", ({ host, here }) => (here ? `${host} (here)` : host)),
		column("STATE", (host) => stateText(host, now), { paint }),
		column("PLACES", ({ places }) => (places === null ? "?" : `${places.used}/${places.all}`)),
		column("OPEN", ({ openTasks }) => String(openTasks)),
		...(isAny(isClockOff) ? [column("CLOCK", (host) => (isClockOff(host) ? offText(host) : ""))] : []),
		column("BACKENDS", ({ backends }) => backendsText(backends), {
			...{ least: LIST_LEAST, wish: LIST_WISH, goes: 2 },
		}),
		...(isAny(({ holds }) => holds.length > 0)
			? [
					column("HELD", ({ holds }) => holds.map((hold) => holdText(hold, now)).join(", "), {
						...{ least: LIST_LEAST, wish: LIST_WISH, goes: 1 },
					}),
				]
			: []),
		column("VERSION", ({ version }) => version ?? "?", { goes: 3 }),
	];
}

/** "gone for 3h" */
function stateText({ state, since, damage }: HostView, now: number): string {
	const damaged = damage.length > 0 ? ", damaged" : "";
	if (state === "unknown") return `never seen${damaged}`;
	const isKnown = LOST.includes(state) && since !== null;
	return `${state}${isKnown ? ` for ${sinceText(since, now)}` : ""}${damaged}`;
}

function isClockOff({ clockOffsetMs }: HostView): boolean {
	return Math.abs(clockOffsetMs ?? 0) > CLOCK_OFF_MS;
}

/** "+3m": before that of Redis. */
function offText({ clockOffsetMs }: HostView): string {
	const ms = clockOffsetMs ?? 0;
	return `${ms < 0 ? "-" : "+"}${formatDuration(Math.abs(ms))}`;
}

function backendsText(backends: readonly HostBackend[] | null): string {
	if (backends === null) return "?";
	return backends
		.map(({ name, found, version }) => {
			const shown = oneLine(name, NAME_SHOWN);
			if (found === false) return `${shown} (missing)`;
			return version === null ? shown : `${shown} ${oneLine(version, NAME_SHOWN)}`;
		})
		.join(", ");
}

function holdText({ backend, model, kind, until }: HostHold, now: number): string {
	const who = oneLine(model === null ? backend : `${backend} ${model}`, NAME_SHOWN);
	return until === null ? `${who} (${kind})` : `${who} until ${clockText(until, now)}`;
}

/** @param by who drained it: anybody's words */
export function drainedLine(host: string, by: string): string {
	return `${host} is drained (by ${oneLine(by, NAME_SHOWN)}) and starts nothing new: dispatch hosts resume ${host}`;
}

/** What a person should know or do, a line each. */
export function hostNotes(hosts: readonly HostView[]): string[] {
	return hosts.flatMap((each) => {
		const { host, drained, damage, state, openTasks } = each;
		return [
			...(drained ? [drainedLine(host, drained.by)] : []),
			...damageNotes(host, damage),
			...fullNotes(each),
			...(isClockOff(each)
				? [`The clock of ${host} differs from that of Redis by ${offText(each)}: set it (NTP).`]
				: []),
			...(state === "gone" && openTasks > 0
				? [
						`${openTasks === 1 ? "1 task waits" : `${openTasks} tasks wait`} for ${host}: dispatch ls --host ${host}`,
					]
				: []),
		];
	});
}

/** Free places are of no use where as many agents live as may. */
function fullNotes({ host, state, liveAgents, maxAgents, places }: HostView): string[] {
	const isLost = LOST.includes(state);
	if (maxAgents === null || liveAgents < maxAgents || isLost) return [];
	const asking = liveAgents - (places?.used ?? liveAgents);
	const due =
		asking <= 0 ? "" : `, ${asking === 1 ? "1 of them asks" : `${asking} of them ask`}: dispatch questions`;
	return [
		`${host} starts nothing more for now: ${liveAgents} of ${maxAgents} agents live (worker.max_agents)${due}`,
	];
}

/** A drain is nothing that a host says of itself: it is a person's, and no worker writes it anew. */
function damageNotes(host: string, damage: readonly string[]): string[] {
	const isOfDrain = (fault: string) => /^drain\b/.test(fault);
	const [drain] = damage.filter(isOfDrain);
	const own = damage.filter((fault) => !isOfDrain(fault));
	return [
		...(own.length > 0
			? [
					`What ${host} says of itself is damaged: ${oneLine(own.join(", "), 200)}. A worker there writes it anew.`,
				]
			: []),
		...(drain === undefined
			? []
			: [
					`Whether ${host} is drained is damaged (${oneLine(drain, 200)}), which counts as not: dispatch hosts drain ${host}, or resume it.`,
				]),
	];
}
