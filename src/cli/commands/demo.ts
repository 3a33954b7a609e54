import type { Context } from "../context.ts";
import { runDemo } from "../demo/demo.ts";

export function demo(context: Context, flags: { cwd?: string }): Promise<number> {
	return runDemo(context, flags);
}
