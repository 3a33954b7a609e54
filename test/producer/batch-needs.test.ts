/** `needs` of a batch file: who waits for whom, in which order they are submitted, and what is refused. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { parseIn } from "./batch-history.ts";

let folder: string;
beforeAll(() => {
	folder = temporaryFolder("needs");
});

const parse = async (text: string) => (await parseIn(folder, text)).entries;
/** `id: what it waits for` */
const orderOf = async (text: string) =>
	(await parse(text)).map(({ request: { id, after = [] } }) => `${id}: ${after.join(" ")}`.trim());

test("each task is submitted behind all that it needs, in the order of the file otherwise", async () => {
	const file = `
- { id: d, prompt: x, needs: [c, b, before] }
- { id: e, prompt: x }
- { id: b, prompt: x, needs: [a] }
- { id: c, prompt: x, needs: [a, a] }
- { id: a, prompt: x }
`;
	expect(await orderOf(file)).toEqual(["e:", "a:", "b: a", "c: a", "d: c b before"]);
	const [d] = (await parse(file)).slice(-1);
	expect([...(d?.outside ?? [])].map(([id, place]) => [id, place.replace(folder, "")])).toEqual([
		["before", "/tasks.yaml:2:37: [0].needs[2]"],
	]);
});

test("the id of a foreach stands for all that it makes, in another one for that of the same item", async () => {
	const file = `
- { id: "sum", prompt: x, needs: ["check-{{item}}", "none-{{item}}"] }
- { id: "check-{{item}}", prompt: x, foreach: [A b, c], needs: ["scan-{{item}}"] }
- { id: "scan-{{item}}", prompt: x, foreach: [c, A b] }
- { id: "none-{{item}}", prompt: x, foreach: [] }
`;
	expect(await orderOf(file)).toEqual([
		"scan-c:",
		"scan-a-b:",
		"check-c: scan-c",
		"check-a-b: scan-a-b",
		"sum: check-a-b check-c",
	]);
});

describe("a fault is told with its line", () => {
	const two = (needs: string) =>
		`- { id: a, prompt: x, needs: [b] }\n- { id: b, prompt: x, needs: ${needs} }\n`;
	test.each([
		[
			"itself",
			"- { id: a, prompt: x, needs: [a] }\n",
			":1:23: [0].needs: goes round in a circle: a needs a.",
		],
		["a circle", two("[a]"), ":1:23: [0].needs: goes round in a circle: a needs b needs a."],
		[
			"a circle behind another task",
			`- { id: z, prompt: x, needs: [a] }\n${two("[a]")}`,
			":2:23: [1].needs: goes round in a circle: a needs b needs a.",
		],
		["no id", two("['B x']"), ":2:23: [1].needs: expected an id to be lower-case"],
		["no list", two("a"), ":2:23: [1].needs:"],
		["nothing", two("[]"), ":2:23: [1].needs:"],
		["no foreach", two("['x-{{item}}']"), ':2:31: [1].needs[0]: "x-{{item}}" is the `id` of no `foreach`'],
		[
			"another item",
			`- { id: "a-{{item}}", prompt: x, foreach: [b] }\n- { id: "c-{{item}}", prompt: x, foreach: [d], needs: ["a-{{item}}"] }\n`,
			':2:56: [1].needs[0]: "a-{{item}}" makes no task for the same item',
		],
		["defaults", "defaults: { needs: [a] }\ntasks: [{ prompt: x }]\n", ":1:13: defaults.needs: is not a key"],
	])("%s", async (_, text, place) => {
		const error: Error = await parse(text).then(
			() => new Error("it was taken"),
			(refusal) => refusal,
		);
		expect(error).toMatchObject({ code: "DISPATCH_USAGE" });
		expect(error.message.toLowerCase()).toContain(place.toLowerCase());
	});
});

test("whatever needs whatever: an order in which nothing comes before what it needs, or a circle that is one", async () => {
	const edges = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 14 });
	await fc.assert(
		fc.asyncProperty(edges, async (pairs) => {
			const needsOf = (n: number) => pairs.flatMap(([from, to]) => (from === n ? [`t${to}`] : []));
			const tasks = Array.from({ length: 8 }, (_, n) => ({
				...{ id: `t${n}`, prompt: "x" },
				...(needsOf(n).length > 0 && { needs: needsOf(n) }),
			}));
			const parsed = await parse(JSON.stringify(tasks)).catch((refusal: Error) => refusal);
			const seen = new Set<string>();
			const entries = parsed instanceof Error ? [] : parsed;
			const early = entries.filter(({ request: { id, after = [] } }) => {
				const isEarly = after.some((need) => !seen.has(need));
				seen.add(id ?? "");
				return isEarly;
			});
			expect(early).toEqual([]);
			const way = parsed instanceof Error ? (/circle: (.*)\.$/.exec(parsed.message)?.[1] ?? "") : "";
			const steps = way.split(" needs ");
			const wrong = steps.slice(1).filter((to, n) => !needsOf(Number(steps[n]?.slice(1))).includes(to));
			expect(wrong).toEqual([]);
			// One or the other: all are there, or a way that comes back to its beginning.
			expect(entries.length === 8 || (steps.length > 1 && steps[0] === steps.at(-1))).toBe(true);
		}),
		{ numRuns: 200 },
	);
});
