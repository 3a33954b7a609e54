import { claude } from "./claude/adapter.ts";
import { codex } from "./codex/adapter.ts";
import { command } from "./command/adapter.ts";
import type { Backend } from "./contract.ts";
import { cursor } from "./cursor/adapter.ts";
import type { BackendType } from "./known.ts";

const BACKENDS: Readonly<Record<BackendType, Backend>> = { claude, codex, cursor, command };

export function backendOf(type: BackendType): Backend {
	return BACKENDS[type];
}
