/** The terminal a screen is drawn on, for what a frame must never do to it. */
import { expect, onTestFinished, test } from "vitest";
import { bundled, source } from "../process/bundled.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { Screen } from "./tmux.ts";

test("a line that is wider than the terminal is cut: it never runs into the next row", async () => {
	const folder = temporaryFolder("terminal");
	const program = await bundled(
		folder,
		`import { Terminal } from ${source("cli/screen/terminal.ts")};
		const terminal = new Terminal({ keys: null, resized: () => {} });
		terminal.open();
		terminal.draw({ lines: ["first", "\\x1b[31m" + "wide ".repeat(20) + "\\x1b[39m", "", "last"], caret: null });
		setTimeout(() => {}, 2 ** 30);`,
	);
	const screen = new Screen([process.execPath, program], {
		...{ columns: 40, rows: 10, cwd: folder },
		env: { PATH: process.env.PATH ?? "", HOME: folder, LANG: "C.UTF-8" },
	});
	onTestFinished(() => screen.close());
	await screen.waitFor("last");
	expect(screen.text()).toBe(`first\n${"wide ".repeat(8).slice(0, 39)}…\n\nlast`);
});
