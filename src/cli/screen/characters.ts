/** Texts by characters as people see them, and what they measure, in time that grows as the text does. */
import stringWidth from "string-width";

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
/** Handed to the segmenter at once: its work grows faster than the text. A character that is longer is taken apart. */
const WINDOW_CHARS = 256;

/** One character, and where it stands. */
interface Character {
	segment: string;
	index: number;
}

/** All of a text, from the first to the last; whoever stops early has spent nothing on the rest. */
export function* characters(text: string): Generator<Character> {
	for (const { from, found } of windows(text))
		for (const { segment, index } of found) yield { segment, index: from + index };
}

/** In columns of a terminal. */
export function measured(text: string): number {
	if (text.length <= WINDOW_CHARS) return stringWidth(text);
	let width = 0;
	for (const { from, to } of windows(text)) width += stringWidth(text.slice(from, to));
	return width;
}

interface Window {
	from: number;
	to: number;
	found: Intl.SegmentData[];
}

function* windows(text: string): Generator<Window> {
	let from = 0;
	while (from < text.length) {
		const end = windowEnd(text, from);
		const found = [...graphemes.segment(text.slice(from, end))];
		// The last one may go on behind the window.
		const last = end < text.length && found.length > 1 ? found.pop() : undefined;
		const to = last === undefined ? end : from + last.index;
		yield { from, to, found };
		from = to;
	}
}

/** @returns the offset of the character before, or behind, an offset; never half of one */
export function besides(text: string, at: number, step: -1 | 1): number {
	if (step === -1 ? at <= 0 : at >= text.length) return step === -1 ? 0 : text.length;
	const near = step === -1 ? at - 1 : at;
	const from = whole(text, Math.max(0, near - WINDOW_CHARS));
	const around = graphemes.segment(text.slice(from, windowEnd(text, near)));
	const { index, segment } = around.containing(near - from) ?? { index: near - from, segment: "" };
	return from + (step === -1 ? index : index + Math.max(1, segment.length));
}

function windowEnd(text: string, from: number): number {
	return whole(text, Math.min(text.length, from + WINDOW_CHARS));
}

/** Not between the halves of a character beyond the basic plane. */
function whole(text: string, at: number): number {
	const unit = text.charCodeAt(at);
	return at > 0 && unit >= 0xdc00 && unit <= 0xdfff ? at - 1 : at;
}
