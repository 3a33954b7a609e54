import { createHmac } from "node:crypto";
import { postJson } from "../post.ts";
import { receiver } from "../target.ts";

export const webhook = receiver({
	fields: { url: "address", secret: "secret" },
	deliver({ url, secret }, payload, { now }) {
		const body = JSON.stringify(payload);
		const timestamp = String(Math.floor(now() / 1_000));
		return postJson(url, body, {
			"user-agent": "dispatch",
			"x-dispatch-event": payload.event,
			"x-dispatch-delivery": payload.id,
			"x-dispatch-timestamp": timestamp,
			...(secret === null ? {} : { "x-dispatch-signature": signatureOf(secret, timestamp, body) }),
		});
	},
});

/** `sha256=` and the HMAC of `<timestamp>.<body>`. */
export function signatureOf(secret: string, timestamp: string, body: string): string {
	return `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
}
