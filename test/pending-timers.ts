/** Follows every timer that is made from here on, also one that keeps nothing alive: Node has no list of them. */
import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers";
import promises from "node:timers/promises";

/** Whose timers are not the test's affair. */
const RUNNERS = /\/node_modules\/(?:@?vitest|vite|esbuild|fast-check)\//;
const PRUNE_AT = 1_000;

type Made = { _destroyed?: boolean };

const made = new Map<Made, { stack?: string }>();
const sleeping = new Map<symbol, { stack?: string }>();

/** Those that have neither fired nor been cleared, with the place that made them. */
export function pendingTimers(): string[] {
	prune();
	return [...made.values(), ...sleeping.values()]
		.map((at) => originOf(at.stack ?? ""))
		.filter((origin) => origin !== null)
		.map((origin) => `timer made ${origin}`);
}

/** null: by the test runner, or by Node itself */
function originOf(stack: string): string | null {
	const lines = stack.split("\n").slice(1);
	const first = lines.find((line) => !/\(?node:/.test(line));
	return first === undefined || RUNNERS.test(first) ? null : first.trim();
}

/** What another test file left is that file's affair. */
export function forgetTimers(): void {
	made.clear();
	sleeping.clear();
}

function prune(): void {
	for (const timer of made.keys()) if (timer._destroyed === true) made.delete(timer);
}

/** @param maker its own lines are left out */
function callerOf(maker: (...args: never[]) => unknown): { stack?: string } {
	const at: { stack?: string } = {};
	Error.captureStackTrace(at, maker);
	return at;
}

/** As `original`, which has properties of its own (`promisify`'s). */
function followed<Make extends (...args: never[]) => object>(original: Make): Make {
	const make = (...args: Parameters<Make>) => {
		const timer = original(...args);
		if (made.size > PRUNE_AT) prune();
		made.set(timer, callerOf(make));
		return timer;
	};
	return Object.assign(make, Object.fromEntries(ownOf(original))) as unknown as Make;
}

const ownOf = (from: object) =>
	Reflect.ownKeys(from)
		.filter((key) => typeof key === "symbol")
		.map((key) => [key, Reflect.get(from, key)] as const);

function followedSleep<Sleep extends (...args: never[]) => Promise<unknown>>(original: Sleep): Sleep {
	const sleep = (...args: Parameters<Sleep>) => {
		const name = Symbol("sleep");
		sleeping.set(name, callerOf(sleep));
		const forget = () => void sleeping.delete(name);
		const slept = original(...args);
		slept.then(forget, forget);
		return slept;
	};
	return sleep as Sleep;
}

for (const name of ["setTimeout", "setInterval"] as const) {
	const follow = followed(globalThis[name] as (...args: never[]) => object);
	Object.assign(globalThis, { [name]: follow });
	Object.assign(timers, { [name]: follow });
}
Object.assign(promises, { setTimeout: followedSleep(promises.setTimeout) });
syncBuiltinESMExports();
