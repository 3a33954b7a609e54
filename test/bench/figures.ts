/** Figures of a bench run, beside what they are compared with. */
export interface Figure {
	what: string;
	value: string;
	aim: string;
	isMet: boolean;
}

function percentile(values: readonly number[], share: number): number {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]) => percentile(values, 0.5);

export function ratioFigure(what: string, value: number, base: number, aim: number, unit: string): Figure {
	const ratio = value / base;
	return {
		what,
		value: `${ratio.toFixed(2)}× (${value.toFixed(1)} to ${base.toFixed(1)} ${unit})`,
		aim: `≤ ${aim}×`,
		isMet: ratio <= aim,
	};
}

export function latencyFigure(
	what: string,
	values: readonly number[],
	aim: { p50?: number; p99: number },
): Figure {
	const p50 = percentile(values, 0.5);
	const p99 = percentile(values, 0.99);
	const limit = aim.p50 === undefined ? "" : `p50 ≤ ${aim.p50} ms, `;
	return {
		what,
		value: `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (${values.length})`,
		aim: `${limit}p99 ≤ ${aim.p99} ms`,
		isMet: p50 <= (aim.p50 ?? Number.POSITIVE_INFINITY) && p99 <= aim.p99,
	};
}

export function printFigures(figures: readonly Figure[]): void {
	const width = (pick: (figure: Figure) => string) =>
		Math.max(...figures.map((figure) => pick(figure).length));
	const [what, value] = [width((figure) => figure.what), width((figure) => figure.value)];
	for (const figure of figures) {
		const verdict = figure.isMet ? "met" : "MISSED";
		console.log(`${figure.what.padEnd(what)}  ${figure.value.padEnd(value)}  aim ${figure.aim}: ${verdict}`);
	}
}
