import { expect, test } from "vitest";
import { namesEnd, resetTime } from "../../../src/task/reset-time/read.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** 10:00 in the zone of this process */
const NOW = new Date(2026, 10, 27, 10).getTime();
const at = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute).getTime();

const ENDS: readonly [string, number][] = [
	["Nutzungslimit erreicht. Zurückgesetzt um 15:00 Uhr.", at(27, 15)],
	["Limit erreicht · wird um 15 Uhr zurückgesetzt", at(27, 15)],
	["Limit erreicht. Versuchen Sie es am 28.11.2026 um 15.30 Uhr erneut.", at(28, 15, 30)],
	["Limit erreicht. Versuchen Sie es in 2 Stunden und 5 Minuten erneut.", NOW + 125 * MINUTE],
	["Nutzungslimit erreicht, morgen um 8 Uhr wieder verfügbar", at(28, 8)],
	["Limite d'utilisation atteinte. Réinitialisation à 15h30.", at(27, 15, 30)],
	["Limite atteinte, réessayez dans 20 minutes", NOW + 20 * MINUTE],
	["Has alcanzado el límite de uso. Se restablece a las 15:00.", at(27, 15)],
	["Límite superado. Inténtalo de nuevo en 3 horas.", NOW + 3 * HOUR],
	["Você atingiu seu limite de uso. Tente novamente em 20 minutos.", NOW + 20 * MINUTE],
	["Hai raggiunto il limite di utilizzo. Riprova tra 2 ore.", NOW + 2 * HOUR],
	["Лимит исчерпан. Попробуйте через 20 минут.", NOW + 20 * MINUTE],
	["您已达到使用上限，将于下午3点重置", at(27, 15)],
	["使用上限，将于下午3点30分重置", at(27, 15, 30)],
	["使用上限，11月28日 09:00 重置", at(28, 9)],
	["已达到 5 小时的使用上限。您的限额将在 2026-11-27 14:15:00 重置。", at(27, 14, 15)],
	["请求过于频繁，请在 90 秒后重试", NOW + 90_000],
	["使用上限，请 2 小时后再试", NOW + 2 * HOUR],
	["利用制限に達しました。15:00にリセットされます。", at(27, 15)],
	["利用制限に達しました。午後3時30分にリセットされます。", at(27, 15, 30)],
	["レート制限。10分後に再試行してください。", NOW + 10 * MINUTE],
	["2026年11月28日 9時にリセットされます", at(28, 9)],
	["사용 한도에 도달했습니다. 오후 3시에 초기화됩니다.", at(27, 15)],
	["Limit erreicht. Zurückgesetzt am 1. Dezember um 10 Uhr.", at(31, 10)],
	["Limite atteinte. Réinitialisation le 1er décembre à 10h.", at(31, 10)],
	["Ha superado el límite de uso. Se restablece el 1 de diciembre a las 10:00.", at(31, 10)],
	["Hai raggiunto il limite. Ripristino il 1 dicembre 2026 alle 10:00.", at(31, 10)],
	["Você atingiu seu limite. Novamente disponível em 1 de dezembro de 2026 às 10:00.", at(31, 10)],
	["Лимит исчерпан. Сброс 1 декабря в 10:00.", at(31, 10)],
	["Ihr Wochenlimit ist erreicht. Zurücksetzung am Montag, 30. November um 9 Uhr.", at(30, 9)],
	["Votre limite est atteinte. Elle sera réinitialisée lundi à 9h.", at(30, 9)],
	["Limite d'utilisation atteinte. Réessayez demain à 8 h.", at(28, 8)],
	["Has superado el límite. Vuelve a intentarlo el lunes a las 9:00.", at(30, 9)],
	["Hai superato il limite settimanale, riprova lunedì alle 9:00", at(30, 9)],
	["Limite diário atingido. Tente novamente amanhã às 9h.", at(28, 9)],
	["Você excedeu o limite; tente novamente na segunda-feira às 9h", at(30, 9)],
	["Недельный лимит исчерпан, обновится в понедельник в 9:00", at(30, 9)],
	["本周使用额度已用尽，将于周一上午9点恢复", at(30, 9)],
	["每周限额已用完，星期三 08:00 重置", at(32, 8)],
	["週間制限に達しました。月曜日の9:00にリセットされます", at(30, 9)],
	["주간 한도에 도달했습니다. 월요일 오전 9시에 초기화됩니다.", at(30, 9)],
	["Weeklimiet bereikt, probeer maandag om 9:00 opnieuw", at(30, 9)],
	["Je hebt je gebruikslimiet bereikt. Probeer het over 3 uur opnieuw.", NOW + 3 * HOUR],
	["Przekroczono limit zapytań. Spróbuj ponownie za 5 minut.", NOW + 5 * MINUTE],
	["Kullanım sınırınıza ulaştınız. 2 saat sonra tekrar deneyin.", NOW + 2 * HOUR],
	["Du har nått din gräns. Försök igen om 20 minuter.", NOW + 20 * MINUTE],
	["Ihr Tageslimit ist aufgebraucht. Weiter geht es morgen um 0:00 Uhr.", at(28, 0)],
	["한도에 도달했습니다. 20분 후 다시 시도하세요.", NOW + 20 * MINUTE],
];

test.each(ENDS)("%j", (text, end) => {
	expect(resetTime(text, NOW)).toBe(end);
	expect(namesEnd(text)).toBe(true);
});

test.each([
	"Nutzungslimit von 5 Stunden erreicht. Versuchen Sie es später erneut.",
	"已达到 5 小时的使用上限，请稍后重试",
	"5時間の利用制限に達しました。後で再試行してください。",
	"服务器繁忙，请稍后再试",
	"Limite de 5 heures atteinte. Réessayez plus tard.",
	"Limit von 15 Uhr",
])("%j names no end", (text) => {
	expect(resetTime(text, NOW)).toBeNull();
	expect(namesEnd(text)).toBe(false);
});

test("an end that is near or over is waited for at least 30 s", () => {
	for (const text of ["Try again in 0s", "请求过于频繁，请在 1 秒后重试", "resets 2026-11-01 10:00"])
		expect(resetTime(text, NOW)).toBe(NOW + 30_000);
});
