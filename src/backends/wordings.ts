/**
 * How services and CLIs word what went wrong. Sources: recordings of claude 2.1.330/332 and codex
 * 0.169/0.171, the texts in these programs, their documentation and public issues (read in November 2026).
 * Asked in order, the first that fits counts: "purchase more credits or try again at 3 PM" is a limit that
 * ends, so what names an end stands before what must be paid.
 */
import type { FailureClass } from "../task/outcome/failure.ts";

export const WORDINGS: readonly [FailureClass, RegExp][] = [
	[
		"no_session",
		/no conversation found with session id|no rollout found for thread id|session .{0,80}not found/i,
	],
	[
		"not_started",
		/cannot be used with root\/sudo|unexpected argument|unknown option|required arguments were not provided|: (?:command )?not found$|: permission denied$/i,
	],
	[
		"context_full",
		/prompt is too long|ran out of room in the model's context|context[ _-]?(?:length|window|limit)[ _-]?(?:is )?(?:exceeded|reached|full|too long)|exceeds? (?:the |your |its )?(?:model'?s? |maximum |available )*context|maximum context length|exceeds the maximum number of tokens|(?:input|conversation|request) (?:is )?too (?:long|large)|too many (?:input )?tokens in|exceed context limit/i,
	],
	[
		"billing",
		/workspace is out of credits|credit balance (?:is )?(?:too )?low|billing_error(?!.{0,80}reset)/i,
	],
	["rate_limited", /(?:hit|reached|exceeded) (?:your|the|its|my)[\w' -]{0,60}\blimits?\b/i],
	[
		"rate_limited",
		/\b(?:usage|session|weekly|daily|hourly|monthly|opus|sonnet|haiku|fable|fast|\d+[- ]hour|spend(?:ing)?|request|token)s? limit (?:has been )?(?:reached|exceeded|hit)\b/i,
	],
	[
		"rate_limited",
		/out of (?:extra usage|usage credits|free (?:requests|usage))|limit will reset|until your limit resets/i,
	],
	[
		"billing",
		/insufficient (?:credits?|funds|balance)|payment[ _]required|out of credits|no (?:remaining )?credits? (?:left|remaining)|billing (?:hard limit|not active|is not enabled)|add (?:more )?(?:credits|funds)|past[ -]due|subscription (?:has )?(?:expired|lapsed|ended|been cancel)/i,
	],
	[
		"overloaded",
		/at (?:full |max(?:imum)? )?capacity|capacity (?:constraints?|exceeded|on this model)|model_capacity_exhausted|overloaded|high (?:demand|load|traffic)|(?:server|service|engine)[ _](?:is )?(?:currently )?(?:busy|overload)|slow[_ ]down|too busy/i,
	],
	[
		"model",
		/issue with the selected model|model[_ ]not[_ ]found|(?:unknown|unsupported|invalid|no such) model|model:? .{0,80}(?:not (?:found|supported|available|exist|a valid)|does ?n[o']t exist|is retired|been (?:deprecated|retired|removed))|do(?:es)? not have access to (?:the )?model|not_found_error.{0,60}model|no access to (?:the )?model/i,
	],
	[
		"rate_limited",
		/too many (?:requests|tokens)|rate[ _-]?limit|rate of requests|requests? (?:are )?(?:being )?throttl|throttl(?:ed|ing)|concurrency limit|resource(?:_| has been | )exhausted|per[ -](?:minute|day|hour) (?:limit|quota)|quota .{0,40}reset|usage limits?\b/i,
	],
	[
		"quota",
		/insufficient_quota|quota (?:exceeded|exhausted|reached)|(?:exceeded|exhausted) your .{0,40}(?:quota|allowance)|check your plan|out of quota/i,
	],
	[
		"auth",
		/not logged in|please (?:run \/login|log ?in|sign ?in)|invalid (?:x-)?api[ -_]key|incorrect api key|api key (?:is )?(?:missing|expired|not valid|not found|disabled)|authentication[ _](?:required|failed|error)|not authenticated|token could not be refreshed|unauthorized|missing environment variable|(?:tokens?|credentials?|login|session) (?:has |have |is |was )?(?:been )?(?:expired|revoked|invalidated)|(?:refresh|renew) .{0,20}token|organization has been disabled|account .{0,30}(?:disabled|suspended|deactivated)|permission_error|forbidden/i,
	],
	[
		"outage",
		/internal[ _]server[ _]error|bad gateway|service[ _](?:is )?(?:temporarily )?unavailable|gateway[ _]time-?out|temporarily (?:unavailable|down|out)|under maintenance|\bapi_error\b|server[ _]error|unexpected error occurred|upstream (?:connect|error|timed)|an error occurred while processing your request/i,
	],
	[
		"outage",
		/\bE(?:CONN(?:REFUSED|RESET|ABORTED)|TIMEDOUT|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH|PIPE)\b|connection (?:error|refused|reset|closed|lost|timed? ?out|was (?:closed|reset|lost))|unable to connect|(?:could ?n[o']t|can ?n[o']t|failed to) (?:connect|reach|resolve)|error sending request|fetch failed|socket hang up|network (?:error|is|unreachable|down|connection)|(?:request|stream|response|connection) (?:was |has )?(?:timed? ?out|disconnected|interrupted|aborted|ended without)|stream disconnected|waiting for network|dns (?:error|lookup)|name resolution|no internet|proxy (?:error|connection)|tls handshake|certificate/i,
	],
];

/** A status in prose: "unexpected status 503", "API Error: 529", "(429)", "HTTP 502", "402 Payment Required". */
const STATUS =
	/(?:[Ss]tatus(?: code)?|[Ee]rror|HTTP|[Cc]ode"?)[:= ]{1,3}([45]\d\d)\b|\(([45]\d\d)\)|\b([45]\d\d) (?:[A-Z][a-z]+|\{)/;

const STATUSES: Readonly<Record<number, FailureClass>> = {
	401: "auth",
	402: "billing",
	403: "auth",
	408: "outage",
	413: "context_full",
	429: "rate_limited",
	503: "outage",
	529: "overloaded",
};

/** @returns null for a status that says nothing of its own (400) */
export function classOfStatus(status: number): FailureClass | null {
	return STATUSES[status] ?? (status >= 500 && status <= 599 ? "outage" : null);
}

/** The HTTP status that a message names; null without one. */
export function statusIn(message: string): number | null {
	const [, ...found] = STATUS.exec(message) ?? [];
	const digits = found.find((group) => group !== undefined);
	return digits === undefined ? null : Number(digits);
}

/** A limit of one model: "Selected model is at capacity", "You've hit your Opus limit". */
const MODEL_LIMITS: readonly RegExp[] = [
	/\b(opus|sonnet|haiku|fable)\b[\w ]{0,20}(?:usage )?limit/i,
	/limit for ([\w.-]{2,60}?)[.,]?(?:\s|$)/i,
	/(?:seven_day)_(opus|sonnet|haiku|fable)/i,
	/model `?'?"?([a-z]+-[\w.-]{2,60})[`'"]? is (?:at capacity|overloaded)/i,
];
const THIS_MODEL =
	/selected model is at capacity|capacity on this model|model_capacity_exhausted|this model is (?:at|currently)/i;

/** @returns the model that a limit is of, `""` for the one in use; null: it is of the whole account */
export function limitedModel(message: string): string | null {
	for (const wording of MODEL_LIMITS) {
		const name = wording.exec(message)?.[1];
		if (name !== undefined) return name.toLowerCase();
	}
	return THIS_MODEL.test(message) ? "" : null;
}
