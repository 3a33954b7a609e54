/** What was meant by a word that is no command: another tool's name for it, or a slip of the fingers. */
import { similar } from "../../task/similar.ts";

const SHORTEST_BEGINNING = 3;

/** Line behind `dispatch` → the words by which other tools, and people, call it. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
	enqueue: "add submit new create queue exec task do delegate schedule",
	ls: "list tasks jobs all",
	status: "info state describe inspect summary get",
	questions: "asks pending asking",
	answer: "reply respond",
	watch: "top monitor tui live",
	logs: "tail events journal",
	output: "report result results cat",
	wait: "await join",
	note: "tell message msg send",
	cancel: "kill abort terminate interrupt",
	retry: "rerun resume again redo",
	rm: "delete del remove erase",
	prune: "clean cleanup gc purge clear",
	up: "start daemon boot launch serve",
	down: "shutdown quit halt exit",
	"up --restart": "restart reload",
	hosts: "host machines nodes fleet",
	"hosts drain": "drain cordon",
	worker: "workers foreground",
	"service install": "systemd autostart",
	web: "ui dashboard browser board gui",
	doctor: "check health diagnose",
	config: "configure settings setup models model backends backend aliases",
	"config init": "init",
	notify: "notifications notification",
	"skill install": "install plugin",
	completion: "autocomplete",
	demo: "tour tutorial example",
	help: "man usage commands",
	"help config": "limits limit budget budgets deadline deadlines timeout timeouts concurrency",
	"help topics": "topics docs manual guide",
	"help redis": "redis database db",
	"help environment": "env environment",
	"--version": "version ver about",
};

/** The same, of commands that have commands of their own; behind "" those of the command alone. */
const OTHER_NAMES_IN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
	config: {
		show: "list ls get print cat view dump",
		"set-default": "set default use",
		"add-model": "add model new",
		"remove-model": "remove rm delete",
		edit: "change open",
	},
	batch: {
		ls: "list all",
		status: "show info get state describe logs",
		wait: "await join follow watch",
		cancel: "kill abort stop terminate",
		retry: "rerun resume again redo restart",
	},
	// Alone it lists them.
	hosts: { "": "ls list show all status", drain: "cordon stop pause down", resume: "uncordon undrain up" },
	service: { install: "start enable add up" },
	skill: { install: "add update up", uninstall: "remove rm delete", show: "print cat view" },
};

/**
 * @param names of the commands that there are
 * @param parent the command before it, of one that has several
 * @returns the line behind `dispatch`; null: nothing is near
 */
export function meantBy(word: string, names: readonly string[], parent: string | null = null): string | null {
	const typed = word.toLowerCase();
	const others = Object.entries(parent === null ? OTHER_NAMES : (OTHER_NAMES_IN[parent] ?? {}));
	const known = others.find(([, words]) => words.split(" ").includes(typed))?.[0];
	const line = names.includes(typed) ? typed : (known ?? begun(typed, names) ?? similar(typed, names));
	if (line === null || parent === null) return line;
	return `${parent} ${line}`.trimEnd();
}

/** The only one that begins so. */
function begun(typed: string, names: readonly string[]): string | null {
	const found = typed.length < SHORTEST_BEGINNING ? [] : names.filter((name) => name.startsWith(typed));
	return found.length === 1 ? (found[0] ?? null) : null;
}
