# Completion for bash: cwg, which belongs to net-admin-helper. cwg itself says what there is to complete, by --help and
# by `cwg ps --names`. Needs no other package.
# shellcheck shell=bash

_cwg_commands()
{
    "$1" --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p'
}

# The running containers as NAME; as ENGINE/NAME when a slash is typed: _cwg_containers CWG WORD
_cwg_containers()
{
    local cut='s|.*/||'
    [[ $2 != */* ]] || cut=
    timeout 3 "$1" ps --names 2>/dev/null | sed "$cut" | sort -u
}

# The hosts of ssh's configuration and of its known hosts, without patterns and hashed names.
_cwg_hosts()
{
    {
        cat ~/.ssh/config /etc/ssh/ssh_config 2>/dev/null |
            awk 'tolower($1) == "host" { for (i = 2; i <= NF; i++) print $i }'
        cat ~/.ssh/known_hosts /etc/ssh/ssh_known_hosts 2>/dev/null |
            awk '{ gsub(/\[|\](:[0-9]+)?/, "", $1); for (i = split($1, name, ","); i > 0; i--) print name[i] }'
    } | grep -xE '[A-Za-z0-9][A-Za-z0-9._:-]*' | sed 's/.*:.*/[&]/' | sort -u
}

# The nets that this user joined.
_cwg_nets()
{
    local file
    for file in "${XDG_STATE_HOME:-$HOME/.local/state}"/cwg/*.json; do
        file=${file##*/}
        [[ $file != [0-9]* ]] || echo "${file%.json}"
    done
}

# The names of links that are declared to an agent: that of the state directory, or the user's: _cwg_links CWG [DIR]
_cwg_links()
{
    timeout 3 "$1" status --names ${2:+--state "$2"} 2>/dev/null | grep -vxE '[0-9]+'
}

# What may stand in the place of an END: _cwg_ends CWG WORD. The containers of another machine aren't known.
_cwg_ends()
{
    local user=
    [[ $2 != *:* ]] || return 0
    _cwg_containers "$1" "$2"
    [[ $2 != *@* ]] || user=${2%%@*}@
    _cwg_hosts | sed "s/.*/$user&:/"
}

# The values of an option, or what a command takes by the first line of its help:
# _cwg_values CWG HELP OPTION WORD STATE
_cwg_values()
{
    local usage=${2%%$'\n'*} value=
    [ -z "$3" ] || value=$(sed -n "s/^  $3 \([^ ]*\) .*/\1/p" <<<"$2")
    case $value in
        DIR) compgen -d -- "$4" | sed 's|$|/|' ;;
        FILE | SOCKET) compgen -f -- "$4" ;;
    esac
    if [ -n "$value" ]; then
        [[ ! $value =~ ^[0-9|]+$ ]] || tr '|' '\n' <<<"$value"
        return
    fi
    [[ $usage != *NET* ]] || _cwg_nets
    [[ $usage != *LINK* ]] || _cwg_links "$1" "$5"
    [[ $usage != *FILE* ]] || compgen -f -- "$4"
    [[ $usage != *END* ]] || _cwg_ends "$1" "$4"
    [[ $usage != *NAME* ]] || _cwg_containers "$1" "$4"
    [[ $usage != *HOST* ]] || _cwg_hosts
}

_cwg()
{
    local cwg=${COMP_WORDS[0]} command=${COMP_WORDS[1]:-} line=${COMP_LINE:0:COMP_POINT} cur help head breaks
    local option='' state=''
    local -a words
    cur=${line##*[[:space:]]}
    read -r -a words <<<"${line%"$cur"}"
    COMPREPLY=()
    if [ ${#words[@]} -lt 2 ]; then
        help=$(_cwg_commands "$cwg")
        help=${help:+$help help --help --version}
    elif [ "$command" = help ]; then
        help=$(_cwg_commands "$cwg")
    else
        help=$("$cwg" "$command" --help 2>/dev/null) || return 0
        [[ ${words[-1]} != --* ]] || option=${words[-1]}
        [[ " ${words[*]} " != *" --state"[=\ ]* ]] ||
            state=$(sed -E 's/.* --state[= ]([^ ]*).*/\1/' <<<" ${words[*]}")
        if [[ $cur == --*=* ]]; then
            help=$(_cwg_values "$cwg" "$help" "${cur%%=*}" "${cur#*=}" "$state" | sed "s/^/${cur%%=*}=/")
        elif [[ $cur == -* ]]; then
            help="$(sed -n 's/^  \(--[a-z-]*\)[ [].*/\1/p' <<<"$help") --help"
        else
            help=$(_cwg_values "$cwg" "$help" "$option" "$cur" "$state")
        fi
    fi
    mapfile -t COMPREPLY < <(compgen -W "$help" -- "$cur")
    [ ${#COMPREPLY[@]} != 1 ] || [[ ${COMPREPLY[0]} != *[:/] ]] || compopt -o nospace 2>/dev/null || true
    # readline replaces only what is behind the last of these.
    breaks=${COMP_WORDBREAKS//[^:=@]/}
    [ -n "$breaks" ] || return 0
    head=${cur%"${cur##*["$breaks"]}"}
    COMPREPLY=("${COMPREPLY[@]#"$head"}")
}

complete -F _cwg cwg
