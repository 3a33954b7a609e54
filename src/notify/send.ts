/** One delivery to one target. */
import type { NotificationPayload } from "../task/notification.ts";
import { DeliveryError, type SendDeps, type Value } from "./target.ts";
import { type NotificationTarget, targetKind } from "./targets/index.ts";

/** Nothing is done for those at a terminal. @throws DeliveryError */
export async function deliver(
	target: NotificationTarget,
	payload: NotificationPayload,
	deps: SendDeps,
): Promise<void> {
	const kind = targetKind(target.type);
	if ("signal" in kind) return;
	const values = Object.entries(kind.fields).map(([name, of]) => {
		const given = target.values[name];
		return [name, of === "variables" ? variablesOf(given, deps) : resolved(name, given, deps)];
	});
	await kind.deliver(Object.fromEntries(values), payload, deps);
}

/** One that is not set is none for the line either, as in a shell. */
function variablesOf(given: Value | undefined, { env }: SendDeps): Record<string, string> {
	const names = given?.variables ?? [];
	return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

function resolved(name: string, given: Value | undefined, { env }: SendDeps): string | null {
	if (given === undefined || (given.value === null && given.env === null)) return null;
	const found = given.value ?? (given.env === null ? undefined : env[given.env]);
	if (found) return found;
	throw new DeliveryError(`${name}: the variable ${given.env} is not set for the worker`);
}
