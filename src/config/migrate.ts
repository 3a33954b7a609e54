/** Turns a config of the older `agents:` form into the present one; comments and order stay. */
import { type Document, isMap, isScalar, type Pair, type YAMLMap } from "yaml";
import { takeFlag } from "../backends/shell-words.ts";
import { cliOf } from "../backends/started.ts";
import { DispatchError } from "../task/errors.ts";
import { pairOf, readDocument } from "./edit.ts";

const MODEL_FLAGS = ["--model", "-m"];

/**
 * An agent becomes a backend. One whose command is another's with a model of its own becomes an alias of
 * that model; one with a prompt becomes an alias of its backend.
 * @param text a config that loads
 * @returns null when there are no `agents:`
 * @throws DISPATCH_CONFIG_INVALID when a name stands on both sides
 */
export function migrateConfig(text: string): string | null {
	const document = readDocument(text);
	const top = document.contents;
	const section = isMap(top) ? pairOf(top, "agents") : undefined;
	if (!isMap(top) || section === undefined) return null;
	const agents = isMap(section.value) ? section.value : (document.createNode({}) as YAMLMap);
	refuseTwice(document, agents);
	for (const pair of [...agents.items]) moveAgent(document, agents, pair);
	const backends = document.get("backends", true);
	if (isMap(backends)) {
		backends.items.push(...agents.items);
		top.items.splice(top.items.indexOf(section), 1);
	} else {
		document.delete("backends");
		if (isScalar(section.key)) section.key.value = "backends";
	}
	return document.toString({ lineWidth: 0 });
}

function refuseTwice(document: Document, agents: YAMLMap): void {
	for (const { key } of agents.items) {
		const name = nameOf(key);
		const other = ["backends", "aliases", "models"].find((place) => document.hasIn([place, name]));
		if (other === undefined) continue;
		throw new DispatchError(
			"DISPATCH_CONFIG_INVALID",
			`"${name}" stands under agents: and under ${other}: too.`,
			{ hint: "Rename or remove one of them, then migrate again." },
		);
	}
}

function moveAgent(document: Document, agents: YAMLMap, pair: Pair): void {
	if (!isMap(pair.value)) return;
	const name = nameOf(pair.key);
	const prompt = pair.value.get("prompt", true);
	const served = servedByOther(agents, name, commandOf(pair.value));
	if (served !== null) {
		agents.items.splice(agents.items.indexOf(pair), 1);
		pairIn(document, "models", served.model, { backend: served.backend });
	}
	pair.value.delete("prompt");
	if (prompt === undefined && served === null) return;
	const alias = pairIn(document, "aliases", name, { model: served?.model ?? name });
	if (prompt !== undefined && isMap(alias.value)) {
		alias.value.flow = false;
		alias.value.set("prompt", prompt);
	}
	if (served !== null) keepComments(pair, alias);
}

/** The agent whose command this one's is, but for the model. */
function servedByOther(
	agents: YAMLMap,
	name: string,
	command: string,
): { backend: string; model: string } | null {
	const taken = takeFlag(command, MODEL_FLAGS);
	if (taken === null || cliOf(command) === null || !/^[\w.:/-]+$/.test(taken.value)) return null;
	const other = agents.items.find(
		({ key, value }) =>
			nameOf(key) !== name && isMap(value) && oneLine(commandOf(value)) === oneLine(taken.rest),
	);
	return other === undefined ? null : { backend: nameOf(other.key), model: taken.value };
}

/** An entry of a section, made if need be; the section too. */
function pairIn(document: Document, section: string, name: string, value: Record<string, string>): Pair {
	if (!isMap(document.get(section, true))) document.set(section, document.createNode({}));
	const map = document.get(section, true) as YAMLMap;
	const known = pairOf(map, name);
	if (known !== undefined) return known;
	const inner = document.createNode(value, { flow: true });
	map.items.push(document.createPair(name, inner));
	return map.items.at(-1) as Pair;
}

function keepComments(from: Pair, to: Pair): void {
	if (!isScalar(from.key) || !isScalar(to.key) || !isMap(from.value) || !isMap(to.value)) return;
	const inner = from.value.items.flatMap(({ key, value }) => [
		isScalar(key) ? key.commentBefore : null,
		isScalar(value) ? value.comment : null,
	]);
	const before = [from.key.commentBefore, from.value.commentBefore, ...inner, from.value.comment];
	const comment = before.filter((text) => typeof text === "string").join("\n");
	if (comment !== "") to.key.commentBefore = comment;
	to.key.spaceBefore = from.key.spaceBefore ?? false;
}

function commandOf(agent: YAMLMap): string {
	return String(agent.get("command") ?? "").trim();
}

function oneLine(command: string): string {
	return command.replace(/\s+/g, " ").trim();
}

function nameOf(key: unknown): string {
	return String(isScalar(key) ? key.value : key);
}
