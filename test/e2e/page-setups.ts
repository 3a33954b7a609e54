/** How a page is prepared: what its reader has before the first command. */
import { startTestRedis } from "../redis.ts";
import type { UserOptions } from "./harness.ts";
import type { PageShell } from "./page-shell.ts";

export interface Setup {
	user?: UserOptions;
	/** what the page names beside dispatch: a shell line by the name of the program */
	programs?: Record<string, string>;
	prepare?(shell: PageShell): void | Promise<void>;
	/** what changes before a command of this form */
	before?: readonly [RegExp, (shell: PageShell) => void | Promise<void>][];
}

const FINISHES = `#!/bin/sh
echo 'Nothing was found.' >"$DISPATCH_TASK_DIR/output.md"
printf -- '- [x] Look\\n' >"$DISPATCH_TASK_DIR/plan.md"
: >"$DISPATCH_TASK_DIR/ipc/.done"
`;

/** A page that is not here needs nothing but a project and the agent `on-pages.sh`. */
export const SETUPS: Readonly<Record<string, Setup>> = {
	"README.md": {
		user: { env: { BUILD_ID: "42" } },
		programs: { claude: "exit 0" },
		// The agent of the page asks; those of a batch in CI do not.
		before: [[/^dispatch batch/, (shell) => shell.write("~/bin/reviewer.sh", FINISHES)]],
	},
	"docs/TEAMS.md": {
		async prepare(shell) {
			const redis = await startTestRedis({ port: true });
			shell.atEnd(() => redis.stop());
			shell.replace("redis.example:6379", new URL(redis.url).host);
		},
	},
};
