import { join, resolve } from "node:path";

/** The path of one of our sources, as a word of JavaScript. */
export function source(path: string): string {
	return JSON.stringify(resolve(import.meta.dirname, "../../src", path));
}

/** Makes a program of its own, outside vitest, of a text that imports our sources. @returns its file */
export async function bundled(folder: string, contents: string): Promise<string> {
	const file = join(folder, "program.mjs");
	const { build } = await import("esbuild");
	await build({
		stdin: { contents, resolveDir: folder, loader: "ts" },
		bundle: true,
		platform: "node",
		format: "esm",
		// Packages of the older form ask for what Node itself has.
		banner: {
			js: 'import { createRequire as made } from "node:module"; const require = made(import.meta.url);',
		},
		outfile: file,
	});
	return file;
}
