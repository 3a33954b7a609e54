/** YAML as its author wrote it. */
import { type Document, isPair, isScalar, type Pair, Scalar, visit } from "yaml";

/**
 * Makes texts of numbers and switches, spelled as in the source: `3.10` is a version and `007` a name where
 * a text is expected, and as a number they would come back as 3.1 and 7. What an alias stands for is read by its place.
 * @param isPlain whether the value under these keys (from the outermost to its own) stays what it is
 */
export function keepSpelling(
	document: Document,
	isPlain: (keys: readonly string[]) => boolean = () => false,
): void {
	/** what each anchor stands for so far; null: no scalar */
	const anchors = new Map<string, { value: unknown; source: string | undefined } | null>();
	visit(document, {
		Collection: (_place, { anchor }) => {
			if (anchor !== undefined) anchors.set(anchor, null);
		},
		Scalar: (place, scalar, above) => {
			const { anchor, value, source } = scalar;
			if (anchor !== undefined) anchors.set(anchor, { value, source });
			if (isSpelledOut(value, source) && (place === "key" || !isPlain(namesOf(above)))) scalar.value = source;
		},
		Alias: (place, { source: name, range }, above) => {
			const { value, source } = anchors.get(name) ?? {};
			if (!isSpelledOut(value, source)) return undefined;
			const text = new Scalar(place === "key" || !isPlain(namesOf(above)) ? source : value);
			return range ? Object.assign(text, { range }) : text;
		},
	});
}

function isSpelledOut(value: unknown, source: string | undefined): source is string {
	return source !== undefined && ["number", "bigint", "boolean"].includes(typeof value);
}

function namesOf(above: readonly unknown[]): string[] {
	return above.filter((node) => isPair(node)).map(nameOf);
}

function nameOf({ key }: Pair): string {
	return isScalar(key) ? String(key.value) : "";
}
