/**
 * Bundles the entries of src/ into dist/: start-up time is a feature. Files are made aside and renamed one
 * by one, so that a program that starts meanwhile finds an old file or a new one, never a half.
 */
import { createHash } from "node:crypto";
import {
	chmodSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { lock } from "./kernel-lock.mjs";

const ROOT = resolve(import.meta.dirname, "..");
const DIST = join(ROOT, "dist");
const STAMP = join(DIST, ".stamp");
const SOURCES = ["package.json", "package-lock.json", "scripts/build.mjs"];

/** Loaded by `web` only, with files of their own beside them; msgpackr-extract is native and optional. */
const EXTERNAL = ["@bull-board/*", "express", "helmet", "msgpackr-extract"];
/** The commands of hot.cjs; the others' code is left out of it. */
const HOT = ["answer", "ask", "enqueue", "ls", "output", "questions", "run", "status"];
/** What makes main.cjs big: none of it may come into hot.cjs. */
const COLD_PACKAGES = ["bullmq", "@modelcontextprotocol", "pino", "ajv"];
const NEVER_BUNDLED = { "import.meta.url": "bundleUrl", "import.meta.dirname": "__dirname" };
const BANNER = 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;';

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
	const files = ["main.cjs", "hot.cjs", "dispatch.cjs", "demo-agent.cjs", "schemas.mjs", ".stamp"];
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
		const main = await bundle("src/cli/main.ts", join(fresh, "main.cjs"));
		const hot = await bundle("src/cli/main.ts", join(fresh, "hot.cjs"), {}, [hotOnly]);
		await bundle("src/cli/start.ts", join(fresh, "dispatch.cjs"), {
			DISPATCH_BUNDLES: JSON.stringify({ main: contentName(main), hot: contentName(hot) }),
			DISPATCH_HOT: JSON.stringify(HOT),
		});
		await bundle("src/demo/agent.ts", join(fresh, "demo-agent.cjs"));
		await bundleSchemas(join(fresh, "schemas.mjs"));
		for (const name of readdirSync(fresh)) renameSync(join(fresh, name), join(DIST, name));
	} finally {
		rmSync(fresh, { recursive: true, force: true });
	}
	// What was compiled belongs to the bundle that is gone, and shall not be packed.
	rmSync(join(DIST, "code-cache"), { recursive: true, force: true });
	writeFileSync(`${STAMP}.tmp`, hash);
	renameSync(`${STAMP}.tmp`, STAMP);
}

const contentName = (content) => createHash("sha256").update(content).digest("hex");

/** The program's definitions load each command by import(): those of other commands become a fault. */
const hotOnly = {
	name: "hot-only",
	setup({ onResolve, onLoad, onEnd }) {
		onResolve({ filter: /^\.\.\/commands\/.*\.ts$/ }, ({ path, importer, kind }) => {
			const isDefined = kind === "dynamic-import" && /cli\/program\/define/.test(importer);
			const name = path.slice("../commands/".length, -".ts".length);
			return isDefined && !HOT.includes(name) ? { path: name, namespace: "cold" } : undefined;
		});
		onLoad({ filter: /./, namespace: "cold" }, ({ path }) => ({
			contents: `throw new Error("${path} is not in hot.cjs");`,
		}));
		onEnd(({ metafile }) => {
			const inside = Object.keys(metafile.inputs);
			const cold = COLD_PACKAGES.filter((name) =>
				inside.some((path) => path.includes(`node_modules/${name}`)),
			);
			if (cold.length > 0) throw new Error(`hot.cjs would hold ${cold.join(", ")}`);
		});
	},
};

/** @returns {Promise<Buffer>} what was written */
async function bundle(entry, outfile, define = {}, plugins = []) {
	const { build: esbuild } = await import("esbuild");
	const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
	mkdirSync(join(outfile, ".."), { recursive: true });
	await esbuild({
		absWorkingDir: ROOT,
		entryPoints: [entry],
		outfile,
		bundle: true,
		platform: "node",
		target: "node20",
		format: "cjs",
		minifyWhitespace: true,
		minifySyntax: true,
		charset: "ascii",
		legalComments: "none",
		external: EXTERNAL,
		define: { ...NEVER_BUNDLED, DISPATCH_VERSION: JSON.stringify(version), ...define },
		banner: { js: entry.endsWith("main.ts") ? BANNER : `#!/usr/bin/env node\n${BANNER}` },
		logLevel: "warning",
		plugins,
		metafile: plugins.length > 0,
	});
	writeFileSync(outfile, plainAscii(readFileSync(outfile, "utf8")));
	if (!entry.endsWith("main.ts")) chmodSync(outfile, 0o755);
	return readFileSync(outfile);
}

/** What scripts that read `--json` may import; zod is theirs, too. */
async function bundleSchemas(outfile) {
	const { build: esbuild } = await import("esbuild");
	await esbuild({
		absWorkingDir: ROOT,
		entryPoints: ["src/cli/schemas.ts"],
		outfile,
		bundle: true,
		platform: "node",
		target: "node20",
		format: "esm",
		external: ["zod"],
		logLevel: "warning",
	});
}

/** esbuild escapes what stands in strings, and leaves regular expressions as they are. */
function plainAscii(text) {
	return text.replace(/[^\x00-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const unlock = lock(join(ROOT, ".cache/build.lock"));
	await build();
	unlock();
}
