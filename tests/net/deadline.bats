#!/usr/bin/env bats
# The timer that ends a command which has a container open for too long (deadline.h). strace sets it to few seconds, and
# stops or delays the command at a chosen system call.
#
#     +--------------- site1 ---------------+
#     |  +------ c1 ------+                 |
#     |  |     wg-7-0     |                 |
#     |  +----------------+                 |
#     +-------------------------------------+

bats_require_minimum_version 1.5.0
load net

setup_file()
{
    has_backend || return 0
    install_helper
}

setup()
{
    require_backend
    one_site
    container c1
    CALLS=$BATS_TEST_TMPDIR/calls
    HELD=
}

teardown()
{
    [ -z "$HELD" ] || kill -KILL "$HELD" 2>/dev/null || true
    clean_up
}

# Words for strace: the Nth setting of the timer, or all as of the Nth (N+), is to $2 seconds.
timer()
{
    # struct itimerspec: no interval, and as many seconds as are said in little-endian.
    printf -- '--inject=timer_settime:poke_enter=@arg3=%032d%02x%030d:when=%s\n' 0 "$2" 0 "$1"
}

# Runs the helper as the application, under strace with these words: traced WORD... -- ARGUMENT...
traced()
{
    local -a words=()
    while [ "$1" != -- ]; do
        words+=("$1")
        shift
    done
    shift
    at site1 timeout 20 strace -o "$CALLS" -s 0 "${words[@]}" -- setpriv --reuid "$APP_UID" \
        --regid "$APP_GID" --clear-groups --inh-caps=-all -- "$HELPER" "$@"
}

# The same in the background. Sets HELD to the process of the helper; its exit code will be in a file.
traced_in_background()
{
    rm -f "$CALLS" "$BATS_TEST_TMPDIR/code"
    {
        code=0
        traced "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || code=$?
        echo "$code" >"$BATS_TEST_TMPDIR/code"
    } 3>&- &
    wait_for grep -q timer_settime "$CALLS"
    HELD=$(pgrep -u "$APP_UID" -x "${NAME:0:15}")
}

# The command in the background has failed by itself, with this text.
fails_with()
{
    wait_for test -s "$BATS_TEST_TMPDIR/code"
    grep -q '^+++ exited with 1 +++$' "$CALLS" || fail "it ended otherwise: $(tail -n 3 "$CALLS")"
    grep -q "$1" "$BATS_TEST_TMPDIR/err" || fail "it says: $(<"$BATS_TEST_TMPDIR/err")"
}

# The command was ended by its timer.
was_killed()
{
    grep -q '^+++ killed by SIGKILL +++$' "$CALLS" || fail "it ended otherwise: $(tail -n 3 "$CALLS")"
}

# The timer was set to this number of seconds whenever it was started. With 0 it is stopped.
timer_was_set_to()
{
    local seen
    seen=$(sed -n 's/^timer_settime(.*it_value={tv_sec=\([0-9]*\), tv_nsec=0}.*/\1/p' "$CALLS" | grep -vx 0 | sort -u)
    [ "$seen" = "$1" ] || fail "it was set to: $seen"
}

# ---- a wait ----

@test "a wait goes on beyond its deadline, since each round has one of its own" {
    cwg site1 create "$c1" 7 0 5101
    run --separate-stderr traced "$(timer 1+ 2)" -- cwg_wait "$c1" 7 0 5
    assert_failure_in_lines "the link wg-7-0 has no peer yet"
    # However long the wait may take, a round of it has 60 seconds.
    traced_in_background --trace=timer_settime -- cwg_wait "$c1" 7 0 90
    sleep 1
    end_container "$c1"
    fails_with "pid: the process ended in the meantime"
    timer_was_set_to 60
}

@test "a wait that is stopped ends by its deadline, and with it the container" {
    cwg site1 create "$c1" 7 0 5101
    traced_in_background "$(timer 1+ 2)" -- cwg_wait "$c1" 7 0 30
    kill -STOP "$HELD"
    end_container "$c1"
    wait_for was_killed
    wait_for port_free site1 5101
}

@test "a wait that is stopped for less than its deadline goes on" {
    cwg site1 create "$c1" 7 0 5101
    traced_in_background "$(timer 1+ 3)" -- cwg_wait "$c1" 7 0 5
    sleep 1
    kill -STOP "$HELD"
    sleep 1
    kill -CONT "$HELD"
    fails_with "the link wg-7-0 has no peer yet"
}

# ---- other tasks ----

@test "a command that is stopped with a container open is ended, and what it made is replaced" {
    run traced "$(timer 1+ 1)" --inject=flock:signal=SIGSTOP:when=1 -- cwg_create "$c1" 7 0 5101
    was_killed
    run traced "$(timer 1+ 1)" --inject=flock:signal=SIGSTOP:when=1 -- batch < <(echo "cwg_destroy $c1 7 0")
    was_killed
    run --separate-stderr cwg site1 create "$c1" 7 0 5101
    assert_success_with_key
}

# Where such a leader ended, the end of a killed command waited for whoever wrote to the terminal from a file of FUSE's
# mapped into memory.
@test "who leads a session on a console is refused, and not one on a pseudoterminal" {
    local leader=(ip netns exec site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all
        -- env -- "$HELPER" cwg_show "$c1")
    cwg site1 create "$c1" 7 0 5101
    mknod "$BATS_TEST_TMPDIR/console" c 4 42
    if ! : <"$BATS_TEST_TMPDIR/console"; then
        [ -z "${NAH_IN_VM:-}" ] || fail "the VM has no consoles"
        skip "this machine has no consoles"
    fi 2>/dev/null
    run --separate-stderr setsid --ctty --wait "${leader[@]}" <"$BATS_TEST_TMPDIR/console"
    assert_failure_with "this program leads a session on a console or a serial line"
    # Another process of that session, and a leader without a terminal.
    run --separate-stderr setsid --ctty --wait sh -c '"$@"; exit $?' - "${leader[@]}" <"$BATS_TEST_TMPDIR/console"
    [ "$status" = 0 ] || fail "$stderr"
    run --separate-stderr setsid --wait "${leader[@]}" </dev/null
    [ "$status" = 0 ] || fail "$stderr"
    run script --quiet --return --command "exec ${leader[*]}" /dev/null
    [[ $status = 0 && $output == *"wg-7-0: "* ]] || fail "code $status: $output"
}

@test "a command that has let go of its container is not ended, however long its result takes" {
    cwg site1 create "$c1" 7 0 5101
    run --separate-stderr traced "$(timer 1 1)" --inject=write:delay_enter=2000000:when=1 -- cwg_show "$c1" 7 0
    [ "$status" = 0 ] && [[ $output == *wg-7-0* ]] || fail "code $status: $output $stderr"
}

@test "nor is one that has failed, however long it takes to say why" {
    run --separate-stderr traced "$(timer 1 1)" --inject=write:delay_enter=2000000:when=1 -- cwg_show "$c1" 7 0
    assert_failure_with "no such link: the container has none for net 7, host 0"
}

@test "a list is ended while it looks at all processes, and not for what it did there later" {
    cwg site1 create "$c1" 7 0 5101
    run traced "$(timer 1 1)" --inject=getdents64:signal=SIGSTOP:when=1 -- cwg_list
    was_killed
    run --separate-stderr traced "$(timer 1 1)" --inject=seccomp:delay_enter=2000000:when=1 -- cwg_list
    [ "$status" = 0 ] && [[ $output == *wg-7-0* ]] || fail "code $status: $output $stderr"
}
