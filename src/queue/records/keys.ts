/**
 * Every key that dispatch uses. All share one hash tag per namespace, so that a script may touch
 * several of them on a Cluster.
 */
export interface Keys {
	/** what every key begins with; scripts get it as KEYS[1] */
	prefix: string;
	/** BullMQ's own prefix */
	bull: string;
	task(id: string): string;
	log(id: string): string;
	report(id: string): string;
	questions(id: string): string;
	/** ids by time of creation */
	tasks: string;
	/** `<id> <generation>` of tasks that need a run job */
	outbox: string;
	/** `<id> <ipc generation>.<seq>` of open questions by time */
	inbox: string;
	events: string;
	/** a channel: `outbox`, `removed`, `host <id>` or `task <id>` */
	wake: string;
	/** running and asking tasks of a host */
	live(host: string): string;
	/** tasks of a host that have not ended */
	active(host: string): string;
	host(host: string): string;
	/** nonces of starts that a host shall end when it comes back */
	fenced(host: string): string;
	hosts: string;
	/** the last event that a host has told its targets */
	notified(host: string): string;
	/** held backends of a host */
	gates(host: string): string;
	/** the bands of a host's line, by flow and backend: `src/queue/jobs/turns.ts` */
	lanes(host: string): string;
	/** why flows of a host start nothing: `limited.ts` */
	limited(host: string): string;
	/** starts within the last minute */
	starts(host: string): string;
	/** when each flow of a host had its turn last */
	turns(host: string): string;
	sweep: string;
	/** what a host has still to clear of tasks that were removed */
	removed(host: string): string;
	undelivered(id: string): string;
	/** ids of batches by time of creation */
	batches: string;
	batch(id: string): string;
	/** the tasks of a batch, in the order of its file: an index of what their records say */
	members(batch: string): string;
	/** tasks of a batch that keep the rest of it from starting (`on_failure: stop`); a hint */
	stops(batch: string): string;
	/** a record that is not published yet, and expires: the task at this place of a submission */
	staged(submission: string, place: number): string;
	/** those that wait for a task, or were skipped because of it, by time of creation */
	dependents(id: string): string;
	/** of a removed task: the first epoch that a next task of that name may have */
	epoch(id: string): string;
	/** what its agent was told, by number */
	notes(id: string): string;
	/** what each session of a task has cost */
	cost(id: string): string;
	/** what a day (UTC) has cost */
	spend(day: string): string;
	/** of it, by task */
	spenders(day: string): string;
}

export function keysOf(namespace: string): Keys {
	const prefix = `{dispatch:${namespace}}`;
	return {
		prefix,
		bull: `${prefix}:bull`,
		task: (id) => `${prefix}:task:${id}`,
		log: (id) => `${prefix}:log:${id}`,
		report: (id) => `${prefix}:report:${id}`,
		questions: (id) => `${prefix}:questions:${id}`,
		tasks: `${prefix}:tasks`,
		outbox: `${prefix}:outbox`,
		inbox: `${prefix}:inbox`,
		events: `${prefix}:events`,
		wake: `${prefix}:wake`,
		live: (host) => `${prefix}:live:${host}`,
		active: (host) => `${prefix}:active:${host}`,
		fenced: (host) => `${prefix}:fenced:${host}`,
		host: (host) => `${prefix}:host:${host}`,
		notified: (host) => `${prefix}:notified:${host}`,
		hosts: `${prefix}:hosts`,
		gates: (host) => `${prefix}:gates:${host}`,
		lanes: (host) => `${prefix}:lanes:${host}`,
		limited: (host) => `${prefix}:limited:${host}`,
		starts: (host) => `${prefix}:starts:${host}`,
		turns: (host) => `${prefix}:turns:${host}`,
		sweep: `${prefix}:sweep`,
		removed: (host) => `${prefix}:removed:${host}`,
		cost: (id) => `${prefix}:cost:${id}`,
		spend: (day) => `${prefix}:spend:${day}`,
		spenders: (day) => `${prefix}:spenders:${day}`,
		notes: (id) => `${prefix}:notes:${id}`,
		epoch: (id) => `${prefix}:epoch:${id}`,
		dependents: (id) => `${prefix}:dependents:${id}`,
		batches: `${prefix}:batches`,
		batch: (id) => `${prefix}:batch:${id}`,
		members: (batch) => `${prefix}:members:${batch}`,
		stops: (batch) => `${prefix}:stops:${batch}`,
		staged: (submission, place) => `${prefix}:staged:${submission}:${place}`,
		undelivered: (id) => `${prefix}:undelivered:${id}`,
	};
}
