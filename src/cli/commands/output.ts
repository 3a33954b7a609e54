import { reportOf } from "../../actions/report.ts";
import type { Context } from "../context.ts";
import { plain } from "../show/output.ts";

export async function output(context: Context, given: string): Promise<number | undefined> {
	const report = await reportOf(await context.store(), given, context.home.hostId);
	context.output.result(report, plain(report.report).replace(/\n$/, "").split("\n"));
	return undefined;
}
