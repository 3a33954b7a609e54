/**
 * How long tests wait before they give up: limits against waiting for ever, no expectations of speed. A machine may be
 * several times slower than ours, or busy with something else. All limits are made of these two; on one that is slower
 * still, `TEST_PATIENCE=3` stretches them.
 */
const PATIENCE = Number(process.env.TEST_PATIENCE) || 1;

/** For one test, with all that it starts. */
export const TEST_LIMIT_MS = 300_000 * PATIENCE;
/** For a condition that comes soon: the second that is usual is luck. */
export const CONDITION_LIMIT_MS = 60_000 * PATIENCE;
/** For `--timeout` of a command that waits for tasks. */
export const WAIT_LIMIT = `${(2 * CONDITION_LIMIT_MS) / 1_000}s`;
