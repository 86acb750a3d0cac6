#!/usr/bin/env bats
# Links that the engine carries, on any kernel with TUN devices. Tests make, find, prove and remove them, and let root
# in the container and the caller's other processes attack them.
#
#                site1                                 site2
#     +---------------------------+          +---------------------------+
#     |      192.0.2.1 (v1) ------+---veth---+------ (v2) 192.0.2.2      |
#     |  +--------+    cwg-engine |          | cwg-engine    +--------+  |
#     |  |   c1   |               |          |               |   c2   |  |
#     |  +--------+               |          |               +--------+  |
#     +---------------------------+          +---------------------------+

# bats file_tags=engine
bats_require_minimum_version 1.5.0
load net

KEY=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=
STOPPED=()

setup_file()
{
    install_engine
    install_helper "$ROOT/build/variants/engine/$NAME"
    two_sites
}

setup()
{
    container c1
}

teardown()
{
    for pid in "${STOPPED[@]}"; do end_stopped "$pid"; done
    for pid in "${CONTAINERS[@]}"; do end_container "$pid"; done
    STOPPED=() CONTAINERS=()
    wait_for_silence site1 site2
}

teardown_file()
{
    clean_up
}

# Prints the number of the process that carries a device: engine_of PID DEVICE
engine_of()
{
    inside "$1" ip link show "$2" | sed -nE 's/^ *alias net-admin-helper: engine, process ([0-9]+)$/\1/p'
}

# Prints the peers of a link, as its engine tells them.
peers_of()
{
    inside "$1" "$ROOT/tests/net/bin/wg" show "$2" peers
}

ends_with_the_test()
{
    CONTAINERS+=("$1")
}

# Stops an engine. teardown() ends the engine if the test doesn't.
stop()
{
    STOPPED+=("$1")
    kill -STOP "$1"
}

end_stopped()
{
    ! grep -qx cwg-engine "/proc/$1/comm" 2>/dev/null || kill -KILL "$1"
}

# A process lives. A zombie doesn't.
lives()
{
    [ -n "$(sed -n 's/^State:\t[^ZX]/&/p' "/proc/$1/status" 2>/dev/null)" ]
}

has_ended()
{
    ! lives "$1"
}

not()
{
    ! "$@"
}

index_of()
{
    inside "$1" ip -oneline link show "$2" | cut -d : -f 1
}

# A container has no device but lo.
nothing_in()
{
    [ "$(inside "$1" ip -br link | wc -l)" = 1 ]
}

alias_to()
{
    inside "$1" ip link set "$2" alias "net-admin-helper: engine, process $3"
}

@test "an engine's link connects two containers" {
    container c2
    link_up 7 5101 5102
    inside "$c1" ping -c 2 -W 5 10.0.0.15
    inside "$c2" ping -c 2 -W 5 10.0.0.14
    cwg site1 destroy "$c1" 7 0
    port_free site1 5101
    nothing_in "$c1"
}

@test "an engine's device has the same address, MTU, flags and routes as a device of the kernel's driver" {
    local shown
    run --separate-stderr cwg site1 create "$c1" 7 1 5101
    assert_success_with_key
    shown=$(inside "$c1" ip -details link show wg-7-1)$(inside "$c1" ip address show wg-7-1)
    [[ $shown == *' mtu 1420 '* && $shown == *'UP'* && $shown == *'inet 10.0.0.15/31'* ]] || fail "$shown"
    [[ $shown == *' group default '* && $shown == *' addrgenmode none '* ]] || fail "$shown"
    [[ $shown != *inet6* ]] || fail "$shown"
}

@test "with port 0 an engine gets the same free port for IPv4 and IPv6" {
    cwg site1 create "$c1" 7 0 0
    [ "$(at site1 ss -Hlun | sed -E 's/.*:([0-9]+) .*/\1/' | sort -u | wc -l)" = 1 ]
    [ "$(at site1 ss -Hlun | wc -l)" = 2 ]
}

@test "an engine has no privilege, no files, no environment, and no descriptors but its own" {
    local engine status
    cwg site1 create "$c1" 7 0 5101
    engine=$(engine_of "$c1" wg-7-0)
    status=$(cat "/proc/$engine/status")
    [ "$(grep -cE '^Cap(Inh|Prm|Eff|Amb):\s0+$' <<<"$status")" = 4 ] || fail "$status"
    grep -qx $'NoNewPrivs:\t1' <<<"$status"
    grep -qx "Uid:"$'\t'"$APP_UID"$'\t'"$APP_UID"$'\t'"$APP_UID"$'\t'"$APP_UID" <<<"$status"
    [ -z "$(ls -A "/proc/$engine/root/")" ]
    [ "$(wc -l <"/proc/$engine/mountinfo")" = 1 ]
    [ "$(wc -c <"/proc/$engine/environ")" = 0 ]
    # The engine has the standard descriptors, its device, two sockets, and the socket that it listens on.
    [ "$(readlink "/proc/$engine/fd/"* | grep -cxE "(/dev)?/null")" = 3 ] || fail "$(ls -l "/proc/$engine/fd")"
    [ "$(find "/proc/$engine/fd" -type l | wc -l)" -le 7 ] || fail "$(ls -l "/proc/$engine/fd")"
    # The engine's user can neither look into the engine nor trace it.
    run as_app ls "/proc/$engine/fd"
    [ "$status" != 0 ]
    run as_app cat "/proc/$engine/maps"
    [ "$status" != 0 ]
}

@test "ps and top show an engine by its name" {
    cwg site1 create "$c1" 7 0 5101
    [ "$(cat "/proc/$(engine_of "$c1" wg-7-0)/comm")" = cwg-engine ]
}

@test "an engine that root has started has no privilege either" {
    local engine
    at site1 "$HELPER" cwg_create "$c1" 7 0 5101
    engine=$(engine_of "$c1" wg-7-0)
    [ "$(grep -cE '^Cap(Inh|Prm|Eff|Amb):\s0+$' "/proc/$engine/status")" = 4 ] || fail "$(cat "/proc/$engine/status")"
}

@test "a program that reads cwg_create's result from a pipe gets the end of file at once" {
    local key
    key=$(timeout 5 ip netns exec site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups \
        --inh-caps=-all -- env -- "$HELPER" cwg_create "$c1" 7 0 5101)
    [ "${#key}" = 44 ]
}

@test "when a container ends, its link, the engine and the port go with it" {
    local engine
    cwg site1 create "$c1" 7 0 5101
    engine=$(engine_of "$c1" wg-7-0)
    lives "$engine"
    end_container "$c1"
    wait_for port_free site1 5101
    wait_for has_ended "$engine"
}

LOST="the engine of the link wg-7-0 can't be found"

@test "the helper sees that a device's alias names a process that isn't its engine, and touches no engine" {
    local engine other alias
    container c3
    cwg site1 create "$c1" 7 0 5101
    cwg site1 create "$c1" 9 0 5109
    cwg site1 create "$c3" 7 0 5103
    engine=$(engine_of "$c1" wg-7-0)
    # The alias is that of an engine for the same device name in another container, or another name in this container,
    # or is no engine's at all.
    for other in "$(engine_of "$c3" wg-7-0)" "$(engine_of "$c1" wg-9-0)"; do
        alias_to "$c1" wg-7-0 "$other"
        run --separate-stderr cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
        assert_failure_with "$LOST: the engine that its device's alias names is another link's"
    done
    for alias in 1 4194304 "$c1" "$$" "0$engine" "$engine " "$engine, " "+$engine" "$engine$engine"; do
        alias_to "$c1" wg-7-0 "$alias"
        run --separate-stderr cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
        assert_failure_with "$LOST: "
    done
    [ -z "$(peers_of "$c3" wg-7-0)$(peers_of "$c1" wg-9-0)" ]
    alias_to "$c1" wg-7-0 "$engine"
    [ -z "$(peers_of "$c1" wg-7-0)" ]
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
    [ "$(peers_of "$c1" wg-7-0)" = "$KEY" ]
    # The link can be destroyed nevertheless, and the other link's engine lives on.
    other=$(engine_of "$c3" wg-7-0)
    alias_to "$c1" wg-7-0 "$other"
    run --separate-stderr cwg site1 destroy "$c1" 7 0
    assert_success_with ''
    lives "$other"
    has_device "$c3" wg-7-0
    wait_for port_free site1 5101
}

# Root in the container may move the device into another of its namespaces. The engine carries it there.
@test "the helper finds a link that was moved to another namespace where it is now, not where it was" {
    local engine
    container c3
    cwg site1 create "$c1" 7 0 5101
    engine=$(engine_of "$c1" wg-7-0)
    inside "$c1" ip link set wg-7-0 netns "$c3"
    inside "$c3" ip link set wg-7-0 up
    cwg site1 connect "$c3" 7 1 192.0.2.2:5102 "$KEY"
    [ "$(peers_of "$c3" wg-7-0)" = "$KEY" ]
    inside "$c1" ip tuntap add dev wg-7-0 mode tun
    alias_to "$c1" wg-7-0 "$engine"
    run --separate-stderr cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
    assert_failure_with "$LOST: the engine that its device's alias names is another link's"
    cwg site1 destroy "$c1" 7 0
    lives "$engine"
}

@test "a link without its alias can't be connected, but can be destroyed" {
    cwg site1 create "$c1" 7 0 5101
    inside "$c1" ip link set wg-7-0 alias ''
    run --separate-stderr cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY" --json
    assert_json_failure engine-lost "$LOST: the process that its device's alias names has ended, or the alias was"
    run --separate-stderr cwg site1 destroy "$c1" 7 0
    assert_success_with ''
    nothing_in "$c1"
    wait_for port_free site1 5101
}

@test "cwg_connect fails on a stopped engine, and the engine doesn't do that request when it goes on" {
    local engine
    cwg site1 create "$c1" 7 0 5101
    engine=$(engine_of "$c1" wg-7-0)
    stop "$engine"
    SECONDS=0
    run --separate-stderr cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY" --json
    [ "$SECONDS" -le 5 ] || fail "it took $SECONDS seconds"
    assert_json_failure engine-busy "the engine of the link wg-7-0, process $engine, doesn't answer; if it is stopped,"
    [[ $stderr == *"kill -CONT $engine" ]] || fail "$stderr"
    kill -CONT "$engine"
    [ -z "$(peers_of "$c1" wg-7-0)" ]
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
    [ "$(peers_of "$c1" wg-7-0)" = "$KEY" ]
}

@test "cwg_destroy removes a link whose engine is stopped, though others wait for the engine, and frees the port" {
    local engine
    cwg site1 create "$c1" 7 0 5101
    engine=$(engine_of "$c1" wg-7-0)
    stop "$engine"
    nsenter --net --target "$engine" -- python3 - <<'END'
import socket
for _ in range(100):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.setblocking(False)
        client.connect("\0cwg-engine")
END
    SECONDS=0
    run --separate-stderr cwg site1 destroy "$c1" 7 0
    assert_success_with ''
    port_free site1 5101
    [ "$SECONDS" -le 5 ] || fail "it took $SECONDS seconds"
    ! lives "$engine" || fail "it lives"
    nothing_in "$c1"
}

# Root is another user here, too: the program has no CAP_KILL, whoever calls it.
@test "another user who destroys a link with a stopped engine is told which process holds the port" {
    local engine uid
    for uid in $((APP_UID + 1)) 0; do
        cwg site1 create "$c1" 7 0 5101
        engine=$(engine_of "$c1" wg-7-0)
        stop "$engine"
        run --separate-stderr at site1 setpriv --reuid "$uid" --regid "$APP_GID" --clear-groups --inh-caps=-all \
            -- env -- "$HELPER" cwg_destroy "$c1" 7 0
        assert_failure_with "the link was removed, but its engine, process $engine, doesn't end"
        nothing_in "$c1"
        kill -KILL "$engine"
        wait_for port_free site1 5101
    done
}

@test "a create that was killed while its engine is stopped can be repeated at once" {
    local calls
    calls=$(at_syscall --stdout /dev/null --report 1 count -- "$HELPER" cwg_create "$c1" 7 0 5101 | tail -n 1)
    cwg site1 destroy "$c1" 7 0
    export ENGINE_FILE=$BATS_TEST_TMPDIR/engine
    run at_syscall --stdout /dev/null stop $((calls - 8)) \
        --do 'pgrep --parent $PID >"$ENGINE_FILE" && kill -STOP $(cat "$ENGINE_FILE") && kill -KILL $PID' -- \
        "$HELPER" cwg_create "$c1" 7 0 5101
    stop "$(cat "$ENGINE_FILE")"
    [ "$status" = 137 ] || fail "$status, $output"
    ! port_free site1 5101 || fail "it came too late"
    run --separate-stderr cwg site1 create "$c1" 7 0 5101
    assert_success_with_key
}

# Prints the state of a link of $c1's, and the reason: shown [NET HOST]
shown()
{
    local said
    said=$(cwg site1 show "$c1" "$@" 2>&1) || fail "$said"
    [ -z "$(tr -d '\n -~' <<<"$said")" ] || fail "not printable: $said"
    printf '%s; %s\n' "$(head -n 1 <<<"$said")" "$(sed -n 's/^  what to do  *//p' <<<"$said")"
}

@test "cwg_show of a stopped engine takes two seconds for any number of links, and the engine goes on unharmed" {
    local engine net
    cwg site1 create "$c1" 7 0 5101
    engine=$(engine_of "$c1" wg-7-0)
    [ "$(shown)" = "wg-7-0: waiting for connect; run cwg_connect, with the public key of the other site" ]
    stop "$engine"
    # Root in the container makes more links with this engine's alias.
    for net in {20..79}; do
        echo "tuntap add dev wg-$net-0 mode tun"
        echo "link set wg-$net-0 up alias 'net-admin-helper: engine, process $engine'"
    done >"$BATS_TEST_TMPDIR/commands"
    inside "$c1" ip -batch "$BATS_TEST_TMPDIR/commands"
    SECONDS=0
    run --separate-stderr cwg site1 show "$c1" --json
    [ "$SECONDS" -le 5 ] || fail "it took $SECONDS seconds"
    [ "$(grep -o '"state":"engine lost"' <<<"$output" | wc -l)" = 61 ] || fail "$output"
    SECONDS=0
    [ "$(shown 7 0)" = "wg-7-0: engine lost; its engine, process $engine, doesn't answer; \
if it is stopped, let it go on: kill -CONT $engine" ]
    [ "$SECONDS" -le 4 ] || fail "it took $SECONDS seconds"
    kill -CONT "$engine"
    [ "$(shown 7 0)" = "wg-7-0: waiting for connect; run cwg_connect, with the public key of the other site" ]
    # The engine has answered the old requests into closed sockets. They disturb nothing.
    run --separate-stderr cwg site1 show "$c1" 7 0 --json
    [[ $output == *'"state":"waiting for connect"'*'"listen_port":5101'* ]] || fail "$output"
}

@test "cwg_show says "lost" of a link without its alias or with another's, and shows nothing of the other's engine" {
    container c3
    cwg site1 create "$c1" 7 0 5101
    cwg site1 create "$c3" 8 0 5103
    inside "$c1" ip link set wg-7-0 alias ''
    [ "$(shown)" = "wg-7-0: engine lost; its engine can't be found: the process that its device's alias names has \
ended, or the alias was changed; cwg_destroy the link, and create it again" ]
    alias_to "$c1" wg-7-0 "$(engine_of "$c3" wg-8-0)"
    [ "$(shown)" = "wg-7-0: engine lost; its engine can't be found: the engine that its device's alias names is \
another link's; cwg_destroy the link, and create it again" ]
    run --separate-stderr cwg site1 show "$c1"
    [[ $output != *5103* && $output != *"public key"* ]] || fail "$output"
}

@test "the helper reaches an engine that has silent clients, and a client that sends it nonsense" {
    local engine
    cwg site1 create "$c1" 7 0 5101
    engine=$(engine_of "$c1" wg-7-0)
    nsenter --net --target "$engine" -- python3 - "$BATS_TEST_TMPDIR/ready" 3>&- >/dev/null <<'END' &
import socket, sys, time
clients = []
for number in range(20):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.connect("\0cwg-engine")
    clients.append(client)
clients[19].send(b"nonsense")
assert clients[19].recv(100).startswith(b"errno=")
open(sys.argv[1], "w").close()
time.sleep(60)
END
    ends_with_the_test "$!"
    wait_for test -e "$BATS_TEST_TMPDIR/ready"
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
    [ "$(peers_of "$c1" wg-7-0)" = "$KEY" ]
    cwg site1 destroy "$c1" 7 0
    port_free site1 5101
}

@test "a link in the caller's own network namespace is refused, because its engine would keep that namespace alive" {
    local own
    ip netns exec site1 sleep 600 3>&- >/dev/null 2>&1 &
    own=$!
    ends_with_the_test "$own"
    wait_for grep -qx sleep "/proc/$own/comm"
    run --separate-stderr at site1 "$HELPER" cwg_create "$own" 7 0 5101
    assert_failure_with "pid: that process is in the network namespace that this program runs in; an engine's link"
    not has_device "$own" wg-7-0
    port_free site1 5101
    # In a container that is another process's home the link can be made.
    at site1 "$HELPER" cwg_create "$c1" 7 0 5101
}

@test "a create whose engine can't start says why" {
    local path=/var/lib/net-admin-helper-test/cwg-engine
    chmod 0700 "$path"
    run --separate-stderr cwg site1 create "$c1" 7 0 5101
    install_engine
    assert_failure_with "can't run the engine's program, $path (\`make install\` installs it for the caller's group)"
    chmod 0754 "$path"
    run --separate-stderr cwg site1 create "$c1" 7 0 5101
    install_engine
    assert_failure_with "$path, is not a file that root owns and nobody else may write or read"
    echo "no program" >"$path.new"
    chmod 0711 "$path.new"
    mv -f "$path.new" "$path"
    run --separate-stderr cwg site1 create "$c1" 7 0 5101
    install_engine
    assert_failure_with "can't run the engine's program"
    nothing_in "$c1"
    cwg site1 create "$c1" 7 0 5101
}

# The engine of this test behaves as if it were stopped, or waited for a file system of its user's.
@test "a create ends an engine that doesn't become ready, and its device goes" {
    install -m 0710 -g "$APP_GID" "$TOOLS/hang" /var/lib/net-admin-helper-test/cwg-engine
    run --separate-stderr cwg site1 create "$c1" 7 0 5101
    install_engine
    assert_failure_with "the engine isn't ready after 5 seconds"
    nothing_in "$c1"
    [ -z "$(pgrep --uid "$APP_UID" '^hang|^[0-9]+$')" ] || fail "it lives: $(ps -u "$APP_UID")"
}

@test "no two engines' devices have the same index, so a command that was stopped for long acts on no later device" {
    local first second
    cwg site1 create "$c1" 7 0 5101
    first=$(index_of "$c1" wg-7-0)
    cwg site1 destroy "$c1" 7 0
    cwg site1 create "$c1" 7 0 5101
    second=$(index_of "$c1" wg-7-0)
    [ "$first" -ge $((1 << 30)) ] && [ "$second" -ge $((1 << 30)) ] && [ "$first" != "$second" ] ||
        fail "$first, $second"
}

@test "with too few descriptors to find the engine, cwg_destroy fails, or removes the link and frees its port" {
    local number failed=0
    for number in {10..16}; do
        cwg site1 create "$c1" 7 0 5101
        stop "$(engine_of "$c1" wg-7-0)"
        run --separate-stderr app_at site1 sh -c 'ulimit -n "$1"; shift; exec "$@"' - "$number" \
            "$HELPER" cwg_destroy "$c1" 7 0
        if [ "$status" = 0 ]; then
            nothing_in "$c1"
        else
            has_device "$c1" wg-7-0 || fail "with $number: $stderr"
            failed=$((failed + 1))
            cwg site1 destroy "$c1" 7 0
        fi
        port_free site1 5101 || fail "with $number its port is taken"
    done
    [ "$failed" -ge 1 ] && [ "$failed" -le 6 ] || fail "$failed of them"
}

@test "without a /dev/net/tun that all may open, a create fails, makes nothing, and says what to do" {
    # Runs a command in a mount namespace of its own. The machine's device stays as it is.
    on_tun()
    {
        unshare --mount --propagation private -- sh -c 'mount -t tmpfs none /dev/net && eval "$0" && exec "$@"' "$1" \
            ip netns exec site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- \
            "$HELPER" cwg_create "$c1" 7 0 5101
    }
    run --separate-stderr on_tun 'mknod -m 0600 /dev/net/tun c 10 200'
    assert_failure_with 'the engine needs /dev/net/tun, and you may not open it: '
    [[ $stderr == *'chmod 0666 /dev/net/tun'* ]] || fail "$stderr"
    run --separate-stderr on_tun :
    assert_failure_with 'the engine needs /dev/net/tun, and there is none: '
    [[ $stderr == *'modprobe tun'* ]] || fail "$stderr"
    run --separate-stderr on_tun 'mknod -m 0666 /dev/net/tun c 10 254'
    assert_failure_with 'the engine needs /dev/net/tun, and there is none'
    run --separate-stderr on_tun 'mknod -m 0666 /dev/net/tun c 10 200'
    assert_success_with_key
}

@test "cwg_connect refuses a public key that no peer can have, and the link's own, for an engine's link" {
    local own
    own=$(cwg site1 create "$c1" 7 0 5101)
    run --separate-stderr cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$own"
    assert_failure_with "peer_key: this is the link's own public key"
    # This key is a point of small order.
    run --separate-stderr cwg site1 connect "$c1" 7 1 192.0.2.2:5102 AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
    assert_failure_with "peer_key: no peer can have this public key"
    [ -z "$(peers_of "$c1" wg-7-0)" ]
}

# Says whether a UDP port is bound at a site.
bound()
{
    at "$1" ss -Hnua "sport = :$2" | grep -q .
}

@test "a create on a taken port, for either address family, or on a privileged port leaves nothing" {
    local address holder
    for address in UDP4-RECVFROM:5101 UDP6-RECVFROM:5101,ipv6only=1; do
        ip netns exec site1 socat "$address" - </dev/null >/dev/null 3>&- &
        holder=$!
        # The test doesn't bind the port to find out: that could disturb the process that wants it.
        wait_for bound site1 5101
        run --separate-stderr cwg site1 create "$c1" 7 0 5101
        kill "$holder"
        wait "$holder" || true
        assert_failure_with "port: UDP port 5101 is in use on this machine"
    done
    run --separate-stderr cwg site1 create "$c1" 7 0 53
    assert_failure_with "port: 53 is a privileged port"
    wait_for nothing_in "$c1"
}

@test "a create that can't write the engine's key leaves nothing" {
    run app_at site1 "$BASH" -c '"$0" cwg_create "$1" 7 0 5101 >/dev/full' "$HELPER" "$c1"
    [ "$status" = 1 ]
    nothing_in "$c1"
    port_free site1 5101
}

@test "a second create of an engine's link is refused, and the first link stays" {
    local engine
    cwg site1 create "$c1" 7 0 5101
    engine=$(engine_of "$c1" wg-7-0)
    run --separate-stderr cwg site1 create "$c1" 7 0 5101
    assert_failure_with "the link wg-7-0 exists already"
    [ "$(engine_of "$c1" wg-7-0)" = "$engine" ]
    lives "$engine"
}

@test "the limit of four links counts each engine's link once, also where the kernel has WireGuard" {
    local net
    for net in 1 2 3 4; do
        run --separate-stderr cwg site1 create "$c1" "$net" 0 "500$net"
        assert_success_with_key
    done
    run --separate-stderr cwg site1 create "$c1" 5 0 5005
    assert_failure_with "the container has 4 links already, which is the limit"
    port_free site1 5005
}

@test "a create of an engine's link that is killed at any system call can be repeated at once" {
    local step=7
    [ -z "${NAH_EVERY_CALL:-}" ] || step=1
    local last n
    # The create's last message finishes the link: from then on the link stays.
    last=$(at_syscall --stdout /dev/null --report 1 status -- \
        "$HELPER" cwg_create "$c1" 7 0 5101 | awk '$2 == "sendto" { last = $1 } END { print last }')
    cwg site1 destroy "$c1" 7 0
    for ((n = 1; n <= last; n += step)); do
        run at_syscall --stdout /dev/null kill "$n" -- "$HELPER" cwg_create "$c1" 7 0 5101
        [ "$status" = 137 ] || fail "call $n: $status, $output"
        run --separate-stderr cwg site1 create "$c1" 7 0 5101
        assert_success_with_key || fail "call $n"
        cwg site1 destroy "$c1" 7 0
    done
}
