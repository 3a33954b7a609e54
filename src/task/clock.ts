/** Time is passed in, so that tests need not wait. `now` is ms since the Unix epoch. */
export interface Clock {
	now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
