/** Which records this host executes: those that its own user signed, and that were not removed since. */
import { DispatchError } from "../task/errors.ts";
import { orderOf } from "../task/order.ts";
import type { TaskRecord } from "../task/record.ts";
import { openSigner, type Signer } from "./signing-key.ts";
import { SpentOrders } from "./spent-orders.ts";

export class Orders {
	readonly #signer: Signer;
	readonly #spent: SpentOrders;
	readonly #namespace: string;

	/** @param home the state directory's path */
	constructor(home: string, namespace: string) {
		this.#signer = openSigner(home);
		this.#spent = new SpentOrders(home);
		this.#namespace = namespace;
	}

	/** @returns the signature of the record as it will be with `changes` */
	sign(
		record: Pick<TaskRecord, "spec" | "host" | "chosen">,
		changes: Partial<Pick<TaskRecord, "host" | "chosen">> = {},
	): string {
		return this.#signer.sign(orderOf(record, this.#namespace, changes));
	}

	isSigned(record: TaskRecord): boolean {
		return this.#signer.isSigned(orderOf(record, this.#namespace), record.signature);
	}

	/** To be called before anything that a record names is executed or deleted. @throws DISPATCH_NOT_SIGNED */
	require(record: TaskRecord): void {
		const { id, nonce } = record.spec;
		const why = this.isSigned(record)
			? this.#spent.has(nonce)
				? "it is a copy of a task that was removed"
				: null
			: record.signature === null
				? "it carries no signature (an earlier version made it, or somebody who can write to Redis)"
				: "its signature is not of this content, host and state directory";
		if (why === null) return;
		throw new DispatchError("DISPATCH_NOT_SIGNED", `\`${id}\` is not this host's to execute: ${why}.`, {
			hint: `If it is yours: \`dispatch retry ${id} --sign\` shows what it would run, and signs it.`,
		});
	}
}
