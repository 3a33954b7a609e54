/** The checklist of a task as its agent keeps it in plan.md. */

/** " " open · "x" done · "?" blocked (question below) · "!" error (description below) */
export type Marker = " " | "x" | "?" | "!";

export interface PlanItem {
	marker: Marker;
	text: string;
	/** what stands on the lines below the item, joined by a space; null when nothing does */
	note: string | null;
}

export interface Plan {
	title: string | null;
	items: PlanItem[];
}
