/** `npm run bench [-- --strict]`: bundles test/bench/bench.ts and runs it. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "..");
const out = join(root, ".cache/bench/bench.mjs");
mkdirSync(join(root, ".cache/bench"), { recursive: true });
await build({
	entryPoints: [join(root, "test/bench/bench.ts")],
	outfile: out,
	bundle: true,
	platform: "node",
	format: "esm",
	packages: "external",
	logLevel: "error",
});
const { status } = spawnSync(process.execPath, [out, ...process.argv.slice(2)], {
	stdio: "inherit",
	cwd: root,
});
process.exit(status ?? 1);
