#!/usr/bin/env bats
# The line between the machines of cwg.bash breaks while cwg join waits for packets. All joins run at the same time, as
# alice of site1:
#
#     site1 - - - site2
#       c1 ------- c2      what is left is removed by the command that cwg says
#       c3 ------- c4      what is left goes by itself, after a minute
#       c7 ------- c8      over a connection of ssh's that was open before (ControlMaster)
#
# Meanwhile a join of c5 and c6, by an ssh to site1 that takes more than a minute to log in.

bats_require_minimum_version 1.5.0
load cwg
shopt -s extglob

setup_file()
{
    has_backend || return 0
    make_world
    container c1
    container c2
    container c3
    container c4
    container c5
    container c6
    container c7
    container c8
    export c1 c2 c3 c4 c5 c6 c7 c8
    open_master
    export MASTER
    printf '#!/bin/sh\n[ "$1" = -G ] || /bin/sleep 63\nexec ssh "$@"\n' >"$WORLD/slow"
    chmod 0755 "$WORLD/slow"
    { CWG_SSH=$WORLD/slow cwg join --endpoint 192.0.2.1,192.0.2.1 "pid/$c5" "site1:pid/$c6" >"$WORLD/out.3" \
        2>"$WORLD/err.3"; echo $? >"$WORLD/status.3"; } 3>&- &
    drop_udp site2 INPUT
    cwg join --net 7 "pid/$c1" "site2:pid/$c2" >"$WORLD/out.1" 2>"$WORLD/err.1" &
    FIRST=$!
    cwg join --net 8 "pid/$c3" "site2:pid/$c4" >"$WORLD/out.2" 2>"$WORLD/err.2" &
    SECOND=$!
    cwg join --net 9 "pid/$c7" "shared:pid/$c8" >"$WORLD/out.4" 2>"$WORLD/err.4" &
    FOURTH=$!
    wait_for has_peer "$c1" 7
    wait_for has_peer "$c3" 8
    wait_for has_peer "$c7" 9
    ip -n site1 link set v1 down
    SECONDS=0 STATUSES=(0 0 0 0)
    cwg join "pid/$c5" "shared:pid/$c6" >"$WORLD/out.5" 2>"$WORLD/err.5" &
    FIFTH=$!
    wait "$FIRST" || STATUSES[0]=$?
    wait "$SECOND" || STATUSES[1]=$?
    wait "$FOURTH" || STATUSES[2]=$?
    wait "$FIFTH" || STATUSES[3]=$?
    TOOK=$SECONDS
    export TOOK
    echo "${STATUSES[*]}" >"$WORLD/statuses"
}

# Says whether this machine's end of a net has its peer. That is the last step before the wait.
has_peer()
{
    [[ $(as alice site1 net-admin-helper cwg_show "$1" "$2" 0 --json) == *'"peer":{'* ]]
}

setup()
{
    require_backend
}

teardown_file()
{
    close_master
    end_world
}

@test "a join whose machine is cut off fails with status 3 within seconds, and its own end is gone" {
    [ "$(<"$WORLD/statuses")" = "3 3 3 1" ] || fail "$(cat "$WORLD"/statuses "$WORLD"/err.*)"
    [ "$TOOK" -le 20 ] || fail "it took $TOOK seconds"
    no_links "$c1" "$c3" "$c7"
}

@test "a join over a connection that is cut off already fails within seconds, and says how to close it" {
    [ "$(<"$WORLD/err.5")" = "cwg: shared: no answer over the open connection of ssh (ControlMaster): \
ssh -O exit shared closes it" ] || fail "$(<"$WORLD/err.5")"
}

@test "it says what may be left, and the command that removes it there" {
    local text
    text=$(<"$WORLD/err.1")
    # Which end notices first is open: this machine has no route any more, and ssh gets no answer.
    [[ $text == "cwg: "?(this machine: this machine has no route to 192.0.2.2:|site2: ssh: )*$'\n'"cwg: an end of net \
7 may be left in site2:pid/$c2; there, \`net-admin-helper cwg_destroy \$(cwg pid pid/$c2) 7 1 --if-exists\` removes \
it" ]] || fail "$text"
    has_device "$c2" wg-7-1
    text=${text##*there, \`}
    as_bob "${text%\`*}"
    no_links "$c2"
}

@test "what the other machine made without a commit it removes by itself, a minute after the last line" {
    while [ "$SECONDS" -lt 100 ] && has_device "$c4" wg-8-1; do sleep 0.5; done
    no_links "$c4" || fail "still there"
}

@test "a join comes about though a login takes longer than a session may be silent" {
    wait_for test -s "$WORLD/status.3"
    [ "$(<"$WORLD/status.3")" = 0 ] || fail "$(cat "$WORLD/err.3")"
}
