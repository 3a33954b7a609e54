/** Which records this host executes: those that its own user signed, and that were not removed since. */
import { createHash } from "node:crypto";
import type { Seals } from "../process/sealed-file.ts";
import { DispatchError } from "../task/errors.ts";
import { type Order, orderOf } from "../task/order.ts";
import type { TaskRecord } from "../task/record.ts";
import type { TaskSpec } from "../task/spec.ts";
import type { OwnerOfWorktree, WorktreeSpec } from "../task/worktree.ts";
import type { RememberedKey } from "./kept-marks.ts";
import { openSigner, type Signer } from "./signing-key.ts";
import { SpentOrders, spendOrder } from "./spent-orders.ts";

const WORKTREE = "worktree";
/** One that is not whole yet may be deleted: that is sealed, too. */
const sealed = ({ id, nonce, worktree }: OwnerOfWorktree, isWhole: boolean) =>
	isWhole ? { id, nonce, worktree } : { id, nonce, worktree, isWhole };

/** More than ever work at once. */
const AT_WORK_KEPT = 10_000;
const digestOf = (order: Order) => createHash("sha256").update(JSON.stringify(order)).digest("base64");

export class Orders {
	readonly #signer: Signer;
	readonly #spent: SpentOrders;
	readonly #namespace: string;
	readonly #home: string;
	/** by the nonce of a start: the order that was signed */
	readonly #atWork = new Map<string, string>();

	/** @param home the state directory's path @param key a worker's, which it remembers */
	constructor(home: string, namespace: string, key?: RememberedKey) {
		this.#signer = openSigner(home, key && (() => key.read()));
		this.#spent = new SpentOrders(home);
		this.#namespace = namespace;
		this.#home = home;
	}

	/** @returns the signature of the record as it will be with `changes` */
	sign(
		record: Pick<TaskRecord, "spec" | "host" | "chosen">,
		changes: Partial<Pick<TaskRecord, "host" | "chosen">> = {},
	): string {
		return this.#signer.sign(orderOf(record, this.#namespace, changes));
	}

	/** @returns the signatures of new tasks, in their order */
	signNew(specs: readonly TaskSpec[]): string[] {
		return this.#signer.signAll(
			specs.map((spec) => orderOf({ spec, host: spec.host, chosen: null }, this.#namespace)),
		);
	}

	/** For the spec of a new task. */
	newNonce(): string {
		return this.#signer.newNonce();
	}

	/** For the specs of many. */
	newNonces(many: number): string[] {
		return this.#signer.newNonces(many);
	}

	/**
	 * Of a removed task whose record is gone: its order is spent, if this host can have one of it. What others make up
	 * takes no room. @param ran whether something here is of this creation; null: nobody can know, and the order is
	 * spent under its id alone. @throws DISPATCH_DISK
	 */
	spend({ id, nonce }: { id: string; nonce: string }, ran: () => boolean | null): void {
		if (this.#spent.has(nonce, id)) return;
		const isOurs = this.#signer.hasMade(nonce) || ran();
		if (isOurs !== false) spendOrder(this.#home, nonce, isOurs === null ? id : undefined);
	}

	/** For what is kept beside a worktree, where an agent may write: its own word again, when the record is gone. */
	seal(owner: OwnerOfWorktree, isWhole: boolean): string {
		return this.#signer.seal(WORKTREE, sealed(owner, isWhole));
	}

	/** @returns the worktree of one that is sealed; null: this host has not sealed this one */
	sealedWorktree(owner: OwnerOfWorktree, seal: string | null): WorktreeSpec | null {
		const isSealed = [true, false].some((isWhole) =>
			this.#signer.isSealed(WORKTREE, sealed(owner, isWhole), seal),
		);
		return isSealed ? owner.worktree : null;
	}

	/** For the files of a start, where its agent may write. */
	get seals(): Seals {
		return this.#signer;
	}

	/** @returns whether this host's user has signed it, and it was not removed since */
	isSigned(record: TaskRecord): boolean {
		const order = orderOf(record, this.#namespace);
		if (!this.#signer.isSigned(order, record.signature) || this.#isCopy(record)) return false;
		this.#note(record, order);
		return true;
	}

	/** Of what is at work here: its key may be lost, or be replaced, before it ends; what it was signed for is known then. */
	noteWork(record: TaskRecord): void {
		try {
			this.isSigned(record);
		} catch {
			// Who cannot be asked now vouches for nothing.
		}
	}

	/** A start is of one order, the first that was seen. */
	#note({ runNonce }: TaskRecord, order: Order): void {
		if (runNonce === null) return;
		const first = this.#atWork.get(runNonce) ?? digestOf(order);
		this.#atWork.delete(runNonce);
		this.#atWork.set(runNonce, first);
		const [oldest] = this.#atWork.keys();
		if (this.#atWork.size > AT_WORK_KEPT && oldest !== undefined) this.#atWork.delete(oldest);
	}

	#wasSigned(record: TaskRecord): boolean {
		const known = this.#atWork.get(record.runNonce ?? "");
		return known !== undefined && known === digestOf(orderOf(record, this.#namespace));
	}

	/**
	 * Of what has ended here: what this worker saw signed while it worked is, whatever became of the key.
	 * @param begun the nonce of the task whose agent has ended; undefined: not known
	 * @returns why nobody vouches for it, as the end of a sentence; null: this host's user has signed it
	 * @throws DISPATCH_KEY_UNUSABLE, and what passes (`isOurTrouble`)
	 */
	whyNotSigned(record: TaskRecord, begun?: string): string | null {
		if (begun !== undefined && begun !== record.spec.nonce) return OTHER.why;
		return this.#wasSigned(record) ? null : (this.refusal(record)?.why ?? null);
	}

	/** @returns why this host does not execute it, as the end of a sentence; null: it does */
	refusal(record: TaskRecord): Refusal | null {
		if (this.isSigned(record)) return null;
		if (this.#isCopy(record)) return COPY;
		return record.signature === null ? UNSIGNED : FOREIGN;
	}

	/** To be called before anything that a record names is executed or deleted. @throws DISPATCH_NOT_SIGNED */
	require(record: TaskRecord): void {
		const refusal = this.refusal(record);
		if (refusal !== null) throw refused(record.spec.id, refusal);
	}

	/** Before somebody vouches for it: a removed task starts under no signature. @throws DISPATCH_NOT_SIGNED */
	requireNoCopy(record: TaskRecord): void {
		if (this.#isCopy(record)) throw refused(record.spec.id, COPY);
	}

	#isCopy({ spec }: TaskRecord): boolean {
		return this.#spent.has(spec.nonce, spec.id);
	}
}

export interface Refusal {
	why: string;
	/** whether the host's user may sign it: `dispatch retry ID --sign` */
	canBeSigned: boolean;
}

const UNSIGNED: Refusal = {
	why: "it carries no signature (an earlier version made it, or somebody who can write to Redis)",
	canBeSigned: true,
};
const FOREIGN: Refusal = {
	why: "its signature is not of this content, host and key (the key was replaced, or somebody who can write to Redis changed the task)",
	canBeSigned: true,
};
const OTHER: Refusal = {
	why: "it is not the task that was started (somebody who can write to Redis replaced it)",
	canBeSigned: false,
};
const COPY: Refusal = { why: "it is a copy of a task that was removed", canBeSigned: false };

function refused(id: string, { why, canBeSigned }: Refusal): DispatchError {
	return new DispatchError("DISPATCH_NOT_SIGNED", `\`${id}\` is not this host's to execute: ${why}.`, {
		hint: canBeSigned
			? `If it is yours: \`dispatch retry ${id} --sign\` shows what it would run, and signs it.`
			: `Enqueue the work anew; \`dispatch rm ${id}\` takes the copy away.`,
	});
}
