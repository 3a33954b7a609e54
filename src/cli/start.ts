/** The entry `dispatch`: loads the program beside it, compiled already where that can be. */
import { join } from "node:path";
import { loadProgram } from "./program/code-cache.ts";

/** Names the content of main.cjs; put in by the build. */
declare const DISPATCH_MAIN_HASH: string;

const program = loadProgram(
	join(import.meta.dirname, "main.cjs"),
	DISPATCH_MAIN_HASH,
) as typeof import("./main.ts");
void program.main();
