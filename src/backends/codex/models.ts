/** What OpenAI's codex offers: its app server lists the models that it knows, without a network or a login. */
import { askProgram } from "../../process/ask-program.ts";
import { environmentOfAgents } from "../../process/environment.ts";
import type { Environment } from "../cli.ts";

const LIMIT_MS = 8_000;
const LIST_ID = 2;

/** https://github.com/openai/codex/tree/main/codex-rs/app-server (tried with 0.169.0 and 0.171.0). */
const REQUESTS = [
	{ id: 1, method: "initialize", params: { clientInfo: { name: "dispatch", version: "0" } } },
	{ method: "initialized" },
	{ id: LIST_ID, method: "model/list", params: { limit: 200, includeHidden: true } },
];

/** A provider or profile of the user's own has models that codex does not list. */
const OWN_PROVIDER = /model_provider|--oss\b|--local-provider|--profile|(?:^|\s)-p(?:\s|=)/;

/** @returns ids in lower case; null where codex gives no list, or another provider serves its models */
export async function codexModels(
	{ program, command }: { program: string | null; command: string },
	env: Environment,
): Promise<string[] | null> {
	if (program === null || OWN_PROVIDER.test(command)) return null;
	const { stdout } = await askProgram({
		file: program,
		args: ["app-server"],
		env: environmentOfAgents(env),
		input: REQUESTS.map((request) => `${JSON.stringify(request)}\n`).join(""),
		enough: (said) => listIn(said) !== null,
		limitMs: LIMIT_MS,
	});
	return listIn(stdout);
}

function listIn(stdout: string): string[] | null {
	for (const line of stdout.split("\n")) {
		try {
			const { id, result } = JSON.parse(line) as { id?: unknown; result?: { data?: { id?: unknown }[] } };
			const ids = id === LIST_ID && Array.isArray(result?.data) ? result.data.map((model) => model?.id) : [];
			const models = ids.filter((model) => typeof model === "string");
			if (models.length > 0) return models.map((model) => model.toLowerCase());
		} catch {
			// A line of another kind, or the rest of one.
		}
	}
	return null;
}
