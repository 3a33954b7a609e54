import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../process/atomic-file.ts";

/** `bin/dispatch` in the state directory: this very program, first on the PATH of every agent. */
export function installCommand(home: string): void {
	const dir = join(home, "bin");
	mkdirSync(dir, { recursive: true, mode: 0o700 });
	const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
	const text = `#!/bin/sh\nexec ${quote(process.execPath)} ${quote(process.argv[1] ?? "")} "$@"\n`;
	replaceFile(join(dir, "dispatch"), text, { mode: 0o755 });
}
