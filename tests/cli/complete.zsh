#!/usr/bin/env zsh
# complete.zsh DIRECTORY LINE KNOWN: what zsh offers at the end of a line, one a line, with the completions of
# DIRECTORY. A shell at a terminal of its own is given the line and a tab; what would be shown there is printed in its
# place. In the file KNOWN the first call writes which completions there are, and the later ones read it: to look takes
# zsh 0.3 s.
zmodload zsh/zpty
directory=${1:a} line=$2 known=${3:a} scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cat >"$scratch/init" <<INIT
PROMPT=
fpath=($directory \$fpath)
autoload -Uz compinit
compinit -u -d ${(q)known}
INIT
cat >>"$scratch/init" <<'INIT'
bindkey '^I' complete-word
bindkey '^M' undefined-key
bindkey '^J' undefined-key
mark() { print -rn -- $'\0' }
compprefuncs=(mark)
comppostfuncs=(mark exit)
zstyle ':completion:*' list-separator ''
zstyle ':completion:*' insert-tab false
# What is only sorted into other arrays is offered later.
compadd()
{
    local -a hits
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
        builtin compadd "$@"
        return
    fi
    builtin compadd -A hits "$@"
    (( $#hits )) && print -rl -- $IPREFIX$^hits
    builtin compadd "$@"
}
print -rn -- $'\0'
INIT
zpty z zsh -f -i
zpty -w z "source ${(q)scratch}/init"
zpty -r z text $'*\0' || exit 1
zpty -n -w z "$line"$'\t'
zpty -r -m z text $'*\0' || exit 1
zpty -r -m z text $'*\0' || exit 1
print -rn -- "${text//[$'\r\0']/}" | sed '/^$/d'
zpty -d z
