/**
 * Watches the directories of live tasks, for speed alone: what it misses the next cycle sees. One
 * `fs.watch` per directory (recursive watching costs a watch per file); armed again when a directory was
 * replaced; quiet when the system's limit of watches is reached. `DISPATCH_WATCH=off` does without.
 */
import { type FSWatcher, statSync, watch } from "node:fs";
import { join } from "node:path";
import { Service } from "../task/service.ts";
import { FOLLOWED_FILE } from "./follow-log.ts";
import { SILENCE_FILE } from "./silence.ts";

/** Several files change at once: look after the burst. */
const SETTLE_MS = 10;
/** A log that grows is not urgent. */
const LOG_SETTLE_MS = 500;
/** What a look itself writes is nothing new. */
const OWN_FILES = new Set([FOLLOWED_FILE, SILENCE_FILE]);

interface Watched {
	watchers: Map<string, { watcher: FSWatcher; which: string }>;
	dirs: string[];
	timer: NodeJS.Timeout | undefined;
	dueAt: number;
}

export class DirectoryWatcher extends Service {
	readonly #changed: (task: string) => void;
	readonly #watched = new Map<string, Watched>();
	readonly #enabled: boolean;

	constructor(options: { changed: (task: string) => void; enabled: boolean }) {
		super();
		this.#changed = options.changed;
		this.#enabled = options.enabled;
		this.onStop(() => {
			for (const task of [...this.#watched.keys()]) this.#drop(task);
		});
	}

	/** A task's directories, or null: they are watched no longer. Nothing is watched after `stop`. */
	set(task: string, dirs: { taskDir: string; runDir: string } | null): void {
		this.#drop(task);
		if (dirs === null || !this.#enabled || this.isStopped) return;
		const watched: Watched = {
			watchers: new Map(),
			dirs: [dirs.taskDir, join(dirs.taskDir, "ipc"), dirs.runDir],
			timer: undefined,
			dueAt: 0,
		};
		this.#watched.set(task, watched);
		this.#arm(task, watched);
	}

	/** Arms what was replaced or could not be watched before. */
	rearm(): void {
		for (const [task, watched] of this.#watched) this.#arm(task, watched);
	}

	#arm(task: string, watched: Watched): void {
		for (const dir of watched.dirs) {
			const which = whichIs(dir);
			const armed = watched.watchers.get(dir);
			if (armed !== undefined && armed.which === which) continue;
			armed?.watcher.close();
			watched.watchers.delete(dir);
			if (which === null) continue;
			try {
				const watcher = watch(dir, { persistent: false }, (_event, name) =>
					this.#schedule(task, watched, name),
				);
				// Away from the map too: `rearm` tries again.
				watcher.on("error", () => {
					watcher.close();
					if (watched.watchers.get(dir)?.watcher === watcher) watched.watchers.delete(dir);
				});
				watched.watchers.set(dir, { watcher, which });
			} catch {
				// The limit of watches is reached: the cycle sees it within 3 s.
			}
		}
	}

	#schedule(task: string, watched: Watched, name: string | null): void {
		if (name !== null && (name.endsWith(".tmp") || OWN_FILES.has(name))) return;
		const delay = name === "agent.log" ? LOG_SETTLE_MS : SETTLE_MS;
		const dueAt = performance.now() + delay;
		if (watched.timer !== undefined && watched.dueAt <= dueAt) return;
		clearTimeout(watched.timer);
		watched.dueAt = dueAt;
		watched.timer = setTimeout(() => {
			watched.timer = undefined;
			this.#changed(task);
		}, delay);
	}

	#drop(task: string): void {
		const watched = this.#watched.get(task);
		if (watched === undefined) return;
		this.#watched.delete(task);
		clearTimeout(watched.timer);
		for (const { watcher } of watched.watchers.values()) watcher.close();
	}
}

/**
 * Which directory stands there: one that is made anew often gets the number of the one before.
 * @returns null also where an agent took it away from us (chmod 000): that is its affair, and no other task's
 */
function whichIs(dir: string): string | null {
	try {
		const { dev, ino, birthtimeNs } = statSync(dir, { bigint: true });
		return `${dev}:${ino}:${birthtimeNs}`;
	} catch {
		return null;
	}
}
