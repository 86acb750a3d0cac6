#!/usr/bin/env bats
# Impostors are processes that pretend to be a link's engine. The helper gives them no preshared key, no peer and no
# signal, and doesn't report success. Each impostor has everything that an engine has except for one thing
# (impostor.py), and holds the device of a link.
#
#              site1                           the impostor's place
#     +-----------------------+          +---------------------------+
#     |  +--------+           |          |  impostor, by its name    |
#     |  |   c1   |  helper ..|..........|.. "cwg-engine"            |
#     |  | wg-7-0 |...........|..........|.. the device's descriptor |
#     |  +--------+           |          +---------------------------+
#     +-----------------------+
#
# Root in the container writes the impostor's process into the device's alias.

# bats file_tags=engine
bats_require_minimum_version 1.5.0
load net

KEY=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=
ENGINE=/var/lib/net-admin-helper-test/cwg-engine

setup_file()
{
    install_engine
    install_helper "$ROOT/build/variants/engine/$NAME"
    two_sites
}

setup()
{
    LOG=$BATS_TEST_TMPDIR/impostor.log
    install_engine
    rm -f "$ENGINE.previous"
    # The impostor has the caller's user id, so that the helper could kill it.
    CALLER=("uid=$APP_UID" "gid=$APP_GID")
    container c1
}

teardown()
{
    for pid in "${CONTAINERS[@]}"; do end_container "$pid"; done
    CONTAINERS=()
    rm -f "$ENGINE.previous"
    install_engine
    wait_for_silence site1 site2
    wait_for none_left
}

# No process of this test lives that could be an impostor.
none_left()
{
    local pid
    for pid in $(pgrep -x 'python3|python3\.[0-9]*|cwg-engine'); do
        ! grep -qszx "BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR" "/proc/$pid/environ" || return
    done
}

teardown_file()
{
    clean_up
}

# From now on the installation's engine is Python, which runs whatever the test gives it.
install_python()
{
    install -m 0710 -o root -g "$APP_GID" "$(readlink -f /usr/bin/python3)" "$ENGINE.new"
    mv -f "$ENGINE.new" "$ENGINE"
}

# Starts impostor.py, and sets `impostor` to its process. The process holds a device wg-7-0 in $c1, or DEVICE; the
# device is up, and its alias names the process: impostor PYTHON OPTION... With CHILD set, `impostor` is the child of
# that process.
impostor()
{
    : >"$LOG"
    ip netns exec site1 env PYTHONHOME=/usr "$1" "$ROOT/tests/net/impostor.py" "$c1" "${DEVICE:-wg-7-0}" "${@:2}" \
        3>&- >"$LOG" 2>&1 &
    impostor=$!
    CONTAINERS+=("$impostor")
    wait_for grep -qx ready "$LOG"
    [ -z "${CHILD:-}" ] || impostor=$(pgrep --parent "$impostor")
    [ -z "${DEVICE:-}" ] || return 0
    inside "$c1" ip address add 10.0.0.14/31 dev wg-7-0
    inside "$c1" ip link set wg-7-0 up alias "net-admin-helper: engine, process $impostor"
}

end_impostor()
{
    end_container "$impostor"
    wait_for no_device
}

no_device()
{
    ! has_device "$c1" wg-7-0
}

# Connects, with a preshared key.
connect()
{
    PRESHARED=$(wg genpsk)
    run --separate-stderr cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY" --preshared-key-file - <<<"$PRESHARED"
}

lives()
{
    [ -n "$(sed -n 's/^State:\t[^ZX]/&/p' "/proc/$1/status" 2>/dev/null)" ]
}

# The helper gives the impostor nothing, and removes the link without it. If the impostor runs a true engine's program,
# it ends when its device goes: proves_nothing WHY [ends]
proves_nothing()
{
    connect
    assert_failure_with "the engine of the link wg-7-0 can't be found: $1"
    run --separate-stderr cwg site1 show "$c1"
    [[ $output == *"wg-7-0: engine lost"*"its engine can't be found: $1"* ]] || fail "$output"
    [[ $output != *'public key'* ]] || fail "$output"
    [ "$(<"$LOG")" = ready ] || fail "it was told: $(<"$LOG")"
    SECONDS=0
    run --separate-stderr cwg site1 destroy "$c1" 7 0
    assert_success_with ''
    [ "$SECONDS" -le 1 ] || fail "it took $SECONDS seconds"
    no_device
    if [ "${2:-}" = ends ]; then
        wait "$impostor" || fail "it was killed"
    else
        lives "$impostor" || fail "it was killed"
    fi
    [ "$(<"$LOG")" = ready ] || fail "it was told: $(<"$LOG")"
}

NO_ENGINE="the process that its device's alias names isn't an engine of this installation or the one before"

# Installs a new engine as `make install` does: the old one is kept beside it.
upgrade()
{
    ln -f "$ENGINE" "$ENGINE.previous"
    install -m 0710 -o root -g "$APP_GID" "$ENGINE" "$ENGINE.new"
    echo another >>"$ENGINE.new"
    mv -f "$ENGINE.new" "$ENGINE"
}

@test "after one upgrade the helper reaches engines of the program before, and after two it doesn't" {
    cwg site1 create "$c1" 7 0 5101
    upgrade
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
    cwg site1 create "$c1" 8 0 5108
    [[ $(cwg site1 show "$c1" 7 0) == *"peer key          $KEY"* ]]
    upgrade
    run --separate-stderr cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
    assert_failure_with "the engine of the link wg-7-0 can't be found: $NO_ENGINE"
    [[ $(cwg site1 show "$c1" 7 0) == *"engine lost"*"$NO_ENGINE; cwg_destroy the link, and create it again"* ]]
    cwg site1 connect "$c1" 8 1 192.0.2.2:5102 "$KEY"
    run --separate-stderr cwg site1 destroy "$c1" 7 0
    assert_success_with ''
    wait_for port_free site1 5101
    # A user who may read the program could trace its process.
    chmod 0754 "$ENGINE.previous"
    run --separate-stderr cwg site1 connect "$c1" 8 1 192.0.2.2:5102 "$KEY"
    assert_failure_with "the engine of the link wg-8-0 can't be found: $NO_ENGINE"
}

# This impostor has everything. So in the other tests the one missing thing is the reason.
@test "a process that has everything of an engine is taken for one: it gets peer and preshared key, and is ended" {
    local hex
    install_python
    impostor "$ENGINE" "${CALLER[@]}"
    connect
    assert_success_with ''
    hex=$(base64 -d <<<"$PRESHARED" | xxd -p -c 64)
    grep -qx "preshared_key=$hex" "$LOG" || fail "$(<"$LOG")"
    [[ $(cwg site1 show "$c1") == *'listen port       4242'* ]]
    run --separate-stderr cwg site1 destroy "$c1" 7 0
    assert_success_with ''
    ! lives "$impostor" || fail "it lives"
}

@test "the helper tells an impostor with another program no key and no peer, and doesn't kill it" {
    impostor /usr/bin/python3 "${CALLER[@]}"
    proves_nothing "$NO_ENGINE"
}

@test "a copy of the engine's program, as root in a container could have it, is not taken for an engine" {
    local copy=$BATS_TEST_TMPDIR/cwg-engine
    install -m 0755 "$ENGINE" "$copy"
    impostor /usr/bin/python3 "run=$copy" "${CALLER[@]}"
    [ "$(cat "/proc/$impostor/comm")" = cwg-engine ]
    proves_nothing "$NO_ENGINE" ends
}

@test "an engine's program that a member of the group has started by hand is not taken for an engine" {
    local place
    for place in home device user; do
        echo "$place"
        impostor /usr/bin/python3 "run=$ENGINE" "place=$place" "${CALLER[@]}"
        [ "/proc/$impostor/exe" -ef "$ENGINE" ]
        proves_nothing "$NO_ENGINE" ends
    done
}

# A program that is stopped at its first instruction has run nothing, and its starter has the socket on which it
# "listens". To be in a network namespace of root's it needs no capability: `ip netns exec`, a service's
# PrivateNetwork=, or a container suffices.
@test "an engine's program that its starter has stopped before its first instruction is not taken for an engine" {
    CHILD=yes impostor /usr/bin/python3 "stopped=$ENGINE" root=machine "${CALLER[@]}"
    [ "/proc/$impostor/exe" -ef "$ENGINE" ]
    proves_nothing "$NO_ENGINE"
}

@test "a process with another root directory, user or pid namespace than the helper's is not taken for an engine" {
    install_python
    impostor "$ENGINE" root=machine "${CALLER[@]}"
    proves_nothing "$NO_ENGINE"
    end_impostor
    impostor "$ENGINE" apart=user "${CALLER[@]}"
    proves_nothing "$NO_ENGINE"
    end_impostor
    CHILD=yes impostor "$ENGINE" apart=pid "${CALLER[@]}"
    proves_nothing "$NO_ENGINE"
}

@test "an engine without the link's device is not taken for this link's engine" {
    local device
    install_python
    for device in null none; do
        echo "$device"
        DEVICE=wg-8-0 impostor "$ENGINE" "device=$device" "${CALLER[@]}"
        inside "$c1" ip tuntap add dev wg-7-0 mode tun
        inside "$c1" ip link set wg-7-0 up alias "net-admin-helper: engine, process $impostor"
        proves_nothing "the engine that its device's alias names is another link's"
        end_impostor
    done
}

@test "the helper tells an engine nothing whose control socket isn't where it must be" {
    local control
    install_python
    chmod 755 "$BATS_TEST_TMPDIR"
    # A path could lead the helper to a socket outside of the engine's namespace.
    for control in stream datagrams bound internet file none elsewhere "$BATS_TEST_TMPDIR/socket"; do
        echo "$control"
        impostor "$ENGINE" "control=$control" "${CALLER[@]}"
        connect
        assert_failure_with "the engine of the link wg-7-0 is of another version"
        run --separate-stderr cwg site1 show "$c1"
        [[ $output == *"wg-7-0: engine lost"*"its engine is of another version"* ]] || fail "$output"
        [ "$(<"$LOG")" = ready ] || fail "it was told: $(<"$LOG")"
        # It is the link's own engine nevertheless, so cwg_destroy ends it.
        run --separate-stderr cwg site1 destroy "$c1" 7 0
        assert_success_with ''
        ! lives "$impostor" || fail "it lives"
    done
}

# An engine reads what enemies send. One of them may have taken it over.
@test "an engine can answer anything: the helper never waits long, takes no descriptor, and checks the form" {
    local how said want
    install_python
    for how in nothing end "a byte" garbage escapes "no errno" "too much" "a descriptor" lies; do
        impostor "$ENGINE" "answer=$how" "${CALLER[@]}"
        SECONDS=0
        said=$(cwg site1 show "$c1" 7 0)
        [ "$SECONDS" -le 4 ] || fail "$how: it took $SECONDS seconds"
        [ -z "$(tr -d '\n -~' <<<"$said")" ] || fail "$how: not printable: $said"
        case $how in
            nothing | end) want="its engine, process $impostor, doesn't answer" ;;
            lies) want='listen port       4242' ;;
            *) want="its engine is of another version" ;;
        esac
        [[ $said == *"$want"* ]] || fail "$how: $said"
        [[ $how = lies || $said == 'wg-7-0: engine lost'* ]] || fail "$how: $said"
        SECONDS=0
        connect
        [ "$SECONDS" -le 4 ] || fail "$how: it took $SECONDS seconds"
        case $how in
            nothing | end) assert_failure_with "the engine of the link wg-7-0, process $impostor, doesn't answer" ;;
            *) assert_failure_with "the engine of the link wg-7-0 is of another version" ;;
        esac
        end_impostor
    done
    impostor "$ENGINE" answer=refuse "${CALLER[@]}"
    connect
    assert_failure_with "peer_key: no peer can have this public key"
}

# A process in two pid namespaces has two numbers. /proc shows the numbers of the namespace in which it was mounted.
@test "with /proc of another pid namespace the helper doesn't take another process for the engine" {
    local engine outer
    cwg site1 create "$c1" 8 0 5108
    engine=$(inside "$c1" ip link show wg-8-0 | sed -nE 's/^ *alias .*, process ([0-9]+)$/\1/p')
    # An impostor in a pid namespace below gets the engine's number. /proc shows the engine under that number.
    : >"$LOG"
    ip netns exec site1 unshare --pid --fork --kill-child -- sh -c '
        echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid
        /usr/bin/python3 "$2" "$3" wg-7-0 &
        echo "number $!"
        wait' - "$engine" "$ROOT/tests/net/impostor.py" "$c1" 3>&- >"$LOG" 2>&1 &
    CONTAINERS+=("$!")
    wait_for grep -qx ready "$LOG"
    grep -qx "number $engine" "$LOG" || fail "$(<"$LOG")"
    inside "$c1" ip link set wg-7-0 up alias "net-admin-helper: engine, process $engine"
    outer=$(pgrep --parent "$!" sh)
    run --separate-stderr nsenter --pid --target "$outer" --net=/run/netns/site1 -- setpriv --reuid "$APP_UID" \
        --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- \
        "$HELPER" cwg_connect "fd:9" 7 1 192.0.2.2:5102 "$KEY" 9<"/proc/$c1/ns/net"
    assert_failure_with "the engine of the link wg-7-0 can't be found: $NO_ENGINE"
    ! grep -q public_key "$LOG" || fail "it was told: $(<"$LOG")"
}

# Runs a command as the application. The kernel doesn't let it copy another process's descriptor, as with a strict
# setting of Yama.
blind()
{
    at site1 "$TOOLS/refuse" --log "$LOG" pidfd-getfd -- setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups \
        --inh-caps=-all -- env -- "$HELPER" "$@"
}

@test "where no engine can be proven, creates and connects fail, and cwg_destroy removes the link" {
    local why="this program may not look at the engine's process: mount /proc here, and set \
kernel.yama.ptrace_scope below 3"
    run --separate-stderr blind cwg_create "$c1" 7 0 5101
    assert_failure_with "can't check here that an engine is genuine: $why"
    no_device
    wait_for port_free site1 5101
    cwg site1 create "$c1" 7 0 5101
    run --separate-stderr blind cwg_connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
    assert_failure_with "the engine of the link wg-7-0 can't be found: $why"
    [[ $(blind cwg_show "$c1" 7 0) == *"engine lost"*"its engine can't be found: $why"* ]]
    SECONDS=0
    run --separate-stderr blind cwg_destroy "$c1" 7 0
    assert_success_with ''
    [ "$SECONDS" -le 1 ] || fail "it took $SECONDS seconds"
    grep -q pidfd-getfd "$LOG"
    wait_for port_free site1 5101
}

@test "a /proc that hides other users' processes hides no engine from the helper" {
    in_hiding()
    {
        unshare --mount --propagation private -- sh -c 'mount -t proc -o hidepid=invisible none /proc && exec "$@"' - \
            ip netns exec site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all \
                -- env -- "$@"
    }
    cwg site1 create "$c1" 7 0 5101
    run in_hiding ls /proc/1
    [ "$status" != 0 ]
    in_hiding "$HELPER" cwg_connect "fd:9" 7 1 192.0.2.2:5102 "$KEY" 9<"/proc/$c1/ns/net"
    [[ $(cwg site1 show "$c1" 7 0) == *"peer key          $KEY"* ]]
}

# The kernel gives a new namespace the lowest free number. Makes namespaces until a network namespace gets the wanted
# number, prints its process, and stays: same_number INODE
same_number()
{
    exec /usr/bin/python3 -c '
import ctypes, os, sys, time
libc, wanted, held = ctypes.CDLL(None), int(sys.argv[1]), []
uts, net = os.open("/proc/self/ns/uts", os.O_RDONLY), os.open("/proc/self/ns/net", os.O_RDONLY)
end = time.monotonic() + 12
while time.monotonic() < end:
    libc.unshare(0x04000000)  # CLONE_NEWUTS: cheap
    fd = os.open("/proc/self/ns/uts", os.O_RDONLY)
    number = os.fstat(fd).st_ino
    libc.setns(uts, 0x04000000)
    if number < wanted:
        held.append(fd)
        continue
    os.close(fd)
    for _ in range(200 if number == wanted else 0):
        libc.unshare(0x40000000)  # CLONE_NEWNET
        if os.stat("/proc/self/ns/net").st_ino == wanted:
            print("got", os.getpid(), flush=True)
            time.sleep(600)
        libc.setns(net, 0x40000000)
    time.sleep(0.1)
print("never", flush=True)' "$1"
}

@test "a network namespace that gets a former one's number doesn't lead to another container's engine" {
    local number engine other port
    # Another process of the machine may have got the number: then another container is tried.
    for port in 5101 5102 5103 5104; do
        container c1
        container c3
        cwg site1 create "$c1" 7 0 "$port"
        number=$(stat -Lc %i "/proc/$c1/ns/net")
        engine=$(inside "$c1" ip link show wg-7-0 | sed -nE 's/^ *alias .*, process ([0-9]+)$/\1/p')
        inside "$c1" ip link set wg-7-0 netns "$c3"
        inside "$c3" ip link set wg-7-0 up
        end_container "$c1"
        same_number "$number" 3>&- >"$LOG" &
        CONTAINERS+=("$!")
        for ((other = 0; other < 150; other++)); do
            ! grep -q got "$LOG" || break 2
            ! grep -q never "$LOG" || break
            sleep 0.1
        done
    done
    grep -q got "$LOG" || skip "the kernel gave the number $number to no other namespace of this test's"
    other=$(awk '{ print $2 }' "$LOG")
    [ "$(stat -Lc %i "/proc/$other/ns/net")" = "$number" ]
    inside "$other" ip tuntap add dev wg-7-0 mode tun
    inside "$other" ip link set wg-7-0 up alias "net-admin-helper: engine, process $engine"
    run --separate-stderr cwg site1 connect "$other" 7 1 192.0.2.2:5102 "$KEY"
    assert_failure_with "the engine of the link wg-7-0 can't be found: the engine that its device's alias names is an"
    cwg site1 destroy "$other" 7 0
    lives "$engine"
    [[ $(cwg site1 show "$c3" 7 0) == *'peer key          none'* ]]
}
