import fc from "fast-check";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { faultOfAddress, placeOf, shownAddress } from "../../src/task/address.ts";

/** Where the client itself would go, in the spelling of `placeOf`. */
function dialled(url: string): string {
	const client = new Redis(url, { lazyConnect: true });
	const { host, port, path, db } = client.options;
	client.disconnect();
	if (path) return `unix://${path}`;
	return `redis://${host?.toLowerCase().replace(/^localhost$/, "127.0.0.1")}:${port}/${db}`;
}

/** Of what people and enemies put behind the server's name. */
const word = fc.constantFrom(
	"a",
	"other",
	"p@ss",
	"@",
	"@evil:1/2",
	":",
	"/3",
	"?",
	"#",
	"s3cret-value",
	"",
	"7",
);
const parameter = fc
	.tuple(fc.constantFrom("db", "password", "path", "host", "port", "sentinels", "username", "x"), word)
	.map(([name, value]) => `${name}=${value}`);
const address = fc
	.record({
		user: fc.constantFrom("", "me:s3cret-value@", ":s3cret-value@", "me@"),
		host: fc.constantFrom("h", "LOCALHOST", "127.0.0.1", "h.example"),
		port: fc.constantFrom("", ":6379", ":7001"),
		database: fc.constantFrom("", "/", "/0", "/3", "/a"),
		query: fc.array(parameter, { maxLength: 3 }).map((all) => (all.length > 0 ? `?${all.join("&")}` : "")),
		end: fc.constantFrom("", "#", "#@evil:1/2"),
	})
	.map(
		({ user, host, port, database, query, end }) => `redis://${user}${host}${port}${database}${query}${end}`,
	);

describe("an address that is taken", () => {
	test("has its directory by the server and database that the client dials, and by nothing else", () => {
		fc.assert(
			fc.property(address, (url) => {
				fc.pre(faultOfAddress(url) === null);
				expect(placeOf(url)).toBe(dialled(url));
			}),
			{ numRuns: 2_000 },
		);
	});

	test("shows nothing of a password, wherever that stands", () => {
		fc.assert(
			fc.property(address, (url) => {
				for (const shown of [placeOf(url), shownAddress({ url })]) {
					expect(shown).not.toContain("s3cret");
					expect(shown).not.toContain("evil");
					expect(shown).not.toContain("ss");
				}
			}),
			{ numRuns: 2_000 },
		);
	});

	test.each(["unix:///run/me@work/redis.sock", "unix:///tmp/a@b.sock?db=2"])("%s names its socket", (url) => {
		expect(placeOf(url)).toBe(`unix://${dialled(url.replace("unix://", "")).replace("unix://", "")}`);
	});

	test.each(["redis+sentinel://h:26379/mymaster", "rediss+cluster://a:1,b:2"])("%s is refused", (url) =>
		expect(faultOfAddress(url)).toContain("begins with none of"),
	);

	test.each(["path=/tmp/x", "sentinels=a", "host=b", "port=1", "name=x"])(
		"?%s, by which the client would go elsewhere, is refused",
		(query) => expect(faultOfAddress(`redis://h:6379/0?${query}`)).toContain(query.split("=")[0]),
	);
});
