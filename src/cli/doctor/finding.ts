/** What the doctor says of one thing. `fix` is the next step, for a person. */
export interface Finding {
	area: "redis" | "config" | "backend" | "worker" | "notifications" | "hosts" | "machine";
	level: "ok" | "warn" | "broken";
	text: string;
	fix: string | null;
	/** `--fix` mended it */
	fixed?: true;
}

type Area = Finding["area"];

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
