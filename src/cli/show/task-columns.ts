/** The columns of a list of tasks. Pure: from views to cells. */
import type { DamagedTask } from "../../task/damaged.ts";
import { DispatchError } from "../../task/errors.ts";
import { SKIPPED } from "../../task/states.ts";
import type { TaskView } from "../../task/view.ts";
import { ageText } from "../../task/view-times.ts";
import { whatOf } from "../../task/view-what.ts";
import type { Column } from "./columns.ts";
import { type Output, oneLine } from "./output.ts";
import { stateText } from "./report-lines.ts";

/** Long enough for every terminal; what is longer is read with `status`. */
const CELL_LIMIT = 300;
const ID_LIMIT = 64;

/** What a cell may look at beside its task. */
interface Around {
	now: number;
	/** the host that all owners share; null where they do not */
	home: string | null;
}

interface Shape {
	cell(view: TaskView, around: Around): string;
	least?: number;
	wish?: number;
	goes?: number;
}

/** By name, in the order in which `ls` shows those that it shows. */
const SHAPES = {
	task: { cell: ({ id }) => id, least: 12, wish: 24 },
	state: { cell: ({ state }) => state },
	plan: { cell: ({ plan: { done, total } }) => (total === 0 ? "" : `${done}/${total}`), goes: 7 },
	model: { cell: (view) => view.model ?? view.backend, least: 8, goes: 8 },
	age: { cell: (view, { now }) => ageText(view, now), goes: 4 },
	owner: { cell: ({ createdBy }, { home }) => ownerText(createdBy, home), least: 8, goes: 5 },
	host: { cell: ({ host }) => host, least: 8, goes: 6 },
	why: { cell: whyText, least: 12, wish: 20, goes: 3 },
	cost: { cell: costText, goes: 7 },
	tags: { cell: tagsText, least: 8, goes: 8 },
	cwd: { cell: ({ cwd }) => cwd, least: 12, goes: 8 },
	what: { cell: whatOf, least: 14, wish: 20 },
} as const satisfies Record<string, Shape>;

type ColumnName = keyof typeof SHAPES;

export const COLUMN_NAMES = Object.keys(SHAPES);

const USUAL: readonly ColumnName[] = ["task", "state", "plan", "model", "age", "what"];

/** @returns the names in `task,age`; null where none are given. @throws DISPATCH_USAGE for one that is none */
export function columnNames(given: string | undefined): ColumnName[] | null {
	if (given === undefined) return null;
	return given.split(",").map((name) => {
		const known = name.trim().toLowerCase();
		if (Object.hasOwn(SHAPES, known)) return known as ColumnName;
		throw new DispatchError("DISPATCH_USAGE", `Expected --columns to be names of columns, got "${name}".`, {
			hint: `Any of ${COLUMN_NAMES.join(",")}.`,
		});
	});
}

/** The usual ones; why, where one waits or was skipped; owner and host where not all are of one. */
export function usualColumns(views: readonly TaskView[]): ColumnName[] {
	const shown = new Set<ColumnName>(USUAL);
	const { owners, hosts } = sharedBy(views);
	if (owners) shown.add("owner");
	if (views.some((view) => whyText(view) !== "")) shown.add("why");
	if (hosts) shown.add("host");
	return (Object.keys(SHAPES) as ColumnName[]).filter((name) => shown.has(name));
}

type Owned = Pick<TaskView, "createdBy" | "host">;

/** Of what there are several among tasks, so that it stands beside each. */
export function sharedBy(tasks: readonly Owned[]): { owners: boolean; hosts: boolean } {
	const areSeveral = (of: (task: Owned) => string) => new Set(tasks.map(of)).size > 1;
	return { owners: areSeveral(({ createdBy }) => createdBy), hosts: areSeveral(({ host }) => host) };
}

/** "ann on mini2", each where there are several of them among the tasks; empty where all are of one. */
export function whoseTexts(tasks: readonly (Owned & { id: string })[]): Map<string, string> {
	const home = sharedHome(tasks);
	const { owners, hosts } = sharedBy(tasks);
	if (!owners && !hosts) return new Map();
	return new Map(
		tasks.map(({ id, createdBy, host }) => {
			const parts = [owners ? ownerText(createdBy, home) : "", hosts ? `on ${host}` : ""];
			return [id, parts.filter(Boolean).join(" ")];
		}),
	);
}

/** @param damaged stand below the others, with what is wrong */
export function taskColumns(
	names: readonly ColumnName[],
	{ views, damaged, now }: { views: readonly TaskView[]; damaged: readonly DamagedTask[]; now: number },
	colors: Output["colors"],
): Column[] {
	const around = { now, home: sharedHome(views) };
	return names.map((name) => {
		const shape: Shape = SHAPES[name];
		const cells = views.map((view) => oneLine(shape.cell(view, around), CELL_LIMIT));
		const column: Column = { heading: name.toUpperCase(), cells: [...cells, ...damaged.map(damageIn(name))] };
		if (shape.least !== undefined) column.least = shape.least;
		if (shape.wish !== undefined) column.wish = shape.wish;
		if (shape.goes !== undefined) column.goes = shape.goes;
		if (name === "state") column.paint = (cell, row) => stateCell(cell, views[row], colors);
		return column;
	});
}

function damageIn(name: ColumnName): (task: DamagedTask) => string {
	return ({ id, damage }) => {
		if (name === "task") return oneLine(id, ID_LIMIT);
		return name === "state" ? "damaged" : name === "what" ? oneLine(damage, CELL_LIMIT) : "";
	};
}

function stateCell(cell: string, view: TaskView | undefined, colors: Output["colors"]): string {
	return view === undefined ? colors.red(cell) : stateText(view.state, colors, cell);
}

/** "ann" where all owners sit at one machine, else "ann@mini1". @param home that machine: `sharedHome` */
export function ownerText(owner: string, home: string | null): string {
	return home !== null && owner.endsWith(`@${home}`) ? owner.slice(0, -home.length - 1) : owner;
}

/** The machine that all owners sit at; null where there is none. */
export function sharedHome(views: readonly Owned[]): string | null {
	const homes = new Set(views.flatMap(({ createdBy }) => /@([^@]*)$/.exec(createdBy)?.[1] ?? []));
	return homes.size === 1 ? ([...homes][0] ?? null) : null;
}

/** Why it waits; of those that are cancelled, who was skipped: what it needs stands in WHAT. */
function whyText({ waits, reason }: TaskView): string {
	return waits?.why ?? (reason === SKIPPED ? SKIPPED : "");
}

/** `$0.12`, `~$0.12` where it is estimated; empty where it is not known. */
export function costText({ usage }: TaskView): string {
	const usd = usage?.costUsd ?? null;
	return usd === null ? "" : `${usage?.estimated ? "~" : ""}$${usd.toFixed(2)}`;
}

function tagsText({ tags }: TaskView): string {
	return Object.entries(tags)
		.map(([name, value]) => `${name}=${value}`)
		.join(",");
}
