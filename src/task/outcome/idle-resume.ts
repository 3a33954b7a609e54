/** A resume that did nothing: another one of the same session would do the same. */
import type { FailureReason } from "../states.ts";
import type { Decision, EndFacts } from "./facts.ts";

/** Ends that a session of no use comes to at every resume; the rest is a person's doing, or a service's. */
const POISONED: readonly FailureReason[] = ["crashed", "incomplete", "item_error", "stuck", "context_full"];

const IN_NEW_SESSION = "The resumed session did nothing: the next start is a new one, on the present plan.";

/** An agent that was killed might have done something in its session yet. */
export function isIdleResume({ idleResume, exit, ended }: EndFacts): boolean {
	const byItself = exit.kind === "exited" && exit.signal === null && ended === null;
	return idleResume && (byItself || ended === "stuck" || ended === "finished");
}

/** The decision, with a new session for the next start where this one proved to be of no use. */
export function ofIdleResume(facts: EndFacts, decision: Decision): Decision {
	if (decision.newSession || !isIdleResume(facts) || !isPoisoned(facts, decision)) return decision;
	const message = `${decision.message} ${IN_NEW_SESSION}`;
	return { ...decision, message, startMode: "resume", newSession: true };
}

function isPoisoned({ failure }: EndFacts, { to, reason, hold, charge }: Decision): boolean {
	// What nobody has seen may be a session that the service does not take any more.
	if (to === "queued") return hold?.kind === "backoff" || charge || failure === "refused";
	if (to !== "failed" || reason === null) return false;
	return POISONED.includes(reason) || failure === "not_started" || failure === "refused";
}
