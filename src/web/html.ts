/** HTML in which every value is escaped, and names its secrets, unless it is HTML made here. */
import { withoutSecrets } from "../task/secrets.ts";

const ENTITIES: Record<string, string> = {
	"&": "&amp;",
	"<": "&lt;",
	">": "&gt;",
	'"': "&quot;",
	"'": "&#39;",
};

export class Html {
	readonly text: string;

	constructor(text: string) {
		this.text = text;
	}
}

type Value = Html | Html[] | string | number | null;

/** A template tag: ``html`<b>${userText}</b>` ``. */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
	return new Html(strings.map((text, i) => text + textOf(values[i] ?? null)).join(""));
}

function textOf(value: Value): string {
	if (value === null) return "";
	if (value instanceof Html) return value.text;
	if (Array.isArray(value)) return value.map((one) => one.text).join("");
	return withoutSecrets(String(value)).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
