# Completion for bash: net-admin-helper, and its tasks as commands. What there is to complete the program says itself,
# by --help: who may not run it is offered nothing. Needs no other package.
# shellcheck shell=bash

# The pids of the running containers that podman and docker know, if they are there and answer soon.
_net_admin_helper_pids()
{
    local engine
    for engine in podman docker; do
        command -v "$engine" >/dev/null 2>&1 || continue
        timeout 2 "$engine" ps --quiet 2>/dev/null |
            timeout 2 xargs -r "$engine" inspect --format '{{.State.Pid}}' 2>/dev/null
    done
}

# The values of an argument or of an option, by what the help calls it.
_net_admin_helper_values()
{
    case $1 in
        pid) compgen -W "$(_net_admin_helper_pids)" -- "$2" ;;
        host) compgen -W "0 1" -- "$2" ;;
        file) compgen -f -- "$2" ;;
    esac
}

_net_admin_helper()
{
    local command=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]} help value='' i=1 given=0 word
    local -a arguments=() task=()
    local -A options=()
    COMPREPLY=()
    [ "$cur" != = ] || cur=
    if [ "${command##*/}" = net-admin-helper ]; then
        if [ "$COMP_CWORD" = 1 ]; then
            help=$("$command" --version 2>/dev/null | sed -n 's/^tasks: //p')
            mapfile -t COMPREPLY < <(compgen -W "${help:+$help --help --version}" -- "$cur")
            return
        fi
        task=("${COMP_WORDS[1]}") i=2
    fi
    help=$("$command" "${task[@]}" --help 2>/dev/null) || return 0
    while IFS= read -r word; do
        if [[ $word =~ ^\ \ \<([a-z_]+)\>:\  ]]; then
            arguments+=("${BASH_REMATCH[1]}")
        elif [[ $word =~ ^\ \ (--[a-z-]+)(\ \<([a-z_]+)\>)?:\  ]]; then
            options[${BASH_REMATCH[1]}]=${BASH_REMATCH[3]}
        fi
    done <<<"$help"
    # What the words before this one leave to be given. An option's value may be behind a '=', a word of its own.
    for (( ; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]} value=
        if [[ $word != --* ]]; then
            given=$((given + 1))
            continue
        fi
        value=${options[$word]:-}
        [ "${COMP_WORDS[i + 1]}" != = ] || i=$((i + 1))
        [ -z "$value" ] || i=$((i + 1))
        if [ "$i" -lt "$COMP_CWORD" ]; then
            value=
        fi
    done
    if [ -n "$value" ]; then
        mapfile -t COMPREPLY < <(_net_admin_helper_values "$value" "$cur")
    elif [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "${!options[*]} --help" -- "$cur")
    else
        mapfile -t COMPREPLY < <(_net_admin_helper_values "${arguments[given]:-}" "$cur")
    fi
}

complete -o filenames -F _net_admin_helper net-admin-helper cwg_create cwg_connect cwg_destroy cwg_show \
    cwg_list cwg_wait cwg_destroy_all
