/** The config as it is in force, each setting with where it came from. */
import { isMap, isNode, LineCounter, parseDocument } from "yaml";
import { backendOf } from "../backends/index.ts";
import { promptWay } from "../backends/prompt-way.ts";
import { formatDuration } from "../task/duration.ts";
import { shownCommand } from "../task/secrets-of-command.ts";
import { type Config, mostAgents } from "./config.ts";

export interface Setting {
	/** as in docs/CONFIG.md: `worker.concurrency` */
	key: string;
	/** null where there is none */
	value: string | number | boolean | null;
	/** `line 12`, `found on PATH`, the name of a variable or option, `default` */
	from: string;
}

/** @param text the file's; null when there is none */
export function effectiveSettings(config: Config, text: string | null): Setting[] {
	const line = lineFinder(text ?? "");
	const found = config.path === null ? "found on PATH" : "default";
	const setting = (path: string[], value: Setting["value"], otherwise = "default"): Setting => ({
		key: path.join("."),
		value,
		from: line(path) ?? otherwise,
	});
	const { worker, limits, budget } = config;
	return [
		setting(["default"], config.default, found),
		...Object.values(config.backends).flatMap((backend) => {
			const { name, type, command, modelFlag, permissions } = backend;
			const agent = line(["agents", name, "command"]);
			return [
				setting(["backends", name, "type"], type, "by its name or program"),
				setting(["backends", name, "command"], shownCommand(command), agent ?? "found on PATH"),
				setting(["backends", name, "model_flag"], modelFlag),
				setting(["backends", name, "prompt_by"], promptWay(backend, backendOf(type)), "by its command"),
				...(permissions === null ? [] : [setting(["backends", name, "permissions"], permissions)]),
			];
		}),
		...Object.entries(config.models).flatMap(([name, model]) => [
			setting(["models", name, "backend"], model.backend, model.backend === null ? "by its name" : found),
			...(model.id === null ? [] : [setting(["models", name, "id"], model.id)]),
		]),
		...Object.entries(config.aliases).flatMap(([name, { model, prompt, backend, permissions }]) => [
			setting(["aliases", name, "model"], model ?? backend, line(["agents", name]) ?? "default"),
			...(prompt === null ? [] : [setting(["aliases", name, "prompt"], prompt)]),
			...(permissions === null ? [] : [setting(["aliases", name, "permissions"], permissions)]),
		]),
		setting(["worker", "concurrency"], worker.concurrency),
		setting(["worker", "max_agents"], mostAgents(worker, worker.concurrency)),
		setting(["limits", "inactivity"], formatDuration(limits.inactivityMs)),
		setting(["limits", "question_wait"], formatDuration(limits.questionWaitMs)),
		setting(["limits", "deadline"], limits.deadlineMs === null ? null : formatDuration(limits.deadlineMs)),
		setting(["attempts"], config.attempts),
		setting(["fallback"], config.fallback.join(", ") || null),
		...(config.fallback.length === 0
			? []
			: [setting(["fallback_after"], formatDuration(config.fallbackAfterMs))]),
		setting(["env"], config.env.join(", ") || null),
		setting(["budget", "task"], budget.taskUsd),
		setting(["budget", "daily"], budget.dailyUsd),
		...config.notifications.map(({ name, type, on }) => ({
			key: `notifications.${name}`,
			value: `${type} on ${on.join(", ")}`,
			from: line(["notifications"]) ?? "default",
		})),
		...Object.entries(config.prices).flatMap(([name, { input, output }]) => [
			setting(["prices", name, "input"], input),
			setting(["prices", name, "output"], output),
		]),
	];
}

/** @returns `line 3` for a key that has a value */
function lineFinder(text: string): (path: readonly string[]) => string | null {
	const lines = new LineCounter();
	const document = parseDocument(text, { lineCounter: lines, version: "1.2", merge: true });
	return (path) => {
		const node = isMap(document.contents) ? document.getIn(path, true) : null;
		if (!isNode(node) || !node.range || (document.getIn(path) ?? null) === null) return null;
		return `line ${lines.linePos(node.range[0]).line}`;
	};
}
