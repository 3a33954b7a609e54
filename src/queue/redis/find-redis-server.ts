/** Finds a program that is a Redis server. Nothing is started here. */
import { readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fetchedRedis } from "../../process/fetch-redis.ts";
import { foldersOf, isProgram } from "../../process/which.ts";

export interface RedisServerProgram {
	/** absolute path */
	file: string;
	/** the name to start it by: it decides what the program is */
	argv0: string;
	/** where its own libraries lie, for LD_LIBRARY_PATH; null: where the system has them */
	libraries: string | null;
}

/**
 * In order of preference. Debian's redis-tools carries the server under the name of its checker, which
 * looks at the name it is started by.
 */
const PROGRAMS = ["redis-server", "valkey-server", "redis-check-rdb", "valkey-check-rdb"];
const SERVER_NAME = "redis-server";
/** Looked at after PATH, which services and cron jobs often have cut short. */
const USUAL_FOLDERS = ["/usr/local/bin", "/usr/bin", "/usr/sbin", "/opt/homebrew/bin"];

/**
 * @param home the state directory, which may hold one that `doctor --fix` fetched
 * @returns the first server on PATH, then in the usual folders, then the fetched one; null when there is none
 */
export function findRedisServer(
	env: Record<string, string | undefined>,
	home: string | null = null,
	usual = USUAL_FOLDERS,
): RedisServerProgram | null {
	const onPath = foldersOf(env.PATH);
	const file = firstProgram([...onPath, ...usual]);
	if (file !== null) return { file, argv0: SERVER_NAME, libraries: null };
	const fetched = home === null ? null : join(fetchedRedis(home), "usr");
	const own = fetched === null ? null : firstProgram([join(fetched, "bin")]);
	if (fetched === null || own === null) return null;
	return { file: own, argv0: SERVER_NAME, libraries: libraryFolders(join(fetched, "lib")) };
}

function firstProgram(folders: readonly string[]): string | null {
	const files = PROGRAMS.flatMap((program) => folders.map((folder) => join(folder, program)));
	return files.find(isProgram) ?? null;
}

/** Debian's `usr/lib/x86_64-linux-gnu` and its like. */
function libraryFolders(lib: string): string | null {
	try {
		const folders = readdirSync(lib, { withFileTypes: true }).filter((entry) => entry.isDirectory());
		return folders.map(({ name }) => join(lib, name)).join(delimiter) || null;
	} catch {
		return null;
	}
}

const OTHER_REDIS = "or use another Redis: `docker compose up -d redis` (its file says how)";

/** How to get a server, in one line. */
export function installHint(platform: NodeJS.Platform = process.platform): string {
	if (platform === "darwin") return `Install one: \`brew install redis\`; ${OTHER_REDIS}.`;
	const debian =
		"`apt-get install --no-install-recommends redis-tools` (Debian, Ubuntu; it starts no service)";
	return `Install one: \`dispatch doctor --fix\` (Debian, Ubuntu; needs no root), ${debian} or \`dnf install valkey\` (Fedora); ${OTHER_REDIS}.`;
}
