/** The agent CLIs that dispatch has an adapter for; `command` is any other program. */
export const BACKEND_TYPES = ["claude", "codex", "cursor", "command"] as const;

export type BackendType = (typeof BACKEND_TYPES)[number];
