/** YAML as its author wrote it. */
import { type Document, isScalar, type Scalar, visit } from "yaml";

/**
 * Makes texts of numbers and switches, spelled as in the source: `3.10` is a version and `007` a name where
 * a text is expected, and as a number they would come back as 3.1 and 7.
 * @param numbers keys whose values stay what they are
 */
export function keepSpelling(document: Document, numbers: ReadonlySet<string>): void {
	visit(document, {
		Pair: (_place, { key, value }) => {
			if (isScalar(key)) asWritten(key);
			if (isScalar(key) && numbers.has(String(key.value)) && isScalar(value)) return visit.SKIP;
			return undefined;
		},
		Scalar: (_place, scalar) => asWritten(scalar),
	});
}

function asWritten(scalar: Scalar): void {
	const { value, source } = scalar;
	if (source !== undefined && ["number", "bigint", "boolean"].includes(typeof value)) scalar.value = source;
}
