import { homedir, userInfo } from "node:os";
import { isAbsolute } from "node:path";

/**
 * The user's home directory, always absolute: an empty or relative HOME would put what is kept for the user into
 * whatever directory a command was called in.
 * @returns null where there is none: in a container a user may have neither HOME nor an entry in the list of users
 */
export function findUserHome(): string | null {
	// The first goes by HOME, the second by the list of users.
	for (const tell of [homedir, () => userInfo().homedir]) {
		try {
			const path = tell();
			if (isAbsolute(path)) return path;
		} catch {
			// This user is not in the list.
		}
	}
	return null;
}
