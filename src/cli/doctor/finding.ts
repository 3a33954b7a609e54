import { DispatchError } from "../../task/errors.ts";

/** What the doctor says of one thing. `fix` is the next step, for a person. */
export interface Finding {
	area: "redis" | "config" | "backend" | "worker" | "notifications" | "hosts" | "machine";
	level: "ok" | "warn" | "broken";
	text: string;
	fix: string | null;
	/** `--fix` mended it */
	fixed?: true;
}

export type Area = Finding["area"];

export const ok = (area: Area, text: string): Finding => ({ area, level: "ok", text, fix: null });
export const warn = (area: Area, text: string, fix: string): Finding => ({ area, level: "warn", text, fix });
export const broken = (area: Area, text: string, fix: string): Finding => ({
	area,
	level: "broken",
	text,
	fix,
});
export const fixed = (area: Area, text: string): Finding => ({
	area,
	level: "ok",
	text,
	fix: null,
	fixed: true,
});

/**
 * One check, which keeps nobody from the others: what it throws is a finding.
 * @param what it looks at, as in "… could not be looked at"
 */
export async function checked(
	area: Area,
	what: string,
	check: () => Finding | Finding[] | Promise<Finding | Finding[]>,
): Promise<Finding[]> {
	const { findings } = await looked(area, what, async () => ({
		found: null,
		findings: [await check()].flat(),
	}));
	return findings;
}

interface Looked<T> {
	/** undefined: it could not be looked at */
	found?: T;
	findings: Finding[];
}

/** As `checked`, of a check that finds something that others go on with. */
export async function looked<T>(
	area: Area,
	what: string,
	look: () => Looked<T> | Promise<Looked<T>>,
): Promise<Looked<T>> {
	try {
		return await look();
	} catch (error) {
		const why = error instanceof Error ? error.message : String(error);
		const hint = error instanceof DispatchError ? error.hint : undefined;
		const text = `${what} could not be looked at: ${why.replace(/\.$/, "")}.`;
		return { findings: [broken(area, text, hint ?? "Mend that, then look again: dispatch doctor")] };
	}
}
