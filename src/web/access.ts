/**
 * Who may read: whoever holds the link that `dispatch web` printed. The link's token is exchanged once
 * for a session cookie; the Host header must be ours, so that a foreign page cannot reach us by a name
 * that it points at this machine (DNS rebinding). A browser sends a cookie to every port of a host, so to servers of
 * others, but to the cookie's path only: ours is a random one, and all pages are below it.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { hostname } from "node:os";
import type { NextFunction, Request, RequestHandler, Response } from "express";
import { type Html, html } from "./html.ts";

const TOKEN_BYTES = 24;
const PLACE_BYTES = 16;
const COOKIE = "dispatch";
const LOOPBACK = ["127.0.0.1", "::1", "localhost"];
const WILDCARDS = ["0.0.0.0", "::"];

export class Access {
	readonly token = randomBytes(TOKEN_BYTES).toString("base64url");
	/** where all pages are: `/` and a word that nobody knows without the link */
	readonly place = `/${randomBytes(PLACE_BYTES).toString("hex")}`;
	readonly #session = randomBytes(TOKEN_BYTES).toString("base64url");

	/** Gives the session for the token, whatever page it is asked for. */
	admit(): RequestHandler {
		return (request: Request, response: Response, next: NextFunction) => {
			const given = request.query.token;
			if (typeof given !== "string" || !sameSecret(given, this.token)) return next();
			const path = `${this.place}/`;
			response.cookie(COOKIE, this.#session, { httpOnly: true, sameSite: "strict", path });
			const asked = request.path.startsWith(path) ? request.path.slice(path.length) : request.path;
			response.type("html").send(leadTo(path, asked).text);
		};
	}

	/** To be mounted at `place`: lets a request through that has the session. */
	guard(refuse: (response: Response) => void): RequestHandler {
		return (request: Request, response: Response, next: NextFunction) => {
			const isKnown = cookiesOf(request.headers.cookie).some((given) => sameSecret(given, this.#session));
			if (isKnown) next();
			else refuse(response);
		};
	}
}

/**
 * A page of ours, not a redirect: a strict cookie does not go along with what another page (a chat, a file) has
 * begun, and the browser counts a redirect to that.
 */
function leadTo(place: string, path: string): Html {
	const own = place + path.replace(/^[/\\]+/, "");
	return html`<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url=${own}"><title>dispatch</title><a href="${own}">dispatch</a>`;
}

/** Refuses requests that were addressed to another name than the one we listen on. */
export function checkHost(listen: string): RequestHandler {
	return (request: Request, response: Response, next: NextFunction) => {
		if (isOurName(hostNameOf(request.headers.host ?? ""), listen)) next();
		else response.status(421).type("text/plain").send("This server does not answer to that host name.\n");
	};
}

export function isLoopback(listen: string): boolean {
	return LOOPBACK.includes(listen) || listen.startsWith("127.");
}

function isOurName(name: string, listen: string): boolean {
	if (name === listen || LOOPBACK.includes(name)) return true;
	// An address cannot be rebound, only a name can.
	return WILDCARDS.includes(listen) && (isIP(name) !== 0 || name === hostname().toLowerCase());
}

/** The name of a Host header without its port: a forwarded port is a port of its own. */
function hostNameOf(host: string): string {
	return host
		.replace(/:\d+$/, "")
		.replace(/^\[(.*)\]$/, "$1")
		.toLowerCase();
}

/** All of our name: a server on another port may have set one, too. */
function cookiesOf(header: string | undefined): string[] {
	return (header ?? "").split(";").flatMap((pair) => {
		const at = pair.indexOf("=");
		return pair.slice(0, at).trim() === COOKIE ? [pair.slice(at + 1).trim()] : [];
	});
}

/** Compares digests, so that the time taken tells neither content nor length. */
function sameSecret(a: string, b: string): boolean {
	const digest = (text: string) => createHash("sha256").update(text).digest();
	return timingSafeEqual(digest(a), digest(b));
}
