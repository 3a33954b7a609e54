/** What is signed with a record, before somebody signs it: all of it, also what nobody would see. */

import { plain } from "../../task/clean-text.ts";
import { formatDuration } from "../../task/duration.ts";
import { agentOf, type TaskRecord, workspaceOf } from "../../task/record.ts";
import type { AgentChoice, TaskSpec } from "../../task/spec.ts";

/** A field of the spec, under its name; null: it says nothing, or stands in the first line. */
type Shown = (spec: TaskSpec, record: TaskRecord) => readonly [name: string, text: string | null] | null;

const orNone = (name: string, text: string | null): readonly [string, string | null] => [name, text || null];

/** In this order. A new field does not compile without what is shown of it. */
const FIELDS: { readonly [N in keyof TaskSpec]-?: Shown } = {
	id: () => null,
	createdBy: () => null,
	cwd: () => null,
	backend: (_, record) => ["agent", agentText(agentOf(record))],
	model: () => null,
	permissions: () => null,
	worktree: ({ worktree }) =>
		worktree && [
			"worktree",
			[
				`of ${worktree.repository} (${worktree.gitDir}), at ${worktree.base}`,
				...(worktree.inside === "" ? [] : [`in ${worktree.inside}`]),
			].join(", "),
		],
	setup: ({ setup }) => orNone("setup", setup),
	verify: ({ verify }) => orNone("check", verify),
	promptAddition: (_, record) => orNone("before", agentOf(record).promptAddition),
	prompt: ({ prompt }) => ["prompt", prompt],
	after: ({ after }) => orNone("after, and with the reports of", after.join(", ")),
	contextFiles: ({ contextFiles }) => orNone("reads", contextFiles.join("\n")),
	planText: ({ planText }) => orNone("plan", planText),
	givenItems: ({ planText, givenItems }) =>
		orNone(planText === null ? "plan" : "items", givenItems.join("\n")),
	attempts: ({ attempts, deadlineMs, budgetUsd, inactivityMs }) => [
		"limits",
		[
			`${attempts} ${attempts === 1 ? "attempt" : "attempts"}`,
			deadlineMs === null ? "no deadline" : `${formatDuration(deadlineMs)} of work`,
			budgetUsd === null ? "no budget" : `$${budgetUsd}`,
			`${formatDuration(inactivityMs)} without a sign of life`,
		].join(", "),
	],
	deadlineMs: () => null,
	budgetUsd: () => null,
	inactivityMs: () => null,
	unattended: ({ unattended, questionWaitMs }) => [
		"questions",
		unattended
			? "fail it: nobody is asked"
			: `are asked; it waits ${formatDuration(questionWaitMs)} for an answer before it is parked`,
	],
	questionWaitMs: () => null,
	notBefore: ({ notBefore }) =>
		orNone("not before", notBefore === null ? null : new Date(notBefore).toISOString()),
	priority: ({ priority }) => ["priority", String(priority)],
	tags: ({ tags }) =>
		orNone(
			"tags",
			Object.entries(tags)
				.map(([name, value]) => `${name}=${value}`)
				.join(", "),
		),
	// Of whoever signs it from here on; names no more than this creation.
	host: () => null,
	nonce: () => null,
	// Words for people.
	modelReason: () => null,
};

const agentText = ({ backend, model, permissions }: AgentChoice) =>
	[backend, model, permissions].filter(Boolean).join(", ");

/** What was asked for is signed beside what was chosen since: another choice goes by it again. */
function askedFor({ spec, chosen }: TaskRecord): [name: string, text: string | null][] {
	if (chosen === null) return [];
	return [
		["asked for", agentText(spec)],
		["with, before", spec.promptAddition],
	];
}

/** @param record as it will be signed. @returns lines for the terminal of whoever is asked */
export function orderLines(record: TaskRecord): string[] {
	const { spec } = record;
	const head = `\`${spec.id}\`, by ${spec.createdBy}, would run in ${workspaceOf(record)}:`;
	const parts = [...Object.values(FIELDS).map((shown) => shown(spec, record)), ...askedFor(record)];
	const named = parts.flatMap((part) => (part?.[1] ? linesOf(part[0], part[1]) : []));
	return [visible(head), ...named];
}

/** A text of several lines under its name: none of them can pass for another field. */
function linesOf(name: string, text: string): string[] {
	const lines = visible(text)
		.split("\n")
		.filter((line) => line.trim() !== "");
	return lines.map((line, at) => (at === 0 ? `${name}: ${line}` : `  ${line}`));
}

/** An agent reads what no terminal shows. */
const UNSEEN = /[\p{DI}\p{Cf}\u2800\u3164]/gu;

function visible(text: string): string {
	return plain(text).replace(
		UNSEEN,
		(character) => `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`,
	);
}
