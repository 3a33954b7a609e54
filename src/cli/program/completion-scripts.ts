/**
 * What `dispatch completion SHELL` prints. The words go to dispatch as arguments, as they were typed: none
 * of these evaluates them. Where dispatch offers nothing the shell completes file names; where it says so, by a tab
 * alone, nothing.
 */
export const COMPLETION_SCRIPTS: Readonly<Record<string, string>> = {
	bash: `
# dispatch: completion for bash
_dispatch() {
	local line
	COMPREPLY=()
	while IFS= read -r line; do
		if [ "$line" = $'\\t' ]; then compopt +o default 2>/dev/null; return; fi
		COMPREPLY+=("\${line%%$'\\t'*}")
	done < <(dispatch complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _dispatch dispatch
`,
	zsh: `
# dispatch: completion for zsh
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_dispatch() {
	local line
	local -a offered
	while IFS= read -r line; do
		[[ $line == $'\\t' ]] && return
		offered+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
	done < <(dispatch complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
	if (( $#offered )); then _describe dispatch offered; else _files; fi
}
compdef _dispatch dispatch
`,
	fish: `
# dispatch: completion for fish
function __dispatch_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l offered (dispatch complete -- $words[2..] 2>/dev/null)
	if test "$offered" = \\t
		return
	else if test (count $offered) -gt 0
		printf '%s\\n' $offered
	else
		__fish_complete_path (commandline -ct)
	end
end
complete -c dispatch -f -a '(__dispatch_complete)'
`,
};
