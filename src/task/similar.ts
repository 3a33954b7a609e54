/** "Did you mean": names that are a slip of the fingers away. */

const FARTHEST = 3;

/** The nearest of the names; null when none is near. */
export function similar(given: string, names: readonly string[]): string | null {
	const limit = Math.min(FARTHEST, Math.max(1, Math.floor(given.length / 3)));
	let best: { name: string; distance: number } | null = null;
	for (const name of names) {
		if (Math.abs(name.length - given.length) > limit) continue;
		const distance = editDistance(given, name);
		if (distance <= limit && (best === null || distance < best.distance)) best = { name, distance };
	}
	return best?.name ?? null;
}

/** The one that begins so, where it is the only one; else as `similar`. */
export function nearest(given: string, names: readonly string[]): string | null {
	const begun = given === "" ? [] : names.filter((name) => name.startsWith(given));
	return begun.length === 1 ? (begun[0] ?? null) : similar(given, names);
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
	let older: number[] = [];
	let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
	for (let i = 1; i <= a.length; i++) {
		const row = [i];
		for (let j = 1; j <= b.length; j++) {
			const replaced = at(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
			row[j] = Math.min(at(previous, j) + 1, at(row, j - 1) + 1, replaced);
			const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
			if (swapped) row[j] = Math.min(at(row, j), at(older, j - 2) + 1);
		}
		older = previous;
		previous = row;
	}
	return at(previous, b.length);
}

function at(row: number[], index: number): number {
	return row[index] ?? Number.POSITIVE_INFINITY;
}
