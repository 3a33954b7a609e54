/** What sets dispatch's own lines apart from an agent's stands nowhere in an agent's text. */
import { expect, test } from "vitest";
import { agentText, ownLine } from "../../src/cli/show/own-lines.ts";

const LIKE_OURS = ["┃", "❙", "❚", "‖", "║"];

test.each(LIKE_OURS)("no text of an agent, and no other place of our own lines, holds %s", (mark) => {
	const own = ownLine(`a ${mark} b`);
	expect(own.slice(own.indexOf("a"))).not.toContain(mark);
	expect(agentText(`${mark} Start 2\nx ${mark}`)).not.toContain(mark);
	expect(agentText(`${mark} Start 2\nx ${mark}`)).toMatch(/Start 2\nx/);
});
