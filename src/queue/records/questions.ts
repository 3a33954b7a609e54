/** Questions and answers of tasks. A question's field is `<ipc generation>.<number>`. */
import type { Question } from "../../task/question.ts";
import type { State } from "../../task/states.ts";
import { Lists } from "./lists.ts";

export type AnswerResult =
	| { result: "answered"; seq: string; question: string; state: State }
	| { result: "already"; seq: string; by: string; answer: string; at: number }
	| { result: "ended"; state: State }
	| { result: "no_question" }
	| { result: "none" };

/** An open question as `questions` lists it. */
export interface OpenQuestion {
	task: string;
	seq: string;
	text: string;
	/** ms since the Unix epoch */
	askedAt: number;
}

export interface NewQuestion {
	seq: string;
	text: string;
	hash: string;
}

export class Questions extends Lists {
	/** @returns which numbers were new, and which of them had been answered under another text. */
	ask(
		id: string,
		epoch: number,
		questions: NewQuestion[],
	): Promise<{ result: string; asked: string[]; again: string[] }> {
		return this.run<{ result: string; asked: unknown; again: unknown }>("ask", {
			id,
			epoch,
			questions,
		}).then((reply) => ({
			result: reply.result,
			asked: listOf(reply.asked),
			again: listOf(reply.again),
		}));
	}

	/**
	 * Answers a question, the oldest open one unless `seq` names another.
	 * @param answer.token names this call: a repeat of it is the same answer.
	 */
	answer(
		id: string,
		answer: { text: string; by: string; seq?: string; token?: string },
	): Promise<AnswerResult> {
		return this.run("answer", { id, ...answer });
	}

	async delivered(id: string, fields: string[]): Promise<void> {
		if (fields.length > 0) await this.run("delivered", { id, fields });
	}

	/** All questions of a task in the order of asking, those of earlier sessions first. */
	async questions(id: string): Promise<Question[]> {
		const all = await this.guard((client) => client.hgetall(this.keys.questions(id)));
		return Object.values(all)
			.map((text) => JSON.parse(text) as Question)
			.sort(inOrder);
	}

	/** Answers that the agent has not acknowledged, in the order of asking, by field (`<ipc generation>.<seq>`). */
	async undelivered(id: string): Promise<{ field: string; question: Question }[]> {
		const fields = await this.guard((client) => client.smembers(this.keys.undelivered(id)));
		if (fields.length === 0) return [];
		const texts = await this.guard((client) => client.hmget(this.keys.questions(id), ...fields));
		const found = fields.flatMap((field, i) => {
			const text = texts[i];
			return text ? [{ field, question: JSON.parse(text) as Question }] : [];
		});
		return found.sort((a, b) => inOrder(a.question, b.question));
	}

	/** Whether a question of the task is open. */
	openCount(id: string): Promise<number> {
		return this.guard((client) => client.zcard(`${this.keys.prefix}:open:${id}`));
	}

	/** Open questions of all tasks, oldest first. */
	async openQuestions(): Promise<OpenQuestion[]> {
		const members = await this.guard((client) => client.zrange(this.keys.inbox, "0", "-1"));
		const pipeline = this.client.pipeline();
		const names = members.map((member) => member.split(" ") as [string, string]);
		for (const [task, field] of names) pipeline.hget(this.keys.questions(task), field);
		const replies = (await this.guard(() => pipeline.exec())) ?? [];
		return replies.flatMap(([, text], i) => {
			if (typeof text !== "string") return [];
			const question = JSON.parse(text) as Question;
			return [
				{ task: names[i]?.[0] ?? "", seq: question.seq, text: question.text, askedAt: question.askedAt },
			];
		});
	}
}

/** The order of asking, earlier sessions first. */
function inOrder(a: Question, b: Question): number {
	return a.ipcGeneration - b.ipcGeneration || a.askedAt - b.askedAt || Number(a.seq) - Number(b.seq);
}

/** Lua gives an empty table as `{}`. */
function listOf(value: unknown): string[] {
	return Array.isArray(value) ? value : [];
}
