/**
 * The answers that this host has handed to a start's agent, sealed in its run directory: what Redis has lost of them
 * since is no word of the agent's own.
 */
import type { RunDir } from "../process/run-dir.ts";
import { orNothing, readSealed, type Seals, writeSealed } from "../process/sealed-file.ts";
import { type Check, list, object, soundOrNull, text } from "../task/check.ts";
import type { Question } from "../task/question.ts";

const FILE = "answers";
const LIMIT_BYTES = 16 * 1024 * 1024;

interface Handed {
	seq: string;
	/** of the question */
	hash: string;
	answer: string;
	by: string;
}

const checkHanded: Check<Handed[]> = list(object<Handed>({ seq: text, hash: text, answer: text, by: text }));

export class HandedAnswers {
	readonly #run: RunDir;
	readonly #seals: Seals;
	readonly #bySeq: Map<string, Handed>;

	/** Without the key nothing is believed. @throws what `isOurTrouble` */
	constructor(run: RunDir, seals: Seals) {
		this.#run = run;
		this.#seals = seals;
		const said = readSealed(run, FILE, LIMIT_BYTES, orNothing(seals));
		const kept = said === null ? null : soundOrNull(checkHanded, said);
		this.#bySeq = new Map(kept?.map((each) => [each.seq, each]));
	}

	/** To this very question. */
	of({ seq, hash }: Pick<Question, "seq" | "hash">): Handed | null {
		const handed = this.#bySeq.get(seq);
		return handed?.hash === hash ? handed : null;
	}

	/** Before its file is written. What cannot be kept (a full disk, a lost key) is known to this worker alone. */
	note(question: Question): void {
		if (this.of(question)?.answer === question.answer) return;
		const { seq, hash, answer, answeredBy } = question;
		this.#bySeq.set(seq, { seq, hash, answer: answer ?? "", by: answeredBy ?? "somebody" });
		try {
			writeSealed(this.#run, FILE, JSON.stringify([...this.#bySeq.values()]), this.#seals);
		} catch {
			// The answer is there all the same.
		}
	}
}
