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
		/prompt is too long|ran out of room in the model's context|context[ _-]?(?:length|window|limit)[ _-]?(?:is )?(?:exceeded|reached|full|too long)|exceeds? (?:the |your |its )?(?:model'?s? |maximum |available )*context|maximum context length|exceeds the maximum number of tokens|(?:input|conversation|request) (?:is )?too (?:long|large)|too many (?:input )?tokens in|exceed context limit|exceeds? the (?:configured )?limit of \d+ tokens|hit a token limit|上下文.{0,12}(?:超|过长)|超(?:过|出).{0,12}上下文|コンテキスト.{0,12}(?:超|長)|kontext.{0,30}(?:überschritten|zu lang)/i,
	],
	[
		"policy",
		/violat\w* (?:our|the|their|\w+['’]s) .{0,40}polic|content[ _-](?:filter|management policy|policy violation)|flagged (?:as|for) .{0,60}(?:violat|policy|safety)|(?:blocked|rejected|refused) (?:by|for) .{0,30}(?:safety|responsible ai)|\binvalid_prompt\b/i,
	],
	[
		"billing",
		/workspace is out of credits|credit balance (?:is )?(?:too )?low|billing_error(?!.{0,80}reset)/i,
	],
	["rate_limited", /(?:hit|reached|exceeded) (?:your|the|its|my)[\w' -]{0,60}\blimits?\b/i],
	[
		"rate_limited",
		/key limit exceeded \((?:hourly|daily|weekly|monthly)|\b[rt]pm\b.{0,20}exceeded|deployments? available.{0,40}try again in|(?:max|reached|exceeded).{0,30}concurrency|exceeded your .{0,40}token usage|(?:sent|made) too many|limit exceeded until|\blimits? resets?\b|quota exceeded for .{0,200}(?:(?:requests|tokens)_per_|\bper (?:minute|hour|day)\b)|used (?:up )?(?:100 ?%|all) of your .{0,40}limit|requests? too quickly|usage cap\b|run out of (?:premium |fast |free |included )?requests|exhausted your capacity.{0,40}reset|^(?:error: )?limit reached\b|并发.{0,4}(?:过高|超限)/i,
	],
	[
		"quota",
		/key limit exceeded|\bbudget (?:has been |is )?(?:exceeded|exhausted)|\bExceededBudget\b|over (?:its |your )?budget\b|ServiceQuotaExceeded|exceeds the service quota/i,
	],
	[
		"rate_limited",
		/\b(?:usage|session|weekly|daily|hourly|monthly|opus|sonnet|haiku|fable|fast|\d+[- ]hour|spend(?:ing)?|request|token)s? limit (?:has been )?(?:reached|exceeded|hit)\b/i,
	],
	[
		"rate_limited",
		/out of (?:extra usage|usage credits|free (?:requests|usage))|limit will reset|until your limit resets|limit reached\|\d{10}|used up your (?:included|free|daily|weekly|monthly)/i,
	],
	[
		"billing",
		/insufficient (?:credits?|funds|balance)|payment[ _]required|out of credits|no (?:remaining )?credits? (?:left|remaining)|billing (?:hard limit|not active|is not enabled)|add (?:more )?(?:credits|funds)|past[ -]due|(?:subscription|(?:free )?trial) (?:has |is |was )?(?:expired|lapsed|ended|over|been cancel)|unpaid invoice|payment (?:has |was )?(?:failed|declined|rejected)|card (?:was|has been) declined|to use codex .{0,60}upgrade/i,
	],
	[
		"billing",
		/余额不足|请充值|残高が不足|zahlung .{0,20}fehlgeschlagen|solde insuffisant|saldo insuficiente|余额已|欠费|guthaben .{0,30}(?:aufgebraucht|reicht nicht)|account is not active.{0,40}billing|credits? (?:are|is) (?:depleted|exhausted|used up)|balance is (?:negative|zero|insufficient)|not have a(?:n active| valid) .{0,20}subscription|requires? more credits/i,
	],
	[
		"overloaded",
		/(?:服务器?|系统|模型).{0,6}(?:繁忙|负载过高|过载)|请求人数过多|überlastet|surchargée?s?\b|sobrecargado|過負荷|混み合って|перегружен|model is not ready/i,
	],
	[
		"rate_limited",
		/请求过于频繁|(?:速率|频率).{0,4}(?:限制|超限)|(?:使用|用量|请求).{0,4}(?:上限|限额)|nutzungslimit|limit (?:erreicht|überschritten)|zu viele anfragen|limite .{0,30}atteinte?|trop de requ[êe]tes|(?:alcanzado|superado|excedido) .{0,20}límite|límite .{0,30}(?:alcanzado|superado)|demasiadas solicitudes|利用(?:制限|上限)|レート制限|リクエストが多すぎ|слишком много запросов|사용 한도|요청이 너무 많|한도에 도달|(?:atingiu|excedeu) .{0,20}limite|raggiunto .{0,20}limite|troppe richieste|muitas solicitações|лимит .{0,30}(?:исчерпан|превышен|достигнут)/i,
	],
	[
		"overloaded",
		/at (?:full |max(?:imum)? )?capacity|capacity (?:constraints?|exceeded|on this model)|model_capacity_exhausted|overloaded|(?:high|heavy|too much) (?:demand|load|traffic)|(?:server|service|engine)[ _](?:is )?(?:currently )?(?:busy|overload)|slow[_ ]down|too busy/i,
	],
	[
		"model",
		/issue with the selected model|model[_ ]not[_ ]found|(?:unknown|unsupported|invalid|no such) model|model:? .{0,80}(?:not (?:found|supported|available|exist|a valid)|does ?n[o']t exist|is retired|been (?:deprecated|retired|removed))|do(?:es)? not have access to (?:the )?model|not_found_error.{0,60}model|no access to (?:the )?model|have access to the model|no endpoints found|deploymentnotfound|model identifier is invalid|on-demand throughput isn|models?\/\S{1,80} is not found|cannot use this model|模型(?:不存在|未找到)/i,
	],
	[
		"rate_limited",
		/too many (?:requests|tokens)|rate[ _-]?limit(?!ers?\b)|rate of requests|requests? (?:are )?(?:being )?throttl|throttl(?:ed|ing)|concurrency limit|resource(?:_| has been | )exhausted|per[ -](?:minute|day|hour) (?:limit|quota)|quota .{0,40}reset|usage limits?\b/i,
	],
	[
		"quota",
		/insufficient[_ ]quota|quota (?:exceeded|exhausted|reached)|(?:exceeded|exhausted) your .{0,40}(?:quota|allowance)|check your plan|out of quota|spending cap/i,
	],
	[
		"auth",
		/(?:not (?:logged|signed) in|(?:logged|signed) out)\b|please (?:re-?)?authenticate|please (?:run \/login|log ?in|sign ?in)|invalid (?:x-)?api[ -_]key|incorrect api key|api key (?:provided )?(?:is |has )?(?:been )?(?:missing|expired|not valid|not found|disabled|inactive|revoked|deleted)|missing (?:an? )?api[ -]key|key has been revoked|authenticationerror|oauth .{0,30}not (?:currently )?supported|failed to log ?in|no credentials (?:found|available|configured)|requires setting the google_cloud_project|authentication[ _](?:required|failed|error)|not authenticated|token could not be refreshed|unauthorized|missing environment variable|(?:tokens?|credentials?|login|session) (?:has |have |is |was )?(?:been )?(?:expired|revoked|invalidated)|(?:refresh|renew) .{0,20}token|organization has been disabled|account .{0,30}(?:disabled|suspended|deactivated)|permission_error|forbidden|security token .{0,40}(?:expired|invalid)|not authorized to perform|virtual key expected|(?:organization|administrator|admin) has (?:disabled|blocked|restricted)|(?:load|find|locate) (?:the )?(?:default )?credentials|reauthenticat|gcloud auth|no api[ -]key|must be logged in|身份验证失败|认证失败|未授权|api ?key ?(?:无效|错误)|无效的.{0,6}(?:api|密钥)|令牌.{0,4}(?:过期|失效|无效)|重新登录|nicht angemeldet|melden sie sich .{0,12}an\b|veuillez vous (?:re)?connecter|inicie sesión|認証に失敗|ログインしてください|api ?キーが無効/i,
	],
	[
		"outage",
		/internal[ _]server[ _]error|bad gateway|service[ _]?(?:is )?(?:temporarily )?unavailable|gateway[ _]time-?out|temporarily (?:unavailable|down|out)|under (?:scheduled |planned )?maintenance|server had an error|web server is down|having trouble connecting|(?:on|at) our (?:end|side)|unable to reach|サーバーエラー|\bapi_error\b|server[ _]error|unexpected error occurred|upstream (?:connect|error|timed)|an error occurred while processing your request|model ?timeout|took too long to (?:process|respond)|timeout occurred|client closed request|服务(?:暂时|暂)?不可用|dienst .{0,20}nicht (?:verfügbar|erreichbar)|service .{0,20}indisponible|временно недоступ/i,
	],
	[
		"outage",
		/\bE(?:CONN(?:REFUSED|RESET|ABORTED)|TIMEDOUT|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH|PIPE|PROTO)\b|\b(?:UND_)?ERR_(?:TLS|SSL|INTERNET|NETWORK|NAME|CONNECTION|PROXY|CONNECT|SOCKET|HEADERS|BODY)_|SSL routines|no such host|no route to host|i\/o timeout|other side closed|premature (?:close|end)|stream was not closed cleanly|aborted due to timeout|broken pipe|网络(?:错误|异常|连接失败)|connection (?:error|refused|reset|closed|lost|timed? ?out|was (?:closed|reset|lost))|unable to connect|(?:could ?n[o']t|can ?n[o']t|failed to) (?:connect|reach|resolve)|error sending request|fetch failed|socket hang up|network (?:error|is|unreachable|down|connection)|(?:request|stream|response|connection) (?:was |has )?(?:timed? ?out|disconnected|interrupted|aborted|ended without)|stream disconnected|waiting for network|dns (?:error|lookup)|name resolution|no internet|proxy (?:error|connection)|tls handshake|certificate/i,
	],
];

/** A status in prose: "unexpected status 503", "API Error: 529", "(429)", "HTTP 502", "402 Payment Required". */
const STATUS =
	/(?:[Ss]tatus(?: code)?|[Ee]rror|HTTP|[Cc]ode"?|returned|responded with)[:= ]{1,3}([45]\d\d)\b|\(([45]\d\d)\)|\b([45]\d\d) (?:[A-Z][a-z]+|\{)/;

const STATUSES: Readonly<Record<number, FailureClass>> = {
	401: "auth",
	402: "billing",
	403: "auth",
	407: "auth",
	408: "outage",
	409: "outage",
	413: "context_full",
	425: "outage",
	429: "rate_limited",
	499: "outage",
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
