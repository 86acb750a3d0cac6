# Completion for fish: net-admin-helper, and its tasks as commands. What there is to complete the program itself says, by
# --help: who may not run it is offered nothing.

# The running containers that podman and docker know, if they are there and answer soon.
function __net_admin_helper_pids
    for engine in podman docker
        command -q $engine; or continue
        timeout 2 $engine ps --quiet 2>/dev/null |
            timeout 2 xargs -r $engine inspect --format '{{.State.Pid}}	{{.Name}}' 2>/dev/null
    end
end

# The values of an argument or of an option, by what the help calls it.
function __net_admin_helper_values
    switch "$argv[1]"
        case pid
            __net_admin_helper_pids
        case host
            printf '%s\n' 0 1
        case file
            __fish_complete_path (commandline --current-token | string replace --regex '^--[a-z-]+=' '')
    end
end

# What may stand where the cursor is.
function __net_admin_helper
    set -l words (commandline --tokenize --current-process --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l program $words[1]
    set -e words[1]
    if string match --quiet --regex '(^|/)net-admin-helper$' -- $program
        if not set -q words[1]
            set -l tasks ($program --version 2>/dev/null | string replace --filter 'tasks: ' '' | string split ' ')
            test (count $tasks) -gt 0; and printf '%s\n' $tasks --help --version
            return
        end
        set -a program $words[1]
        set -e words[1]
    end
    set -l help ($program --help 2>/dev/null); or return
    set -l arguments (string match --regex --groups-only '^  <([a-z_]+)>: ' -- $help)
    set -l valued (string match --regex --groups-only '^  (--[a-z-]+) <[a-z_]+>: ' -- $help)
    set -l kinds (string match --regex --groups-only '^  --[a-z-]+ <([a-z_]+)>: ' -- $help)
    # What the words before this one leave to be given.
    set -l given 1
    set -l value
    for word in $words
        if test -n "$value"
            set value
        else if set -l at (contains --index -- $word $valued)
            set value $kinds[$at]
        else if not string match --quiet -- '--*' $word
            set given (math $given + 1)
        end
    end
    if test -n "$value"
        __net_admin_helper_values $value
    else if set -l option (string match --regex --groups-only '^(--[a-z-]+)=' -- $current)
        set -l at (contains --index -- $option $valued); or return
        for offered in (__net_admin_helper_values $kinds[$at])
            echo "$option=$offered"
        end
    else if string match --quiet -- '-*' $current
        string match --regex --groups-only '^  (--[a-z-]+)(?: <[a-z_]+>)?: ' -- $help
        echo --help
    else if set -q arguments[$given]
        __net_admin_helper_values $arguments[$given]
    end
end

for command in net-admin-helper cwg_create cwg_connect cwg_destroy cwg_show cwg_list cwg_wait cwg_destroy_all
    complete --command $command --no-files --arguments '(__net_admin_helper)'
end
