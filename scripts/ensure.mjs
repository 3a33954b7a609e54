/**
 * Puts in place what a script of package.json needs, and nothing that is there already:
 *   node_modules (always) · --redis=local|test a redis-server · --chromium a browser · --tmux · --build dist/
 * Plain Node without dependencies, since it runs before there are any.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { lock } from "./kernel-lock.mjs";

const ROOT = resolve(import.meta.dirname, "..");
const NODE_AT_LEAST = [20, 19];
const APT = ["-y", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"];
const APT_TRIES = 3;
/** npm writes its own record of node_modules and the lock file in either order. */
const SAME_INSTALL_MS = 10_000;

const SERVERS = ["redis-server", "valkey-server", "redis-check-rdb", "valkey-check-rdb"];
const BROWSERS = ["chromium", "chromium-browser", "google-chrome"];
const FOLDERS = [
	...(process.env.PATH ?? "").split(":"),
	"/usr/local/bin",
	"/usr/bin",
	"/usr/sbin",
	"/opt/homebrew/bin",
];

const OTHER_REDIS = "`docker compose up -d redis` (its file says how)";
const REDIS_HINTS = [
	"No redis-server was found. Get one:",
	"  Debian, Ubuntu   apt-get install --no-install-recommends redis-tools   (starts no service)",
	"  Fedora           dnf install valkey",
	"  macOS            brew install redis",
	`  or               ${OTHER_REDIS} (not for the tests)`,
];
const CHROMIUM_HINTS = [
	"No chromium was found: the browser test will fail. Install it, or name one by CHROMIUM_PATH.",
];

class Missing extends Error {}

function say(line) {
	process.stderr.write(`${line}\n`);
}

function run(command, args, options = {}) {
	return spawnSync(command, args, { cwd: ROOT, stdio: ["ignore", 2, 2], ...options }).status === 0;
}

function hasProgram(names) {
	return names.some((name) =>
		FOLDERS.some((folder) => folder.startsWith("/") && existsSync(join(folder, name))),
	);
}

function checkNode() {
	const [major, minor] = process.versions.node.split(".").map(Number);
	const [needMajor, needMinor] = NODE_AT_LEAST;
	if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
	throw new Missing(`Node ${NODE_AT_LEAST.join(".")} or newer is needed, this is ${process.versions.node}.`);
}

function ensureModules() {
	const wanted = readFileSync(join(ROOT, "package-lock.json"));
	const hash = createHash("sha256").update(wanted).digest("hex");
	const stamp = join(ROOT, "node_modules/.dispatch-stamp");
	if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return;
	if (!installedByHand()) {
		say("Installing the packages of package-lock.json …");
		if (!run("npm", ["ci", "--no-audit", "--no-fund"])) throw new Missing("`npm ci` failed; see above.");
	}
	writeFileSync(stamp, hash);
}

/** `npm install` left node_modules as package-lock.json says. */
function installedByHand() {
	const record = join(ROOT, "node_modules/.package-lock.json");
	if (!existsSync(record)) return false;
	return statSync(record).mtimeMs + SAME_INSTALL_MS >= statSync(join(ROOT, "package-lock.json")).mtimeMs;
}

async function ensureRedis(kind) {
	if (kind === "local" && (process.env.DISPATCH_REDIS_URL || process.env.REDIS_URL)) return;
	if (hasProgram(SERVERS)) return;
	await aptInstall("redis-tools");
	if (!hasProgram(SERVERS)) throw new Missing(REDIS_HINTS.join("\n"));
}

async function ensureTmux() {
	if (hasProgram(["tmux"])) return;
	await aptInstall("tmux");
	if (!hasProgram(["tmux"])) say("No tmux was found: the tests of the screens will fail. Install it.");
}

async function ensureChromium() {
	if (process.env.CHROMIUM_PATH || hasProgram(BROWSERS)) return;
	await aptInstall("chromium");
	if (!hasProgram(BROWSERS)) say(CHROMIUM_HINTS.join("\n"));
}

/** Does nothing where it may not, or where there is no apt. */
async function aptInstall(name) {
	if (!hasProgram(["apt-get"])) return;
	const sudo = process.getuid() === 0 ? [] : ["sudo"];
	if (sudo.length > 0 && !(await agreesToSudo(name))) return;
	say(`Installing ${name} …`);
	const apt = (...args) => {
		const words = [...sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...APT, ...args];
		return run(words[0], words.slice(1), sudo.length > 0 ? { stdio: ["inherit", 2, 2] } : {});
	};
	for (let attempt = 1; attempt <= APT_TRIES; attempt++) {
		if (apt("-qq", "update") && apt("-qq", "install", "--no-install-recommends", name)) return;
	}
	say(`apt-get could not install ${name}; see above.`);
}

async function agreesToSudo(name) {
	if (!process.stdin.isTTY || !hasProgram(["sudo"])) return false;
	const terminal = createInterface({ input: process.stdin, output: process.stderr });
	const reply = await terminal.question(
		`${name} is missing. Install it with \`sudo apt-get install ${name}\`? [Y/n] `,
	);
	terminal.close();
	return /^(y|yes)?$/i.test(reply.trim());
}

async function ensureBuild() {
	const { buildIfOutdated } = await import("./build.mjs");
	await buildIfOutdated();
}

const { values: wanted } = parseArgs({
	options: {
		redis: { type: "string" },
		chromium: { type: "boolean" },
		tmux: { type: "boolean" },
		build: { type: "boolean" },
	},
});

try {
	checkNode();
	const unlock = lock(join(ROOT, ".cache/ensure.lock"));
	ensureModules();
	if (wanted.redis !== undefined) await ensureRedis(wanted.redis);
	if (wanted.chromium) await ensureChromium();
	if (wanted.tmux) await ensureTmux();
	if (wanted.build) await ensureBuild();
	unlock();
} catch (error) {
	if (!(error instanceof Missing)) throw error;
	say(error.message);
	process.exitCode = 1;
}
