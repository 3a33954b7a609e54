/** Pages on what one does with tasks. */
export const TASK_TOPICS = [
	{
		name: "start",
		title: "The first steps",
		text: `See the whole story with a bundled agent, without an account:
  $ dispatch demo

Give an agent work. The first call looks for agent CLIs on PATH and writes a
config; it also starts the worker, and the local Redis, in the background:
  $ dispatch enqueue "Review the login code" --item "Write output.md"

See what runs and what needs you, or stay with it:
  $ dispatch status
  $ dispatch watch

Answer when an agent asks, then read its report:
  $ dispatch answer review-login-code "Both of them"
  $ dispatch output review-login-code

An id may be shortened to its beginning. If nothing happens:
  $ dispatch doctor`,
	},
	{
		name: "questions",
		title: "Questions: an agent asks in the middle of its work and waits",
		text: `  $ dispatch questions                   all open questions
  $ dispatch inbox                       go through them one by one
  $ dispatch answer ID "Use Postgres"    the oldest open question of a task
  $ dispatch answer ID --seq 2 "Yes"     another one of its questions
  $ dispatch answer ID -                 read the answer from standard input
  $ dispatch wait ID --for question      return as soon as it asks (exit code 3)

The first answer counts; a second one is refused with exit code 8.

While it waits, the agent keeps its session, and its place goes to another task.
After limits.question_wait (10m) it parks: its process ends, and the answer
starts it again where it was. Nothing is lost in between, for any time.

With --unattended (and in a batch when CI is set) nobody can answer: a question
fails the task, for the reason unanswered.

An agent asks with \`dispatch ask\`, or writes a file (docs/PROTOCOL.md). To be
told of questions elsewhere: dispatch help notifications.`,
	},
	{
		name: "plans",
		title: "Plans: the checklist of a task is the measure of its progress",
		text: `  $ dispatch enqueue "Review it" --item "Read it" --item "Write output.md"
  $ dispatch enqueue "Review the login" --plan checklist.md
  $ dispatch enqueue --template code-review

Without a plan the agent writes its own first. It is .dispatch/tasks/ID/plan.md:

  - [ ] open       - [x] done       - [?] asks       - [!] failed for good

A task is completed when every item is checked, whatever its exit code. An item
marked [!] fails the task, for the reason item_error.

Tell a working agent something; it reads it before its next item:
  $ dispatch note ID "Leave the legacy code out"

Let a command have the last word; what it prints goes back to the agent:
  $ dispatch enqueue "Fix the tests" --verify "npm test"`,
	},
	{
		name: "batches",
		title: "Batches: many tasks from one file",
		text: `  $ dispatch batch tasks.yaml --wait --timeout 1h

  tasks:
    - id: licences
      prompt: List the licences of all dependencies in output.md.
      deadline: 20m
    - id: review-{{item}}
      foreach: { changed: main }
      prompt: Review {{item}}. Change nothing.
    - id: summary
      needs: [licences, "review-{{item}}"]
      prompt: Sum up what the reports say.

\`foreach\`: a task for each of a list, of the files of a glob, or of those that
changed since a commit. \`needs\`: what must have completed before. \`worktree:
true\`: on a branch of its own (dispatch help worktrees). All keys are in
docs/BATCHES.md; \`--dry-run\` shows the tasks. It is one thing, by its id or its
key: dispatch batch ls, batch status BATCH, wait, cancel, retry BATCH --failed.

Everything is checked first. --key NAME makes it idempotent: the same key gives
the same tasks. With --wait the exit code is 0 when all completed, 1 when one
failed, 3 when one is parked, 4 after --timeout.`,
	},
	{
		name: "worktrees",
		title: "Worktrees: a branch for each task",
		text: `  $ dispatch enqueue --worktree "Fix the login"
  $ dispatch enqueue --worktree --setup "npm ci" "Fix the tests"

Each such task works in a git worktree of its own, on the branch dispatch/ID,
which begins at your HEAD: any number of them in one repository, side by side.
What it changed is committed there whenever its agent ends. In a batch file it
is \`worktree: true\`, under \`defaults\` for all tasks of it.

  $ dispatch diff ID                     what it changed, also while it works
  $ dispatch apply ID                    bring it into your branch: a merge
  $ dispatch apply ID --as squash        one commit of yours; patch: none

A new worktree has no dependencies and no build: --setup makes them, before the
first agent. What it printed: dispatch logs ID.

\`dispatch rm\` and \`dispatch prune\` delete no work that is nowhere else. More
is in docs/WORKTREES.md.`,
	},
	{
		name: "waiting",
		title: "Waiting: why a task does not start",
		text: `\`dispatch status ID\` says why, and \`dispatch doctor\` looks at everything.

  no worker            $ dispatch up
  all places are taken   worker.concurrency agents work at a time (default: 2)
  too many agents live   worker.max_agents, those that wait for you included:
                         answer them (dispatch inbox)
  rate limit, outage     goes on by itself at the time that is shown
  not logged in          log in, then: dispatch doctor
  account is empty       mend that, then: dispatch doctor --fix
  day's budget is spent  budget.daily; goes on tomorrow (UTC)
  --after                once the tasks that are named have completed; one of
                         these failed: dispatch retry it, and this one follows
  --delay, backoff       starts at the time that is shown
  the worker drains      $ dispatch up
  the disk is full       make room: dispatch prune
  its host is away       start the worker there, or take the task over:
                         dispatch retry ID --here

A task in state "asking" or "parked" waits for you: dispatch questions.`,
	},
	{
		name: "scripts",
		title: "Scripts: JSON, exit codes, waiting",
		text: `  $ dispatch enqueue "Fix the tests" --key fix-42 --wait --timeout 1h
  $ dispatch ls --json
  $ dispatch wait --any --for question --cursor seen.json

--json prints one JSON document (one per line with --follow, and in \`watch\`), an
error as {"error":{"code":"DISPATCH_…","message":"…","hint":"…"}}. --quiet
prints results only, such as ids. Results go to stdout, all else to stderr.

  0  done; all completed          5  Redis cannot be reached
  1  a task failed                6  no such task
  2  wrong use or bad input       7  refused by policy
  3  an answer is needed          8  conflict: answered, ended or there already
  4  timed out                   70  a fault in dispatch      130  interrupted

--key makes enqueue idempotent: the same key gives the same task. Interrupting a
wait never cancels a task. The forms of all documents:
@dispatch-agents/dispatch/schemas, and docs/CLI.md.`,
	},
];
