/** Redis by TLS: real servers with real certificates, which the machine's `openssl` makes. */
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStore } from "../../../src/queue/records/open.ts";
import { connect } from "../../../src/queue/redis/connect.ts";
import { inspectRedis } from "../../../src/queue/redis/inspect.ts";
import { Authority, hasOpenssl, type Pair, startTlsRedis } from "../../certificates.ts";
import type { TestRedis } from "../../redis.ts";

describe.skipIf(!hasOpenssl)("TLS (left out where there is no openssl to make certificates with)", () => {
	let ours: Authority;
	let others: Authority;
	let client: Pair;
	let redis: TestRedis;
	let host: string;
	beforeAll(async () => {
		ours = new Authority();
		others = new Authority();
		client = ours.issue("client");
		({ redis, host } = await startTlsRedis(ours, ours.issue("server"), { clients: true }));
	});
	afterAll(async () => {
		await redis.stop();
		ours.remove();
		others.remove();
	});

	const address = (files: Record<string, string>, at = host) =>
		`rediss://${at}?${new URLSearchParams(files)}`;
	const whole = () => address({ cafile: ours.cafile, ...client });

	async function refused(url: string): Promise<Error> {
		const settled = await connect({ url }, "command").then(
			({ client: joined }) => {
				joined.disconnect();
				return new Error("it was taken");
			},
			(error: Error) => error,
		);
		return settled;
	}

	test("with its authority and a client certificate it is a Redis like any other, also for what waits out outages", async () => {
		for (const role of ["command", "service"] as const) {
			const store = await openStore({ target: { url: whole() }, namespace: "t", role });
			const second = store.another();
			expect(await store.now()).toBeGreaterThan(0);
			expect(await second.ping().catch((error) => error.message)).toMatch(/PONG|isn't writeable/);
			second.disconnect();
			await store.close();
		}
	});

	test("what waits out outages comes back, with the files as they are then", async () => {
		const renewed = { certfile: join(ours.folder, "renewed.crt"), keyfile: join(ours.folder, "renewed.key") };
		const put = ({ certfile, keyfile }: Pair) => {
			copyFileSync(certfile, renewed.certfile);
			copyFileSync(keyfile, renewed.keyfile);
			chmodSync(renewed.keyfile, 0o600);
		};
		put(client);
		const url = address({ cafile: ours.cafile, ...renewed });
		const { client: joined } = await connect({ url }, "service");
		const serial = () => {
			const { stream } = joined as unknown as { stream: { getCertificate(): { serialNumber?: string } } };
			return stream.getCertificate().serialNumber;
		};
		const before = serial();
		put(ours.issue("next"));
		await redis.restart();
		expect(await joined.ping()).toBe("PONG");
		expect([before, serial()]).toEqual([expect.any(String), expect.not.stringMatching(before ?? "")]);
		// A file that is being written, or gone, keeps nobody away.
		writeFileSync(renewed.certfile, "-----BEGIN CERTIF");
		await redis.restart();
		expect(await joined.ping()).toBe("PONG");
		joined.disconnect();
	});

	test("doctor's look tells until when the certificates are valid", async () => {
		const { certificates } = await inspectRedis({ url: whole() });
		expect(certificates.map(({ of }) => of)).toEqual(["the server", client.certfile]);
		for (const { until } of certificates) expect(until).toBeGreaterThan(Date.now());
	});

	test("what is wrong is said as what it is, with the next step", async () => {
		const expired = ours.issue("expired", { days: -1 });
		const open = ours.issue("open");
		chmodSync(open.keyfile, 0o644);
		const { cafile } = ours;
		const broken = join(ours.folder, "broken.crt");
		writeFileSync(broken, "nothing");
		const BAD = "DISPATCH_BAD_FILE";
		const AWAY = "DISPATCH_REDIS_UNREACHABLE";
		const cases: [url: string, code: string, said: RegExp, hint: RegExp][] = [
			[address({ cafile: "/nowhere/ca.crt" }), BAD, /\/nowhere\/ca\.crt.* is not there/, /PEM/],
			[address({ cafile: broken }), BAD, /holds no certificate/, /PEM/],
			[address({ cafile, certfile: client.certfile }), BAD, /no keyfile/, /keyfile=/],
			[address({ cafile, ...client, keyfile: expired.keyfile }), BAD, /is not that of/, /belong together/],
			[address({ cafile, ...open }), BAD, /read by other users/, /chmod 600/],
			[address({ cafile, ...expired }), BAD, /has expired: it was valid until/, /new one/],
			[address({ cafile: "ca.crt" }), "DISPATCH_USAGE", /absolute path/, /cafile=/],
			[whole().replace("rediss", "redis"), "DISPATCH_USAGE", /without TLS/, /rediss/],
			[address({ ...client }), AWAY, /by TLS: .*(?:self-signed|unable)/, /cafile=/],
			[address({ cafile: others.cafile, ...client }), AWAY, /by TLS: .*(?:self-signed|unable)/, /cafile=/],
			[address({ cafile }), AWAY, /by TLS: .*(?:alert|ECONNRESET|EPIPE|is closed)/, /certfile=/],
			[
				address({ cafile, ...others.issue("foreign") }),
				AWAY,
				/by TLS: .*(?:alert|ECONNRESET|EPIPE|is closed)/,
				/certfile=/,
			],
		];
		for (const [url, code, said, hint] of cases)
			expect(await refused(url), url).toMatchObject({
				code,
				message: expect.stringMatching(said),
				hint: expect.stringMatching(hint),
			});
	});

	test("none of the files is taken where other users can write it, its directory, or that of its link", async () => {
		const folder = (name: string, mode: number) => {
			const path = join(ours.folder, name);
			mkdirSync(path);
			chmodSync(path, mode);
			return path;
		};
		const put = (path: string, from: string, mode = 0o600) => {
			copyFileSync(from, path);
			chmodSync(path, mode);
			return path;
		};
		const [open, sticky] = [folder("open", 0o777), folder("sticky", 0o1777)];
		const { cafile } = ours;
		const link = join(open, "link.crt");
		symlinkSync(cafile, link);
		const files = { cafile, ...client };
		const cases: [keyof typeof files, path: string, where: string][] = [
			...(["cafile", "certfile", "keyfile"] as const).flatMap((name): [typeof name, string, string][] => [
				[name, put(join(ours.folder, `loose-${name}`), files[name], 0o666), `loose-${name}`],
				[name, put(join(open, name), files[name]), open],
			]),
			["cafile", link, open],
		];
		for (const [name, path, where] of cases)
			expect(await refused(address({ ...files, [name]: path })), path).toMatchObject({
				code: "DISPATCH_BAD_FILE",
				message: expect.stringContaining("can be changed by other users"),
				hint: expect.stringMatching(new RegExp(`chmod go-w .*${where}$`)),
			});
		const { certificates } = await inspectRedis({
			url: address({ ...files, cafile: put(join(sticky, "ca.crt"), cafile) }),
		});
		expect(certificates).toHaveLength(2);
	});

	test.each([
		["expired", { days: -1 }, /certificate has expired/, /Renew/],
		["for another name", { names: "DNS:redis.example" }, /altnames/, /name/],
	])("a server whose certificate is %s is not trusted", async (_what, options, said, hint) => {
		const other = await startTlsRedis(ours, ours.issue("other", options), { clients: false });
		try {
			const fault = await refused(address({ cafile: ours.cafile }, other.host));
			expect(fault).toMatchObject({
				code: "DISPATCH_REDIS_UNREACHABLE",
				message: expect.stringMatching(said),
				hint: expect.stringMatching(hint),
			});
		} finally {
			await other.redis.stop();
		}
	});
});
