/**
 * The MCP server: dispatch's work as tools for a host agent (Claude Code, Cursor, any other). It only
 * describes and checks; what the tools do is given by cli/.
 */
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import type { CallToolResult, ServerNotification } from "@modelcontextprotocol/sdk/types.js";
import * as z from "zod";
import { DispatchError } from "../task/errors.ts";
import { valueWithoutSecrets, withoutSecrets } from "../task/secrets.ts";
import { bounded } from "./bounded.ts";

/** Clients that give up on silence do so after a minute. */
const PROGRESS_MS = 2_000;

const INSTRUCTIONS = `dispatch runs coding agents in the background. You are the dispatcher: hand work over with \`enqueue\`, never do it yourself.
1. Call \`enqueue\` with the user's words; give \`items\` when the work has clear steps. It returns at once with the task's id.
2. Then call \`wait\`, again and again while tasks are open: it returns one event a call (a worker asks, or a task ended), each once, or nothing when its time is over.
3. When a worker asks, show the question to the user word for word, and send the user's answer with \`answer\`, its \`seq\`, its \`question\` and its \`askedAt\`. Do not make answers up.
4. When a task completed, read its report with \`output\` and tell the user what matters. When it failed, say why, and offer \`retry\`.`;

const id = z.string().min(1).describe("the task's id, or the beginning of it");

const ids = z
	.array(z.string().min(1))
	.min(1)
	.optional()
	.describe("instead of `id`: several; the result has an entry for each, an error where nothing was done");

/** The tools' arguments. */
const INPUTS = {
	enqueue: {
		prompt: z.string().min(1).describe("what shall be done, in the user's words"),
		id: z.string().optional().describe("name the task in kebab-case (default: made from the prompt)"),
		model: z
			.string()
			.optional()
			.describe("a configured model or alias (default: named in the prompt, else the default)"),
		items: z
			.array(z.string().min(1))
			.optional()
			.describe("the checklist the agent works through, one verifiable item each"),
		template: z.string().optional().describe("start with this template's checklist and words"),
		variables: z.record(z.string(), z.string()).optional().describe("values for the template"),
		after: z.array(z.string()).optional().describe("ids of tasks that must have completed before it starts"),
		context: z.array(z.string()).optional().describe("files that the agent shall read first"),
		cwd: z.string().optional().describe("the directory to work in (default: that of this server)"),
		budgetUsd: z.number().positive().optional().describe("stop it when it has cost so much"),
		verify: z
			.string()
			.optional()
			.describe(
				"a shell command that must pass before it counts as done (only where the config has `allow: [mcp_verify]`)",
			),
		key: z.string().optional().describe("idempotent: the same key gives the same task"),
	},
	list: {
		states: z.array(z.string()).optional().describe("only tasks in these states"),
		limit: z.int().min(1).max(500).optional().describe("at most so many, newest first (default: 50)"),
	},
	status: { id },
	questions: {},
	answer: {
		id,
		text: z.string().min(1).describe("the user's answer"),
		seq: z.int().min(1).optional().describe("which question (default: the oldest open one)"),
		question: z
			.string()
			.optional()
			.describe(
				"its text as the user saw it: the answer is refused where the task asks something else by now",
			),
		askedAt: z
			.string()
			.optional()
			.describe("its `askedAt`: refused as well where the same words were asked anew"),
	},
	note: { id, text: z.string().min(1).describe("what the running agent shall know before its next item") },
	wait: {
		ids: z
			.array(z.string().min(1))
			.optional()
			.describe("only these tasks, and the questions of what they wait for (default: all tasks)"),
		timeoutSeconds: z
			.number()
			.min(0)
			.max(3_600)
			.optional()
			.describe("return without an event after this time (default: 50)"),
	},
	cancel: { id: id.optional(), ids },
	retry: {
		id: id.optional(),
		ids,
		fresh: z.boolean().optional().describe("in a new session, from the beginning"),
		model: z.string().optional().describe("with this model or alias"),
	},
	output: {
		id,
		offset: z.int().min(0).optional().describe("begin at this character, for the rest of a long report"),
	},
} as const;

type Inputs = typeof INPUTS;
export type Args<Name extends keyof Inputs> = z.infer<z.ZodObject<Inputs[Name]>>;

/** What each tool does. The value is what `--json` of the command prints. @throws DispatchError */
export type Actions = {
	[Name in keyof Inputs]: (args: Args<Name>, signal: AbortSignal) => Promise<unknown>;
};

const DESCRIPTIONS: Readonly<Record<keyof Inputs, string>> = {
	enqueue: "Hand a task to a background coding agent. Returns at once with the task.",
	list: "Tasks in brief, newest first: state, progress, why they wait, open questions, how they ended.",
	status: "One task: plan with markers, questions, what it does now, why it waits or failed.",
	questions: "Open questions of all tasks.",
	answer:
		"Answer a worker's question. The first answer counts. `kept` says why its agent does not get it yet, if that is so.",
	note: "Tell a running agent something; it sees it before its next item.",
	wait: "Wait for the next event: a worker asks, or a task ended. Each is returned once in this session.",
	cancel: "Cancel a task, or several; their agents' processes are ended.",
	retry: "Start an ended task again, or several, where it stopped or from the beginning.",
	output: "The report that the agent wrote; a long one in parts, see nextOffset.",
};

const READ_ONLY: ReadonlySet<string> = new Set(["list", "status", "questions", "wait", "output"]);
/** An agent may change any file of its project, and what was cancelled or started anew is not as it was. */
const DESTRUCTIVE: ReadonlySet<string> = new Set(["enqueue", "answer", "note", "cancel", "retry"]);

/** Serves on stdin and stdout until stdin closes. @param ready called once it listens */
export async function serveMcp(actions: Actions, version: string): Promise<void> {
	const server = buildServer(actions, version);
	const closed = new Promise<void>((resolve) => {
		server.server.onclose = resolve;
		process.stdin.once("end", resolve);
		process.stdin.once("close", resolve);
		process.stdout.once("error", resolve);
	});
	await server.connect(new StdioServerTransport());
	await closed;
	await server.close();
}

function buildServer(actions: Actions, version: string): McpServer {
	const server = new McpServer({ name: "dispatch", version }, { instructions: INSTRUCTIONS });
	const add = <Name extends keyof Inputs>(name: Name) => {
		const annotations = {
			readOnlyHint: READ_ONLY.has(name),
			destructiveHint: DESTRUCTIVE.has(name),
			openWorldHint: false,
		};
		const config = {
			description: DESCRIPTIONS[name],
			inputSchema: z.strictObject(INPUTS[name]),
			annotations,
		};
		server.registerTool(name, config, (args: unknown, call: Call) =>
			withSignsOfLife(call, () => answerOf(() => actions[name](args as Args<Name>, call.signal))),
		);
	};
	for (const name of Object.keys(INPUTS)) add(name as keyof Inputs);
	return server;
}

interface Call {
	signal: AbortSignal;
	_meta?: { progressToken?: string | number | undefined } | undefined;
	sendNotification(notification: ServerNotification): Promise<void>;
}

/** A client that asks for progress hears that a long call goes on, and may extend its own time limit. */
async function withSignsOfLife<T>({ _meta, sendNotification }: Call, work: () => Promise<T>): Promise<T> {
	const progressToken = _meta?.progressToken;
	if (progressToken === undefined) return work();
	let progress = 0;
	const timer = setInterval(() => {
		progress += PROGRESS_MS / 1_000;
		const params = { progressToken, progress, message: `${progress} s` };
		// A client that is gone ends the server anyhow.
		sendNotification({ method: "notifications/progress", params }).catch(() => {});
	}, PROGRESS_MS);
	try {
		return await work();
	} finally {
		clearInterval(timer);
	}
}

/** The result as text and, as the protocol wants an object, structured; clients read one of them. */
async function answerOf(work: () => Promise<unknown>): Promise<CallToolResult> {
	try {
		// As a command shows it: a host agent hands on what it reads.
		const value = bounded(valueWithoutSecrets(await work()));
		const structured = Array.isArray(value) ? { items: value } : { ...(value as object) };
		return {
			content: [{ type: "text", text: JSON.stringify(value, null, 1) }],
			structuredContent: structured,
		};
	} catch (error) {
		return { isError: true, content: [{ type: "text", text: faultText(error) }] };
	}
}

function faultText(error: unknown): string {
	const text =
		error instanceof DispatchError
			? `${error.inFull} [${error.code}]`
			: `An internal fault: ${error instanceof Error ? error.message : String(error)}`;
	// It may quote what came in; some readers of JSON refuse half a character.
	return withoutSecrets(text).toWellFormed();
}
