/**
 * Bundles the entries of src/ into dist/: start-up time is a feature. Files are made aside and renamed one
 * by one, so that a program that starts meanwhile finds an old file or a new one, never a half.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
	apart,
	bundle,
	bundleSchemas,
	fileOf,
	hotOnly,
	lazyBuiltins,
	SPECIAL,
	withoutDebug,
	withoutDefinitions,
	withoutReaders,
	withoutSpecial,
} from "./bundle.mjs";
import { lock } from "./kernel-lock.mjs";

const ROOT = resolve(import.meta.dirname, "..");
const DIST = join(ROOT, "dist");
const STAMP = join(DIST, ".stamp");
const SOURCES = ["package.json", "package-lock.json", "scripts/build.mjs", "scripts/bundle.mjs"];

/** The commands of hot.cjs; the others' code is left out of it. */
const HOT = ["answer", "ask", "enqueue", "ls", "output", "questions", "status"];
/** Files of cli/commands/define that define none of them. */
const COLD_DEFINITIONS = [
	"batch",
	"changes",
	"completion",
	"config",
	"help",
	"hosts",
	"machines",
	"screens",
	"services",
	"templates",
	"worktrees",
];
/** Those that need BullMQ's queues, or the packages of a server: they have main.cjs, the whole program. */
const OF_MAIN = ["batch-with-worker", "demo", "doctor", "mcp", "notify", "web", "worker"];
/** By which of its words a call may be one of these; `config check` is `doctor`. */
const WORDS_OF_MAIN = [...OF_MAIN, "check", "--with-worker"];
/** The commands of client.cjs, a third of the whole: all the others. */
const CLIENT = readdirSync(join(ROOT, "src/cli/commands"))
	.filter((name) => name.endsWith(".ts"))
	.map((name) => name.slice(0, -".ts".length))
	.filter((name) => !OF_MAIN.includes(name));
/** The commands of tab.cjs, of which only `complete` is called: a shell waits for it at every Tab. */
const TAB = ["completion"];
/** The command of worker.cjs: a worker is started with every new state directory, and in every container. */
const WORKER = ["worker"];
/** Packages that these commands use at times: a changed config, a prompt on the terminal, another program, wide letters. */
const SELDOM = ["@clack/prompts", "execa", "string-width", "yaml", "zod"];
/** What makes main.cjs big: none of it may come into a small bundle; of them a worker needs two. */
const SERVER_PACKAGES = ["@modelcontextprotocol/sdk", "ajv"];
const COLD_PACKAGES = ["bullmq", "pino", ...SERVER_PACKAGES];
/** As Node itself gives a package that exports nothing but a default to who imports it. */
const ONLY_DEFAULT =
	'if (Object.keys(module.exports).join() === "default") module.exports = module.exports.default;';
const SELDOM_FOLDER = "seldom";
const BUNDLES = [
	"main.cjs",
	"worker.cjs",
	"client.cjs",
	"hot.cjs",
	"tab.cjs",
	"dispatch.cjs",
	"demo-agent.cjs",
];

/** Changes with every source of the build. */
function sourceHash() {
	const hash = createHash("sha256");
	const own = readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name));
	for (const file of [...SOURCES.map((name) => join(ROOT, name)), ...own.sort()]) {
		const text = readFileSync(file);
		hash.update(`${file.slice(ROOT.length)} ${text.length}\n`).update(text);
	}
	return hash.digest("hex");
}

export function isBuilt() {
	const files = [...BUNDLES, "schemas.mjs", ".stamp"];
	return files.every((name) => existsSync(join(DIST, name))) && readFileSync(STAMP, "utf8") === sourceHash();
}

/** Builds unless dist/ is of these very sources. @returns {Promise<boolean>} whether it built */
export async function buildIfOutdated() {
	if (isBuilt()) return false;
	const unlock = lock(join(ROOT, ".cache/build.lock"));
	try {
		if (isBuilt()) return false;
		await build();
		return true;
	} finally {
		unlock();
	}
}

async function build() {
	const hash = sourceHash();
	const fresh = join(DIST, `.new-${process.pid}`);
	rmSync(STAMP, { force: true });
	try {
		await makeBundles(fresh, { DISPATCH_BUILD: JSON.stringify(hash) });
		for (const name of SELDOM)
			await bundle(name, join(fresh, SELDOM_FOLDER, fileOf(name)), { footer: ONLY_DEFAULT });
		await bundle(SPECIAL, join(fresh, SELDOM_FOLDER, fileOf(SPECIAL)));
		moveInto(fresh, DIST);
		dropOutdated();
	} finally {
		rmSync(fresh, { recursive: true, force: true });
	}
	// What was compiled belongs to the bundle that is gone, and shall not be packed.
	rmSync(join(DIST, "code-cache"), { recursive: true, force: true });
	writeFileSync(`${STAMP}.tmp`, hash);
	renameSync(`${STAMP}.tmp`, STAMP);
}

async function makeBundles(folder, define) {
	const main = await bundle("src/cli/main.ts", join(folder, "main.cjs"), { define });
	const worker = await bundle("src/cli/main.ts", join(folder, "worker.cjs"), {
		define,
		plugins: [hotOnly({ hot: WORKER, never: SERVER_PACKAGES, screens: true })],
	});
	const few = (hot, screens) => [
		hotOnly({ hot, never: [...COLD_PACKAGES, ...SELDOM], screens }),
		apart(SELDOM, SELDOM_FOLDER),
		lazyBuiltins,
		withoutSpecial(SELDOM_FOLDER),
		withoutDebug,
	];
	const some = (hot) => [...few(hot, false), withoutReaders];
	const client = await bundle("src/cli/main.ts", join(folder, "client.cjs"), {
		define,
		plugins: few(CLIENT, true),
	});
	const hot = await bundle("src/cli/main.ts", join(folder, "hot.cjs"), {
		define,
		plugins: [...some(HOT), withoutDefinitions(COLD_DEFINITIONS, HOT)],
	});
	const tab = await bundle("src/cli/main.ts", join(folder, "tab.cjs"), { define, plugins: some(TAB) });
	await bundle("src/cli/start.ts", join(folder, "dispatch.cjs"), {
		define: {
			DISPATCH_BUNDLES: JSON.stringify({
				main: contentName(main),
				worker: contentName(worker),
				client: contentName(client),
				hot: contentName(hot),
				tab: contentName(tab),
			}),
			DISPATCH_HOT: JSON.stringify(HOT),
			DISPATCH_WORDS_OF_MAIN: JSON.stringify(WORDS_OF_MAIN),
		},
		plugins: [lazyBuiltins],
	});
	await bundle("src/demo/agent.ts", join(folder, "demo-agent.cjs"));
	await bundleSchemas(join(folder, "schemas.mjs"));
}

/** File by file, and what is in folders before what loads it. */
function moveInto(from, to) {
	const entries = readdirSync(from, { withFileTypes: true });
	for (const entry of entries.sort((a, b) => Number(b.isDirectory()) - Number(a.isDirectory()))) {
		const [source, target] = [join(from, entry.name), join(to, entry.name)];
		if (entry.isDirectory()) mkdirSync(target, { recursive: true });
		if (entry.isDirectory()) moveInto(source, target);
		else renameSync(source, target);
	}
}

/** Packages that an earlier build set apart. */
function dropOutdated() {
	const folder = join(DIST, SELDOM_FOLDER);
	const wanted = new Set([...SELDOM, SPECIAL].map(fileOf));
	for (const name of readdirSync(folder))
		if (!wanted.has(name)) rmSync(join(folder, name), { recursive: true });
}

const contentName = (content) => createHash("sha256").update(content).digest("hex");

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const unlock = lock(join(ROOT, ".cache/build.lock"));
	await build();
	unlock();
}
