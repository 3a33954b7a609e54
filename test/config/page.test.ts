import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { keysAt } from "../../src/config/schema.ts";

const page = readFileSync(new URL("../../docs/CONFIG.md", import.meta.url), "utf8");

test("every example of docs/CONFIG.md loads", async () => {
	const dir = mkdtempSync(join(tmpdir(), "config-page-"));
	try {
		const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, example]) => example ?? "");
		expect(examples).toHaveLength(3);
		for (const example of examples) {
			const path = join(dir, "config.yaml");
			writeFileSync(path, example);
			const { default: name, models, aliases, backends } = await loadConfig({ path, env: {} });
			expect(Object.keys({ ...models, ...aliases, ...backends })).toContain(name);
		}
	} finally {
		rmSync(dir, { recursive: true, force: true });
	}
});

test("docs/CONFIG.md lists every key, and no other", () => {
	const listed = [...page.matchAll(/^\| `([a-z_.A-Z]+)` \|/gm)].map(([, key]) => key ?? "");
	const maps = ["backends", "models", "aliases", "prices"];
	const keys = keysAt([]).flatMap((key) => {
		if (maps.includes(key)) return keysAt([key, "NAME"]).map((inner) => `${key}.NAME.${inner}`);
		const inner = keysAt([key]);
		return inner.length === 0 ? [key] : inner.map((name) => `${key}.${name}`);
	});
	// The older form has a section of its own.
	const current = keys.filter((key) => key !== "agents");
	expect(listed.filter((key) => !["claude", "codex"].includes(key)).sort()).toEqual(current.sort());
});
