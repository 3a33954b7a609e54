/** The web server: Bull Board, and pages that show tasks and open questions. It changes nothing. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type NextFunction, type Request, type Response } from "express";
import helmet from "helmet";
import type { Store } from "../queue/records/store.ts";
import { DispatchError } from "../task/errors.ts";
import { Service } from "../task/service.ts";
import { Access, checkHost } from "./access.ts";
import { BOARD_PATH, Board } from "./board.ts";
import { homePage } from "./home-page.ts";
import { messagePage, PAGE_SCRIPT, type Site, STYLE, siteName } from "./layout.ts";
import { partOf } from "./task-list.ts";
import { taskPage } from "./task-page.ts";

export const DEFAULT_PORT = 4747;
export const DEFAULT_LISTEN = "127.0.0.1";

/** A browser opens six; each takes a descriptor of this process. */
const CONNECTIONS_MAX = 200;
/** Who says nothing, or says it by drops, is let go. */
const HEADERS_LIMIT_MS = 5_000;
const REQUEST_LIMIT_MS = 15_000;
const SLOWNESS_LOOK_MS = 1_000;

export interface WebOptions {
	/** 0 takes any free port */
	port: number;
	/** the address to listen on */
	listen: string;
	/** the Redis address, as it may be shown */
	redis: string;
	/** what commands need, too, to be for that address; null: nothing */
	option: string | null;
}

/** Serves the namespace of `store`, which stays open at `stop`. */
export class Web extends Service {
	readonly #store: Store;
	readonly #options: WebOptions;
	#url = "";

	constructor(store: Store, options: WebOptions) {
		super();
		this.#store = store;
		this.#options = options;
	}

	/** The link with the token that opens the pages; empty before the start. */
	get url(): string {
		return this.#url;
	}

	/** @throws DISPATCH_USAGE when the port is taken or the address is not ours */
	protected override async open(): Promise<void> {
		const { listen, redis, option } = this.#options;
		const app = express();
		const server = createServer(SLOWNESS, app);
		server.maxConnections = CONNECTIONS_MAX;
		const access = new Access();
		const site = { name: siteName(redis, this.#store.namespace), place: access.place, option };
		const board = new Board(this.#store, site);
		this.onStop(() => board.close());
		this.onStop(() => stopServer(server));
		await listenOn(server, this.#options);
		const { port } = server.address() as AddressInfo;
		mount(app, { store: this.#store, access, board, site, listen });
		this.#url = `http://${shownHost(listen)}:${port}${access.place}/?token=${access.token}`;
	}
}

/** @throws DISPATCH_USAGE when the port is taken or the address is not ours */
export async function startWeb(store: Store, options: WebOptions): Promise<Web> {
	const web = new Web(store, options);
	await web.start();
	return web;
}

const SLOWNESS = {
	headersTimeout: HEADERS_LIMIT_MS,
	requestTimeout: REQUEST_LIMIT_MS,
	connectionsCheckingInterval: SLOWNESS_LOOK_MS,
};

interface Parts {
	store: Store;
	access: Access;
	board: Board;
	site: Site;
	listen: string;
}

function mount(app: express.Express, { store, access, board, site, listen }: Parts): void {
	app.disable("x-powered-by");
	app.use(checkHost(listen));
	app.use(securityHeaders());
	app.use((_request, response, next) => {
		response.set("Cache-Control", "no-store");
		next();
	});
	// A browser asks by itself, also before it has the cookie.
	app.get("/favicon.ico", (_request, response) => void response.status(204).end());
	app.use(access.admit());
	const refuse = (response: Response) => sendUnauthorized(response);
	app.use(access.place, access.guard(refuse), pages({ store, board, site }));
	// What else there is, is told to nobody.
	app.use((_request, response) => refuse(response));
	app.use(sendFault);
}

function pages({ store, board, site }: Omit<Parts, "access" | "listen">): express.Router {
	const router = express.Router();
	router.get("/page.css", (_request, response) => void response.type("css").send(STYLE));
	router.get("/page.js", (_request, response) => void response.type("js").send(PAGE_SCRIPT));
	router.use((_request, response, next) => {
		// A service's client waits out an outage; a browser should be told.
		if (store.client.status === "ready") next();
		else
			response
				.status(503)
				.send(messagePage("Redis cannot be reached", "This page comes back when Redis does."));
	});
	router.use(BOARD_PATH, board.router());
	router.get(
		"/",
		async ({ query }, response) => void response.send(await homePage(store, site, partOf(query))),
	);
	router.get("/task/:id", async (request, response) => {
		const { id } = request.params;
		const page = await taskPage(store, site, id);
		if (page === null) response.status(404).send(messagePage("No such task", `There is no task "${id}".`));
		else response.send(page);
	});
	router.use(
		(_request, response) =>
			void response.status(404).send(messagePage("Not found", "There is no such page.")),
	);
	return router;
}

/** Plain HTTP on the own machine: nothing that asks a browser for HTTPS. */
function securityHeaders() {
	return helmet({
		strictTransportSecurity: false,
		crossOriginOpenerPolicy: false,
		originAgentCluster: false,
		contentSecurityPolicy: {
			useDefaults: false,
			directives: {
				defaultSrc: ["'none'"],
				baseUri: ["'self'"],
				connectSrc: ["'self'"],
				fontSrc: ["'self'", "data:"],
				formAction: ["'none'"],
				frameAncestors: ["'none'"],
				imgSrc: ["'self'", "data:"],
				scriptSrc: ["'self'"],
				// Bull Board sets styles on elements.
				styleSrc: ["'self'", "'unsafe-inline'"],
			},
		},
	});
}

function sendUnauthorized(response: Response): void {
	const how =
		"Open the link that `dispatch web` printed on the terminal. It ends in ?token=… and works as long as that command runs.";
	response.status(401).send(messagePage("This page needs its link", how));
}

function sendFault(error: unknown, _request: Request, response: Response, next: NextFunction): void {
	if (response.headersSent) {
		next(error);
		return;
	}
	const { status } = error as { status?: unknown };
	// Express says so of what it cannot read: an address with a damaged escape, a body.
	if (typeof status === "number" && status >= 400 && status < 500)
		response.status(status).send(messagePage("Not understood", "This address or request cannot be read."));
	else if (error instanceof DispatchError)
		response
			.status(500)
			.send(messagePage("Something went wrong", [error.message, error.hint].join(" ").trim()));
	else response.status(500).send(messagePage("Something went wrong", "The page could not be made."));
}

function shownHost(listen: string): string {
	if (listen === "0.0.0.0" || listen === "::") return "127.0.0.1";
	return listen.includes(":") ? `[${listen}]` : listen;
}

async function listenOn(server: Server, { port, listen }: WebOptions): Promise<void> {
	const refused = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
		server.once("error", resolve);
		server.listen(port, listen, () => resolve(null));
	});
	if (refused === null) return;
	throw refusal(refused, port, listen);
}

function refusal(error: NodeJS.ErrnoException, port: number, listen: string): DispatchError {
	const cause = { cause: error };
	switch (error.code) {
		case "EADDRINUSE":
			return new DispatchError("DISPATCH_USAGE", `Port ${port} is in use on ${listen}.`, {
				hint: `Give another one with --port, for example --port ${port === 65535 ? port - 1 : port + 1}, or --port 0 for any free one.`,
				...cause,
			});
		case "EACCES":
			return new DispatchError("DISPATCH_USAGE", `Port ${port} may not be used by this user.`, {
				hint: "Give one above 1023 with --port.",
				...cause,
			});
		default:
			return new DispatchError(
				"DISPATCH_USAGE",
				`Expected --listen to be an address of this machine, got "${listen}" (${error.code}).`,
				{
					hint: "For example: --listen 127.0.0.1",
					...cause,
				},
			);
	}
}

/** One that does not listen yet is no fault. */
async function stopServer(server: Server): Promise<void> {
	const closed = new Promise<void>((resolve) => server.close(() => resolve()));
	server.closeAllConnections();
	await closed;
}
