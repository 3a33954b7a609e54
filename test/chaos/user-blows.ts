/** What people do meanwhile; each thing that was acknowledged is kept for the audit. */
import type { Random } from "../chance.ts";
import type { Stage } from "./stage.ts";

const NOWHERE = "redis://127.0.0.1:1";
const ENDED = ["completed", "failed", "cancelled"];

async function pickTask(
	stage: Stage,
	random: Random,
	wanted: (state: string) => boolean,
): Promise<string | null> {
	const { stdout, code } = await stage.run(["ls", "--all", "--json"]);
	if (code !== 0) return null;
	const ids = (JSON.parse(stdout) as { id: string; state: string }[])
		.filter(({ state }) => wanted(state))
		.map(({ id }) => id)
		.sort();
	return ids.length === 0 ? null : random.pick(ids);
}

const isOpen = (state: string) => !ENDED.includes(state);

async function cancelOne(stage: Stage, random: Random): Promise<string> {
	const id = await pickTask(stage, random, isOpen);
	if (id === null) return "none";
	const { code, stdout } = await stage.run(["cancel", id]);
	// "Cancelling": its host is asked to. An agent that ends by itself meanwhile has ended so.
	if (code === 0 && stdout.startsWith("Cancelled")) stage.promised.cancelled.add(id);
	return `${id}: ${code} ${stdout}`;
}

async function retryOne(stage: Stage, random: Random, fresh: boolean): Promise<string> {
	const id = await pickTask(stage, random, (state) => state === "cancelled" || state === "failed");
	if (id === null) return "none";
	const { code } = await stage.run(["retry", id, ...(fresh ? ["--fresh"] : [])]);
	if (code !== 0) return `${id}: ${code}`;
	stage.promised.cancelled.delete(id);
	stage.promised.retries.set(id, (stage.promised.retries.get(id) ?? 0) + 1);
	if (fresh) stage.promised.fresh.add(id);
	return id;
}

async function noteOne(stage: Stage, random: Random): Promise<string> {
	const task = await pickTask(stage, random, isOpen);
	if (task === null) return "none";
	const text = `note ${stage.promised.notes.length + 1} for ${task}`;
	const { code } = await stage.run(["note", task, text]);
	if (code === 0) stage.promised.notes.push({ task, text, at: Date.now() });
	return `${text}: ${code}`;
}

export const USER_BLOWS = [
	{ name: "cancel a task", weight: 2, blow: cancelOne },
	{ name: "retry a task", weight: 2, blow: (stage: Stage, random: Random) => retryOne(stage, random, false) },
	{
		name: "retry a task anew",
		weight: 1,
		blow: (stage: Stage, random: Random) => retryOne(stage, random, true),
	},
	{ name: "note", weight: 2, blow: noteOne },
	{
		name: "the service refuses for a while",
		weight: 4,
		blow: async (stage: Stage, random: Random) => {
			const ms = random.between(1_000, 10_000);
			stage.limitFor(ms);
			return `${ms} ms`;
		},
	},
	{
		name: "another config",
		weight: 1,
		blow: async (stage: Stage, random: Random) => {
			const concurrency = random.between(2, 4);
			stage.configure(concurrency);
			return `concurrency ${concurrency}`;
		},
	},
	{
		name: "a start on another address",
		weight: 1,
		blow: async (stage: Stage) => {
			const { code } = await stage.run(["up"], { DISPATCH_REDIS_URL: NOWHERE });
			return `code ${code}`;
		},
	},
];
