import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { whyNoDirectory, whyNoDirectoryNow } from "../../src/process/is-directory.ts";
import { temporaryFolder } from "../temporary-folder.ts";

test("what a path says of itself is a reason; what may pass is thrown, but for a person", () => {
	const folder = temporaryFolder("is-directory");
	const at = (name: string) => join(folder, name);
	mkdirSync(at("folder"));
	writeFileSync(at("file"), "");
	symlinkSync(at("circle"), at("circle"));
	symlinkSync(at("folder"), at("link"));
	for (const name of ["folder", "link"]) expect(whyNoDirectory(at(name))).toBeNull();
	expect(whyNoDirectory(at("nowhere"))).toBe("it does not exist");
	expect(whyNoDirectory(at("file"))).toBe("it is not a directory");
	expect(whyNoDirectory(at("file/in"))).toBe("it leads through a file");
	expect(whyNoDirectory(at("circle"))).toBe("its links lead in a circle");
	expect(whyNoDirectory(at("x".repeat(300)))).toBe("its name is too long");
	// Nothing that the system said of the path, as with no memory, or a network drive that is away.
	expect(() => whyNoDirectory("a\0b")).toThrow();
	expect(whyNoDirectoryNow("a\0b")).toMatch(/null bytes/);
});
