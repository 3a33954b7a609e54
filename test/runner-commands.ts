/**
 * What CI runners take for a command in a log, as their sources do it: GitHub's runner (ActionCommand.cs: `::name` behind
 * blanks, `##[name]` anywhere), Azure's (`##vso[` anywhere), TeamCity's (`##teamcity[`), GitLab's (the marker of a section).
 * Comparisons by the culture overlook what has no width.
 */

const GITHUB =
	"add-mask add-matcher add-path debug echo endgroup error group internal-set-repo-path notice remove-matcher save-state set-env set-output stop-commands warning".split(
		" ",
	);
const UNSEEN = /[\p{Cf}\p{DI}]/gu;

/** @returns each command in the log, with its line */
export function commandsIn(log: string): { name: string; line: string }[] {
	return log.split(/\r\n|\n|\r(?!\x1b\[0K)/).flatMap((line) => {
		const text = line.replace(UNSEEN, "");
		const second = /^[\s\x85]*::([^\s:]+)(?: .*?)?::/.exec(text)?.[1]?.toLowerCase();
		const first = /##\[([^\]\s]+)[^\]]*\]/.exec(text)?.[1]?.toLowerCase();
		const names = [second, first].filter((name) => name !== undefined && GITHUB.includes(name));
		const others = /##(?:vso|teamcity)\[/i.exec(text)?.[0];
		const section = /section_(?:start|end):\d+:[\w.-]+(?:\[[^\]]*\])?\r\x1b\[0K/.exec(line)?.[0];
		return [...names, others, section].flatMap((name) => (name === undefined ? [] : [{ name, line }]));
	});
}
