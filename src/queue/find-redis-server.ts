/** Finds a program that is a Redis server. Nothing is started here. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

export interface RedisServerProgram {
	/** absolute path */
	file: string;
	/** the name to start it by: it decides what the program is */
	argv0: string;
}

/**
 * In order of preference. Debian's redis-tools carries the server under the name of its checker, which
 * looks at the name it is started by.
 */
const PROGRAMS = ["redis-server", "valkey-server", "redis-check-rdb", "valkey-check-rdb"];
const SERVER_NAME = "redis-server";
/** Looked at after PATH, which services and cron jobs often have cut short. */
const USUAL_FOLDERS = ["/usr/local/bin", "/usr/bin", "/usr/sbin", "/opt/homebrew/bin"];

/** @returns the first server on PATH, then in the usual folders; null when there is none */
export function findRedisServer(
	env: Record<string, string | undefined>,
	usual = USUAL_FOLDERS,
): RedisServerProgram | null {
	const onPath = (env.PATH ?? "").split(delimiter).filter((folder) => folder.startsWith("/"));
	for (const program of PROGRAMS) {
		for (const folder of [...onPath, ...usual]) {
			const file = join(folder, program);
			if (isProgram(file)) return { file, argv0: SERVER_NAME };
		}
	}
	return null;
}

function isProgram(file: string): boolean {
	try {
		accessSync(file, constants.X_OK);
		return statSync(file).isFile();
	} catch {
		return false;
	}
}

const OTHER_REDIS =
	"or use another Redis: `docker compose up -d redis` and DISPATCH_REDIS_URL=redis://127.0.0.1:6379";

/** How to get a server, in one line. */
export function installHint(platform: NodeJS.Platform = process.platform): string {
	if (platform === "darwin") return `Install one: \`brew install redis\`; ${OTHER_REDIS}.`;
	const debian =
		"`apt-get install --no-install-recommends redis-tools` (Debian, Ubuntu; it starts no service)";
	return `Install one: ${debian} or \`dnf install valkey\` (Fedora); ${OTHER_REDIS}.`;
}
