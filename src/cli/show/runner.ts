/**
 * CI runners read what a command prints as it comes, and act on some of it: `::set-output …` and `##[group]` (GitHub,
 * Gitea, Forgejo), `##vso[…]` (Azure), `##teamcity[…]`. What an agent says must never be such a command.
 */

/** `other`: one that is known by name alone. */
export type Runner = "github" | "gitlab" | "other";

type Environment = Record<string, string | undefined>;

/** Of the runner that this command was started by; null: none is known. */
export function runnerOf(env: Environment): Runner | null {
	if (isSet(env.GITHUB_ACTIONS)) return "github";
	if (isSet(env.GITLAB_CI)) return "gitlab";
	return isSet(env.CI) || isSet(env.TF_BUILD) || isSet(env.TEAMCITY_VERSION) ? "other" : null;
}

/** As CI servers mean it: `CI=false` and `CI=0` count as not set. */
export function isSet(value: string | undefined): boolean {
	return value !== undefined && value !== "" && value !== "false" && value !== "0";
}

/** A runner whose comparison goes by the culture overlooks these. */
const UNSEEN = "\\p{Cf}\\p{DI}";
/** GitHub's, from the first sign of a line on; our colours may stand before it. */
const AT_START = new RegExp(`^((?:[^\\S\\n]|[\\x85${UNSEEN}]|\\x1b\\[[\\d;]*m)*:)(?=[${UNSEEN}]*:)`, "gmu");
/** GitHub's older form, and those of Azure and TeamCity, anywhere in a line. */
const ANYWHERE = new RegExp(`(#[${UNSEEN}]*#[a-z${UNSEEN}]*)\\[`, "giu");

/** No line of it is a command to a runner: a blank stands where one would begin. */
export function withoutCommands(text: string): string {
	return text.replace(AT_START, "$1 ").replace(ANYWHERE, "$1 [");
}

/** The same for a JSON document, whose values stay as they are. */
export function jsonWithoutCommands(document: string): string {
	return document.replace(ANYWHERE, "$1\\u005b");
}
