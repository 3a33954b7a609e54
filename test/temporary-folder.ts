import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];

/** A new folder under the system's own for temporary files; it is removed after the test file. */
export function temporaryFolder(prefix: string): string {
	const folder = realpathSync(mkdtempSync(join(tmpdir(), `${prefix}-`)));
	made.push(folder);
	return folder;
}

/** At the end of every test file (`test/leaks.ts`). */
export function removeTemporaryFolders(): void {
	for (const folder of made.splice(0))
		rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}
