/**
 * A redis-server without root: Debian's package is downloaded by apt and unpacked into the state directory;
 * nothing is installed. Its server is in redis-tools (redis-check-rdb, which looks at the name it is started by).
 */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cutText } from "../task/cut-text.ts";
import { askProgram } from "./ask-program.ts";
import { environmentOfProgram } from "./environment.ts";

const PACKAGE = "redis-tools";
/** What a minimal system may lack; libc and the like are there, or nothing would run. */
const OWN_LIBRARIES = /^(?:lib(?:atomic|hiredis|jemalloc|lua|lzf)|lua-)/;
const LIMIT_MS = 120_000;

export function fetchedRedis(home: string): string {
	return join(home, "redis-server");
}

/** @returns null once it is there, else why it could not be had */
export async function fetchRedis(home: string): Promise<string | null> {
	mkdirSync(home, { recursive: true, mode: 0o700 });
	const work = mkdtempSync(join(home, "redis-server.new-"));
	const unpacked = join(work, "root");
	const run = (file: string, args: string[]) => runHere(work, file, args);
	try {
		const stdout = await run("apt-cache", ["depends", "--important", PACKAGE]);
		const needed = [...stdout.matchAll(/^ +Depends: (\S+)$/gm)].map(([, name]) => name ?? "");
		const wanted = [PACKAGE, ...needed.filter((name) => OWN_LIBRARIES.test(name))];
		await run("apt-get", ["-q", "-o", "Acquire::Retries=3", "download", ...wanted]);
		for (const file of readdirSync(work).filter((name) => name.endsWith(".deb")))
			await run("dpkg-deb", ["-x", file, unpacked]);
		rmSync(fetchedRedis(home), { recursive: true, force: true });
		renameSync(unpacked, fetchedRedis(home));
		return null;
	} catch (error) {
		return cutText((error as Error).message, 300);
	} finally {
		rmSync(work, { recursive: true, force: true });
	}
}

/** @returns what it printed. @throws an error whose message is the last line that it complained with */
async function runHere(cwd: string, file: string, args: string[]): Promise<string> {
	const ran = await askProgram({
		file,
		args,
		cwd,
		env: environmentOfProgram(process.env),
		limitMs: LIMIT_MS,
	});
	if (ran.exitCode === 0) return ran.stdout;
	throw new Error(ran.stderr.trim().split("\n").at(-1) || (ran.fault ?? `${file} failed`));
}
