import { readFileSync } from "node:fs";

/** Accounts of people, by the usual limits of Linux distributions (login.defs: UID_MIN, UID_MAX). */
const PEOPLE = { from: 1_000, to: 60_000 };
const NO_SHELL = /\/(?:nologin|false|sync)$/;

/**
 * Whether somebody else who may log in can see this user's processes: another person's account in /etc/passwd, and
 * a /proc without `hidepid` (https://docs.kernel.org/filesystems/proc.html). False where that cannot be read.
 */
export function hasOtherUsers(
	{ passwd, mounts, me } = {
		passwd: "/etc/passwd",
		mounts: "/proc/self/mounts",
		me: process.getuid?.() ?? -1,
	},
): boolean {
	const isHidden = linesOf(mounts).some((line) => /^\S+ \/proc .*hidepid=(?!0|off)/.test(line));
	const others = linesOf(passwd).filter((line) => {
		const [, , id, , , , shell = ""] = line.split(":");
		const uid = Number(id || Number.NaN);
		return uid >= PEOPLE.from && uid <= PEOPLE.to && uid !== me && !NO_SHELL.test(shell);
	});
	return !isHidden && others.length > 0;
}

function linesOf(path: string): string[] {
	try {
		return readFileSync(path, "utf8").split("\n");
	} catch {
		return [];
	}
}
