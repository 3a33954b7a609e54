/** Certificates of an authority of a test's own, made by the `openssl` of the machine: Node makes none. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, startTestRedis, type TestRedis } from "./redis.ts";

/** To be told where tests are left out for it. */
export const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const PORT_TRIES = 5;

export interface Pair {
	certfile: string;
	keyfile: string;
}

export class Authority {
	readonly folder = mkdtempSync(join(tmpdir(), "ca-"));
	readonly cafile = join(this.folder, "ca.crt");
	readonly #keyfile = join(this.folder, "ca.key");

	constructor() {
		openssl(
			"req",
			"-x509",
			...NEW_KEY,
			"-keyout",
			this.#keyfile,
			"-out",
			this.cafile,
			"-subj",
			"/CN=ca",
			"-days",
			"2",
		);
	}

	/** @param days from now; a negative number: it has expired. @param names as in subjectAltName */
	issue(name: string, { days = 30, names = "IP:127.0.0.1,DNS:localhost" } = {}): Pair {
		const [csr, certfile, keyfile] = [".csr", ".crt", ".key"].map((end) =>
			join(this.folder, `${name}${end}`),
		) as [string, string, string];
		openssl(
			"req",
			...NEW_KEY,
			"-keyout",
			keyfile,
			"-out",
			csr,
			"-subj",
			`/CN=${name}`,
			"-addext",
			`subjectAltName=${names}`,
		);
		const signed = [
			"-CA",
			this.cafile,
			"-CAkey",
			this.#keyfile,
			"-CAcreateserial",
			"-copy_extensions",
			"copy",
		];
		openssl("x509", "-req", "-in", csr, "-out", certfile, "-days", `${days}`, ...signed);
		return { certfile, keyfile };
	}

	remove(): void {
		rmSync(this.folder, { recursive: true, force: true });
	}
}

function openssl(...words: string[]): void {
	execFileSync("openssl", words, { stdio: "ignore" });
}

/** A Redis that speaks TLS on a port of 127.0.0.1. @param clients whether it asks them for a certificate */
export async function startTlsRedis(
	{ cafile }: { cafile: string },
	{ certfile, keyfile }: Pair,
	{ clients }: { clients: boolean },
): Promise<{ redis: TestRedis; host: string }> {
	for (let attempt = 1; ; attempt++) {
		const port = await freePort();
		const files = ["--tls-cert-file", certfile, "--tls-key-file", keyfile, "--tls-ca-cert-file", cafile];
		const settings = [
			"--tls-port",
			`${port}`,
			...files,
			"--tls-auth-clients",
			clients ? "yes" : "no",
			"--save",
			"",
		];
		try {
			return {
				redis: await startTestRedis({ settings: [...settings, "--appendonly", "yes"] }),
				host: `127.0.0.1:${port}`,
			};
		} catch (error) {
			if (attempt === PORT_TRIES || !String(error).includes("in use")) throw error;
		}
	}
}
