import { execFileSync } from "node:child_process";
import {
	chmodSync,
	existsSync,
	mkdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { openHome, ownHome } from "../../src/config/home.ts";
import { addressOfWorker, baseOf, directoriesOf, directoryFor } from "../../src/config/state-directory.ts";
import { LOCAL_PLACE, placeOf } from "../../src/task/address.ts";
import { DispatchError } from "../../src/task/errors.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const A = "redis://a:6379";
const B = "rediss://me:secret@b:6380/2";

let base: string;
beforeEach(() => {
	base = join(temporaryFolder("sd"), "h");
});

const open = (url: string | null, env = {}) => openHome({ DISPATCH_HOME: base, ...env }, { url });
/** As something that is submitted does. */
const own = (url: string | null) => ownHome(open(url), { DISPATCH_HOME: base }, { url });
const addressIn = (path: string) => readFileSync(join(path, "address"), "utf8");

describe("whose the base is", () => {
	test("the first one's that submits: looks before it decide nothing, and all addresses stand there", () => {
		for (const url of [null, A, B]) expect(open(url).path).toBe(base);
		expect(own(A).path).toBe(base);
		expect(own(A).path).toBe(base);
		const other = own(B);
		expect(other.path).toBe(directoryFor(base, B));
		expect([other.base, other.configPath]).toEqual([base, join(base, "config.yaml")]);
		expect(addressIn(base)).toBe("redis://a:6379/0\n");
		expect(addressIn(other.path)).toBe("rediss://b:6380/2\n");
		expect(directoriesOf(base)).toEqual([base, other.path]);
	});

	test("each has an identity of its own", () => {
		const [a, b] = [own(A), own(B)];
		expect(a.homeId).not.toBe(b.homeId);
		expect(a.hostId).not.toBe(b.hostId);
	});

	test("who was slower than another one's first task gets the other directory", () => {
		const slow = open(B);
		own(A);
		expect(slow.path).toBe(base);
		expect(ownHome(slow, { DISPATCH_HOME: base }, { url: B }).path).toBe(directoryFor(base, B));
	});

	test("another address goes on in the namespace of the base, unless it names one", () => {
		openHome({ DISPATCH_HOME: base, DISPATCH_NAMESPACE: "team" }, { url: A });
		own(A);
		expect(open(B).namespace).toBe("team");
		expect(open(null, { DISPATCH_NAMESPACE: "mine" }).namespace).toBe("mine");
	});

	test.each(["redis://A", "redis://a:06379/", "redis://me:other@a/0", "rediss://a:6379/0", "redis://a?db=0"])(
		"%s is the same place as redis://a:6379",
		(spelled) => {
			own(A);
			expect(open(spelled).path).toBe(base);
		},
	);

	test.each(["redis://a/1", "redis://a:6380", "redis://b", "unix:///a", null])("%s is another one", (url) => {
		own(A);
		expect(open(url).path).not.toBe(base);
	});
});

describe("a directory of an earlier version", () => {
	const daemon = (redis: string) => writeFileSync(join(base, "daemon.json"), JSON.stringify({ redis }));
	const left = (said: object) => writeFileSync(join(base, "left.json"), JSON.stringify(said));
	beforeEach(() => {
		open(null);
	});

	test("is the one's that its worker serves, whatever it left elsewhere", () => {
		daemon(placeOf(B));
		left({ [LOCAL_PLACE]: { tasks: ["t"], count: 1, at: 9 } });
		expect(open(B).path).toBe(base);
		expect(own(null).path).not.toBe(base);
		expect(placeOf(addressIn(base).trim())).toBe(placeOf(B));
	});

	test("stays the one's whose worker ends after somebody looked at another address", () => {
		daemon(placeOf(B));
		const { path } = open(A);
		expect(path).not.toBe(base);
		rmSync(join(base, "daemon.json"));
		expect([open(B).path, open(A).path]).toEqual([base, path]);
	});

	test("without a worker the one's that was served last", () => {
		left({
			[placeOf(A)]: { tasks: ["t"], count: 1, at: 7 },
			[LOCAL_PLACE]: { tasks: null, count: 0, at: 8 },
		});
		expect(open(A).path).not.toBe(base);
		expect(own(null).path).toBe(base);
		expect(addressIn(base)).toBe("local\n");
	});

	test("with nothing open the local server's, where agents ran beside one; else it decides nothing", () => {
		mkdirSync(join(base, "redis"));
		expect(open(A).path).toBe(base);
		mkdirSync(join(base, "runs"));
		expect(open(A).path).not.toBe(base);
	});

	test.each(["", "[]", "null", '{"redis":7}', '{"redis":"nowhere"}'])("%j tells nothing", (text) => {
		for (const name of ["daemon.json", "left.json"]) writeFileSync(join(base, name), text);
		expect(open(A).path).toBe(base);
	});
});

test("a damaged address is told with its file, and stops what would go by it", () => {
	own(A);
	const path = join(base, "address");
	for (const text of ["", "redis:/a", "a b"]) {
		writeFileSync(path, text);
		expect(() => open(A)).toThrow(`${path} names no Redis address.`);
	}
});

describe("what stands in the place of an address, or is lost half-way", () => {
	const put: Record<string, (path: string) => void> = {
		"a link that leads nowhere": (path) => symlinkSync(join(base, "nowhere"), path),
		"a directory": (path) => mkdirSync(path),
		"a FIFO": (path) => execFileSync("mkfifo", [path]),
	};

	test.each(Object.keys(put))("%s: nobody takes the base, which is told", (kind) => {
		own(A);
		const path = join(base, "address");
		rmSync(path);
		put[kind]?.(path);
		for (const url of [A, B, null]) {
			expect(() => open(url)).toThrow(`${path} is ${kind}.`);
			expect(() => own(url)).toThrow(DispatchError);
		}
		expect(directoriesOf(base)).toEqual([base]);
	});

	test.each(Object.keys(put))(
		"%s in another one's directory: its own address is refused by nobody",
		(kind) => {
			own(A);
			const { path } = own(B);
			rmSync(join(path, "address"));
			put[kind]?.(join(path, "address"));
			expect(open(B).path).toBe(path);
			expect(open(A).path).toBe(base);
			expect(baseOf(path)).toBe(base);
			expect(() => addressOfWorker({ DISPATCH_HOME: path })).toThrow(`${join(path, "address")} is ${kind}.`);
		},
	);

	test("of a base that lost it, each keeps what was its own, and nobody new takes its place", () => {
		own(A);
		const { path } = own(B);
		rmSync(join(base, "address"));
		// The local server's data lie there for all.
		for (const name of ["redis", "runs"]) mkdirSync(join(base, name));
		expect(() => own(null)).toThrow(`${join(base, "address")} is gone.`);
		expect(own(B).path).toBe(path);
		writeFileSync(join(base, "daemon.json"), JSON.stringify({ redis: placeOf(A) }));
		expect(own(B).path).toBe(path);
		expect(own(A).path).toBe(base);
		expect(addressIn(base)).toBe("redis://a:6379/0\n");
	});

	test("with nothing that tells whose it was, only who has a directory goes on", () => {
		own(A);
		const { path } = own(B);
		rmSync(join(base, "address"));
		for (const url of [A, null]) expect(() => own(url)).toThrow(`${join(base, "address")} is gone.`);
		expect(own(B).path).toBe(path);
		expect(existsSync(join(base, "address"))).toBe(false);
	});

	test("a directory of an address that lost its file is that address's all the same", () => {
		own(A);
		const { path } = own(B);
		rmSync(join(path, "address"));
		expect(baseOf(path)).toBe(base);
		writeFileSync(join(path, "daemon.json"), JSON.stringify({ redis: placeOf(B) }));
		// As an agent in one of its tasks asks.
		expect(addressOfWorker({ DISPATCH_HOME: path, DISPATCH_TASK: "t" })).toEqual({ url: placeOf(B) });
		expect(open(B).path).toBe(path);
		expect(addressIn(path)).toBe("rediss://b:6380/2\n");
	});
});

test("what is no address has no directory", () => {
	own(A);
	expect(open("no address").path).toBe(base);
	expect(directoriesOf(base)).toEqual([base]);
});

describe("DISPATCH_HOME that names the directory of one address", () => {
	test("leads to the same directories", () => {
		own(A);
		const { path } = own(B);
		expect(baseOf(path)).toBe(base);
		for (const [url, expected] of [
			[A, base],
			[B, path],
		] as const)
			expect(openHome({ DISPATCH_HOME: path }, { url })).toMatchObject({ path: expected, base });
	});

	test("a directory that only looks like one is a base", () => {
		const path = join(base, "at", "0123456789abcdef");
		mkdirSync(path, { recursive: true });
		expect(baseOf(path)).toBe(path);
	});

	test("says the address, as it does inside a task; elsewhere nothing does", () => {
		own(A);
		const { path } = own(null);
		expect(addressOfWorker({ DISPATCH_HOME: path })).toEqual({ url: null });
		expect(addressOfWorker({ DISPATCH_HOME: base, DISPATCH_TASK: "t" })).toEqual({ url: "redis://a:6379/0" });
		expect(addressOfWorker({ DISPATCH_HOME: base })).toBeNull();
		expect(addressOfWorker({ DISPATCH_TASK: "t" })).toBeNull();
	});
});

test("the directories of other addresses are this user's alone, and refused where others may write", () => {
	own(A);
	const { path } = own(B);
	for (const each of [join(base, "at"), path]) {
		expect(statSync(each).mode & 0o777).toBe(0o700);
		chmodSync(each, 0o777);
		expect(() => open(B)).toThrow(/can be written by other users/);
		chmodSync(each, 0o700);
	}
	expect(open(B).path).toBe(path);
});
