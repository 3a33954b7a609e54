/**
 * Where the arguments that dispatch adds to a backend's shell line arrive. They go to its end, or to the place of
 * `"$@"` where the line has one. A line that would give them to another program, to a comment or to nobody, or that
 * would run a prompt as a command, is no use: the agent would get no prompt.
 */
import { cliOf } from "./started.ts";

/**
 * Of a line without blanks around it. `why` reads behind the line's name: "ends in a comment"; `end` is where the first
 * place for the arguments ends.
 */
export type ArgumentPlace =
	| { kind: "end" }
	| { kind: "given"; end: number }
	| { kind: "nowhere"; why: string };

/** Programs that take no prompt: at the end of a line they mean that the arguments were forgotten. */
const NO_AGENT =
	/^(?:true|false|:|tee|cat|jq|grep|egrep|fgrep|rg|sed|awk|head|tail|sort|uniq|tr|cut|wc|ts|less|more|logger|echo|printf|exit|sleep|wait|notify-send|cd|rm|mv|cp|touch|date|xargs|column|fold|fmt|gzip)$/;

const OPEN_QUOTE = "has a quote that is not closed";
const GROUP = /^(?:\(.*\)$|\}|(?:fi|done|esac)(?:\s|$))/s;
const BARE_REDIRECTION = /(?:^|\s)(?:\d*|&)(?:>>?|<|<>|>\||[<>]&)$/;

export function argumentPlace(line: string): ArgumentPlace {
	const text = line.trim();
	const reader = new LineReader(text);
	const fault = reader.read();
	if (fault !== null) return { kind: "nowhere", why: fault };
	if (reader.givenEnd !== null) return { kind: "given", end: reader.givenEnd };
	const why = reader.endsInComment ? "ends in a comment" : whyNotAtEnd(text, reader);
	return why === null ? { kind: "end" } : { kind: "nowhere", why };
}

function whyNotAtEnd(text: string, { lastStart, lastOperator }: LineReader): string | null {
	const last = text.slice(lastStart).trim();
	if (last === "") return `ends in \`${lastOperator}\``;
	if (GROUP.test(last)) return "ends in a group of commands";
	if (BARE_REDIRECTION.test(last)) return "ends in a redirection without a file";
	if (lastOperator === "") return null;
	const agent = cliOf(text.slice(0, lastStart));
	const isAgent = cliOf(last) !== null;
	const program = last.replace(/^(?:(?:env|exec|command|[A-Za-z_]\w*=\S*)\s+)*/, "").split(/\s/)[0] ?? "";
	if (isAgent || (agent === null && !NO_AGENT.test(program))) return null;
	return `ends in \`${last}\`, which would get the prompt`;
}

/** Reads a line as far as needed to know its last command; see POSIX, Shell Command Language, 2.2 and 2.10. */
class LineReader {
	readonly #text: string;
	#at = 0;
	/** where the last command begins */
	lastStart = 0;
	/** what separates it from the one before; "" for the only one */
	lastOperator = "";
	endsInComment = false;
	/** behind the place that the line itself has for the arguments, its quotes included; null where it has none */
	givenEnd: number | null = null;

	constructor(text: string) {
		this.#text = text;
	}

	/** @returns what is wrong with the line */
	read(): string | null {
		try {
			this.#commands("");
			return null;
		} catch (error) {
			if (error instanceof Unreadable) return error.message;
			throw error;
		}
	}

	/** Up to `end` or the end of the text. Only outside of substitutions a separator begins another command. */
	#commands(end: "" | ")" | "`"): void {
		while (this.#at < this.#text.length) {
			const char = this.#text[this.#at] ?? "";
			if (end !== "" && char === end) {
				this.#at++;
				return;
			}
			if (char === "#" && this.#beginsWord()) this.#comment();
			else if (!this.#quoted(char) && !(end === "" && this.#separator())) this.#plain(char);
		}
		if (end !== "") throw new Unreadable(end === "`" ? OPEN_QUOTE : "has a bracket that is not closed");
	}

	/** What quotes, and what begins a command inside a word. @returns whether there was such a thing */
	#quoted(char: string): boolean {
		if (char === "\\") {
			if (this.#at + 1 >= this.#text.length) throw new Unreadable("ends in a backslash");
			this.#at += 2;
		} else if (char === "'") {
			const close = this.#text.indexOf("'", this.#at + 1);
			if (close < 0) throw new Unreadable(OPEN_QUOTE);
			this.#at = close + 1;
		} else if (char === '"') this.#double();
		else return this.#substituted(char);
		return true;
	}

	#double(): void {
		let isPlace = false;
		for (this.#at++; this.#at < this.#text.length; ) {
			const char = this.#text[this.#at] ?? "";
			if (char === '"') {
				this.#at++;
				if (isPlace) this.givenEnd = this.#at;
				return;
			}
			if (char === "\\") this.#at += 2;
			else if (!this.#substituted(char)) isPlace = this.#plain(char) || isPlace;
		}
		throw new Unreadable(OPEN_QUOTE);
	}

	#substituted(char: string): boolean {
		const isBracket = char === "(" || (char === "$" && this.#text[this.#at + 1] === "(");
		if (!isBracket && char !== "`") return false;
		this.#at += char === "$" ? 2 : 1;
		this.#commands(char === "`" ? "`" : ")");
		return true;
	}

	/** @returns whether it is the first place for the arguments */
	#plain(char: string): boolean {
		const given =
			char === "$" ? /^\$(?:@|\{@\})/.exec(this.#text.slice(this.#at, this.#at + 4))?.[0] : undefined;
		const isFirst = given !== undefined && this.givenEnd === null;
		if (isFirst) this.givenEnd = this.#at + given.length;
		if (/^<<(?!<)/.test(this.#text.slice(this.#at, this.#at + 3)) && this.#text[this.#at - 1] !== "<")
			throw new Unreadable("holds a here-document");
		this.#at++;
		return isFirst;
	}

	#separator(): boolean {
		const [operator] = /^(?:&&|\|\||\|&|;;?|\||\n|&)/.exec(this.#text.slice(this.#at, this.#at + 2)) ?? [];
		const isRedirection = operator === "&" && /[<>]/.test(this.#text[this.#at - 1] ?? "");
		if (operator === undefined || isRedirection || (operator === "|" && this.#text[this.#at - 1] === ">"))
			return false;
		this.#at += operator.length;
		const rest = this.#text.slice(this.#at);
		// A line break behind an operator continues it.
		if (operator !== "\n" || rest.trim() !== "") {
			const continues = operator === "\n" && this.#text.slice(this.lastStart, this.#at).trim() === "";
			this.lastOperator = continues ? this.lastOperator : operator;
			this.lastStart = this.#at;
		}
		return true;
	}

	#beginsWord(): boolean {
		return this.#at === 0 || /[\s;&|(]/.test(this.#text[this.#at - 1] ?? "");
	}

	#comment(): void {
		const end = this.#text.indexOf("\n", this.#at);
		this.endsInComment = end < 0;
		this.#at = end < 0 ? this.#text.length : end;
	}
}

class Unreadable extends Error {}
