/**
 * The one place that knows what is secret, and that takes it out of what is written or shown: passwords in
 * addresses by their form, everything else by its value, which the config and the environment tell. A
 * message names a secret (`[ANTHROPIC_API_KEY]`), it never holds one.
 */
import { ESCAPE } from "./escapes.ts";
import { isSecretName } from "./secret-name.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A shorter value would be found inside ordinary words. */
const SHORTEST = 6;
/** From the environment, where `AUTH=basic` is no secret, only longer ones. */
const SHORTEST_OF_ENVIRONMENT = 8;
const HIDDEN = "***";

/** In an address of the web the user ends before the first `/`: paths may hold an `@`. */
const USER_OF_PAGE = /\b(https?:\/\/)([^\s/"'`<>@]+)(?=@)/gi;
/** In any other one an unencoded `/` or `@` is still a part of the password. */
const SCHEME = /[a-z][a-z0-9+.-]*$/i;
const LONGEST_SCHEME = 32;
const WORD = /[^\s"'`<>]+/g;
/** A user without a password (`ssh://git@host`) is none, a long one may be a token. */
const LONGEST_USER = 15;
/** Of our own hints. */
const PLACEHOLDER = /^\[?user:password$/;
const SECRET_PARAMETER = /([?&;#](?:[\w.-]*)=)([^&\s"'`<>#]+)/g;
/** A word of prose ("Basic authentication") has no digit. */
const BEARER = /\b((?:Bearer|Basic)\s+)(?=[\w.~+/=-]*\d)([\w.~+/=-]{16,})/g;
/** Tokens that name themselves by their beginning, also behind the escape of a line end, however often it is escaped. */
const KNOWN_TOKEN =
	/(?:\b|(?<=\\[bfnrt]))()(sk-[\w-]{12,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|(?:xox[abeprs]|xapp)-[\w-]{10,}|A[KS]IA[0-9A-Z]{16}|AIza[\w-]{30,}|gl[a-z]{2,5}-[\w-]{16,}|npm_\w{30,}|[srp]k_(?:live|test)_\w{12,}|whsec_\w{16,}|hf_\w{20,}|dop_v1_\w{20,}|shp[a-z]{2}_\w{20,}|pypi-[\w-]{30,}|ya29\.[\w-]{20,})/g;
/** A signed token: head, claims, signature. From the beginning of its word only: no place is looked from twice. */
const JSON_WEB_TOKEN = /(?<![\w-])()(eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,})/g;
/** Behind its first line: whole lines of it, the last of which may be short. Nothing that is looked through twice. */
const PRIVATE_KEY =
	/(-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----[\r\n]{0,4}(?:[ \t]{0,8}[\w-]{1,32}: ?[^\r\n]{0,120}[\r\n]{1,4}){0,6}\s{0,64})([\w+/=]{16,}(?:\s{1,64}[\w+/=]{16,})*(?:\s{1,64}[\w+/=]{1,76}(?=\s{0,64}-----END ))?)/g;
const WEBHOOK = /(https:\/\/(?:hooks\.slack\.com|discord(?:app)?\.com\/api\/webhooks)\/)([\w/-]+)/g;

const known = new Map<string, string>();
const onPurpose = new Set<string>();
let pattern: RegExp | null = null;

/** From now on the value is shown as `[name]` by everything that writes or shows. */
export function rememberSecret(name: string, value: string | null | undefined, shortest = SHORTEST): void {
	if (!value || value.length < shortest) return;
	const forms = [value, JSON.stringify(value).slice(1, -1), encoded(value), ...linesOf(value, shortest)];
	for (const form of forms) {
		if (known.has(form)) continue;
		known.set(form, `[${name}]`);
		pattern = null;
	}
}

/** A line of a key says what the key is as little as its first one does; a shorter one may be anything. */
const SHORTEST_LINE = 16;
const MARKER = /^-----.*-----$/;

/** Of a value of several lines: an agent's output is read line by line. */
function linesOf(value: string, shortest: number): string[] {
	const lines = value
		.split(/[\r\n]+/)
		.map((line) => line.trim())
		.filter((line) => line !== "");
	const least = lines.length === 1 ? shortest : SHORTEST_LINE;
	return lines.filter((line) => line.length >= least && !MARKER.test(line));
}

/** Variables whose name says that they hold a secret, and the passwords of addresses in any of them. */
export function rememberEnvironment(env: Environment): void {
	for (const [name, value] of Object.entries(env)) {
		if (value === undefined) continue;
		if (isSecretName(name)) rememberSecret(name, value, SHORTEST_OF_ENVIRONMENT);
		rememberAddress(name, value);
	}
}

/** The password of an address, as it is written and decoded. */
export function rememberAddress(name: string, address: string | null | undefined): void {
	for (const password of passwordsOf(address ?? "")) rememberSecret(`password of ${name}`, password);
}

/** @returns passwords of an address, written and decoded; none for any other text */
export function passwordsOf(address: string): string[] {
	const user = /^[a-z][a-z0-9+.-]*:\/\/([^\s]*)@/i.exec(address)?.[1] ?? "";
	const written = [
		user.slice(user.indexOf(":") + 1),
		...[...address.matchAll(SECRET_PARAMETER)]
			.filter(([, name = ""]) => isSecretName(name.slice(1, -1)))
			.map(([, , value = ""]) => value),
	].filter((value) => value !== "");
	return [...new Set(written.flatMap((value) => [value, decoded(value)]))];
}

function encoded(text: string): string {
	try {
		return encodeURIComponent(text);
	} catch {
		return text; // Half a character.
	}
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

/** A link that is made to be shown, like that of `dispatch web`, keeps the token in it. */
export function showOnPurpose(link: string): void {
	for (const [, , value = ""] of link.matchAll(SECRET_PARAMETER)) onPurpose.add(value);
}

/**
 * The text without any secret that is known by its value or seen by its form, also where one is seen only once
 * escape sequences, invisible characters or the escapes of JSON are gone. Nothing but the secret is replaced: what
 * was escaped or quoted stays so.
 */
export function withoutSecrets(text: string): string {
	const found = secretsIn(text);
	if (MAY_HIDE.test(text))
		for (const steps of READINGS) {
			const read = steps.reduce((before, [pattern, change]) => before.replace(pattern, change), text);
			const more = read === text ? [] : unseen(secretsIn(read), read, text, found);
			if (more.length > 0) found.push(...placed(text, steps, more));
		}
	return found.length === 0 ? text : hidden(text, found);
}

/** A JSON document as text: it stays one. Any other text as `withoutSecrets` has it. */
export function documentWithoutSecrets(text: string): string {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return withoutSecrets(text);
	}
	return JSON.stringify(valueWithoutSecrets(value));
}

/** What a secret can be split by, or written with. */
const MAY_HIDE = /[\\\p{Cf}\p{DI}\u2800\x00-\x08\x0b-\x1f\x7f-\x9f]/u;
const UNSEEN = /[\p{Cf}\p{DI}\u2800\x00-\x08\x0b-\x1f\x7f-\x9f]/gu;
/** A run of backslashes as a whole: JSON in JSON doubles them. */
const ESCAPED = /(?<!\\)(\\+)(?:u([0-9a-fA-F]{4})|(["/bfnrt]))?/g;

type Step = readonly [pattern: RegExp, change: (...match: string[]) => string];

const BARE: readonly Step[] = [
	[ESCAPE, () => ""],
	[UNSEEN, () => ""],
];
/** How a text may be read, step by step. */
const READINGS: readonly (readonly Step[])[] = [BARE, [[ESCAPED, unescaped], ...BARE]];

function unescaped(_whole: string, slashes = "", code?: string, sign?: string): string {
	if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
	const left = slashes.slice(0, slashes.length / 2);
	if (sign === undefined || /["/]/.test(sign)) return sign ?? left;
	// What stands behind a new line is another word.
	return slashes.length % 2 === 1 ? `${left}\n` : left + sign;
}

interface Secret {
	from: number;
	to: number;
	name: string;
}

/** Those of a reading that are not all seen in the text itself: where they stand is worked out for them alone. */
function unseen(secrets: Secret[], read: string, text: string, found: readonly Secret[]): Secret[] {
	const seen = new Map<string, number>();
	for (const { from, to } of found) {
		const value = text.slice(from, to);
		seen.set(value, (seen.get(value) ?? 0) + 1);
	}
	const times = new Map<string, number>();
	for (const { from, to } of secrets) {
		const value = read.slice(from, to);
		times.set(value, (times.get(value) ?? 0) + 1);
	}
	return secrets.filter(({ from, to }) => {
		const value = read.slice(from, to);
		return (seen.get(value) ?? 0) < (times.get(value) ?? 0);
	});
}

/** Where secrets stand in the text that are seen in what is read of it. */
function placed(text: string, steps: readonly Step[], secrets: readonly Secret[]): Secret[] {
	let read = text;
	// Of each character of what is read: where what it was made of begins and ends.
	let starts = Uint32Array.from({ length: text.length }, (_, at) => at);
	let ends = starts.map((at) => at + 1);
	for (const [pattern, change] of steps) {
		const nextStarts = new Uint32Array(read.length);
		const nextEnds = new Uint32Array(read.length);
		let done = 0;
		let length = 0;
		const keepUntil = (end: number) => {
			nextStarts.set(starts.subarray(done, end), length);
			nextEnds.set(ends.subarray(done, end), length);
			length += end - done;
			done = end;
		};
		// No change makes a text longer.
		read = read.replace(pattern, (...match) => {
			const at: number = match.at(-2);
			keepUntil(at);
			const shown = change(...match);
			done += match[0].length;
			nextStarts.fill(starts[at] ?? 0, length, length + shown.length);
			nextEnds.fill(ends[done - 1] ?? 0, length, length + shown.length);
			length += shown.length;
			return shown;
		});
		keepUntil(ends.length);
		starts = nextStarts.subarray(0, length);
		ends = nextEnds.subarray(0, length);
	}
	return secrets.map(({ from, to, name }) => ({ from: starts[from] ?? 0, to: ends[to - 1] ?? 0, name }));
}

function hidden(text: string, secrets: Secret[]): string {
	let shown = "";
	let done = 0;
	let last = "";
	for (const { from, to, name } of secrets.sort((a, b) => a.from - b.from || b.to - a.to)) {
		// A backslash at its end belongs to what stands behind it: a quote would not be escaped any more.
		const end = from + text.slice(from, to).replace(/(?<!\\)\\+$/, "").length;
		if (end <= done || end === from) continue;
		if (from > done || (from === done && name !== last)) shown += text.slice(done, from) + name;
		[done, last] = [end, name];
	}
	return shown + text.slice(done);
}

const FORMS: readonly (readonly [RegExp, (secret: string, before: string) => boolean])[] = [
	[USER_OF_PAGE, isSecretUser],
	[SECRET_PARAMETER, (value, name) => isSecretName(name.slice(1, -1)) && !onPurpose.has(value)],
	[BEARER, () => true],
	[WEBHOOK, () => true],
	[KNOWN_TOKEN, () => true],
	[JSON_WEB_TOKEN, () => true],
	[PRIVATE_KEY, () => true],
];

function secretsIn(text: string): Secret[] {
	const found: Secret[] = [];
	for (const [form, isSecret] of FORMS)
		for (const { 1: before = "", 2: secret = "", index } of text.matchAll(form)) {
			const from = index + before.length;
			if (isSecret(secret, before)) found.push({ from, to: from + secret.length, name: HIDDEN });
		}
	if (text.includes("://"))
		for (const { 0: word, index } of text.matchAll(WORD)) {
			const [from, to] = userOfAddress(word);
			if (to > 0) found.push({ from: index + from, to: index + to, name: HIDDEN });
		}
	if (known.size === 0) return found;
	pattern ??= new RegExp(
		[...known.keys()]
			// A longer one may begin with a shorter one.
			.sort((a, b) => b.length - a.length)
			.map((value) => value.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"))
			.join("|"),
		"g",
	);
	for (const { 0: value, index } of text.matchAll(pattern))
		found.push({ from: index, to: index + value.length, name: known.get(value) ?? HIDDEN });
	return found;
}

/** From the first scheme of a word to its last `@`. By places: one pattern for it all would take quadratic time. */
function userOfAddress(word: string): [from: number, to: number] {
	const host = word.lastIndexOf("@");
	for (let at = word.indexOf("://"); at >= 0 && at < host; at = word.indexOf("://", at + 1)) {
		const scheme = SCHEME.exec(word.slice(Math.max(0, at - LONGEST_SCHEME), at))?.[0];
		if (scheme === undefined || /^https?$/i.test(scheme)) continue;
		return isSecretUser(word.slice(at + 3, host)) ? [at + 3, host] : [0, 0];
	}
	return [0, 0];
}

function isSecretUser(user: string): boolean {
	return !PLACEHOLDER.test(user) && (user.includes(":") || user.length > LONGEST_USER);
}

/** Every text of a JSON value without secrets; names stay as they are. */
export function valueWithoutSecrets<T>(value: T): T {
	return mapTexts(value, withoutSecrets) as T;
}

/** Every text of a JSON value changed; names stay as they are. */
export function mapTexts(value: unknown, change: (text: string) => string): unknown {
	if (typeof value === "string") return change(value);
	if (Array.isArray(value)) return value.map((each) => mapTexts(each, change));
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, mapTexts(each, change)]));
}
