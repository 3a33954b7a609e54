/** Every kind of target: a file here and its line in this table is all that one takes. */
import type { TargetKind, TargetOf } from "../target.ts";
import { bell } from "./bell.ts";
import { command } from "./command.ts";
import { slack } from "./slack.ts";
import { webhook } from "./webhook.ts";

export const TARGETS = { webhook, slack, command, bell } as const satisfies Record<string, TargetKind>;

export type TargetType = keyof typeof TARGETS;

export type NotificationTarget = TargetOf<TargetType>;

export const TARGET_TYPES = Object.keys(TARGETS) as [TargetType, ...TargetType[]];

export function targetKind(type: TargetType): TargetKind {
	return TARGETS[type];
}

/** Told where somebody waits, not by the daemon. */
export function isAtTerminal(type: TargetType): boolean {
	return "signal" in TARGETS[type];
}
