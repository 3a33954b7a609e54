import { defineConfig } from "vitest/config";
import { CONDITION_LIMIT_MS, TEST_LIMIT_MS } from "./test/patience.ts";

export default defineConfig({
	test: {
		testTimeout: TEST_LIMIT_MS,
		hookTimeout: TEST_LIMIT_MS,
		// They keep two cores busy: with more of them each waits longer for the others, and every look meanwhile costs.
		maxWorkers: 3,
		// A test that asserts nothing cannot fail.
		expect: { requireAssertions: true, poll: { interval: 200, timeout: CONDITION_LIMIT_MS } },
		setupFiles: ["test/leaks.ts"],
		// Every Node program would read the certificates at its start: a third of its time. Who asks a registry takes
		// them back (test/registry.ts).
		env: { NODE_EXTRA_CA_CERTS: "", REGISTRY_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS ?? "" },
		projects: [
			{
				extends: true,
				test: {
					name: "dispatch",
					// A process for each file costs 0.8 s of CPU (39 files: 85 s, without 54 s). `test/leaks.ts` gives the next one what it found itself.
					isolate: false,
					include: ["test/**/*.test.ts"],
					exclude: ["test/chaos/**", "test/cli-agents/**", "test/pictures/**", "test/fixtures/**"],
				},
			},
			{
				extends: true,
				test: { name: "chaos", include: ["test/chaos/**/*.test.ts"], testTimeout: 5 * TEST_LIMIT_MS },
			},
			{ extends: true, test: { name: "pictures", include: ["test/pictures/**/*.test.ts"] } },
			{
				extends: true,
				test: {
					name: "cli-agents",
					include: ["test/cli-agents/**/*.test.ts"],
					testTimeout: 2 * TEST_LIMIT_MS,
					maxWorkers: 4,
				},
			},
		],
	},
});
