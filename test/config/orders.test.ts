/** A record in Redis is a wish: what it names is executed only as its host's user signed it. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { RememberedKey } from "../../src/config/kept-marks.ts";
import { Orders } from "../../src/config/orders.ts";
import { openSigner } from "../../src/config/signing-key.ts";
import { SpentOrders, spendOrder } from "../../src/config/spent-orders.ts";
import { decodeValues, newFields, STORED } from "../../src/queue/records/record-fields.ts";
import type { TaskRecord } from "../../src/task/record.ts";
import { withoutSecrets } from "../../src/task/secrets.ts";
import type { TaskSpec } from "../../src/task/spec.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { specOf } from "../queue/records/store-support.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const NAMESPACE = "team";
const home = temporaryFolder("orders");
const orders = new Orders(home, NAMESPACE);

/** As it comes back from Redis. */
function recordOf(spec: TaskSpec, signature: string | null, changes: Partial<TaskRecord> = {}): TaskRecord {
	const { fields, times } = newFields(spec, signature);
	for (const name of times) fields[name] = "1";
	const record = decodeValues(
		spec.id,
		STORED.map((name) => fields[name] ?? null),
	);
	if (record === null) throw new Error("no record");
	return { ...record, ...changes };
}

const signed = (spec: TaskSpec) => recordOf(spec, orders.sign({ spec, host: spec.host, chosen: null }));
const refused = (record: TaskRecord, by = orders) => {
	expect(() => by.require(record)).toThrow(expect.objectContaining({ code: "DISPATCH_NOT_SIGNED" }));
};

test("what was signed is executed, also with halves of characters and fields that a later version adds", () => {
	const spec = specOf("a", { prompt: "half \ud83d of one", tags: { "\ud83d": "x" }, verify: "npm test" });
	expect(() => orders.require(signed(spec))).not.toThrow();
	const { verify: _verify, permissions: _permissions, ...older } = specOf("b");
	const { signature } = signed(older as TaskSpec);
	const record = recordOf({ ...older, verify: null, permissions: null }, signature);
	expect(() => orders.require(record)).not.toThrow();
});

test("an agent chosen since, whatever else the object that names it holds, is signed as the record gives it back", () => {
	const spec = specOf("a");
	const chosen = { ...spec, backend: "other" };
	const record = recordOf(spec, orders.sign({ spec, host: spec.host, chosen }));
	const { backend, model, permissions, promptAddition, modelReason } = chosen;
	const back = { ...record, chosen: { backend, model, permissions, promptAddition, modelReason } };
	expect(() => orders.require(back)).not.toThrow();
});

test("which batch a task counts to is not signed, and no host executes anything by it", () => {
	const record = signed(specOf("a", { verify: "npm test", budgetUsd: 1 }));
	expect(() => orders.require({ ...record, batch: "another" })).not.toThrow();
	const source = join(import.meta.dirname, "../../src");
	const readers = ["worker", "host", "monitor"].flatMap((folder) =>
		readdirSync(join(source, folder))
			.map((name) => join(folder, name))
			.filter((name) => /\bbatch\b/.test(readFileSync(join(source, name), "utf8"))),
	);
	// A failure in it, and what it may cost together, hold its tasks back; nothing is executed by that.
	expect(readers.sort()).toEqual([
		"monitor/progress.ts",
		"worker/end-facts.ts",
		"worker/run-job.ts",
		"worker/start.ts",
	]);
});

test.each<[string, (record: TaskRecord) => TaskRecord]>([
	["no signature", (record) => ({ ...record, signature: null })],
	["another id", (record) => ({ ...record, spec: { ...record.spec, id: "other" } })],
	["another host", (record) => ({ ...record, host: "h2" })],
	["another agent", (record) => ({ ...record, chosen: { ...record.spec, permissions: "full" } })],
	["another nonce", (record) => ({ ...record, spec: { ...record.spec, nonce: "0123456789abcdef" } })],
])("%s is refused", (_what, change) => refused(change(signed(specOf("a")))));

test("what an agent says of the key is shown to nobody: who reads it could sign", () => {
	const text = readFileSync(join(home, "signing-key"), "utf8").trim();
	expect(withoutSecrets(`It is ${text}.`)).toBe("It is [signing-key].");
	// Nor of another one that its user puts in its place while a worker remembers the first.
	const own = temporaryFolder("orders-key");
	const key = new RememberedKey(own);
	const other = "c4".repeat(32);
	writeFileSync(join(own, "signing-key"), `${other}\n`);
	expect(key.read().toString("hex")).toBe(other);
	expect(withoutSecrets(`It is ${other}.`)).toBe("It is [signing-key].");
});

test("a list of removed tasks that is no file: what is not known is not permitted, and nothing hangs", () => {
	const other = temporaryFolder("orders-fifo");
	const place = new Orders(other, NAMESPACE);
	const spec = specOf("a");
	const record = recordOf(spec, place.sign({ spec, host: spec.host, chosen: null }));
	expect(place.isSigned(record)).toBe(true);
	mkdirSync(join(other, "removed-tasks"));
	expect(() => place.require(record)).toThrow(/removed-tasks is a directory/);
	expect(() => spendOrder(other, spec.nonce)).toThrow(/removed-tasks/);
});

test("who makes a new key, or puts the old one back, changes it for everybody who has it open", () => {
	const own = temporaryFolder("orders");
	const [worker, command] = [new Orders(own, NAMESPACE), new Orders(own, NAMESPACE)];
	const spec = specOf("a");
	const sign = (by: Orders) => recordOf(spec, by.sign({ spec, host: spec.host, chosen: null }));
	const [key, before] = [readFileSync(join(own, "signing-key")), sign(command)];
	rmSync(join(own, "signing-key"));
	const after = sign(new Orders(own, NAMESPACE));
	expect(() => worker.require(after)).not.toThrow();
	refused(before, worker);
	writeFileSync(join(own, "signing-key"), key);
	expect(() => worker.require(before)).not.toThrow();
	refused(after, worker);
});

test("another namespace, and another state directory, is refused", () => {
	refused(signed(specOf("a")), new Orders(home, "other"));
	refused(signed(specOf("a")), new Orders(temporaryFolder("orders"), NAMESPACE));
});

test("no field of a spec can be changed, and no byte of a signature", () => {
	const spec = specOf("a", {
		verify: "npm test",
		planText: "- [ ] x\n",
		givenItems: ["x"],
		tags: { a: "b" },
	});
	const good = signed(spec);
	const names = Object.keys(spec) as (keyof TaskSpec)[];
	fc.assert(
		fc.property(fc.constantFrom(...names), fc.anything(), (name, value) => {
			const changed = { ...spec, [name]: value };
			fc.pre(JSON.stringify(changed) !== JSON.stringify(spec));
			let record: TaskRecord;
			try {
				record = recordOf(changed as TaskSpec, good.signature);
			} catch {
				return; // Not even a record.
			}
			fc.pre(JSON.stringify(record.spec) !== JSON.stringify(good.spec));
			refused(record);
		}),
	);
	const signature = good.signature ?? "";
	for (let at = 0; at < signature.length; at++) {
		const other = signature[at] === "x" ? "y" : "x";
		refused({ ...good, signature: signature.slice(0, at) + other + signature.slice(at + 1) });
	}
});

/** Another sound value of each field: a field that is not listed here does not compile. */
const OTHERS: { [N in keyof TaskSpec]: TaskSpec[N] } = {
	id: "other",
	prompt: "Do something else",
	cwd: "/elsewhere",
	worktree: {
		repository: "/elsewhere",
		gitDir: "/elsewhere/.git",
		base: "0".repeat(40),
		inside: "",
		folder: "/elsewhere/worktrees",
		programs: null,
	},
	model: "other",
	permissions: "full",
	backend: "other",
	promptAddition: "And more.",
	modelReason: "--model",
	contextFiles: ["/etc/passwd"],
	after: ["other"],
	notBefore: 1,
	givenItems: ["other"],
	planText: "- [ ] other\n",
	priority: 1,
	tags: { other: "x" },
	deadlineMs: 1,
	budgetUsd: 1,
	verify: "id",
	setup: "id",
	attempts: 999,
	unattended: true,
	host: "other",
	createdBy: "somebody else",
	nonce: "fedcba9876543210",
	inactivityMs: 1,
	questionWaitMs: 1,
};

test.each(Object.keys(OTHERS) as (keyof TaskSpec)[])("another %s is refused", (name) => {
	for (const spec of [specOf("a"), { ...specOf("a"), ...OTHERS, [name]: specOf("a")[name] }]) {
		const good = signed(spec);
		orders.require(good);
		refused(recordOf({ ...spec, [name]: OTHERS[name] }, good.signature));
	}
});

test.each(["backend", "model", "permissions", "promptAddition", "modelReason"] as const)(
	"another %s of an agent chosen since is refused",
	(name) => {
		const spec = specOf("a");
		const { backend, model, permissions, promptAddition, modelReason } = spec;
		const chosen = { backend, model, permissions, promptAddition, modelReason };
		const record = recordOf(spec, orders.sign({ spec, host: spec.host, chosen }), { chosen });
		orders.require(record);
		refused({ ...record, chosen: { ...chosen, [name]: OTHERS[name] } });
	},
);

test("a copy of a task that was removed is refused, also by a process that looked before", () => {
	const record = signed(specOf("gone"));
	const before = new Orders(home, NAMESPACE);
	before.require(record);
	spendOrder(home, specOf("other").nonce);
	before.require(record);
	spendOrder(home, record.spec.nonce);
	refused(record, before);
	refused(record, new Orders(home, NAMESPACE));
	expect(statSync(join(home, "removed-tasks")).mode & 0o077).toBe(0);
});

test("a line that a full disk cut, and a list that was begun anew, hide no removed task", () => {
	const own = temporaryFolder("orders");
	const place = new Orders(own, NAMESPACE);
	const sign = (spec: TaskSpec) => recordOf(spec, place.sign({ spec, host: spec.host, chosen: null }));
	const [first, second, third] = ["a", "b", "c"].map((id) => sign(specOf(id))) as [
		TaskRecord,
		TaskRecord,
		TaskRecord,
	];
	writeFileSync(join(own, "removed-tasks"), "\n0123");
	place.require(first);
	spendOrder(own, first.spec.nonce);
	refused(first, place);
	spendOrder(own, second.spec.nonce);
	place.require(third);
	rmSync(join(own, "removed-tasks"));
	spendOrder(own, third.spec.nonce);
	for (const record of [first, second, third]) refused(record, place);
	// The next file may get the number of the one that is gone: longer by now, it is another one all the same.
	const fourth = sign(specOf("d"));
	place.require(fourth);
	rmSync(join(own, "removed-tasks"));
	for (const nonce of [fourth.spec.nonce, ...["e", "f", "g", "h"].map((id) => specOf(id).nonce)])
		spendOrder(own, nonce);
	for (const record of [first, second, third, fourth]) refused(record, place);
});

test("the key is private, the same for all processes, and a damaged one is no key", () => {
	expect(statSync(join(home, "signing-key")).mode & 0o077).toBe(0);
	for (const damaged of ["", "0", "zz".repeat(32)]) {
		const folder = join(temporaryFolder("orders"), "home");
		mkdirSync(folder);
		writeFileSync(join(folder, "signing-key"), damaged);
		expect(() => openSigner(folder)).toThrow(expect.objectContaining({ code: "DISPATCH_KEY_UNUSABLE" }));
	}
});

test("another file that was born with the first one, and is as long, is read from its begin", async () => {
	const own = temporaryFolder("orders");
	const put = (name: string, nonce: string) => {
		const path = join(own, name);
		writeFileSync(path, `\n${nonce}\n`);
		return { path, born: statSync(path).birthtimeMs };
	};
	// Births are told in steps of the kernel's clock: two files of one step come soon.
	const twins = await vi.waitFor(
		() => {
			const [first, other] = [put("first", "nonce-1"), put("other", "nonce-2")];
			if (first.born === other.born) return { first, other };
			rmSync(first.path);
			rmSync(other.path);
			throw new Error("not born at once");
		},
		{ timeout: CONDITION_LIMIT_MS, interval: 1 },
	);
	const path = join(own, "removed-tasks");
	const spent = new SpentOrders(own);
	renameSync(twins.first.path, path);
	expect([spent.has("nonce-1"), spent.has("nonce-2")]).toEqual([true, false]);
	renameSync(twins.other.path, path);
	expect([spent.has("nonce-1"), spent.has("nonce-2")]).toEqual([true, true]);
});

test("the seal of a worktree vouches for nothing but this very worktree of this creation of this task", () => {
	const places = { repository: "/r", gitDir: "/r/.git", base: "a".repeat(40), inside: "", folder: "/w" };
	const owner = { id: "a", nonce: orders.newNonce(), worktree: { ...places, programs: null } };
	const others = [
		{ ...owner, id: "b" },
		{ ...owner, nonce: orders.newNonce() },
		...Object.keys(owner.worktree).map((name) => ({
			...owner,
			worktree: { ...owner.worktree, [name]: "/other" },
		})),
	];
	for (const isWhole of [true, false]) {
		const seal = orders.seal(owner, isWhole);
		expect(orders.sealedWorktree(owner, seal)).toEqual(owner.worktree);
		expect(orders.seal(owner, !isWhole)).not.toBe(seal);
		expect(others.filter((other) => orders.sealedWorktree(other, seal) !== null)).toEqual([]);
	}
	expect(others).toHaveLength(8);
});

test("nonces made together are as those made one by one: each another, and known again by this host alone", () => {
	const nonces = [...orders.newNonces(50), orders.newNonce()];
	const other = new Orders(temporaryFolder("other"), NAMESPACE);
	expect(new Set(nonces).size).toBe(51);
	expect(new Set(nonces.map((nonce) => nonce.length)).size).toBe(1);
	expect(nonces.filter((nonce) => !orders.seals.hasMade(nonce))).toEqual([]);
	expect(nonces.filter((nonce) => other.seals.hasMade(nonce))).toEqual([]);
	expect(orders.newNonces(0)).toEqual([]);
});
