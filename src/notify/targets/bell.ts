import type { AtTerminal } from "../target.ts";

export const bell: AtTerminal = { fields: {}, signal: "\x07" };
