/** Bull Board, read only: its own actions would change jobs behind the task records' back. */
import { createBullBoard } from "@bull-board/api";
import { ExpressAdapter } from "@bull-board/express";
import { type NextFunction, type Request, type Response, Router } from "express";
import { monitorQueueName, notifyQueueName, openQueue, runQueueName } from "../queue/jobs/bull.ts";
import type { Store } from "../queue/records/store.ts";
import { isObject } from "../task/check.ts";
import { ID_FORM } from "../task/id.ts";
import { documentWithoutSecrets } from "../task/secrets.ts";
import { HOST_FORM } from "../task/spec.ts";
import { dataText, progressText } from "./job-text.ts";
import type { Site } from "./layout.ts";
import { SoundQueue } from "./sound-queue.ts";

/** Below the path that all pages are below. */
export const BOARD_PATH = "/board";
const POLL_SECONDS = 10;
/** Each has three queues, which are asked at every look; a fleet is smaller. */
const HOSTS_SHOWN = 100;
/** Bull Board's page asks Google for its fonts; a page of this machine calls nobody. */
const FOREIGN_FONTS = /<link href="https:\/\/fonts\.[^>]*>/g;

type ReadOnlyQueue = { queue: ReturnType<typeof openQueue>; adapter: SoundQueue };

export class Board {
	readonly #store: Store;
	readonly #queues = new Map<string, ReadOnlyQueue>();
	readonly #place: string;
	readonly #server = new ExpressAdapter();
	readonly #board: ReturnType<typeof createBullBoard>;

	constructor(store: Store, { name, place }: Site) {
		this.#store = store;
		this.#place = place;
		this.#server.setBasePath(place + BOARD_PATH);
		this.#board = createBullBoard({
			queues: [],
			serverAdapter: this.#server,
			options: {
				uiConfig: {
					boardTitle: `dispatch · ${name}`,
					miscLinks: [{ text: "Tasks and questions", url: `${place}/` }],
					hideRedisDetails: true,
					hideDocsLink: true,
					showWorkers: false,
					pollingInterval: { showSetting: true, forceInterval: POLL_SECONDS },
				},
			},
		});
	}

	/** To be mounted at BOARD_PATH of the place. */
	router(): Router {
		const router = Router();
		router.use(refuseActions);
		router.use("/api", async (_request: Request, _response: Response, next: NextFunction) => {
			await this.refresh();
			next();
		});
		router.use(cleanBodies);
		router.use(this.#server.getRouter());
		return router;
	}

	/** Shows the queues of the hosts that the namespace has now. */
	async refresh(): Promise<void> {
		const hosts = await this.#store.guard((client) => client.smembers(this.#store.keys.hosts));
		const wanted = new Set(
			hostsIn(hosts).flatMap((host) => [runQueueName(host), monitorQueueName(host), notifyQueueName(host)]),
		);
		const gone = [...this.#queues.keys()].filter((name) => !wanted.has(name));
		for (const name of gone) {
			void this.#queues
				.get(name)
				?.queue.close()
				.catch(() => {});
			this.#queues.delete(name);
		}
		for (const name of wanted)
			if (!this.#queues.has(name)) this.#queues.set(name, openReadOnly(this.#store, name, this.#place));
		this.#board.replaceQueues([...this.#queues.values()].map((one) => one.adapter));
	}

	async close(): Promise<void> {
		await Promise.all([...this.#queues.values()].map((one) => one.queue.close().catch(() => {})));
		this.#queues.clear();
	}
}

interface Kind {
	displayName: string;
	description: string;
	/** the task that a job is about */
	taskOf: ((data: unknown) => unknown) | null;
}

const KINDS: Readonly<Record<string, Kind>> & { run: Kind } = {
	run: {
		displayName: "Tasks on",
		description:
			"A job is active as long as its agent works or asks. Each start of a task is a job of its own, so there are more of them than tasks: how many tasks there are says the page of tasks.",
		taskOf: (data) => fieldOf(data, "task"),
	},
	monitor: {
		displayName: "Monitor of",
		description: "One job that looks at every live task of the host, then moves itself 3 seconds on.",
		taskOf: null,
	},
	notify: {
		displayName: "Notifications of",
		description: "A job is one event for one target of the host's config.",
		taskOf: (data) => fieldOf(fieldOf(fieldOf(data, "payload"), "task"), "id"),
	},
};

/** Anybody may have written it. */
function fieldOf(data: unknown, name: string): unknown {
	return isObject(data) && Object.hasOwn(data, name) ? data[name] : undefined;
}

/** Those that dispatch may have named: another one is no queue's. */
function hostsIn(names: readonly string[]): string[] {
	return names
		.filter((name) => HOST_FORM.test(name))
		.sort()
		.slice(0, HOSTS_SHOWN);
}

function openReadOnly(store: Store, name: string, place: string): ReadOnlyQueue {
	const queue = openQueue(store, name);
	const [kind = "", ...rest] = name.split("-");
	const { displayName, description, taskOf } = KINDS[kind] ?? KINDS.run;
	const adapter = new SoundQueue(store, queue, {
		readOnlyMode: true,
		allowRetries: false,
		displayName: `${displayName} ${rest.join("-")}`,
		description,
		...(taskOf === null ? {} : { externalJobUrl: (job) => linkTo(place, taskOf(job.data)) }),
	});
	adapter.setFormatter("progress", progressText);
	adapter.setFormatter("data", dataText);
	return { queue, adapter };
}

/** The board shows a link for whatever it is given: one that leads nowhere leads to the list. */
function linkTo(place: string, task: unknown): { displayText: string; href: string } {
	if (typeof task === "string" && ID_FORM.test(task))
		return { displayText: "Open task", href: `${place}/task/${task}` };
	return { displayText: "All tasks", href: `${place}/` };
}

function refuseActions(request: Request, response: Response, next: NextFunction): void {
	if (request.method === "GET" || request.method === "HEAD") {
		next();
		return;
	}
	response
		.set("Allow", "GET, HEAD")
		.status(405)
		.json({ error: "This board is read only. Use the dispatch commands." });
}

/** Set on the response itself: the board is an Express app of its own and keeps what stands there. */
function cleanBodies(_request: Request, response: Response, next: NextFunction): void {
	const send = response.send.bind(response);
	response.send = (body) =>
		send(typeof body === "string" ? documentWithoutSecrets(body.replace(FOREIGN_FONTS, "")) : body);
	next();
}
