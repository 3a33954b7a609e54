/** What a task that waits says of it; view-why.ts finds it. */

export const WAIT_KINDS = [
	/** as many agents work as may */
	"place",
	/** as many agents live as may, and some of them ask */
	"answers",
	/** the service is limited or away */
	"limit",
	"login",
	"account",
	"budget",
	/** its next try, or the time that was asked for */
	"time",
	"tasks",
	/** no worker takes it */
	"worker",
	/** its own host is away */
	"host",
	/** nothing will: its host does not execute what its user has not signed, or has removed */
	"order",
	/** a step of its host's work for it fails, of a queued one its start */
	"trouble",
	/** Redis takes no writes: it is full, or cannot keep them */
	"redis",
	/** nothing: it is about to start */
	"start",
] as const;

/** What holds a start back beside places. */
export interface StartLimit {
	/** tasks of its batch that work, agents of its backend that work, or were started within a minute */
	kind: "batch" | "backend" | "starts";
	used: number;
	all: number;
	/** ms since the Unix epoch; null: until one of them ends */
	until: number | null;
	/** one of them that works on a host that is gone, as far as anybody can tell; null: none does */
	away: { task: string; host: string } | null;
}

export interface Wait {
	kind: (typeof WAIT_KINDS)[number];
	/** a few words: "limit until 14:05" */
	why: string;
	/** a sentence or two, with what helps */
	text: string;
	until: string | null;
}
