/** Tasks that their host will refuse to start, told before it does. */
import { Orders } from "../config/orders.ts";
import type { TaskRecord } from "../task/record.ts";
import type { Place } from "./remove.ts";

const SHOWN = 3;

/**
 * @param open of any host: those of others are not this one's to judge
 * @returns what to tell; null: each carries the signature of this state directory's key
 * @throws DISPATCH_DISK when the key cannot be used
 */
export function unsignedText(
	open: readonly TaskRecord[],
	place: Place,
	namespace: string,
): { text: string; fix: string } | null {
	const own = open.filter(({ host }) => host === place.hostId);
	if (own.length === 0) return null;
	const orders = new Orders(place.path, namespace);
	const refused = own.filter((record) => !orders.isSigned(record)).map(({ spec }) => spec.id);
	const [first] = refused;
	if (first === undefined) return null;
	const more = refused.length > SHOWN ? " …" : "";
	const names = refused.slice(0, SHOWN).map((id) => `\`${id}\``);
	const [what, which] = refused.length === 1 ? ["A task", "its"] : [`${refused.length} tasks`, "their"];
	return {
		text: `${what} will not be started (${names.join(", ")}${more}): ${which} signature is not of this state directory's key as it is now.`,
		fix: `If you made them: dispatch cancel ${first}, then dispatch retry ${first} --sign`,
	};
}
