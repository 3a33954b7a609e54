/** The state directory of a host (`DISPATCH_HOME`) for one address: its id, its namespace, where things lie in it. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { publishNew } from "../process/atomic-file.ts";
import { type Identity, sameProcess } from "../process/identity.ts";
import { requireOwn } from "../process/own-path.ts";
import { type FileText, isShut, notLookedAt, readRegularFile } from "../process/read-file.ts";
import { findUserHome } from "../process/user-home.ts";
import { placeOfHome } from "../process/writer-mark.ts";
import { DispatchError } from "../task/errors.ts";
import { HOST_FORM } from "../task/spec.ts";
import { baseOf, directoryFor, nameAddress, ownBase } from "./state-directory.ts";

const NAMESPACE_FORM = /^[a-z0-9][a-z0-9_-]{0,62}$/;
/** Of a host's id. */
const NAME_LIMIT_BYTES = 1024;
const DEFAULT_NAMESPACE = "default";

export interface Home {
	/** absolute path: identity, key, worker and runs for one Redis address */
	path: string;
	/** what the user's addresses share, config, templates and the local Redis: `path` or a directory above it */
	base: string;
	/** stable name of this host */
	hostId: string;
	/** random, made with the directory: tells two directories with one host id apart */
	homeId: string;
	namespace: string;
	/** where the config file is, or would be */
	configPath: string;
}

type Environment = Record<string, string | undefined>;

/** The base directory, also where DISPATCH_HOME names that of one address in it. */
export function homePath(env: Environment): string {
	const given = env.DISPATCH_HOME;
	return given ? baseOf(resolve(given)) : join(userHome(), ".dispatch");
}

/** @throws DISPATCH_NO_HOME */
export function userHome(): string {
	const found = findUserHome();
	if (found !== null) return found;
	throw new DispatchError("DISPATCH_NO_HOME", "This user has no home directory, and HOME names none.", {
		hint: "Set HOME, or DISPATCH_HOME, to the absolute path of a directory that you may write.",
	});
}

export interface HomeOptions {
	/** the namespace of the config file, null when it names none */
	configured?: string | null;
	/** the Redis address that is in force; null for the local server */
	url?: string | null;
}

/**
 * Opens the state directory of an address, making it (0700) and its id at first use.
 * @throws DISPATCH_WRONG_NAMESPACE when the directory serves another namespace, DISPATCH_DISK
 */
export function openHome(env: Environment, { configured = null, url = null }: HomeOptions = {}): Home {
	const base = homePath(env);
	let path = base;
	try {
		makeDirectory(base);
		requireOwn(base, "The state directory");
		path = directoryFor(base, url);
		if (path !== base) {
			// Whose the base is may rest on what its worker told: that is gone with it.
			ownBase(base, url);
			makeOther(path, url);
		}
		const homeId = nameIn(path, "home-id", () => randomBytes(8).toString("hex"));
		const hostId = env.DISPATCH_HOST_ID || nameIn(path, "host-id", newHostId);
		if (!HOST_FORM.test(hostId))
			throw badName(env.DISPATCH_HOST_ID ? "DISPATCH_HOST_ID" : join(path, "host-id"), hostId);
		return {
			path,
			base,
			homeId,
			hostId,
			namespace: namespaceOf({ path, base }, env, configured),
			configPath: configPath(env, base),
		};
	} catch (error) {
		if (error instanceof DispatchError) throw error;
		throw new DispatchError(
			"DISPATCH_DISK",
			`The state directory ${path} cannot be used: ${(error as Error).message}`,
			{
				hint: "Give another one by DISPATCH_HOME, or make this one writable.",
				cause: error,
			},
		);
	}
}

/**
 * From here on the directory is the address's: to be called before anything is submitted there, or served.
 * @returns the home of the address, which is another one if somebody was faster at another address
 * @throws as `openHome`
 */
export function ownHome(home: Home, env: Environment, options: HomeOptions): Home {
	const { url = null } = options;
	ownBase(home.base, url);
	return directoryFor(home.base, url) === home.path ? home : openHome(env, options);
}

function makeOther(path: string, url: string | null): void {
	makeDirectory(path);
	for (const each of [dirname(path), path]) requireOwn(each, "The state directory");
	nameAddress(path, url);
}

/** Node's own `recursive` never returns where the parent exists and takes no directory, as under /proc. */
function makeDirectory(path: string): void {
	if (existsSync(path)) return;
	makeDirectory(dirname(path));
	try {
		mkdirSync(path, { mode: 0o700 });
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
	}
}

export function configPath(env: Environment, path = homePath(env)): string {
	const given = env.DISPATCH_CONFIG;
	if (!given) return join(path, "config.yaml");
	return isAbsolute(given) ? given : resolve(given);
}

/** A directory serves the first namespace that was asked of it; where none is, that of another address does, too. */
function namespaceOf(
	{ path, base }: Pick<Home, "path" | "base">,
	env: Environment,
	configured: string | null,
): string {
	const wanted = env.DISPATCH_NAMESPACE || configured;
	if (wanted && !NAMESPACE_FORM.test(wanted))
		throw badName(env.DISPATCH_NAMESPACE ? "DISPATCH_NAMESPACE" : "namespace", wanted);
	const served = readOrMake(
		join(path, "namespace"),
		() => wanted || lineOf(join(base, "namespace")) || DEFAULT_NAMESPACE,
	);
	if (!wanted || wanted === served) return served;
	throw new DispatchError(
		"DISPATCH_WRONG_NAMESPACE",
		`The state directory ${path} serves the namespace "${served}", not "${wanted}".`,
		{
			hint: `Use another DISPATCH_HOME for "${wanted}".`,
		},
	);
}

function newHostId(): string {
	const name = hostname()
		.toLowerCase()
		.replace(/\..*$/, "")
		.replace(/[^a-z0-9-]+/g, "-")
		.replace(/^-+|-+$/g, "")
		.slice(0, 40);
	return `${name || "host"}-${randomBytes(2).toString("hex")}`;
}

const TOLD_LIMIT_BYTES = 256 * 1024;

type Name = "home-id" | "host-id";

/** What a worker tells of the directory that it serves, in daemon.json. */
export interface ServedNames extends Partial<Record<Name, string>> {
	/** a copy of the directory has the words, and is another place */
	place: string;
}

export function servedNames({ path, homeId, hostId }: Home, env: Environment): ServedNames {
	const own = env.DISPATCH_HOST_ID ? {} : { "host-id": hostId };
	return { place: placeOfHome(path), "home-id": homeId, ...own };
}

/** Made at first use. A name that was lost is that by which the directory was served last. */
function nameIn(path: string, name: Name, make: () => string): string {
	return readOrMake(join(path, name), () => toldNames(path)?.[name] ?? make());
}

function toldNames(path: string): Partial<Record<Name, string>> | null {
	return told(path)?.names ?? null;
}

/** @returns the pid of another process that serves the directory as its worker, and lives; null: none told so */
export function otherWorker(path: string): number | null {
	const { identity } = told(path) ?? {};
	if (identity === undefined || identity.pid === process.pid) return null;
	return sameProcess(identity) ? identity.pid : null;
}

function told(path: string): { names: ServedNames; identity?: Identity } | null {
	const file = readRegularFile(join(path, "daemon.json"), TOLD_LIMIT_BYTES);
	try {
		const said = JSON.parse(file.kind === "text" ? file.text : "{}") as {
			names: ServedNames;
			identity?: Identity;
		};
		return said.names.place === placeOfHome(path) ? said : null;
	} catch {
		return null;
	}
}

/** Published by link(2): of two first users one wins, and both read the same. */
export function readOrMake(file: string, make: () => string): string {
	const there = lineOf(file);
	if (there !== null) return there;
	publishNew(file, `${make()}\n`);
	return lineOf(file) ?? "";
}

function readName(file: string): FileText {
	try {
		return readRegularFile(file, NAME_LIMIT_BYTES, { links: true });
	} catch (error) {
		throw isShut(error) ? notLookedAt(file, error) : error;
	}
}

/** null: there is no such file. @throws DISPATCH_DISK when it cannot be read, or is none */
export function lineOf(file: string): string | null {
	const read = readName(file);
	if (read.kind === "text") return read.text.trim();
	if (read.kind === "absent") return null;
	throw new DispatchError("DISPATCH_DISK", `${file} ${read.why}.`, {
		hint: "Move it out of the way, or make it readable for you.",
	});
}

function badName(option: string, value: string): DispatchError {
	return new DispatchError(
		"DISPATCH_USAGE",
		`Expected ${option} to be lower-case letters, digits and dashes, got "${value}".`,
		{
			hint: "For example: mini1",
		},
	);
}
