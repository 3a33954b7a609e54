/** `--cursor FILE`: what was told already, kept between two calls. */
import { replaceFile } from "../../process/atomic-file.ts";
import { readOwnFile } from "../../process/own-file.ts";
import type { FeedEnd } from "../../queue/records/ends.ts";
import type { FeedPosition } from "../../queue/records/feed.ts";
import { DispatchError } from "../../task/errors.ts";
import { STATES } from "../../task/states.ts";

interface CursorFile {
	namespace: string;
	position: FeedPosition;
}

const EVENT_ID = /^\d+(?:-\d+)?$/;

/** @returns null where there is none yet. @throws DISPATCH_BAD_FILE, DISPATCH_USAGE */
export function readCursor(path: string, namespace: string): FeedPosition | null {
	if (path === "")
		throw new DispatchError("DISPATCH_USAGE", "Expected --cursor to name a file, got no name.");
	const file = readOwnFile(path);
	if (file.kind === "absent") return null;
	if (file.kind === "unreadable") throw badCursor(path, file.why);
	const cursor = parse(file.bytes.toString("utf8"));
	if (cursor === null) throw badCursor(path, "it is no cursor of dispatch");
	if (cursor.namespace !== namespace)
		throw badCursor(path, `it belongs to the namespace "${cursor.namespace}", not "${namespace}"`);
	return cursor.position;
}

function parse(text: string): CursorFile | null {
	try {
		const { namespace, position } = JSON.parse(text) as CursorFile;
		const { event, asked, passed } = position;
		const isSound =
			typeof namespace === "string" &&
			EVENT_ID.test(event) &&
			Array.isArray(asked) &&
			asked.every((name) => typeof name === "string") &&
			Array.isArray(passed) &&
			passed.every(isEnd);
		return isSound ? { namespace, position: { event, asked, passed } } : null;
	} catch {
		return null;
	}
}

function isEnd({ task, state, at, event }: FeedEnd): boolean {
	const isPlaced = event === undefined || EVENT_ID.test(event);
	return typeof task === "string" && STATES.includes(state) && typeof at === "number" && isPlaced;
}

/** @throws DISPATCH_BAD_FILE */
export function writeCursor(path: string, cursor: CursorFile): void {
	replaceFile(path, `${JSON.stringify(cursor)}\n`, {
		refuse: (error) => badCursor(path, (error as Error).message),
	});
}

function badCursor(path: string, why: string): DispatchError {
	return new DispatchError("DISPATCH_BAD_FILE", `The cursor ${path} cannot be used: ${why}.`, {
		hint: "Remove it, or name another file: a new one begins with the open questions.",
	});
}
