import type { TaskRequest } from "../../src/producer/resolve.ts";

/** A request that says nothing but its prompt; what a test cares for is given. */
export function requestOf(changes: Partial<TaskRequest> & Pick<TaskRequest, "cwd">): TaskRequest {
	return {
		prompt: "Review the code",
		id: null,
		model: null,
		planText: null,
		items: [],
		priority: 100,
		tags: {},
		promptAddition: null,
		contextFiles: [],
		delayMs: null,
		deadlineMs: null,
		budgetUsd: null,
		verify: null,
		attempts: null,
		unattended: false,
		key: null,
		createdBy: "tester@here",
		...changes,
	};
}
