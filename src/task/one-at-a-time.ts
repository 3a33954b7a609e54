/** @returns does the work, one at a time; whoever wants it while it is done shares one more with all who do */
export function oneAtATime<T>(work: () => Promise<T>): () => Promise<T> {
	let last: Promise<unknown> = Promise.resolve();
	let next: Promise<T> | null = null;
	return () => {
		if (next !== null) return next;
		const begin = () => {
			next = null;
			return work();
		};
		next = last.then(begin, begin);
		last = next;
		return next;
	};
}
