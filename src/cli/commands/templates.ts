import { addTemplate, findTemplate, listTemplates, type Template } from "../../config/templates.ts";
import type { Context } from "../context.ts";
import { oneLine, plain } from "../show/output.ts";

/** Lists the templates, or prints one as it is written: the beginning of one's own. */
export async function templates(context: Context, name: string | undefined): Promise<undefined> {
	const places = { project: process.cwd(), home: context.home.base };
	if (name !== undefined) {
		const template = findTemplate(places, name);
		context.output.result(asJson(template), plain(template.text.trimEnd()).split("\n"));
		return;
	}
	const found = listTemplates(places);
	const width = Math.max(...found.map((template) => template.name.length));
	const lines = found.map((template) => {
		const variables = Object.keys(template.variables).map((key) => `{{${key}}}`);
		const more = [template.source, ...variables].join(", ");
		return `${template.name.padEnd(width)}  ${oneLine(template.description)} (${oneLine(more)})`;
	});
	const next =
		"Use one: dispatch enqueue --template NAME. Make it yours: dispatch templates copy NAME NEWNAME";
	if (process.stdout.isTTY === true) lines.push("", next);
	context.output.result(
		found.map(asJson),
		lines,
		found.map((template) => template.name),
	);
}

export interface CopyFlags {
	project?: boolean;
}

/** The beginning of one's own. @throws DISPATCH_USAGE where one of that name is there */
export async function copyTemplate(
	{ output, home }: Context,
	name: string,
	as: string,
	{ project = false }: CopyFlags,
): Promise<undefined> {
	const places = { project: process.cwd(), home: home.base };
	const { text } = findTemplate(places, name);
	const path = addTemplate(places, project ? "project" : "home", as, text);
	const wrote = `Wrote ${path}. Use it: dispatch enqueue --template ${as}`;
	output.result({ name: as, path }, [output.quiet ? path : wrote]);
}

function asJson({ name, source, description, prompt, addition, variables, plan }: Template) {
	return { name, source, description, prompt, addition, variables, plan };
}
