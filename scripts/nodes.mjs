/**
 * Runs the tests under other versions of Node: npm's package `node` brings them.
 *   node scripts/nodes.mjs [--smoke] [22 24 …]     --smoke: the main job alone
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";

const ROOT = resolve(import.meta.dirname, "..");
const VERSIONS = ["22", "24"];
const SMOKE = ["test/e2e/main-job.test.ts", "test/cli/start.test.ts"];

function run(command, args, env = {}) {
	const { status } = spawnSync(command, args, {
		cwd: ROOT,
		stdio: ["ignore", "inherit", "inherit"],
		env: { ...process.env, ...env },
	});
	return status === 0;
}

/** @returns {string | null} the binary; it is kept in .cache and fetched once */
function nodeOf(version) {
	const folder = join(ROOT, ".cache/nodes", version);
	const binary = join(folder, "node_modules/node/bin/node");
	if (existsSync(binary)) return binary;
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, "package.json"), "{}");
	const args = ["install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", `node@${version}`];
	return run("npm", args) && existsSync(binary) ? binary : null;
}

function passes(version, tests) {
	const node = nodeOf(version);
	if (node === null) return false;
	const env = { PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ""}` };
	const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
	return (
		run(node, ["--version"], env) &&
		// Beside it others may run what is built.
		(values.smoke || run(node, ["scripts/build.mjs"], env)) &&
		run(node, [vitest, "run", "--project", "dispatch", ...tests], env)
	);
}

const { values, positionals } = parseArgs({
	options: { smoke: { type: "boolean" } },
	allowPositionals: true,
});
const versions = positionals.length > 0 ? positionals : VERSIONS;
const failed = versions.filter((version) => !passes(version, values.smoke ? SMOKE : []));
if (failed.length > 0) process.stderr.write(`FAILED under Node ${failed.join(", ")}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
