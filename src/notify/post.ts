import { retryAfterMs } from "../task/reset-time/read.ts";
import { timeLimit } from "../task/time-limit.ts";
import { DeliveryError } from "./target.ts";

const REQUEST_LIMIT_MS = 10_000;
/** Another try may help, as with every 5xx. */
const PASSING = new Set([408, 425, 429]);

/** One request, without redirects. @throws DeliveryError unless it was answered with a 2xx */
export async function postJson(
	url: string,
	body: string,
	headers: Record<string, string> = {},
): Promise<void> {
	const {
		ok,
		status,
		headers: said,
	} = await post(url, body, { "content-type": "application/json", ...headers });
	if (ok) return;
	throw new DeliveryError(`HTTP ${status}`, {
		final: status < 500 && !PASSING.has(status),
		retryAfterMs: retryAfterMs(said.get("retry-after"), Date.now()),
	});
}

async function post(url: string, body: string, headers: Record<string, string>): Promise<Response> {
	const limit = timeLimit(REQUEST_LIMIT_MS);
	try {
		const { signal } = limit;
		// A redirect would hand the text on to somebody whom the config does not name.
		const response = await fetch(url, { method: "POST", body, headers, redirect: "manual", signal });
		void response.body?.cancel().catch(() => {});
		return response;
	} catch (error) {
		const { message, cause } = error as Error & { cause?: { code?: string } };
		const why = limit.signal.aborted ? `none within ${REQUEST_LIMIT_MS / 1_000} s` : (cause?.code ?? message);
		throw new DeliveryError(`no answer: ${why}`);
	} finally {
		limit.release();
	}
}
