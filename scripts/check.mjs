/** Everything about the sources that no test shows: form, types, directions of imports, unused code. */
import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";

const ROOT = resolve(import.meta.dirname, "..");

const CHECKS = [
	{ name: "format and lint", command: ["biome", "check", "."], fix: "npm run format" },
	{ name: "types", command: ["tsc", "--project", "."] },
	{ name: "import directions", command: ["depcruise", "src", "--config", ".dependency-cruiser.cjs"] },
	{ name: "unused code", command: ["knip"] },
];

async function run({ name, command: [program, ...args], fix }) {
	const begun = performance.now();
	const child = spawn(join(ROOT, "node_modules/.bin", program), args, {
		cwd: ROOT,
		stdio: ["ignore", "pipe", "pipe"],
	});
	const ended = new Promise((settled) => {
		child.once("error", (error) => settled(`it could not be started: ${error.message}`));
		child.once("close", (code) => settled(code === 0 ? null : `exit code ${code}`));
	});
	const [fault, ...output] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
	const seconds = ((performance.now() - begun) / 1000).toFixed(1);
	return { name, fault, fix, seconds, output: output.join("").trim() };
}

const results = await Promise.all(CHECKS.map(run));
for (const { name, fault, output } of results)
	if (fault !== null) process.stdout.write(`── ${name}\n${output}\n\n`);
for (const { name, fault, fix, seconds } of results) {
	const hint = fault !== null && fix !== undefined ? `   try: ${fix}` : "";
	process.stdout.write(`${fault === null ? "ok    " : "FAILED"} ${name} (${seconds} s)${hint}\n`);
}
process.exitCode = results.every(({ fault }) => fault === null) ? 0 : 1;
