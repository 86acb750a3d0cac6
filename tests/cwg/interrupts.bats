#!/usr/bin/env bats
# A cwg join that is interrupted, or of which a process on its own machine is killed, leaves nothing at either end.
# cwg.bash draws the machines, and ends.bash the processes.

bats_require_minimum_version 1.5.0
load cwg
load ends

world_of_the_file

@test "SIGINT, SIGTERM and SIGHUP end a join, before and in its commit" {
    at_each INT client interrupted answer:look answer:connect
    at_each TERM client interrupted answer:create
    at_each HUP client interrupted answer:create
    at_commit INT client interrupted request:commit answer:commit
}

@test "cwg killed in a join leaves nothing" {
    at_each KILL client "" answer:create
}

@test "this machine's own cwg serve and helper killed are noticed, and nothing is left" {
    at_each KILL near_serve "this machine: the session ended with status 137" answer:create
    at_each KILL near_batch "this machine: net-admin-helper ended with status 137, and said nothing" answer:create
}

# Runs a command of alice's at site1, at a terminal: at_terminal [--type TEXT KEYS]... -- COMMAND...
at_terminal()
{
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    at site1 /usr/bin/env -i HOME="$WORLD/home/alice" PATH="$WORLD/whole" LC_ALL=C \
        /usr/bin/python3 -IS "$ROOT/tests/cwg/terminal.py" "${options[@]}" -- \
        "$TOOLS/enter" --user "${UIDS[alice]}" "${GIDS[alice]}" "$@" 3>&-
}

@test "Ctrl-C at a terminal ends a join in its wait, and nothing is left" {
    drop_udp site2 INPUT
    run at_terminal --type 'connecting ...' '^C' -- cwg join "pid/$c1" "site2:pid/$c2"
    pass_udp site2
    [ "$status" = 1 ] || fail "$status: $output"
    [[ $output == *"looking up both containers ..."*"creating both ends ..."*"connecting ..."*"cwg: interrupted"* ]] ||
        fail "$output"
    [[ $output != *"may be left"* ]] || fail "$output"
    nothing_left
}

@test "at a terminal ssh may ask for a password" {
    run --separate-stderr at_terminal --type "password: " $'open-sesame\r' -- cwg join "pid/$c1" "dave@site2:pid/$c2"
    [ "$status" = 0 ] || fail "$output"
    [[ $output == *"dave@192.0.2.2's password: "*"connected in "* && $output != *open-sesame* ]] || fail "$output"
    [ -n "$(links_in "$c1")" ]
    [ -n "$(links_in "$c2")" ]
    # Nobody is asked without a terminal.
    run --separate-stderr cwg join "pid/$c2" "dave@site2:pid/$c1"
    assert_said 1 "dave@site2: ssh: dave@192.0.2.2: Permission denied (password); \`ssh dave@site2 true\` has to work"
}

@test "Ctrl-C at a question for a password ends the join, and the terminal shows again what is typed" {
    run at_terminal --type "password: " '^C' -- /bin/sh -c \
        "trap : INT; cwg join pid/$c1 dave@site2:pid/$c2; echo status \$?; /bin/stty -a"
    [[ $output == *"password: "*"cwg: interrupted"*"status 1"*" echo "* ]] || fail "$output"
    nothing_left
}
