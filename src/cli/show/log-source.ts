export interface LogsFlags {
	follow?: boolean;
	lines?: string;
	since?: string;
	raw?: boolean;
	events?: boolean;
}

/** One way to read about a task: its lines so far, and those that come. */
export interface LogSource<Line> {
	/** its lines are the agent's: its questions belong between them */
	tellsQuestions?: boolean;
	/** the last `count` */
	last(count: number): Promise<Line[]>;
	/** at most a page of those after `from`, null = the beginning */
	after(from: Line | null): Promise<Line[]>;
	/** ms since the Unix epoch; null when unknown */
	at(line: Line): number | null;
	text(line: Line): string;
	json(line: Line): unknown;
}
