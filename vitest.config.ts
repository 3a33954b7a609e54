import { defineConfig } from "vitest/config";

/** Tests use real processes and a real Redis: a limit for waiting, not an expectation of speed. */
const TEST_LIMIT_MS = 120_000;
/** A condition that a test waits for comes soon, but a busy machine takes its time: the second that is usual is luck. */
const CONDITION_LIMIT_MS = 20_000;

export default defineConfig({
	test: {
		testTimeout: TEST_LIMIT_MS,
		hookTimeout: TEST_LIMIT_MS,
		// Tests wait for other processes most of the time.
		maxWorkers: 5,
		// A test that asserts nothing cannot fail.
		expect: { requireAssertions: true, poll: { interval: 100, timeout: CONDITION_LIMIT_MS } },
		setupFiles: ["test/leaks.ts"],
		projects: [
			{
				extends: true,
				test: {
					name: "dispatch",
					include: ["test/**/*.test.ts"],
					exclude: ["test/chaos/**", "test/cli-agents/**", "test/fixtures/**"],
				},
			},
			{
				extends: true,
				test: { name: "chaos", include: ["test/chaos/**/*.test.ts"], testTimeout: 1_500_000 },
			},
			{
				extends: true,
				test: {
					name: "cli-agents",
					include: ["test/cli-agents/**/*.test.ts"],
					testTimeout: 300_000,
					maxWorkers: 2,
				},
			},
		],
	},
});
