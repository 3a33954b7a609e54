/** The environment of an agent: the daemon's own, less what is not the agent's business. */
import { delimiter, join } from "node:path";
import type { Backend } from "../backends/contract.ts";
import { DAEMON_ONLY, type Environment, environmentOfDaemon } from "../process/environment.ts";
import { passwordsOf } from "../task/secrets.ts";

/** A shorter secret would be found in values that have nothing to do with it. */
const SHORTEST_SECRET = 6;

export interface AgentEnvInput {
	base: Environment;
	/** variables that the task brought along, by the config's `env:` */
	own?: Readonly<Record<string, string>>;
	backend: Backend;
	/** the state directory; its `bin/` holds this `dispatch` */
	home: string;
	taskDir: string;
	/** the address that dispatch uses, which agents never inherit under any name or spelling */
	redisUrl: string | null;
	/** names of the variables that hold addresses and secrets of the config's notifications */
	hidden?: readonly string[];
}

export function agentEnv(input: AgentEnvInput): Record<string, string> {
	const { base, own = {}, backend, hidden = [], redisUrl } = input;
	const never = new Set([...DAEMON_ONLY, ...hidden]);
	const secrets = [...(redisUrl === null ? [] : passwordsOf(redisUrl)), ...hidden.map((name) => base[name])];
	const isOurs = (value: string) =>
		isSameServer(value, redisUrl) ||
		secrets.some((secret) => secret && secret.length >= SHORTEST_SECRET && value.includes(secret));
	const env: Record<string, string> = {};
	for (const [name, value] of Object.entries({ ...environmentOfDaemon(base), ...own }))
		if (!never.has(name) && !isOurs(value)) env[name] = value;
	for (const [name, value] of Object.entries(backend.addEnv)) env[name] ??= value;
	env.PATH = [join(input.home, "bin"), env.PATH].filter(Boolean).join(delimiter);
	env.DISPATCH_HOME = input.home;
	env.DISPATCH_TASK_DIR = input.taskDir;
	return env;
}

/**
 * Another spelling of our address opens the same door: another database, other
 * credentials, the default port written out. One without a password where ours needs it does not.
 */
function isSameServer(value: string, redisUrl: string | null): boolean {
	if (redisUrl === null) return false;
	if (value === redisUrl) return true;
	const [mine, theirs] = [serverOf(redisUrl), serverOf(value)];
	if (mine === null || theirs === null || mine.place !== theirs.place) return false;
	return mine.password === "" || theirs.password !== "";
}

function serverOf(address: string): { place: string; password: string } | null {
	if (!/^(?:rediss?|unix):\/\//i.test(address)) return null;
	const [password = ""] = passwordsOf(address).slice(-1);
	const at = address.slice(address.indexOf("://") + 3).replace(/^[^\s]*@/, "");
	if (/^unix:/i.test(address)) return { place: at.replace(/[?#].*$/, ""), password };
	const server = at.replace(/[/?#].*$/, "").toLowerCase();
	const name = server.replace(/:6379$/, "").replace(/^localhost$/, "127.0.0.1");
	return { place: name.replace(/^localhost:/, "127.0.0.1:"), password };
}
