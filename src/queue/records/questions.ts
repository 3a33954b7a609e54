/** Questions and answers of tasks. A question's field is `<ipc generation>.<number>`. */
import { Damage, parsed, soundOrNull } from "../../task/check.ts";
import { ID_FORM } from "../../task/id.ts";
import {
	checkQuestion,
	type KeptQuestion,
	OPEN_QUESTIONS_LIMIT,
	type Question,
} from "../../task/question.ts";
import type { State } from "../../task/states.ts";
import { Lists } from "./lists.ts";
import { INBOX, INBOX_PAGE } from "./scripts/inbox.ts";

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
			const lost = open.filter((field) => texts[field] === undefined && FIELD_FORM.test(field));
			return { task, texts, open: new Set(open), lost: lost.slice(0, OPEN_QUESTIONS_LIMIT) };
		});
		const asked = await this.#stillAsked(
			kept.flatMap(({ task, lost }) => lost.map((field) => nameOf({ task, field }))),
		);
		return kept.map(({ task, texts, open, lost }) =>
			[
				...Object.entries(texts),
				...lost.filter((field) => asked.has(nameOf({ task, field }))).map((field) => [field, null] as const),
			]
				.map(([field, text]) => ({ ...questionOf(field, text), open: open.has(field) }))
				.sort(inOrder),
		);
	}

	/**
	 * Answers that the agent has not acknowledged, in the order of asking, by field (`<ipc generation>.<seq>`).
	 * @param listed only those of the list of them, which is quick, and may have lost some; else by the questions themselves
	 */
	async undelivered(id: string, { listed = false } = {}): Promise<{ field: string; question: Question }[]> {
		const fields = await this.guard((client) =>
			listed ? client.smembers(this.keys.undelivered(id)) : client.hkeys(this.keys.questions(id)),
		);
		const own = fields.filter((field) => NEWEST_FORM.test(field));
		const texts = await inPages(own, (some) =>
			this.guard((client) => client.hmget(this.keys.questions(id), ...some)),
		);
		const found = own.flatMap((field, i) => {
			const text = texts[i];
			// A damaged answer is nobody's: what was said is not known.
			const question = text ? soundOrNull(checkQuestion, text) : null;
			const isDue = question !== null && question.answer !== null && question.deliveredAt === null;
			return isDue ? [{ field, question }] : [];
		});
		return found.sort((a, b) => inOrder(a.question, b.question));
	}

	/** Whether a question of the task is open. */
	openCount(id: string): Promise<number> {
		return this.guard((client) => client.zcard(`${this.keys.prefix}:open:${id}`));
	}

	/**
	 * Open questions of all tasks, oldest first; of one task no more than it may ask at once, and as many of each kind that
	 * is damaged. The inbox is anybody's who can write to Redis: names that are nobody's question are dropped on the way.
	 */
	async openQuestions(): Promise<OpenQuestion[]> {
		const page = await this.guard((client) => client.zrange(this.keys.inbox, "0", String(INBOX_PAGE - 1)));
		const first = page.map(partsOf);
		// Mostly all is well with a few: then there is no need of a script, which takes long to load.
		if (first.length < INBOX_PAGE && first.every(isName) && !first.some(isBeyond(new Map()))) {
			const read = await this.#textsOf(first);
			if (read.every(({ isThere, text }) => isThere && text !== null))
				return first.map((name, i) => openQuestion(name, read[i]?.text ?? null));
		}
		const names = await this.#inbox();
		const read = await this.#textsOf(names);
		const lost = await this.#stillAsked(names.filter((_, i) => read[i]?.text === null).map(nameOf));
		return names.flatMap((name, i) => {
			const text = read[i]?.text ?? null;
			return text !== null || lost.has(nameOf(name)) ? [openQuestion(name, text)] : [];
		});
	}

	/** @returns of each whether anything is there of its task, and its text */
	#textsOf(names: readonly QuestionName[]): Promise<{ isThere: boolean; text: string | null }[]> {
		return inPages(names, async (some) => {
			const pipeline = this.client.pipeline();
			for (const { task, field } of some)
				pipeline.exists(this.keys.task(task)).hget(this.keys.questions(task), field);
			const replies = await this.replies(pipeline);
			return some.map((_, i) => {
				const text = replies[2 * i + 1];
				return { isThere: replies[2 * i] === 1, text: typeof text === "string" ? text : null };
			});
		});
	}

	/** The names of open questions, oldest first. */
	async #inbox(): Promise<QuestionName[]> {
		const names: QuestionName[] = [];
		const counts = Array.from({ length: INBOX_KINDS }, () => new Map<string, number>());
		for (let from = 0, left = INBOX_SEARCHED; left > 0; ) {
			const page = await this.run<InboxPage>(INBOX, { from });
			for (const [i, member] of listOf(page.names).entries()) {
				const name = partsOf(member);
				const isShown = !isBeyond(counts[Number(page.kinds[i])] ?? new Map())(name);
				if (isName(name) && isShown) names.push(name);
			}
			from += page.seen - page.gone;
			left -= page.seen;
			if (page.seen === 0) break;
		}
		return names;
	}

	/** Of questions without a text those that wait all the same: the others were answered or removed between two looks. */
	async #stillAsked(names: string[]): Promise<Set<string>> {
		const asked = await inPages(names, (some) =>
			this.guard((client) => client.zmscore(this.keys.inbox, ...some)),
		);
		return new Set(names.filter((_, i) => asked[i] !== null));
	}
}

/** By which the inbox holds an open question. */
interface QuestionName {
	task: string;
	field: string;
}

const nameOf = ({ task, field }: QuestionName) => `${task} ${field}`;

function partsOf(member: string): QuestionName {
	const [task = "", field = ""] = member.split(" ");
	return { task, field };
}

const isName = ({ task, field }: QuestionName) => ID_FORM.test(task) && FIELD_FORM.test(field);

function openQuestion({ task, field }: QuestionName, kept: string | null): OpenQuestion {
	const { seq, text, askedAt } = questionOf(field, kept);
	return { task, seq, text, askedAt };
}

/** @param counts of each task those that came before */
function isBeyond(counts: Map<string, number>): (name: QuestionName) => boolean {
	return ({ task }) => {
		const count = (counts.get(task) ?? 0) + 1;
		counts.set(task, count);
		return count > OPEN_QUESTIONS_LIMIT;
	};
}

interface InboxPage {
	names: unknown;
	/** of each name a digit: below `INBOX_KINDS` */
	kinds: string;
	seen: number;
	gone: number;
}

const INBOX_KINDS = 4;
/** Names in the inbox that are looked at: far more than all tasks ask, and no more than a moment. */
const INBOX_SEARCHED = 100_000;
const AT_ONCE = 1_000;

/** A list from Redis may be of any length: too long for one call, and for the stack. */
async function inPages<T, R>(all: readonly T[], read: (some: T[]) => Promise<R[]>): Promise<R[]> {
	const found: R[] = [];
	for (let at = 0; at < all.length; at += AT_ONCE) found.push(...(await read(all.slice(at, at + AT_ONCE))));
	return found;
}

/** Not one whose number was used again for another text. */
const NEWEST_FORM = /^\d{1,15}\.\d{3,20}$/;
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
