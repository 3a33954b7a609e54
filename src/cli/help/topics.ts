/** The pages of `dispatch help TOPIC`: each fits on a screen of 80×25. Lines behind `$` are commands. */
import { SETTING_TOPICS } from "./setting-topics.ts";
import { TASK_TOPICS } from "./task-topics.ts";

export interface Topic {
	name: string;
	title: string;
	text: string;
}

export const TOPICS: readonly Topic[] = [...TASK_TOPICS, ...SETTING_TOPICS];
