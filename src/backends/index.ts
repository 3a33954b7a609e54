import type { BackendType } from "../config/backend-type.ts";
import { claude } from "./claude.ts";
import { codex } from "./codex.ts";
import { command } from "./command.ts";
import type { Backend } from "./contract.ts";
import { cursor } from "./cursor.ts";

const BACKENDS: Readonly<Record<BackendType, Backend>> = { claude, codex, cursor, command };

export function backendOf(type: BackendType): Backend {
	return BACKENDS[type];
}
