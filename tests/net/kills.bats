#!/usr/bin/env bats
# Commands that are killed or stopped at any moment, or can't deliver their result, leave nothing, or something that the
# next command clears away.
#
#       site1
#     +-----------------------------------------------------------------------+
#     |  UDP 5001   UDP 5002     UDP 5003    UDP 5005 and 5006    UDP 5004    |
#     |  +------+   +-------+   +-------+     +-----------+      +--------+   |
#     |  |create|   |connect|   |destroy|     |destroy_all|      | others |   |      one container each
#     |  +------+   +-------+   +-------+     +-----------+      +--------+   |
#     +-----------------------------------------------------------------------+
#
# The sweeps run beside each other, and beside the other tests of the file. They kill at system calls of main(), which
# to_be_killed() in net.bash chooses, and at none of the loader's before main().

bats_require_minimum_version 1.5.0
load net

KEY_A=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=
KEY_B=BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=

setup_file()
{
    has_backend || return 0
    install_helper
    one_site
    local sweep
    for sweep in create connect destroy destroy_all; do
        container c1
        (if sweep "$sweep" "$c1"; then echo "status 0"; else echo "status 1"; fi) \
            >"$BATS_FILE_TMPDIR/$sweep" 2>&1 3>&- &
    done
    container c1
    export c1
}

setup()
{
    require_backend
}

teardown()
{
    [ -z "${c1:-}" ] || at site1 "$HELPER" cwg_destroy "$c1" 1 0 2>/dev/null || true
    clean_up
}

teardown_file()
{
    clean_up
    wait
}

# Runs the sweep of a task on a container, in the site, in one shell.
sweep()
{
    at site1 env TRACER="$TOOLS/at-syscall --uid $APP_UID --gid $APP_GID" KEY_A="$KEY_A" KEY_B="$KEY_B" \
        bash -c "set -uo pipefail; $(declare -f points to_be_killed killed inside fail nothing_left \
            has_link "sweep_of_$1")
            container=$2; sweep_of_$1"
}

# Sets $points to the system calls of a command at which to kill it, and $last to the last call that changes something.
points()
{
    local n call from=prctl # the program's own first call; the loader's calls are before it
    points=() last=0
    while read -r n call _; do
        [[ $n == [0-9]* ]] || continue
        [ "$call" != "$from" ] || from=
        [ -n "$from" ] || points+=("$n")
        [ "$call" != sendto ] || last=$n
    done < <($TRACER status --report 1 --stdout /dev/null -- "$HELPER" "$@")
    [ "${#points[@]}" -gt 20 ] || fail "only ${#points[@]} system calls seen of $*"
    mapfile -t points < <(printf '%s\n' "${points[@]}" | to_be_killed)
    [ "${#points[@]}" -ge 8 ] || fail "to be killed at only ${#points[@]} system calls of $*"
}

# Kills a command at its call $n.
killed()
{
    local said status=0
    said=$($TRACER --stdout /dev/null kill "$n" -- "$HELPER" "$@" 2>&1) || status=$?
    [ "$status" = 137 ] || fail "not killed at $n: $status, $said"
}

# Looks into /proc without starting a process.
has_link()
{
    local table
    read -r -d '' table <"/proc/$container/net/dev" || true
    [[ $table == *[[:space:]]"$1:"* ]]
}

# Neither the link nor its port is left. An engine that wasn't told to go on gets a moment to end.
nothing_left()
{
    local table port i
    printf -v port ':%04X ' "$2"
    for ((i = 0; i < 40; i++)); do
        read -r -d '' table </proc/self/net/udp || true
        [ "$BACKEND" = engine ] && [[ $table == *"$port"* ]] || has_link "$1" || break
        sleep 0.025
    done
    [[ $table != *"$port"* ]] || fail "killed at $n: port $2 is still bound"
    ! has_link "$1" || fail "killed at $n: $1 is still there"
}

# Kills a create, then repeats it; kills it again, then destroys the link.
sweep_of_create()
{
    local points last n status command=(cwg_create "$container" 1 0 5001)
    points "${command[@]}" || return
    "$HELPER" cwg_destroy "$container" 1 0 || return
    for n in "${points[@]}"; do
        killed "${command[@]}" || return
        "$HELPER" "${command[@]}" >/dev/null 2>&1
        # The create's last message finishes the link. After that a second create is refused.
        status=$?
        [ "$status" = $((n > last)) ] || fail "killed at $n: again, it ended with $status" || return
        "$HELPER" cwg_destroy "$container" 1 0 || fail "killed at $n: not destroyed" || return
        nothing_left wg-1-0 5001 || return
        killed "${command[@]}" || return
        "$HELPER" cwg_destroy "$container" 1 0 2>/dev/null
        nothing_left wg-1-0 5001 || return
    done
    echo "swept ${#points[@]}"
}

# After a kill the peer is the old or the new one, whole. After the repetition it is the new one.
sweep_of_connect()
{
    local points last n turn=0 old=$KEY_A new=$KEY_B peers endpoint=192.0.2.2:7002
    "$HELPER" cwg_create "$container" 1 0 5002 >/dev/null || return
    points cwg_connect "$container" 1 1 "$endpoint" "$old" || return
    for n in "${points[@]}"; do
        killed cwg_connect "$container" 1 1 "$endpoint" "$new" || return
        peers=$(inside "$container" wg show wg-1-0 allowed-ips)
        [ "$peers" = "$old	10.0.0.3/32" ] || [ "$peers" = "$new	10.0.0.3/32" ] || fail "killed at $n: $peers" || return
        "$HELPER" cwg_connect "$container" 1 1 "$endpoint" "$new" || fail "killed at $n: not again" || return
        turn=$((turn + 1))
        if [ $((turn % 4)) = 0 ]; then
            peers=$(inside "$container" wg show wg-1-0 endpoints)
            [ "$peers" = "$new	$endpoint" ] || fail "killed at $n, then connected: $peers" || return
        fi
        peers=$old old=$new new=$peers
    done
    "$HELPER" cwg_destroy "$container" 1 0 && nothing_left wg-1-0 5002 && echo "swept ${#points[@]}"
}

# After a kill the link is whole or gone. After the repetition it is gone, and can be made again.
sweep_of_destroy()
{
    local points last n status create=(cwg_create "$container" 1 0 5003)
    "$HELPER" "${create[@]}" >/dev/null || return
    points cwg_destroy "$container" 1 0 || return
    for n in "${points[@]}"; do
        "$HELPER" "${create[@]}" >/dev/null || fail "not made again before $n" || return
        killed cwg_destroy "$container" 1 0 || return
        "$HELPER" cwg_destroy "$container" 1 0 2>/dev/null
        status=$?
        [ "$status" = $((n > last)) ] || fail "killed at $n: again, it ended with $status" || return
        nothing_left wg-1-0 5003 || return
    done
    echo "swept ${#points[@]}"
}

# After a kill the same command removes the rest, and each link can be made again.
sweep_of_destroy_all()
{
    local points last n
    "$HELPER" cwg_create "$container" 1 0 5005 >/dev/null || return
    "$HELPER" cwg_create "$container" 2 0 5006 >/dev/null || return
    points cwg_destroy_all "$container" || return
    for n in "${points[@]}"; do
        "$HELPER" cwg_create "$container" 1 0 5005 >/dev/null || fail "not made again before $n" || return
        "$HELPER" cwg_create "$container" 2 0 5006 >/dev/null || fail "not made again before $n" || return
        killed cwg_destroy_all "$container" || return
        "$HELPER" cwg_destroy_all "$container" || fail "killed at $n: again, it failed" || return
        nothing_left wg-1-0 5005 && nothing_left wg-2-0 5006 || return
    done
    echo "swept ${#points[@]}"
}

# Waits for a sweep, ten minutes at most, and prints its report.
swept()
{
    local i
    for ((i = 0; i < 6000; i++)); do
        grep -q '^status' "$BATS_FILE_TMPDIR/$1" && break
        sleep 0.1
    done
    cat "$BATS_FILE_TMPDIR/$1"
    grep -qx 'status 0' "$BATS_FILE_TMPDIR/$1" || fail "the sweep went wrong, or took too long"
    grep -qE '^swept [0-9]+' "$BATS_FILE_TMPDIR/$1" || fail "the sweep was not finished"
}

# Starts a command of the application's in the background, stopped before it begins, with its pid in $pid. Its output
# goes to $BATS_TEST_TMPDIR/out and err.
start_stopped()
{
    # No function stands between: each program becomes the next one, so $pid is the helper's in the end.
    bash -c 'kill -STOP $$; exec "$@"' bash ip netns exec site1 \
        setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env -- "$HELPER" "cwg_$1" "${@:2}" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    pid=$!
    wait_for grep -q '^State:.*stopped' "/proc/$pid/status"
}

# Says whether a process is the helper, and sleeps.
is_asleep()
{
    [ "$(readlink "/proc/$1/exe")" = "$HELPER" ] && grep -q '^State:.*sleeping' "/proc/$1/status"
}

# Lets a stopped process go on for a moment, again and again, until it has ended. Sets $stops.
stop_and_go()
{
    stops=0
    while kill -CONT "$1" 2>/dev/null; do
        sleep 0.03
        kill -STOP "$1" 2>/dev/null || break
        stops=$((stops + 1))
        sleep 0.02
    done
}

# The command has failed, and has left neither a device nor a bound port.
rolled_back()
{
    [ "$1" -ne 0 ] || fail "it succeeded"
    ! grep -q 'wg-1-0:' "/proc/$c1/net/dev" || fail "the device is still there"
    port_free site1 5004
}

# Opens standard output as the words say, then runs the command.
SINK='
    use Socket; use Fcntl;
    my $sink = shift;
    if ($sink eq "full pipe") {
        pipe(my $reader, OUT); fcntl(OUT, F_SETFL, O_NONBLOCK);
        1 while syswrite(OUT, "x" x 4096); 1 while syswrite(OUT, "x");
        fcntl($reader, F_SETFD, 0);
    } elsif ($sink eq "lone socket") {
        socketpair(OUT, my $peer, AF_UNIX, SOCK_STREAM, 0); close($peer);
    } elsif ($sink eq "directory") { open(OUT, "<", "/") or opendir(my $d, "/") && open(OUT, "<&", $d) or die;
    } elsif ($sink eq "for reading") { open(OUT, "<", "/dev/null");
    }
    open(STDOUT, $sink =~ /full|lone/ ? ">&OUT" : "<&OUT") or die "$sink: $!";
    exec(@ARGV); die;'

# bats test_tags=kernel,only-6-1
@test "a create that is killed at any system call can be repeated, or its link be destroyed" {
    swept create
}

# bats test_tags=kernel,only-6-1
@test "a connect that is killed at any system call leaves one peer, the old or the new, and can be repeated" {
    swept connect
}

# bats test_tags=kernel,only-6-1
@test "a destroy that is killed at any system call leaves the link or nothing, and can be repeated" {
    swept destroy
}

# bats test_tags=kernel,only-6-1
@test "a cwg_destroy_all that is killed at any system call can be repeated, and then no link is left" {
    swept destroy_all
}

@test "a command that is stopped while it waits for its turn goes on afterwards" {
    local holder i
    flock "/proc/$c1/ns/net" sleep 60 3>&- &
    holder=$!
    start_stopped create "$c1" 1 0 5004
    kill -CONT "$pid"
    # The command sleeps between its tries for the lock, and nowhere else. After a stop the kernel repeats
    # the call with the time that is left.
    wait_for is_asleep "$pid"
    kill -STOP "$pid"
    sleep 3
    for i in 1 2 3; do
        kill -CONT "$pid"
        sleep 0.05
        kill -STOP "$pid" 2>/dev/null || break
    done
    kill -CONT "$pid" 2>/dev/null || true
    kill "$holder"
    wait "$pid" || fail "it ended with $?: $(<"$BATS_TEST_TMPDIR/err")"
    [[ $(<"$BATS_TEST_TMPDIR/out") =~ ^[A-Za-z0-9+/]{43}=$ ]]
}

@test "commands that are stopped again and again do their work" {
    start_stopped create "$c1" 1 0 5004
    stop_and_go "$pid"
    wait "$pid" || fail "it ended with $?: $(<"$BATS_TEST_TMPDIR/err")"
    [ "$stops" -gt 0 ]
    start_stopped connect "$c1" 1 1 192.0.2.2:7004 "$KEY_A"
    stop_and_go "$pid"
    wait "$pid" || fail "it ended with $?: $(<"$BATS_TEST_TMPDIR/err")"
    [ "$(wg_of "$c1" wg-1-0 endpoints)" = "$KEY_A	192.0.2.2:7004" ]
    start_stopped destroy "$c1" 1 0
    stop_and_go "$pid"
    wait "$pid" || fail "it ended with $?: $(<"$BATS_TEST_TMPDIR/err")"
    rolled_back 1
}

# bats test_tags=kernel,only-6-1
@test "a create that can't write the key leaves nothing, whatever its standard output is" {
    local sink
    for sink in "full pipe" "lone socket" directory "for reading"; do
        run --separate-stderr app_at site1 perl -e "$SINK" "$sink" "$HELPER" cwg_create "$c1" 1 0 5004
        echo "standard output: $sink"
        assert_failure_with "can't write to standard output"
        rolled_back "$status"
    done
}

# bats test_tags=kernel,only-6-1
@test "a command with few resources of any kind succeeds, or leaves nothing" {
    local limit out=$BATS_TEST_TMPDIR/out
    for limit in nofile=4 nofile=6 nofile=7 nofile=8 stack=4096 as=3000000 nproc=0 fsize=0; do
        status=0
        app_at site1 prlimit "--$limit" "$HELPER" cwg_create "$c1" 1 0 5004 >"$out" 2>&1 || status=$?
        echo "limit $limit: $status $(<"$out")"
        if [ "$status" = 0 ]; then
            [[ $(<"$out") =~ ^[A-Za-z0-9+/]{43}=$ ]]
            cwg site1 destroy "$c1" 1 0
        else
            rolled_back "$status"
        fi
    done
}
