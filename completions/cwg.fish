# Completion for fish: cwg, which belongs to net-admin-helper. cwg itself says what there is to complete, by --help and
# by `cwg ps --names`.

function __cwg_commands
    $argv[1] --help 2>/dev/null | string replace --filter --regex '^  ([a-z]+) .*' '$1'
end

# The running containers as NAME; as ENGINE/NAME when a slash is typed: __cwg_containers CWG WORD
function __cwg_containers
    set -l names (timeout 3 $argv[1] ps --names 2>/dev/null)
    string match --quiet '*/*' -- $argv[2]; or set names (string replace --regex '.*/' '' -- $names)
    printf '%s\n' $names | sort -u
end

function __cwg_hosts
    __fish_print_hostnames | string match --regex '^[A-Za-z0-9][A-Za-z0-9._:-]*$' |
        string replace --regex '.*:.*' '[$0]'
end

# The nets that this user joined.
function __cwg_nets
    set -l state $HOME/.local/state
    test -n "$XDG_STATE_HOME"; and set state $XDG_STATE_HOME
    set -l files $state/cwg/*.json
    string replace --filter --regex '.*/([0-9]+)\.json$' '$1' -- $files
end

# The names of links that are declared to an agent: that of the state directory, or the user's: __cwg_links CWG [DIR]
function __cwg_links
    set -l state
    test -n "$argv[2]"; and set state --state $argv[2]
    timeout 3 $argv[1] status --names $state 2>/dev/null | string match --invert --regex '^[0-9]+$'
end

# What may stand in the place of an END: __cwg_ends CWG WORD. The containers of another machine aren't known.
function __cwg_ends
    string match --quiet '*:*' -- $argv[2]; and return
    __cwg_containers $argv
    set -l user (string match --regex '^[^@]*@' -- $argv[2])
    for host in (__cwg_hosts)
        echo "$user$host:"
    end
end

# The values of an option, or what a command takes by the first line of its help.
function __cwg_values
    set -l cwg $argv[1]
    set -l option $argv[2]
    set -l word $argv[3]
    set -l state $argv[4]
    set -l help $argv[5..]
    if test -n "$option"
        set -l value (string match --regex --groups-only "^  $option ([^ ]+) " -- $help)
        if test "$value" = DIR
            __fish_complete_directories $word ''
            return
        else if contains -- "$value" FILE SOCKET
            __fish_complete_path $word
            return
        else if test -n "$value"
            string match --quiet --regex '^[0-9|]+$' -- $value; and string split '|' $value
            return
        end
    end
    string match --quiet '*NET*' -- $help[1]; and __cwg_nets
    string match --quiet '*LINK*' -- $help[1]; and __cwg_links $cwg $state
    string match --quiet '*FILE*' -- $help[1]; and __fish_complete_path $word
    string match --quiet '*END*' -- $help[1]; and __cwg_ends $cwg $word
    string match --quiet '*NAME*' -- $help[1]; and __cwg_containers $cwg $word
    string match --quiet '*HOST*' -- $help[1]; and __cwg_hosts
end

# What may stand where the cursor is.
function __cwg
    set -l words (commandline --tokenize --current-process --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l cwg $words[1]
    set -l command $words[2]
    if not set -q words[2]
        set -l commands (__cwg_commands $cwg)
        test (count $commands) -gt 0; and printf '%s\n' $commands help --help --version
        return
    else if test $command = help
        __cwg_commands $cwg
        return
    end
    set -l help ($cwg $command --help 2>/dev/null); or return
    set -l option (string match --regex '^--.*' -- $words[-1])
    set -l state (string match --regex --groups-only -- ' --state[= ]([^ ]+)' " $words ")
    set -l given (string match --regex --groups-only '^(--[a-z-]+)=' -- $current)
    if test -n "$given"
        for value in (__cwg_values $cwg $given (string replace --regex '^[^=]*=' '' -- $current) "$state" $help)
            echo "$given=$value"
        end
    else if string match --quiet -- '-*' $current
        string match --regex --groups-only '^  (--[a-z-]+)[ [=]' -- $help
        echo --help
    else
        __cwg_values $cwg "$option" "$current" "$state" $help
    end
end

complete --command cwg --no-files --arguments '(__cwg)'
