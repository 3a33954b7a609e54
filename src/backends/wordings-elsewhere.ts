/**
 * What a service says in whatever language is something said of something: of a key that it is not valid, of a
 * limit that it is reached. A row holds both in the languages of the tests; asked where no wording of English fits.
 */
import type { FailureClass } from "../task/outcome/failure.ts";

/** Both stand in one sentence, in any order, not farther apart than this. */
const REACH = 60;

interface Row {
	failure: FailureClass;
	/** of what it is said */
	of: string;
	said: string;
}

const ROWS: readonly Row[] = [
	{
		failure: "context_full",
		of: "prompt|context|messages?|mensaje|nachricht|入力|输入|conversation|kontext|contexte|contexto|contesto|eingabe|контекст|запрос|提示词?|上下文|コンテキスト|プロンプト|입력|컨텍스트|프롬프트",
		said: "(?:maximum|max) length|reduce the length|zu lang|zu groß|trop longs?|demasiado larg[oa]|supera el|troppo lung[oa]|muito long[oa]|слишком длин\\p{L}{1,20}|te lang|过长|過長|長すぎ\\p{L}{0,20}|너무 (?:깁|길)\\p{L}{0,20}",
	},
	{
		failure: "billing",
		of: "credits?|suscripción|assinatura|abbonamento|подписк\\p{L}{1,20}|guthaben|cr[ée]dit[os]*s?|solde|saldo|balance|funds?|(?:credit )?card|subscription|abonnement|abo|plan|средств\\p{L}{0,20}|баланс\\p{L}{0,20}|余额|クレジット|残高|크레딧|잔액|tegoed|kredi\\p{L}{0,20}|środk\\p{L}{1,20}|konto",
		said: "exhausted|depleted|insufficient|expired|ran out|run out|lapsed|top (?:it )?up|does(?: not|n['’]t) include|reicht nicht|erschöpft|abgelaufen|épuisés?|insuffisants?|expirée?|insuficientes?|insufficient[ei]|caducad[oa]|agotad[oa]s?|esaurit[oi]|scadut[oa]|esgotad[oa]s?|недостаточно|закончил\\p{L}{1,20}|исчерпан\\p{L}{0,20}|不足|用完|耗尽|ありません|부족\\p{L}{0,20}|소진\\p{L}{0,20}|onvoldoende|yetersiz|niewystarczając\\p{L}{1,20}",
	},
	{
		failure: "rate_limited",
		of: "limite?s?|límites?|\\p{L}{0,20}limits?|limiet|\\p{L}{0,20}limiet|лимит\\p{L}{0,20}|usage|requests|额度|限额|上限|配额|制限|한도|gräns\\p{L}{0,20}|sınır\\p{L}{0,20}|kota\\p{L}{0,20}",
		said: "reached|exceeded|used (?:up|all)|out of|erreicht|überschritten|aufgebraucht|atteinte?|dépassée?|alcanzad[oa]|superad[oa]|raggiunt[oa]|superat[oa]|atingid[oa]|excedid[oa]|достиг\\p{L}{0,20}|превы\\p{L}{1,20}|исчерпа\\p{L}{1,20}|已?用(?:完|尽)|已达\\p{L}{0,20}|达到|超过|達しま\\p{L}{0,20}|超えま\\p{L}{0,20}|초과\\p{L}{0,20}|도달\\p{L}{0,20}|bereikt|overschreden|nått|ulaş\\p{L}{1,20}|aş\\p{L}{1,20}|przekroczon\\p{L}{1,20}|osiągn\\p{L}{1,20}",
	},
	{
		failure: "auth",
		of: "api[ -]?key|(?:access|bearer|refresh|auth|id|api|oauth)[ _-]token|credentials|(?:sso )?session|log-?in|\\p{L}{0,20}schlüssel|sitzung|anmeldung|clé|jeton|session|clave|credenciales|sesión|token d[ei] acc?esso?|chiave|credenziali|sessione|chave|sessão|ключ\\p{L}{0,20}|токен\\p{L}{0,20}|сесси\\p{L}{1,20}|密钥|令牌|登录|登入|凭证|キー|トークン|セッション|ログイン|키|토큰|세션|sleutel|sessie|klucz|sesja|anahtar\\p{L}{0,20}|nyckel",
		said: "invalid|revoked|expired|not provided|ungültig\\p{L}{0,2}|abgelaufen|widerrufen|invalide|expirée?|révoquée?|no (?:es )?válid[oa]|inválid[oa]|caducad[oa]|expirad[oa]|non (?:è )?valid[oa]|scadut[oa]|неверн\\p{L}{1,20}|недействител\\p{L}{1,20}|ист[её]к\\p{L}{0,20}|无效|無效|过期|過期|失效|無効|期限切れ|유효하지|만료\\p{L}{0,20}|ongeldig|verlopen|nieprawidłow\\p{L}{1,20}|wygas\\p{L}{1,20}|geçersiz|ogiltig",
	},
	{
		failure: "overloaded",
		of: "server|service|engine|model|modell|modèle|serveur|servidor|modelo|sistema|сервер|модель|服务器?|系统|サーバー?|모델|서버|sunucu|serwer",
		said: "under heavy load|heavily loaded|ausgelastet|überlastet|saturé|saturado|surchargé|sobrecargad[oa]|sovraccaric[oa]|перегружен\\p{L}{0,20}|拥挤|繁忙|混雑\\p{L}{0,20}|혼잡\\p{L}{0,20}|과부하|overbelast|przeciążon\\p{L}{1,20}|aşırı yük\\p{L}{0,20}|överbelastad",
	},
	{
		failure: "outage",
		of: "server\\p{L}{0,20}|intern(?:er|e|o|al)|service|model|connection|request|operation|network|host|lookup|dienst|verbindung|netzwerk|serveur|connexion|réseau|servidor|conexión|red|servizio|connessione|conexão|сервер\\p{L}{0,20}|соединени\\p{L}{1,20}|服务器?|网络|连接|请求|サーバー?|接続|通信|서버|연결|verbinding|połączen\\p{L}{1,20}|sunucu|bağlantı",
		said: "incident|timed out|unreachable|misbehaving|temporarily (?:offline|down)|fehler|\\p{L}{0,20}fehler|fehlgeschlagen|abgebrochen|unterbrochen|zeitüberschreitung|erreur|échouée?|perdue|interrompue|error (?:interno|de)|fallid[oa]|perdid[oa]|perdió|interrumpid[oa]|interrott[oa]|errore|erro interno|ошибка|прервано|потеряно|недоступ\\p{L}{1,20}|内部错误|错误|超时|失败|中断|エラー|タイムアウト\\p{L}{0,20}|失敗\\p{L}{0,20}|切断\\p{L}{0,20}|오류|시간 ?초과|실패\\p{L}{0,20}|mislukt|verbroken|błąd|nieudan\\p{L}{1,20}|hatası|kesildi",
	},
	{
		failure: "model",
		of: "model|modell|modèle|modelo|modello|модель|模型|モデル|모델",
		said: "sunset|discontinued|does not support|not included|nicht gefunden|unbekannt\\p{L}{0,20}|gibt es nicht|introuvable|inconnu|n['’]existe pas|no (?:se )?enc(?:ontrado|uentra)|desconocido|no existe|non trovato|não encontrado|не найден\\p{L}{0,20}|不存在|未找到|找不到|見つかりません|存在しません|찾을 수|niet gevonden|nie znaleziono|bulunamadı",
	},
];

/** Letters of other scripts stand beside each other without a blank. */
const word = (words: string) =>
	`(?<![\\p{Script=Latin}\\p{Script=Cyrillic}])(?:${words})(?![\\p{Script=Latin}\\p{Script=Cyrillic}])`;

const SAID = ROWS.map(({ failure, of, said }) => {
	const between = `(?:[^.!?\\n。！]|\\.(?=\\S)){0,${REACH}}?`;
	return [
		failure,
		new RegExp(`${word(of)}${between}${word(said)}|${word(said)}${between}${word(of)}`, "iu"),
	] as const;
});

/** @returns null where nothing of it is said */
export function saidElsewhere(message: string): FailureClass | null {
	return SAID.find(([, wording]) => wording.test(message))?.[0] ?? null;
}
