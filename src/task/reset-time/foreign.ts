/** What services say in other languages of the end of a limit, in the words that the reader of English knows. */

/** Says that the time beside it is an end, before or behind it. */
const SAYS_END =
	/zurück(?:gesetzt|setz)|erneut|weiter geht|geht es weiter|wieder (?:verfügbar|möglich)|versuchen|réinitialis|réessay|rétabli|à nouveau|restable|reinici|de nuevo|vuelv[ae]\p{L}* a |hasta el|opnieuw|ponownie|tekrar|yeniden|försök|återställ|inténta|novamente|redefinid|riprova|reimposta|ripristin|сброс|обнов|повторите|попробуйте|через|重置|重試|重试|恢复|恢復|再试|再試|リセット|再開|초기화|재시도|다시/iu;
const SENTENCE_END = /[。！!\n]|(?<!\d)\.(?=\s+[\p{Lu}\p{Lo}])|[，,；;](?=\s*[^\s\d])/u;
/** "5 小时的使用上限" is the name of a limit, no time until its end. */
const OF_A_LIMIT = "(?!\\s*(?:的|の|使用|利用|用量|간의))";

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
/** In German, French, Spanish, Italian, Portuguese and Russian. */
const MONTH_NAMES: readonly RegExp[] = [
	"januar|janvier|enero|gennaio|janeiro|января",
	"februar|f[ée]vrier|febrero|febbraio|fevereiro|февраля",
	"märz|mars|marzo|março|марта",
	"april|avril|abril|aprile|апреля",
	"mai|mayo|maggio|maio|мая",
	"juni|juin|junio|giugno|junho|июня",
	"juli|juillet|julio|luglio|julho|июля",
	"august|ao[uû]t|agosto|августа",
	"september|septembre|septiembre|settembre|setembro|сентября",
	"oktober|octobre|octubre|ottobre|outubro|октября",
	"november|novembre|noviembre|novembro|ноября",
	"dezember|d[ée]cembre|diciembre|dicembre|dezembro|декабря",
].map((names) => new RegExp(`^(?:${names})$`, "iu"));

/** The last one of Chinese, Japanese and Korean is "7日" as well: only with what makes it a day of the week. */
const WEEKDAYS: readonly (readonly [string, string])[] = [
	[
		"Monday",
		"montags?",
		"lundi",
		"lunes",
		"lunedì",
		"segunda(?:-feira)?",
		"maandag",
		"poniedziałek",
		"понедельник",
	],
	["Tuesday", "dienstags?", "mardi", "martes", "martedì", "terça(?:-feira)?", "dinsdag", "wtorek", "вторник"],
	[
		"Wednesday",
		"mittwochs?",
		"mercredi",
		"miércoles",
		"mercoledì",
		"quarta(?:-feira)?",
		"woensdag",
		"środ[aę]",
		"сред[ау]",
	],
	[
		"Thursday",
		"donnerstags?",
		"jeudi",
		"jueves",
		"giovedì",
		"quinta(?:-feira)?",
		"donderdag",
		"czwartek",
		"четверг",
	],
	[
		"Friday",
		"freitags?",
		"vendredi",
		"viernes",
		"venerdì",
		"sexta(?:-feira)?",
		"vrijdag",
		"piątek",
		"пятниц[ау]",
	],
	["Saturday", "samstags?", "samedi", "sábado", "sabato", "zaterdag", "sobot[aę]", "суббот[ау]"],
	["Sunday", "sonntags?", "dimanche", "domingo", "domenica", "zondag", "niedziel[aę]", "воскресенье"],
].map(([day = "", ...names], at) => {
	const asian = `(?:周|星期|礼拜)${"一二三四五六日"[at]}|${"月火水木金土日"[at]}曜日?|${"월화수목금토일"[at]}요일`;
	return [day, `(?<!\\p{L})(?:${names.join("|")})(?!\\p{L})|${asian}`] as const;
});

/** "下午3点30分", "15 Uhr", "15h00", "午後3時": 24 hours, or with "am" and "pm". */
const CLOCK_RULES: readonly [RegExp, string | ((...found: string[]) => string)][] = [
	[
		/(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日号일]/gu,
		(_, y = "", m = "", d = "") => isoDay(y, m, d),
	],
	[
		/(上午|午前|오전|凌晨|早上|下午|午後|오후|晚上)\s?(\d{1,2})(?:\s?[点點時时시]|(?=:))\s?:?(?:(\d{1,2})\s?[分분]?)?/gu,
		(_, half = "", hour = "", minute = "") =>
			` ${clock(hour, minute)}${Number(hour) > 12 || Number(hour) === 0 ? "" : /下午|午後|오후|晚上/.test(half) ? "pm" : "am"} `,
	],
	[
		/(\d{1,2})\s?[点點時时시](?!间|間|간)\s?(?:(\d{1,2})\s?[分분])?/gu,
		(_, hour = "", minute = "") => ` ${clock(hour, minute)} `,
	],
	[/(\d{1,2}[:.]\d{2})\s?Uhr\b/giu, (_, time = "") => `${time.replace(".", ":")} `],
	[/(\d{1,2})\s?Uhr(?:\s(\d{2})(?!\d))?/giu, (_, hour = "", minute = "") => `${clock(hour, minute)} `],
	[
		/(?<=(?:^|\s)(?:à|às|a las|alle|kl\.?|om) )(\d{1,2})\s?h\s?(\d{2})?(?![\p{L}\d])/giu,
		(_, hour = "", minute = "") => `${clock(hour, minute)} `,
	],
	[
		/(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日号일]?/gu,
		(_, month = "", day = "") => ` ${MONTHS[Number(month) - 1] ?? ""} ${day} `,
	],
	[
		/(?<!\d)(\d{1,2})(?:\.|er|º)?\s(?:de\s)?(\p{L}{3,10})(?:\s(?:de\s)?(\d{4}))?(?![\p{L}\d])/giu,
		(all, day = "", name = "", year = "") => dayOfMonth(day, name, year) ?? all ?? "",
	],
	[/\s(?:und|et|y|e|и)\s(?=\d)/giu, " and "],
	[/(?<!\p{L})(?:um|am|à|a las?|às|alle|в|om|kl\.?|o)\s(?=\d)/giu, " "],
	...WEEKDAYS.map(([day, names]): [RegExp, string] => [new RegExp(names, "giu"), ` ${day}`]),
	[/\b(?:morgen|demain|mañana|amanhã|domani)(?![\p{L}])|завтра|明天|明日|내일/giu, " tomorrow "],
	[/\b(?:heute|aujourd['’]hui|hoy|hoje|oggi)(?![\p{L}])|сегодня|今天|今日|오늘/giu, " today "],
];

const UNITS: readonly [string, string][] = [
	["ミリ秒|毫秒|밀리초", "ms"],
	["秒|초|sekund(?:en?|er|y)?|saniye|secondes?|segundos?|second[oi]|секунд\\p{L}?", "seconds"],
	["分钟|分鐘|分|분|minute[nr]|dakika|minut(?![a-zà-ÿ])|minutos?|minut[oi]|минут\\p{L}?", "minutes"],
	[
		"个?小时|個?小時|時間|시간|stunden?|uur|uren|godzin[yęa]?|saat|timm(?:e|ar)|heures?|horas?|or[ae]|час(?:а|ов)?",
		"hours",
	],
	[
		"天|日(?=[後间間])|일(?=\\s?[후뒤])|tag(?:en|e)?|dagen|dagar|dni|gün|jours?|d[ií]as?|giorn[oi]|д(?:ень|ня|ней)",
		"days",
	],
	[
		"周|週間|주|wochen?|weken|tygodnie|tygodni|hafta|veckor|semaines?|semanas?|settiman[ae]|недел[юьи]",
		"weeks",
	],
];
const LENGTHS = UNITS.map(
	([names, unit]) => [new RegExp(`(\\d+)\\s?(?:${names})(?![a-zà-ÿа-я])${OF_A_LIMIT}`, "giu"), unit] as const,
);

/**
 * @returns the sentences that name an end in another language, each as "resets: …" with its times in English;
 * empty where none does
 */
export function endsInEnglish(text: string): string {
	const said = text.normalize("NFKC");
	return said
		.split(SENTENCE_END)
		.filter((sentence) => SAYS_END.test(sentence))
		.map((sentence) => `resets: ${inEnglish(sentence)}`)
		.join("\n");
}

function inEnglish(sentence: string): string {
	const clocks = CLOCK_RULES.reduce(
		(read, [words, english]) => read.replace(words, english as string),
		sentence.trim(),
	);
	const lengths = LENGTHS.reduce((read, [words, unit]) => read.replace(words, ` $1 ${unit} `), clocks);
	// What is left stands between the anchor and its time, and says nothing in English.
	return lengths.replace(/[^\x20-\x7e]+/g, " ").replace(/\s+/g, " ");
}

function clock(hour: string, minute = ""): string {
	return `${hour}:${(minute || "00").padStart(2, "0")}`;
}

/** "1. Dezember", "1 de diciembre de 2026"; null: the word is no month, such as "3 Stunden" */
function dayOfMonth(day: string, name: string, year: string): string | null {
	const month = MONTH_NAMES.findIndex((names) => names.test(name));
	if (month < 0) return null;
	return year === "" ? ` ${MONTHS[month]} ${day} ` : isoDay(year, `${month + 1}`, day);
}

function isoDay(year: string, month: string, day: string): string {
	return ` ${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")} `;
}
