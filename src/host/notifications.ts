/** Wires the host's config, its queue and the sending together. */
import type { Config } from "../config/config.ts";
import { newsOf, payloadOf } from "../notify/payload.ts";
import { deliver } from "../notify/send.ts";
import { DeliveryError, type RunCommand } from "../notify/target.ts";
import { isAtTerminal, type NotificationTarget } from "../notify/targets/index.ts";
import { environmentOfProgram } from "../process/environment.ts";
import { runHook } from "../process/hook.ts";
import { forgetNotifications, Notifier } from "../queue/jobs/notify-queue.ts";
import type { Store } from "../queue/records/store.ts";
import type { NotificationPayload } from "../task/notification.ts";
import { valueWithoutSecrets } from "../task/secrets.ts";

type Environment = Record<string, string | undefined>;

export interface NotificationOptions {
	store: Store;
	host: string;
	home: string;
	config: Config;
	env: Environment;
	maxBackoffMs: number;
	/** for the log */
	fault: (task: string, step: string, error: unknown) => void;
}

/** Starts telling; null where the config names nobody to tell. */
export async function startNotifier(options: NotificationOptions): Promise<Notifier | null> {
	const { store, host, config, env, home, maxBackoffMs } = options;
	const targets = config.notifications.filter(({ type }) => !isAtTerminal(type));
	if (targets.length === 0) {
		await forgetNotifications(store, host);
		return null;
	}
	const notifier = new Notifier({
		store,
		host,
		maxBackoffMs,
		fault: ({ task, kind }, error) => options.fault(task, `telling ${kind}`, error),
		prepare: async (event) => {
			const kind = newsOf(event.kind);
			const record = kind === null ? null : await store.get(event.task);
			// Tasks of other hosts are told by those.
			if (kind === null || record === null || record.host !== host) return null;
			// Nobody can answer it: its end says what was asked.
			if (kind === "question" && record.spec.unattended) return null;
			const payload = valueWithoutSecrets(payloadOf(kind, { event, record, namespace: store.namespace }));
			const names = targets.filter(({ on }) => on.includes(payload.event)).map(({ name }) => name);
			return { payload, targets: names };
		},
		deliver: async (name, payload) => {
			const target = targets.find((each) => each.name === name);
			if (target === undefined)
				throw new DeliveryError("the config no longer names this target", { final: true });
			await sendTo(target, payload, { env, home });
		},
	});
	await notifier.start();
	return notifier;
}

/** @throws DeliveryError */
export async function sendTo(
	target: NotificationTarget,
	payload: NotificationPayload,
	{ env, home }: { env: Environment; home: string },
): Promise<void> {
	const usual = environmentOfProgram(env);
	const run: RunCommand = (hook) => runHook({ ...hook, cwd: home, env: { ...usual, ...hook.env } });
	await deliver(target, payload, { env, run, now: Date.now });
}
