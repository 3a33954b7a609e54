import { expect, test } from "vitest";
import { emptyConfig } from "../../src/config/config.ts";
import type { TaskRecord } from "../../src/task/record.ts";
import { fallbackOf } from "../../src/worker/fallback.ts";
import { specOf } from "../queue/records/store-support.ts";

const config = emptyConfig();
config.backends.a = { name: "a", type: "claude", command: "a", modelFlag: true, permissions: null };
config.backends.b = { name: "b", type: "codex", command: "b", modelFlag: true, permissions: null };
config.models.opus = { backend: "a", id: null };
config.models.sonnet = { backend: "a", id: null };
config.models["gpt-5"] = { backend: "b", id: null };
config.fallback = ["sonnet", "gpt-5"];

const limited = (model: string, backend: string, rateLimits: number) =>
	fallbackOf({ spec: specOf("t", { model, backend }), rateLimits, chosen: null } as TaskRecord, config);

test("after three limits in a row the models of fallback: follow, each once, in order", async () => {
	expect(await limited("opus", "a", 1)).toBeNull();
	expect(await limited("opus", "a", 2)).toMatchObject({ model: "sonnet", backend: "a" });
	expect(await limited("sonnet", "a", 2)).toMatchObject({ model: "gpt-5", backend: "b" });
	expect(await limited("gpt-5", "b", 2)).toBeNull();
});

test("a fallback that does not exist is passed over", async () => {
	config.fallback = ["nothing-like-it", "gpt-5"];
	expect(await limited("opus", "a", 5)).toMatchObject({ model: "gpt-5" });
});
