/** A state directory on another machine, and copies of it: the mark says who writes there. */
import {
	cpSync,
	existsSync,
	mkdirSync,
	readFileSync,
	renameSync,
	statSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { claimWriter, touchWriter } from "../../src/process/writer-mark.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const ID = "0123456789abcdef";
const mark = (home: string) => join(home, "writer.json");

function home(): string {
	const path = join(temporaryFolder("wm"), "h");
	mkdirSync(path);
	writeFileSync(join(path, "home-id"), `${ID}\n`);
	return path;
}

/** The directory as another machine has marked it. */
function marked(path: string, changes: object = {}): void {
	const other = { boot: "another-boot", machine: "another-machine", host: "mini2", path };
	writeFileSync(mark(path), JSON.stringify({ ...other, ...changes }));
}

test("claimed again on this machine, or after a restart of it, it is ours", async () => {
	const path = home();
	expect(await claimWriter(path, ID)).toBeNull();
	expect(await claimWriter(path, ID)).toBeNull();
	expect(touchWriter(path)).toBe(true);
	const { machine } = JSON.parse(readFileSync(mark(path), "utf8")) as { machine: string | null };
	marked(path, { machine });
	utimesSync(mark(path), 0, 0);
	expect(await claimWriter(path, ID)).toBeNull();
	expect(touchWriter(path)).toBe(true);
});

test("while another machine writes there it is refused, and left alone", async () => {
	const path = home();
	marked(path);
	const touching = setInterval(() => utimesSync(mark(path), new Date(), new Date()), 50);
	onTestFinished(() => clearInterval(touching));
	await expect(claimWriter(path, ID)).rejects.toMatchObject({
		code: "DISPATCH_OTHER_WRITER",
		message: expect.stringContaining("mini2"),
	});
	expect(touchWriter(path)).toBe(false);
	expect(readFileSync(mark(path), "utf8")).toContain("another-boot");
});

test("a machine whose clock is another than the file system's is seen to write there", async () => {
	const path = home();
	await claimWriter(path, ID);
	const written = readFileSync(mark(path), "utf8");
	utimesSync(mark(path), 0, 0);
	vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 3_600_000 });
	onTestFinished(() => void vi.useRealTimers());
	writeFileSync(join(path, "before"), "");
	expect(touchWriter(path)).toBe(true);
	writeFileSync(join(path, "after"), "");
	const [before, touched, after] = ["before", "writer.json", "after"].map((name) =>
		Number(statSync(join(path, name), { bigint: true }).mtimeNs),
	);
	expect([before, touched, after]).toEqual([before, touched, after].sort());
	expect(readFileSync(mark(path), "utf8")).toBe(written);
});

test("one that another machine has left is taken, and that is told", async () => {
	const path = home();
	marked(path);
	utimesSync(mark(path), 0, 0);
	// A machine without an id of its own cannot tell itself from others.
	const told = existsSync("/etc/machine-id") ? "mini2" : null;
	expect(await claimWriter(path, ID)).toBe(told);
	expect(readFileSync(mark(path), "utf8")).not.toContain("another-boot");
});

test("a copy beside the original is refused; a moved one, and one with ids of its own, are not", async () => {
	const path = home();
	await claimWriter(path, ID);
	const copy = `${path}-copy`;
	cpSync(path, copy, { recursive: true });
	await expect(claimWriter(copy, ID)).rejects.toMatchObject({
		code: "DISPATCH_OTHER_WRITER",
		message: expect.stringContaining(path),
	});
	writeFileSync(join(copy, "home-id"), "fedcba9876543210\n");
	expect(await claimWriter(copy, "fedcba9876543210")).toBeNull();
	const moved = `${path}-moved`;
	renameSync(path, moved);
	expect(await claimWriter(moved, ID)).toBeNull();
});
