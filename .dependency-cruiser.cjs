/**
 * The directions of imports, type imports included. Each folder of src/ names what it may import of ours;
 * a folder that is not listed may import nothing. See docs/ARCHITECTURE.md.
 */
const WORKS_ON_TASKS = ["queue", "workspace", "ipc", "config", "backends", "process", "task"];

const MAY_IMPORT = {
	task: [],
	process: ["task"],
	notify: ["task"],
	backends: ["process", "task"],
	config: ["backends", "notify", "process", "task"],
	ipc: ["process", "task"],
	workspace: ["process", "task"],
	queue: ["process", "task"],
	actions: WORKS_ON_TASKS,
	producer: WORKS_ON_TASKS,
	worker: WORKS_ON_TASKS,
	monitor: WORKS_ON_TASKS,
	host: [...WORKS_ON_TASKS, "worker", "monitor", "notify", "producer"],
	web: ["actions", "queue", "task"],
	mcp: ["actions", "queue", "task"],
	demo: ["ipc", "process", "task"],
};

const directions = Object.entries(MAY_IMPORT).map(([folder, others]) => ({
	name: `from-${folder}`,
	comment: `${folder}/ may import ${others.join(", ") || "nothing of ours"}`,
	severity: "error",
	from: { path: `^src/${folder}/` },
	to: { path: "^src/", pathNot: `^src/(${[folder, ...others].join("|")})/` },
}));

module.exports = {
	forbidden: [
		...directions,
		{
			name: "unlisted-folder",
			comment: "name the folder in MAY_IMPORT first",
			severity: "error",
			from: { path: "^src/", pathNot: `^src/(cli|${Object.keys(MAY_IMPORT).join("|")})/` },
			to: { path: "^src/" },
		},
		{
			name: "queue-rooms",
			comment: "jobs/ → records/ → redis/",
			severity: "error",
			from: { path: "^src/queue/(redis|records)/" },
			to: { path: "^src/queue/(records|jobs)/", pathNot: "^src/queue/$1/" },
		},
		{
			name: "no-circles",
			severity: "error",
			from: { path: "^src/" },
			to: { circular: true },
		},
		{
			name: "redis-only-in-queue",
			comment: "only queue/ knows BullMQ and Redis",
			severity: "error",
			from: { path: "^src/", pathNot: "^src/queue/" },
			to: { path: "(^|/)node_modules/(bullmq|ioredis|@ioredis)/|^(bullmq|ioredis)(/|$)" },
		},
		{
			name: "programs-only-in-process",
			comment: "only process/ starts programs: it knows whose environment, descriptors and ends they have",
			severity: "error",
			from: { path: "^src/", pathNot: "^src/process/" },
			to: { path: "^(node:)?(child_process|cluster)$|(^|/)node_modules/execa/|^execa(/|$)" },
		},
		{
			name: "only-src-and-dependencies",
			comment: "the program may import its own sources and its dependencies, no tests, scripts or tools",
			severity: "error",
			from: { path: "^src/" },
			to: { path: "^(test|scripts)/" },
		},
		{
			name: "no-tools-at-run-time",
			comment: "a devDependency is not there when dispatch is installed",
			severity: "error",
			from: { path: "^src/" },
			to: { dependencyTypes: ["npm-dev", "npm-no-pkg"], dependencyTypesNot: ["type-only"] },
		},
		{ name: "unresolved", severity: "error", from: { path: "^src/" }, to: { couldNotResolve: true } },
	],
	options: {
		doNotFollow: { path: "node_modules" },
		tsPreCompilationDeps: true,
		tsConfig: { fileName: "tsconfig.json" },
		enhancedResolveOptions: {
			exportsFields: ["exports"],
			conditionNames: ["import", "require", "node", "default", "types"],
		},
	},
};
