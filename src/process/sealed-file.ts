/**
 * A file of ours where an agent may write: its first line is a seal of this host over its name, whose it is and what it
 * says. Who changes it, or puts a copy of another one in its place, has no key to seal it by; then it says nothing.
 */
import { join } from "node:path";
import { isKeyFault } from "../task/errors.ts";
import { replaceFile } from "./atomic-file.ts";
import { readRegularFile } from "./read-file.ts";
import type { RunDir, RunFacts } from "./run-dir.ts";

/** By the key of the state directory. */
export interface Seals {
	/** @param kind of what is sealed. @throws DISPATCH_KEY_UNUSABLE, as each of these */
	seal(kind: string, facts: object): string;
	isSealed(kind: string, facts: object, seal: string | null): boolean;
	/** @returns whether this host made the nonce, of a task or of a start */
	hasMade(nonce: string): boolean;
}

/** To look at what was sealed. */
export type Looks = Pick<Seals, "isSealed" | "hasMade">;

/** Room for the seal, and the end of its line. */
const SEAL_BYTES = 128;

const factsOf = (run: RunDir, says: string) => ({ start: run.facts.nonce, says });

/** @throws DISPATCH_DISK, DISPATCH_KEY_UNUSABLE */
export function writeSealed(run: RunDir, name: string, says: string, seals: Seals): void {
	replaceFile(join(run.path, name), `${seals.seal(name, factsOf(run, says))}\n${says}`);
}

/** @returns what this host wrote there for this very start; null: nothing. @throws DISPATCH_KEY_UNUSABLE, what `isOurTrouble` */
export function readSealed(run: RunDir, name: string, limitBytes: number, seals: Looks): string | null {
	const file = readRegularFile(join(run.path, name), SEAL_BYTES + limitBytes);
	if (file.kind !== "text") return null;
	const end = file.text.indexOf("\n");
	const says = file.text.slice(end + 1);
	return end > 0 && isBy(seals, name, factsOf(run, says), file.text.slice(0, end)) ? says : null;
}

/** For looks that go on without the key: nothing is believed then, but no limit, no cancel and no reader waits for it. */
export function orNothing(seals: Seals): Looks {
	return {
		isSealed: (...given) => unless(false, () => seals.isSealed(...given)),
		hasMade: (nonce) => unless(true, () => seals.hasMade(nonce)),
	};
}

function unless(without: boolean, ask: () => boolean): boolean {
	try {
		return ask();
	} catch (error) {
		if (isKeyFault(error)) return without;
		throw error;
	}
}

/** @throws DISPATCH_KEY_UNUSABLE, what `isOurTrouble` */
export function isBy(seals: Looks, name: string, facts: object, seal: string): boolean {
	return seal !== "" && seals.isSealed(name, facts, seal);
}

/**
 * Whether a version before seals began the start: then what stands in its files can carry none, and is believed without.
 * @param nonce of the start by its record: no agent can change that
 * @throws DISPATCH_KEY_UNUSABLE, what `isOurTrouble`
 */
export function isBeforeSeals(nonce: string, seals: Looks): boolean {
	return !seals.hasMade(nonce);
}

const START = "start";
/** All but the session, which the start notes later, and by the hand of its agent's CLI. */
const startOf = ({ task, taskNonce, epoch, nonce, backend, cwd, taskDir, startedAt }: RunFacts) => ({
	...{ task, taskNonce, epoch, nonce, backend, cwd, taskDir, startedAt },
});
/** What an earlier version sealed of them. */
const CLAIM = "run";
const claimOf = ({ task, epoch, nonce }: RunFacts) => ({ task, epoch, nonce });

/** @returns the facts of a start that this host is about to claim, with its seal */
export function sealedFacts(facts: RunFacts, seals: Seals): RunFacts {
	return { ...facts, seal: seals.seal(START, startOf(facts)) };
}

/**
 * What `sealedFacts` vouches for.
 * @returns facts: all of them; claim: whose start it is, no more: an earlier version made it; null: nothing
 * @throws DISPATCH_KEY_UNUSABLE, what `isOurTrouble`
 */
export function sealedOf(facts: RunFacts, seals: Looks): "facts" | "claim" | null {
	const { seal } = facts;
	if (typeof seal !== "string") return null;
	if (isBy(seals, START, startOf(facts), seal)) return "facts";
	return isBy(seals, CLAIM, claimOf(facts), seal) ? "claim" : null;
}
