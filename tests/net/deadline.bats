#!/usr/bin/env bats
# A timer ends a command that has a container open for too long (deadline.h). strace shortens the timer to some seconds,
# and stops or delays the command at a chosen system call.
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

# Prints options for strace. They set the timer to $2 seconds, the Nth time that it is set, or each time as of the Nth
# (N+).
timer()
{
    # struct itimerspec: no interval, and the seconds in little-endian.
    printf -- '--inject=timer_settime:poke_enter=@arg3=%032d%02x%030d:when=%s\n' 0 "$2" 0 "$1"
}

# Runs the helper as the application, under strace with these options: traced OPTION... -- ARGUMENT...
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

# Runs the helper like traced(), in the background. Sets HELD to the helper's process, and writes its exit code to a
# file.
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

# The command in the background ends by itself, with this error.
fails_with()
{
    wait_for test -s "$BATS_TEST_TMPDIR/code"
    grep -q '^+++ exited with 1 +++$' "$CALLS" || fail "it ended otherwise: $(tail -n 3 "$CALLS")"
    grep -q "$1" "$BATS_TEST_TMPDIR/err" || fail "it says: $(<"$BATS_TEST_TMPDIR/err")"
}

# The timer has ended the command.
was_killed()
{
    grep -q '^+++ killed by SIGKILL +++$' "$CALLS" || fail "it ended otherwise: $(tail -n 3 "$CALLS")"
}

# Each time the timer was started, it was set to this number of seconds. 0 stops the timer.
timer_was_set_to()
{
    local seen
    seen=$(sed -n 's/^timer_settime(.*it_value={tv_sec=\([0-9]*\), tv_nsec=0}.*/\1/p' "$CALLS" | grep -vx 0 | sort -u)
    [ "$seen" = "$1" ] || fail "it was set to: $seen"
}

# ---- a wait ----

@test "a cwg_wait that lasts longer than the deadline goes on, because each of its rounds has a deadline of its own" {
    cwg site1 create "$c1" 7 0 5101
    run --separate-stderr traced "$(timer 1+ 2)" -- cwg_wait "$c1" 7 0 5
    assert_failure_in_lines "the link wg-7-0 has no peer yet"
    # A round has 60 seconds, however long the whole wait may be.
    traced_in_background --trace=timer_settime -- cwg_wait "$c1" 7 0 90
    sleep 1
    end_container "$c1"
    fails_with "pid: the process ended in the meantime"
    timer_was_set_to 60
}

@test "a cwg_wait that is stopped is ended by its deadline, and then its container can end" {
    cwg site1 create "$c1" 7 0 5101
    traced_in_background "$(timer 1+ 2)" -- cwg_wait "$c1" 7 0 30
    kill -STOP "$HELD"
    end_container "$c1"
    wait_for was_killed
    wait_for port_free site1 5101
}

@test "a cwg_wait that is stopped for less than its deadline goes on" {
    cwg site1 create "$c1" 7 0 5101
    traced_in_background "$(timer 1+ 3)" -- cwg_wait "$c1" 7 0 5
    sleep 1
    kill -STOP "$HELD"
    sleep 1
    kill -CONT "$HELD"
    fails_with "the link wg-7-0 has no peer yet"
}

# ---- other tasks ----

@test "a command that is stopped with a container open is ended, and the next command replaces its half-made link" {
    run traced "$(timer 1+ 1)" --inject=flock:signal=SIGSTOP:when=1 -- cwg_create "$c1" 7 0 5101
    was_killed
    run traced "$(timer 1+ 1)" --inject=flock:signal=SIGSTOP:when=1 -- batch < <(echo "cwg_destroy $c1 7 0")
    was_killed
    run --separate-stderr cwg site1 create "$c1" 7 0 5101
    assert_success_with_key
}

# While a leader like this one ended, the kernel waited for processes that wrote to the terminal. Such a process could
# write from a file of FUSE mapped into memory, and wait for ever.
@test "the helper refuses to run as leader of a session on a console, and runs as leader on a pseudoterminal" {
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
    # The helper runs as another process of that session, and as a leader without a terminal.
    run --separate-stderr setsid --ctty --wait sh -c '"$@"; exit $?' - "${leader[@]}" <"$BATS_TEST_TMPDIR/console"
    [ "$status" = 0 ] || fail "$stderr"
    run --separate-stderr setsid --wait "${leader[@]}" </dev/null
    [ "$status" = 0 ] || fail "$stderr"
    run script --quiet --return --command "exec ${leader[*]}" /dev/null
    [[ $status = 0 && $output == *"wg-7-0: "* ]] || fail "code $status: $output"
}

@test "a command that has closed its container isn't ended, however long its result takes to write" {
    cwg site1 create "$c1" 7 0 5101
    run --separate-stderr traced "$(timer 1 1)" --inject=write:delay_enter=2000000:when=1 -- cwg_show "$c1" 7 0
    [ "$status" = 0 ] && [[ $output == *wg-7-0* ]] || fail "code $status: $output $stderr"
}

@test "a command that has failed isn't ended, however long its error takes to write" {
    run --separate-stderr traced "$(timer 1 1)" --inject=write:delay_enter=2000000:when=1 -- cwg_show "$c1" 7 0
    assert_failure_with "no such link: the container has none for net 7, host 0"
}

@test "a cwg_list is ended while it looks at all processes, and that timer doesn't end it later" {
    cwg site1 create "$c1" 7 0 5101
    run traced "$(timer 1 1)" --inject=getdents64:signal=SIGSTOP:when=1 -- cwg_list
    was_killed
    run --separate-stderr traced "$(timer 1 1)" --inject=seccomp:delay_enter=2000000:when=1 -- cwg_list
    [ "$status" = 0 ] && [[ $output == *wg-7-0* ]] || fail "code $status: $output $stderr"
}
