/**
 * What git is told whenever dispatch itself runs it, whatever a config says that an agent may have written to: no hook,
 * pager, editor, prompt, signature or transport runs, nothing watches files, nothing is hidden from it, and a command
 * does what it was asked for and no more.
 */

/** Hooks of the config (git 2.54) that a command of ours could come by; git 2.55 takes this for all of an event. */
const EVENTS = [
	"reference-transaction",
	"post-index-change",
	"post-checkout",
	"post-merge",
	"pre-merge-commit",
	"post-rewrite",
	"pre-auto-gc",
];

const SETTINGS: Readonly<Record<string, string>> = {
	// Programs.
	"core.fsmonitor": "false",
	"core.hooksPath": "/dev/null",
	"core.editor": ":",
	"core.sshCommand": "false",
	"protocol.allow": "never",
	"commit.gpgSign": "false",
	"log.showSignature": "false",
	"merge.verifySignatures": "false",
	"gc.auto": "0",
	"maintenance.auto": "false",
	"submodule.recurse": "false",
	"diff.submodule": "short",
	...Object.fromEntries(EVENTS.map((event) => [`hook.${event}.enabled`, "false"])),
	// What would have a changed file pass for an unchanged one.
	"core.checkStat": "default",
	"core.trustctime": "true",
	"core.ignoreStat": "false",
	"core.untrackedCache": "false",
	// A list beside the commits, which may say other trees and parents than they do.
	"core.commitGraph": "false",
	"status.showUntrackedFiles": "normal",
	// What would have an index lie in two files, one of them in a git directory that goes with our act.
	"core.splitIndex": "false",
	"diff.ignoreSubmodules": "none",
	// What would have a command do something else, or print it otherwise.
	"core.quotePath": "false",
	"core.safecrlf": "false",
	"merge.autoStash": "false",
	"merge.ff": "true",
	"diff.relative": "false",
	"diff.noprefix": "false",
	"diff.mnemonicPrefix": "false",
	"diff.srcPrefix": "a/",
	"diff.dstPrefix": "b/",
	"diff.orderFile": "/dev/null",
	"worktree.useRelativePaths": "false",
	"core.preferSymlinkRefs": "false",
};

/** The same as options of git, which stand before its command. */
export const GIT_OPTIONS: readonly string[] = Object.entries(SETTINGS).flatMap(([name, value]) => [
	"-c",
	`${name}=${value}`,
]);

/** A list of protocols in the environment is above what a config says of a single one. */
export const GIT_VARIABLES: Readonly<Record<string, string>> = {
	LC_ALL: "C",
	GIT_ALLOW_PROTOCOL: "none",
	GIT_TERMINAL_PROMPT: "0",
	GIT_ASKPASS: "false",
	SSH_ASKPASS: "false",
	GIT_PAGER: "cat",
	GIT_EDITOR: ":",
	GIT_SEQUENCE_EDITOR: ":",
	GIT_OPTIONAL_LOCKS: "0",
	GIT_NO_LAZY_FETCH: "1",
	// What would have an object, or a history, pass for another one.
	GIT_NO_REPLACE_OBJECTS: "1",
	GIT_GRAFT_FILE: "/dev/null",
};
