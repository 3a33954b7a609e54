/** One bundle of src/ by esbuild, and what makes a small one of it. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..");
/** Loaded by `web` only, with files of their own beside them; msgpackr-extract is native and optional. */
const EXTERNAL = ["@bull-board/*", "express", "helmet", "msgpackr-extract"];
const NEVER_BUNDLED = { "import.meta.url": "bundleUrl", "import.meta.dirname": "__dirname" };
const BANNER = 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;';
const HOW = {
	absWorkingDir: ROOT,
	bundle: true,
	platform: "node",
	target: "node20",
	logLevel: "warning",
};

/**
 * @param {string} entry a file of src/
 * @param {{ define?: Record<string, string>, plugins?: import("esbuild").Plugin[], footer?: string }} [options]
 * @returns {Promise<Buffer>} what was written
 */
export async function bundle(entry, outfile, { define = {}, plugins = [], footer = "" } = {}) {
	const { build } = await import("esbuild");
	const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
	const isProgram = !/(?:main|special)\.ts$/.test(entry) && entry.startsWith("src/");
	mkdirSync(join(outfile, ".."), { recursive: true });
	await build({
		...HOW,
		entryPoints: [entry],
		outfile,
		format: "cjs",
		minifyWhitespace: true,
		minifySyntax: true,
		charset: "ascii",
		legalComments: "none",
		external: EXTERNAL,
		define: { ...NEVER_BUNDLED, DISPATCH_VERSION: JSON.stringify(version), ...define },
		banner: { js: isProgram ? `#!/usr/bin/env node\n${BANNER}` : BANNER },
		footer: { js: footer },
		plugins: [quickCommander, leftOut, ...plugins, bareLua],
		metafile: plugins.length > 0,
	});
	writeFileSync(outfile, plainAscii(readFileSync(outfile, "utf8")));
	if (isProgram) chmodSync(outfile, 0o755);
	return readFileSync(outfile);
}

/** What scripts that read `--json` may import; zod is theirs, too. */
export async function bundleSchemas(outfile) {
	const { build } = await import("esbuild");
	await build({
		...HOW,
		entryPoints: ["src/cli/commands/schemas.ts"],
		outfile,
		format: "esm",
		external: ["zod"],
	});
}

/** esbuild escapes what stands in strings, and leaves regular expressions as they are. */
function plainAscii(text) {
	return text.replace(/[^\x00-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * ioredis puts 600 methods on a prototype, one by one; V8 copies a list of all of them each time, which takes
 * as long as everything else of a start. An object that has lost a property is kept as a hash table.
 */
const quickCommander = {
	name: "quick-commander",
	setup({ onLoad }) {
		const methods = "commands.forEach(function (commandName) {\n    Commander.prototype[";
		const asTable = "Commander.prototype._a = Commander.prototype._b = 0;\ndelete Commander.prototype._a;\n";
		onLoad({ filter: /ioredis\/built\/utils\/Commander\.js$/ }, ({ path }) => {
			const parts = readFileSync(path, "utf8").split(methods);
			if (parts.length !== 2) throw new Error(`${path} is not as it was: look whether it is quick now`);
			return { contents: parts.join(`${asTable}${methods}`) };
		});
	},
};

/**
 * BullMQ's second store, which its index loads with the first: a third of the package. And what tells `debug`, which
 * ioredis loads, of a terminal's 256 colours: without it there are 6.
 */
const LEFT_OUT = /bullmq\/dist\/cjs\/postgres\/index\.js$|node_modules\/supports-color\/index\.js$/;
const leftOut = {
	name: "left-out",
	setup({ onLoad }) {
		onLoad({ filter: LEFT_OUT }, () => ({ contents: "" }));
	},
};

/** What DEBUG tells of connections, at length, is for those that stay: commands that are soon over are without it. */
export const withoutDebug = {
	name: "without-debug",
	setup({ onLoad }) {
		const quiet = "const quiet = () => Object.assign(() => {}, { enabled: false });";
		onLoad({ filter: /node_modules\/debug\/src\/index\.js$/ }, () => ({
			contents: `${quiet}\nmodule.exports = quiet;\nquiet.default = quiet;`,
		}));
	},
};

/** The scripts for Redis without their comments and indents: a tenth of what a quick command would load is these. */
const bareLua = {
	name: "bare-lua",
	setup({ onLoad }) {
		onLoad({ filter: /queue\/records\/scripts\/[\w-]+\.ts$/ }, ({ path }) => ({
			contents: readFileSync(path, "utf8")
				.replace(/^ *-- .*\n/gm, "")
				.replace(/^ +/gm, ""),
			loader: "ts",
		}));
	},
};

/** What few Redis addresses need: certificates, Sentinel, clusters. It has a bundle of its own, with all of ioredis. */
export const SPECIAL = "src/queue/redis/special.ts";

/** The field sets of HIMPORT, of which no connection of ours has any. */
const NO_FIELD_SETS = `
exports.hasHimportCoordinator = Symbol();
exports.cloneHimportFieldsets = exports.getHimportBinding = () => undefined;
exports.interceptHimportPipeline = exports.isInternalHimportCommand = () => false;`;

/** What ioredis loads for everybody, and those addresses, or nobody of ours, need. */
const SPECIAL_PARTS = {
	HimportCoordinator: NO_FIELD_SETS,
	// No connection of ours gathers commands by itself.
	autoPipelining: "exports.shouldUseAutoPipelining = () => false;",
	cluster: "exports.default = class Cluster {};",
	SentinelConnector: "exports.default = class SentinelConnector {};",
	TLSProfiles: "exports.default = {};",
};

/** @param {string} folder beside the bundle, where that of SPECIAL lies */
export function withoutSpecial(folder) {
	return {
		name: "without-special",
		setup({ onResolve, onLoad }) {
			onResolve({ filter: /^\.\/special\.ts$/ }, () => ({
				path: `./${folder}/${fileOf(SPECIAL)}`,
				external: true,
			}));
			onResolve(
				{
					filter:
						/^\.\.?\/(?:\w+\/)?(?:autoPipelining|cluster|HimportCoordinator|SentinelConnector|TLSProfiles)$/,
				},
				({ path, importer }) =>
					/ioredis\/built\/[\w/]+\.js$/.test(importer)
						? { path: path.split("/").at(-1), namespace: "special-part" }
						: undefined,
			);
			onLoad({ filter: /./, namespace: "special-part" }, ({ path }) => ({ contents: SPECIAL_PARTS[path] }));
		},
	};
}

/** Agents' output is read, and targets are told, by the worker alone, whose code is in worker.cjs. */
const READERS = {
	"backends/failure.ts": ["errorEvents", "failureClass", "plainLine", "tellingErrorsOnce", "unknownEvent"],
	"backends/claude/output.ts": ["claudeParser"],
	"notify/post.ts": ["postJson"],
};

/** Scripts for Redis that only workers, and commands of the large bundles, run. */
const SCRIPTS = {
	ask: ["ASK"],
	"claim-host": ["BEAT", "CLAIM_HOST"],
	delivered: ["DELIVERED"],
	"drain-host": ["DRAIN_HOST"],
	fenced: ["FENCED"],
	follow: ["FOLLOW"],
	hold: ["HOLD"],
	"hold-gate": ["HOLD_GATE"],
	lost: ["CANCEL_LOST", "MOVE_HOST"],
	move: ["MOVE"],
	"new-ipc": ["NEW_IPC"],
	note: ["NOTE"],
	"note-seen": ["NOTE_SEEN"],
	"note-usage": ["NOTE_USAGE"],
	"open-gates": ["OPEN_GATES"],
	remove: ["REMOVE"],
	"settle-needs": ["SETTLE_NEEDS"],
};

export const withoutReaders = {
	name: "without-readers",
	setup({ onResolve, onLoad }) {
		// Once for all of them.
		onResolve({ filter: /^refusal$/ }, () => ({ path: "refusal", namespace: "refusal" }));
		const refuse = "return redis.error_reply('this is not the affair of a small bundle')";
		onLoad({ filter: /./, namespace: "refusal" }, () => ({
			contents: `export default ${JSON.stringify(refuse)};`,
		}));
		for (const [file, names] of Object.entries(SCRIPTS)) {
			const contents = names.map((name) => `export { default as ${name} } from "refusal";`).join("\n");
			onLoad({ filter: new RegExp(`queue/records/scripts/${file}\\.ts$`) }, () => ({ contents }));
		}
		const fail = 'throw new Error("this is not the affair of a small bundle");';
		for (const [file, names] of Object.entries(READERS)) {
			const contents = names.map((name) => `export function ${name}() { ${fail} }`).join("\n");
			onLoad({ filter: new RegExp(`src/${file.replaceAll(".", "\\.")}$`) }, () => ({ contents }));
		}
	},
};

/** Those that Node has not loaded when a program begins, and that not every command uses. */
const SLOW_BUILTINS = /^(?:node:)?(assert|child_process|crypto|dns|http|https|net|readline|stream|tls|zlib)$/;

/** A builtin is loaded when something of it is used, not where it is named. */
export const lazyBuiltins = {
	name: "lazy-builtins",
	setup({ onResolve, onLoad }) {
		onResolve({ filter: SLOW_BUILTINS }, ({ path, namespace }) =>
			namespace === "builtin"
				? { path, external: true }
				: { path: path.replace("node:", ""), namespace: "builtin" },
		);
		// Everything is inherited: esbuild copies a module's own properties, and would load it for that.
		onLoad({ filter: /./, namespace: "builtin" }, ({ path }) => ({
			contents: `module.exports = Object.create(new Proxy({}, {
				get: (_, name) => require("node:${path}")[name],
				has: (_, name) => name in require("node:${path}"),
			}));`,
		}));
	},
};

/**
 * The program's definitions load each command by import(): the code of commands that are not in `hot`, those of the
 * bundle, is left out.
 * @param {{ hot: readonly string[], never: readonly string[], screens?: boolean }} what `never`: packages that must
 *   not come in; `screens`: with what needs a screen, a worktree or a dry run
 */
export function hotOnly({ hot, never, screens = false }) {
	return {
		name: "hot-only",
		setup({ onResolve, onLoad, onEnd }) {
			onResolve({ filter: /^\.\.\/[\w-]+\.ts$/ }, ({ path, importer, kind }) => {
				const isDefined = kind === "dynamic-import" && /cli\/commands\/define\//.test(importer);
				const name = path.slice("../".length, -".ts".length);
				return isDefined && !hot.includes(name) ? { path: name, namespace: "cold" } : undefined;
			});
			// Who needs a screen, or a worktree, is in client.cjs (`mayBeTyped` in src/cli/options/ids.ts), as is who waits, and `enqueue --dry-run`.
			const cold = /^(?:\.\.\/(?:screen\/|workspace\/|show\/(?:planned|follow-log)\.ts$)|\.\/wait\.ts$)/;
			onResolve({ filter: cold }, ({ path, kind }) =>
				kind === "dynamic-import" && !screens ? { path, namespace: "cold" } : undefined,
			);
			onLoad({ filter: /./, namespace: "cold" }, ({ path }) => ({
				contents: `throw new Error("${path} is not in this bundle");`,
			}));
			onEnd(({ metafile }) => {
				const inside = Object.keys(metafile.inputs);
				const found = never.filter((name) => inside.some((path) => path.includes(`node_modules/${name}/`)));
				if (found.length > 0) throw new Error(`A small bundle would hold ${found.join(", ")}`);
			});
		},
	};
}

/**
 * Definitions of which no command is called in this bundle, by the files of cli/commands/define: left out.
 * @param {readonly string[]} names @param {readonly string[]} hot commands of this bundle
 * @throws where one of these is defined in such a file
 */
export function withoutDefinitions(names, hot) {
	return {
		name: "without-definitions",
		setup({ onLoad }) {
			const filter = new RegExp(`cli/commands/define/(${names.join("|")})\\.ts$`);
			onLoad({ filter }, ({ path }) => {
				const text = readFileSync(path, "utf8");
				// A command of a group, as of `batch`, is none of the program's.
				const own = text.replaceAll(/\bgroup\s*\.command\(/g, "");
				const lost = hot.filter((command) => own.includes(`command("${command}")`));
				if (lost.length > 0 || text.includes("program.hook("))
					throw new Error(`${path} defines ${lost.join(", ") || "a hook"}, which this bundle needs`);
				const [defined] = /define[A-Z]\w*/.exec(text.split("export function ")[1]) ?? [];
				return { contents: `export function ${defined}() {}` };
			});
		},
	};
}

/**
 * Packages that hot commands seldom need: each has a bundle of its own, loaded when it is used.
 * @param {readonly string[]} names @param {string} folder beside the bundle
 */
export function apart(names, folder) {
	return {
		name: "apart",
		setup({ initialOptions, onResolve }) {
			// Loaded by require(): code from the cache has no loader for import() in every Node.
			initialOptions.supported = { "dynamic-import": false };
			onResolve({ filter: /^[@a-z]/ }, ({ path }) =>
				names.includes(path) ? { path: `./${folder}/${fileOf(path)}`, external: true } : undefined,
			);
		},
	};
}

export const fileOf = (name) =>
	`${name
		.replace(/^.*\/(\w+)\.ts$/, "redis-$1")
		.replace(/[@/]+/g, "-")
		.replace(/^-/, "")}.cjs`;
