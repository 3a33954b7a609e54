/** Questions and answers of tasks. A question's field is `<ipc generation>.<number>`. */
import { Damage, parsed, soundOrNull } from "../../task/check.ts";
import { ID_FORM } from "../../task/id.ts";
import { checkQuestion, type KeptQuestion, type Question } from "../../task/question.ts";
import type { State } from "../../task/states.ts";
import { Lists } from "./lists.ts";

export type AnswerResult =
	| { result: "answered"; seq: string; question: string; state: State }
	| { result: "already"; seq: string; by: string; answer: string; at: number }
	| { result: "ended"; state: State }
	/** `anew`: the same text, asked again */
	| { result: "other"; seq: string; anew: boolean }
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
	/** @returns which numbers were new, which of them had been answered under another text, and which must wait. */
	ask(
		id: string,
		epoch: number,
		questions: NewQuestion[],
	): Promise<{ result: string; asked: string[]; again: string[]; waiting: string[] }> {
		return this.run<{ result: string; asked: unknown; again: unknown; waiting: unknown }>("ask", {
			id,
			epoch,
			questions,
		}).then((reply) => ({
			result: reply.result,
			asked: listOf(reply.asked),
			again: listOf(reply.again),
			waiting: listOf(reply.waiting),
		}));
	}

	/**
	 * Answers a question, the oldest open one unless `seq` names another.
	 * @param answer.shown the hash of the question that was shown: another one is not answered
	 * @param answer.shownAt when that was asked: one that was asked anew since is another one, whatever its text
	 * @param answer.token names this call: a repeat of it is the same answer, with the same reply
	 */
	answer(
		id: string,
		{
			token,
			...answer
		}: { text: string; by: string; seq?: string; shown?: string; shownAt?: number; token?: string },
	): Promise<AnswerResult> {
		return this.run("answer", { id, ...answer, ...(token === undefined ? {} : { call: `${id} ${token}` }) });
	}

	async delivered(id: string, fields: string[]): Promise<void> {
		if (fields.length > 0) await this.run("delivered", { id, fields });
	}

	/** All questions of a task in the order of asking, those of earlier sessions first. */
	async questions(id: string): Promise<KeptQuestion[]> {
		return (await this.questionsOf([id]))[0] ?? [];
	}

	/** As `questions`, of several tasks in one round trip; in the order of `ids`. */
	async questionsOf(ids: readonly string[]): Promise<KeptQuestion[][]> {
		if (ids.length === 0) return [];
		const pipeline = this.client.pipeline();
		for (const id of ids)
			pipeline.hgetall(this.keys.questions(id)).zrange(`${this.keys.prefix}:open:${id}`, "0", "-1");
		const replies = await this.replies(pipeline);
		const kept = ids.map((task, i) => {
			const texts = (replies[2 * i] ?? {}) as Record<string, string>;
			const open = (replies[2 * i + 1] ?? []) as string[];
			return {
				task,
				texts,
				open,
				lost: open.filter((field) => texts[field] === undefined && FIELD_FORM.test(field)),
			};
		});
		const lost = await this.#stillAsked(
			kept.flatMap(({ task, lost }) => lost.map((field) => ({ task, field }))),
		);
		return kept.map(({ task, texts, open }) =>
			[
				...Object.entries(texts),
				...lost.filter((each) => each.task === task).map(({ field }) => [field, null] as const),
			]
				.map(([field, text]) => ({ ...questionOf(field, text), open: open.includes(field) }))
				.sort(inOrder),
		);
	}

	/** Answers that the agent has not acknowledged, in the order of asking, by field (`<ipc generation>.<seq>`). */
	async undelivered(id: string): Promise<{ field: string; question: Question }[]> {
		const fields = await this.guard((client) => client.smembers(this.keys.undelivered(id)));
		if (fields.length === 0) return [];
		const texts = await this.guard((client) => client.hmget(this.keys.questions(id), ...fields));
		const found = fields.flatMap((field, i) => {
			const text = texts[i];
			// A damaged answer is nobody's: what was said is not known.
			const question = text ? soundOrNull(checkQuestion, text) : null;
			return question === null ? [] : [{ field, question }];
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
		const names = members.flatMap((member) => {
			const [task = "", field = ""] = member.split(" ");
			return ID_FORM.test(task) && FIELD_FORM.test(field) ? [{ task, field }] : [];
		});
		for (const { task, field } of names) pipeline.hget(this.keys.questions(task), field);
		const replies = await this.replies(pipeline);
		const lost = await this.#stillAsked(names.filter((_, i) => typeof replies[i] !== "string"));
		return names.flatMap((name, i) => {
			const kept = replies[i];
			if (typeof kept !== "string" && !lost.includes(name)) return [];
			const { seq, text, askedAt } = questionOf(name.field, typeof kept === "string" ? kept : null);
			return [{ task: name.task, seq, text, askedAt }];
		});
	}

	/** Of questions without a text those that wait all the same: the others were answered or removed between two looks. */
	async #stillAsked(names: QuestionName[]): Promise<QuestionName[]> {
		if (names.length === 0) return [];
		const members = names.map(({ task, field }) => `${task} ${field}`);
		const asked = await this.guard((client) => client.zmscore(this.keys.inbox, ...members));
		return names.filter((_, i) => asked[i] !== null);
	}
}

/** By which the inbox holds an open question. */
interface QuestionName {
	task: string;
	field: string;
}

const FIELD_FORM = /^(\d{1,15})\.(\d{3,20})(?:~.*)?$/;

/** Of a question and its answer, in JSON: what is longer is not even read. */
const RECORD_MOST_CHARS = 16 * 1024 * 1024;

/**
 * A damaged one is shown as such, under the number by which it is kept.
 * @param text null: it is not there
 */
function questionOf(field: string, text: string | null): Question {
	try {
		if (text === null) throw new Damage("its text is not there");
		if (text.length > RECORD_MOST_CHARS) throw new Damage(`it has ${text.length} characters`);
		return parsed(checkQuestion, text, "it");
	} catch (error) {
		if (!(error instanceof Damage)) throw error;
		const [, generation, seq = "000"] = FIELD_FORM.exec(field) ?? [];
		const said = `(This question is damaged in Redis: ${error.message}.)`;
		return {
			...{ ipcGeneration: Number(generation ?? 0), seq, text: said, hash: "", askedAt: 0 },
			...{ answer: null, answeredAt: null, answeredBy: null, deliveredAt: null },
		};
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
