export interface LogsFlags {
	follow?: boolean;
	lines?: string;
	since?: string;
	raw?: boolean;
	events?: boolean;
	attempt?: string;
}

/** Something that belongs between the lines. */
export interface Moment {
	/** ms since the Unix epoch */
	at: number;
	lines: string[];
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
	/** what stands before a line, by the one before it */
	mark?(before: Line | null, line: Line): string | null;
	/** in the order of their times. @param follows without what is told later, as it comes */
	moments?(follows: boolean): Promise<Moment[]>;
}

/** Lines, with what belongs before and between them. */
export function woven<Line>(
	source: LogSource<Line>,
	lines: readonly Line[],
	moments: readonly Moment[],
): string[] {
	const texts: string[] = [];
	let next = 0;
	const until = (at: number) => {
		for (let moment = moments[next]; moment !== undefined && moment.at < at; moment = moments[++next])
			texts.push(...moment.lines);
	};
	for (const [i, line] of lines.entries()) {
		until(source.at(line) ?? 0);
		const mark = source.mark?.(lines[i - 1] ?? null, line) ?? null;
		if (mark !== null) texts.push(mark);
		texts.push(...source.text(line).split("\n"));
	}
	until(Number.POSITIVE_INFINITY);
	return texts;
}
