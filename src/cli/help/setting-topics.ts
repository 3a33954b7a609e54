/** Pages on how dispatch is set up. */
export const SETTING_TOPICS = [
	{
		name: "config",
		title: "Config: which agents there are, and their limits",
		text: `  $ dispatch config show                    what is in force, and from where
  $ dispatch config set-default sonnet      the model of tasks that name none
  $ dispatch config add-model gpt-5 --backend codex
  $ dispatch config add-backend mine --command "./agent.sh"
  $ dispatch config edit                    in your editor; checked, then taken

The file is ~/.dispatch/config.yaml (DISPATCH_CONFIG names another one). The
worker reads a changed file within two seconds; nothing needs a restart.

  default: opus
  backends: { mine: { command: ./agent.sh, permissions: full } }
  models: { mine: { backend: mine } }
  worker: { concurrency: 4, max_agents: 12 }
  limits: { deadline: 2h, inactivity: 30m, question_wait: 10m }
  budget: { task: 5, daily: 50 }

Agents get the worker's environment; \`env: [NAME]\` lets variables travel with
each task from where it is submitted. Every key: docs/CONFIG.md.`,
	},
	{
		name: "models",
		title: "Models: which agent gets a task",
		text: `In this order:
  1. --model NAME: a model, an alias or a backend
  2. a name in the prompt: "use sonnet to …", "gpt-5: …"
  3. default: of the config

  $ dispatch enqueue --model sonnet "Tidy up"
  $ dispatch enqueue --dry-run "Use haiku to tidy up"    says which, and why
  $ dispatch config add-alias reviewer --model opus --prompt "You review code."

A model that the config does not name is looked up where the agent CLI lists
its models, and added to the config. Another CLI or program of your own is a
backend:
  $ dispatch config add-backend mine --command "./agent.sh"

When one is limited or away, \`fallback: [sonnet]\` in the config lets a task go
on with the next model after fallback_after (15m).`,
	},
	{
		name: "permissions",
		title: "Permissions: what agents may do",
		text: `Agents run unattended as you, in the directory of their task, with the flags of
their command in the config. \`dispatch config show\` prints them.

  read_only   look, and change nothing but the task's own files
  edit        change files of the directory
  full        everything

  $ dispatch config add-alias careful --model opus --permissions read_only
  $ dispatch config edit          permissions: edit, under a backend

Of backend and alias the narrower one counts. A CLI that has no flags for a
degree is refused, never run with more.

Inside a task, commands that change something are refused: an agent can ask,
but not enqueue, answer or cancel. \`allow: [nested]\` in the config and
--allow-nested permit it. More: docs/SECURITY.md.`,
	},
	{
		name: "worker",
		title: "The worker: what starts agents and looks after them",
		text: `  $ dispatch up                 start it in the background, as enqueue does
  $ dispatch up --restart       with the present environment; agents run on
  $ dispatch down               stop it; agents run on, the next one adopts them
  $ dispatch down --drain       start nothing more, and wait for the agents
  $ dispatch down --stop-agents end the agents, too; their tasks go on later

In the foreground, for containers and CI, or as a systemd unit:
  $ dispatch worker --concurrency 4
  $ dispatch service install

worker.concurrency (2) agents work at a time; those that wait for an answer do
not count. worker.max_agents (4 × concurrency) live at a time.

Its log is daemon.log in the state directory. It outlives the shell that started
it; killed, it leaves agents at work, and nothing is lost.`,
	},
	{
		name: "redis",
		title: "Redis: where tasks are kept",
		text: `Without an address dispatch runs a Redis of its own in ~/.dispatch (a socket, no
port). It needs redis-server or valkey-server on the machine.

Another one, in this order (user: \`default\`, where it has only a password):
  $ dispatch --redis redis://user:password@host:6379 status
  $ export DISPATCH_REDIS_URL=redis://user:password@host:6379
  redis: { url: "redis://…" } in the config; then REDIS_URL

By TLS, with files that are read again when they are renewed:
  rediss://host:6379?cafile=/ca.crt&certfile=/me.crt&keyfile=/me.key

And back to its own, whatever is set:
  $ dispatch --redis local status
  $ unset DISPATCH_REDIS_URL

Each address has a worker and a state directory of its own: several can be used
at a time, and commands act on the one they are given. \`dispatch status\` names
the workers of the others.

The server must have maxmemory-policy noeviction and should have appendonly yes.
Whoever has its password reads all tasks and may answer: docs/SECURITY.md.`,
	},
	{
		name: "hosts",
		title: "Hosts: several machines with one Redis",
		text: `On each machine:
  $ export DISPATCH_REDIS_URL=redis://user:password@host:6379
  $ dispatch up

A task runs on the host where it was submitted: its directory is there.
Everybody with the same Redis sees all tasks, and answers from anywhere.

  $ dispatch hosts                 who is there, and how full each is
  $ dispatch hosts drain mini1     it starts nothing new, until \`resume\`
  $ dispatch hosts rm old-laptop   it is gone for good: out of the list
  $ dispatch ls --host mini1       only that host's tasks
  $ dispatch questions             of all hosts

When a host is gone, \`dispatch status\` says so. Start the worker there again, or
take a task over, into the present machine's directory of the same path:
  $ dispatch retry ID --here

DISPATCH_HOST_ID names a host (else it is made from the machine's name).
DISPATCH_NAMESPACE keeps several teams apart on one server. What a host runs is
signed by its user: dispatch help permissions, docs/SECURITY.md.`,
	},
	{
		name: "notifications",
		title: "Notifications: be told of questions and ends",
		text: `In the config, one line each (dispatch config edit):

  notifications:
    - { type: slack, url_env: SLACK_WEBHOOK, on: [question, failed] }
    - { type: webhook, url: "https://example.com/hook", secret_env: SECRET }
    - { type: command, command: 'notify-send "$DISPATCH_TITLE"' }
    - { type: command, command: ./page.sh, env: [PAGER_TOKEN] }
    - { type: bell }

Events: question, parked, completed, failed, cancelled; without \`on\` it is
question, failed and completed. The worker reads a changed file by itself;
variables such as SLACK_WEBHOOK are those of its environment.

Send a test to all of them:
  $ dispatch notify

What could not be delivered after eight tries stands in \`dispatch doctor\`.
Signatures and the JSON of a webhook: docs/NOTIFICATIONS.md.`,
	},
	{
		name: "environment",
		title: "Environment variables that dispatch reads",
		text: `  DISPATCH_HOME          state directory (default: ~/.dispatch)
  DISPATCH_CONFIG        config file (default: config.yaml in it)
  DISPATCH_REDIS_URL     address of Redis, or local; then REDIS_URL
  DISPATCH_NAMESPACE     keeps tasks apart on one Redis (default: default)
  DISPATCH_HOST_ID       name of this host
  DISPATCH_LOG_LEVEL     of daemon.log (default: info); debug: stack traces, too
  DISPATCH_WATCH         off: look at files every 3 s instead of watching them
  DISPATCH_MAX_BACKOFF_MS  longest wait between tries, for tests
  DISPATCH_DONE_GRACE_MS   an agent that is done may live on so long (60000)

  NO_COLOR, TERM=dumb    no colours
  VISUAL, EDITOR         for config edit and long answers
  XDG_CACHE_HOME         where compiled code is kept, if not beside dispatch

In an agent: DISPATCH_TASK, DISPATCH_TASK_DIR, DISPATCH_HOME, DISPATCH_RUN
(docs/PROTOCOL.md). The rest of what agents get: docs/CONFIG.md.`,
	},
];
