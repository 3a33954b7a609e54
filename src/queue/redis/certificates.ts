/** The files of certificates and keys that an address names. They are read again for each connection: they are renewed. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { looseAt } from "../../process/own-path.ts";
import { readRegularFile } from "../../process/read-file.ts";

const LIMIT_BYTES = 1024 * 1024;
const READ_BY_ALL = 0o004;
const READ_BY_GROUP = 0o040;
const FIRST_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/;

/** Absolute paths, by the parameter of the address that names them. */
export interface TlsFiles {
	cafile: string | null;
	certfile: string | null;
	keyfile: string | null;
}

export interface BadFile {
	fault: string;
	hint: string;
}

/** What `tls.connect` takes. */
export interface TlsOptions {
	readonly ca?: string;
	readonly cert?: string;
	readonly key?: string;
}

/** The files as they are now, each time that a connection is made; one that is half-written counts as it was before. */
export function tlsOptions(files: TlsFiles): TlsOptions {
	const options = {};
	for (const [option, path] of [
		["ca", files.cafile],
		["cert", files.certfile],
		["key", files.keyfile],
	] as const) {
		if (path === null) continue;
		let before = textOf(path) ?? "";
		const get = () => {
			const text = textOf(path);
			if (text?.includes("-----END ")) before = text;
			return before;
		};
		Object.defineProperty(options, option, { enumerable: true, get });
	}
	return options;
}

/** What keeps the files from being used; null: nothing. Who has the key is the client: others must not read it, and none of them write. */
export function faultOfFiles(files: TlsFiles): BadFile | null {
	for (const [parameter, path] of Object.entries(files) as [keyof TlsFiles, string | null][]) {
		const fault = path === null ? null : faultOfFile(parameter, path);
		if (fault !== null) return fault;
	}
	const { certfile, keyfile } = files;
	if (certfile === null || keyfile === null) {
		if (certfile === keyfile) return null;
		const [there, missing] = certfile === null ? ["keyfile", "certfile"] : ["certfile", "keyfile"];
		return {
			fault: `The Redis address names a ${there}, but no ${missing}.`,
			hint: `Add ?${missing}=/path: a certificate is of use only with its key.`,
		};
	}
	return faultOfPair(certfile, keyfile);
}

function faultOfFile(parameter: keyof TlsFiles, path: string): BadFile | null {
	const named = `${path}, which the Redis address names as ${parameter},`;
	const file = readRegularFile(path, LIMIT_BYTES, { links: true });
	if (file.kind !== "text") {
		const why = file.kind === "absent" ? "is not there" : `cannot be read: ${file.why}`;
		return { fault: `${named} ${why}.`, hint: "Name a file in PEM form that you can read." };
	}
	if (!file.text.includes(parameter === "keyfile" ? "PRIVATE KEY-----" : "-----BEGIN CERTIFICATE-----"))
		return {
			fault: `${named} holds no ${parameter === "keyfile" ? "key" : "certificate"}.`,
			hint: "It must be in PEM form.",
		};
	// Who writes the authority's certificate is the server.
	const loose = looseAt(path);
	if (loose !== null)
		return {
			fault: `${named} can be changed by other users, who can write ${loose === path ? "it" : loose}.`,
			hint: `If you trust what is in it: chmod go-w ${loose}`,
		};
	if (parameter !== "keyfile") return null;
	const { mode, uid } = statSync(path);
	const isOpen = (mode & READ_BY_ALL) !== 0 || ((mode & READ_BY_GROUP) !== 0 && uid !== 0);
	return isOpen
		? { fault: `${named} can be read by other users.`, hint: `Run \`chmod 600 ${path}\`.` }
		: null;
}

function faultOfPair(certfile: string, keyfile: string): BadFile | null {
	const certificate = certificateIn(certfile);
	if (certificate === null)
		return { fault: `${certfile} holds a damaged certificate.`, hint: "Copy it again." };
	let isPair: boolean;
	try {
		isPair = certificate.checkPrivateKey(createPrivateKey(textOf(keyfile) ?? ""));
	} catch (error) {
		const why = error instanceof Error ? error.message : String(error);
		return {
			fault: `The key in ${keyfile} cannot be used: ${why}.`,
			hint: "It must be a PEM key without a passphrase.",
		};
	}
	if (!isPair)
		return {
			fault: `The key in ${keyfile} is not that of ${certfile}.`,
			hint: "Name the two that belong together.",
		};
	if (Date.parse(certificate.validTo) > Date.now()) return null;
	return {
		fault: `The client certificate ${certfile} has expired: it was valid until ${certificate.validTo}.`,
		hint: "Have a new one made, or set this machine's clock.",
	};
}

/** The first certificate of a file: those of its authorities may follow. @returns null for none that can be read */
export function certificateIn(path: string): X509Certificate | null {
	try {
		return new X509Certificate(FIRST_CERTIFICATE.exec(textOf(path) ?? "")?.[0] ?? "");
	} catch {
		return null;
	}
}

function textOf(path: string): string | null {
	try {
		const file = readRegularFile(path, LIMIT_BYTES, { links: true });
		return file.kind === "text" ? file.text : null;
	} catch {
		return null;
	}
}
