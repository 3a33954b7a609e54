/** The first use without a config: finds the agent CLIs, asks for the default where it can, writes the file. */
import { installHint, KNOWN_CLIS } from "../backends/known.ts";
import { cliOf } from "../backends/started.ts";
import type { Config } from "../config/config.ts";
import { addFoundModel, detectWithModels, unknownName } from "../config/first-run.ts";
import { renderConfig, restriction } from "../config/render.ts";
import { createConfig } from "../config/save.ts";
import { DispatchError } from "../task/errors.ts";
import type { Environment } from "./context.ts";
import type { Output } from "./show/output.ts";

interface FirstRunOptions {
	/** where the config shall stand */
	path: string;
	env: Environment;
	output: Output;
}

export type FirstRun =
	| { kind: "written"; config: Config }
	/** no agent CLI is on PATH */
	| { kind: "nothing_found" }
	/** another first run was faster */
	| { kind: "exists" }
	/** the user gave no answer: nothing was written */
	| { kind: "left" };

/** @throws DISPATCH_BAD_FILE */
export async function firstRun({ path, env, output }: FirstRunOptions): Promise<FirstRun> {
	const found = await detectWithModels(env);
	if (found.default === null) return { kind: "nothing_found" };
	const asked = await chosenDefault(found, output);
	if (asked === "left") return { kind: "left" };
	const config: Config = { ...found, path, default: asked?.model ?? found.default };
	if (!createConfig(path, renderConfig(config))) return { kind: "exists" };
	for (const line of firstWords(config, asked === null)) output.note(line);
	return { kind: "written", config };
}

export function noAgentFound(): DispatchError {
	const programs = KNOWN_CLIS.map((cli) => cli.programs[0]).join(", ");
	return new DispatchError("DISPATCH_NO_BACKEND", `No agent CLI is on PATH (looked for ${programs}).`, {
		hint: `${installHint()}, or name another program: dispatch config add-backend NAME --command LINE. To see it without any: dispatch demo.`,
	});
}

/** @returns null where nobody was asked */
async function chosenDefault(found: Config, output: Output): Promise<{ model: string } | "left" | null> {
	const usual = KNOWN_CLIS.filter(({ type }) => found.backends[type] !== undefined);
	const choices = usual.flatMap(({ type, models }) => {
		if (models.usual.length === 0)
			return [{ value: String(type), label: String(type), hint: "its own default model" }];
		return models.usual.map((model) => ({ value: model, label: model, hint: String(type) }));
	});
	const canAsk =
		process.stdin.isTTY === true && process.stderr.isTTY === true && !output.json && !output.quiet;
	if (!canAsk || choices.length < 2 || found.default === null) return null;
	const { isCancel, select } = await import("@clack/prompts");
	const message = "First use: which model shall work when you name none?";
	const said = await select({
		message,
		options: choices,
		initialValue: found.default,
		output: process.stderr,
	});
	return isCancel(said) ? "left" : { model: said };
}

/** What was found, what was chosen, what agents may do, how to restrict them, and where all of it stands. */
function firstWords({ backends, default: chosen, path }: Config, isChosenByUs: boolean): string[] {
	const all = Object.values(backends);
	const change = isChosenByUs ? "; another one: dispatch config set-default MODEL" : "";
	const lines = all.map(({ name, command }) => {
		const started = cliOf(command)?.program ?? name;
		return `\`${command.slice(command.indexOf(started))}\``;
	});
	const restricted = all.flatMap(({ name, type }) => {
		const less = restriction(type);
		return less === null ? [] : [`${name} takes ${less}`];
	});
	return [
		`First use: found ${all.map(({ name }) => name).join(", ")} on PATH.`,
		`A task that names no model gets ${chosen}: the default model is ${chosen}${change}.`,
		`Agents run unattended, with these permissions, in the directory of their task: ${lines.join("; ")}.`,
		restricted.length === 0
			? "None of them can be restricted by dispatch."
			: `To restrict one, add a line under its backend: ${restricted.join("; ")}.`,
		`All of it stands in ${path}: dispatch config show, dispatch config edit.`,
	];
}

/** A model that the config does not name and that was found all the same: it stands in the file from now on. */
export async function rememberModel(
	{ config, output }: { config: Config; output: Output },
	asked: { prompt: string; model: string | null },
	backend: string,
): Promise<void> {
	const name = unknownName(config, { prompt: asked.prompt, flag: asked.model });
	if (name === null || config.path === null) return;
	try {
		if (await addFoundModel(config.path, name, backend))
			output.note(`Added the model ${name} to ${config.path}.`);
	} catch (error) {
		// The task is accepted: a file that cannot be written is no reason to fail.
		if (!(error instanceof DispatchError)) throw error;
		output.note(`${error.message} The model ${name} is found anew each time.`);
	}
}
