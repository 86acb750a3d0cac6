#!/usr/bin/env bats
# cwg_wait waits until the link works, or says why it doesn't.
#
#             site1                                        site2
#     +---------------------------+              +---------------------------+
#     |       192.0.2.1 (v1) -----+-----veth-----+----- (v2) 192.0.2.2       |
#     |  +---------------------+  |              |              +--------+   |
#     |  | c1                  |  |              |              |   c2   |   |
#     |  | wg-7-0  elsewhere   |  |              |              | wg-7-1 |   |
#     |  +---------------------+  |              |              +--------+   |
#     +---------------------------+              +---------------------------+

bats_require_minimum_version 1.5.0
load net
sites_of_the_file

KEY_A=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=
STOPPED=

setup()
{
    require_backend
    container c1
    container c2
}

after_test()
{
    [ -z "$STOPPED" ] || kill -CONT "$STOPPED" 2>/dev/null || true
    ip -n site1 neigh delete 192.0.2.2 dev v1 2>/dev/null || true
}

# Prints the state of a container that a look must not change: everything but counters.
kept()
{
    inside "$1" sh -c 'ip -details address show; ip route show table all; ip rule show
        for what in peers endpoints allowed-ips persistent-keepalive listen-port; do wg show all $what; done'
}

# Prints how many packets a device in a container has sent.
sent_by()
{
    inside "$1" awk -v name="$2:" '$1 == name { print $11 }' /proc/net/dev
}

latest_handshake()
{
    wg_of "$1" "$2" latest-handshakes | cut -f 2
}

# Runs cwg_wait as the application, and measures the time it takes: timed ARGUMENT...
timed()
{
    local before
    before=$(date +%s%N)
    run --separate-stderr cwg site1 wait "$@"
    took=$((($(date +%s%N) - before) / 1000000))
}

# The command took that long, in milliseconds. The upper limit is wider in the VM and on busy machines.
took()
{
    ((took >= $1 && took <= $2 + ${NAH_IN_VM:+4000}+1000)) || fail "it took $took ms, not $1 to $2: $stderr"
}

# cwg_wait fails with this text, within some milliseconds, no later and no earlier: waits_in_vain TEXT FROM TO
# ARGUMENT...
waits_in_vain()
{
    timed "${@:4}"
    assert_failure_in_lines "$1"
    took "$2" "$3"
}

# Prints a field of $c1's link, from JSON: field STATE-OR-SO
field()
{
    cwg site1 show "$c1" --json | python3 -c '
import json, sys
print(json.load(sys.stdin)[0][sys.argv[1]])' "$1"
}

# Makes both ends of a link for net 7 between $c1 and $c2, and gives the second end the wrong numbers: mistaken NET HOST
mistaken()
{
    KEY1=$(cwg site1 create "$c1" 7 0 5101)
    KEY2=$(cwg site2 create "$c2" "$1" "$2" 5102)
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY2"
    cwg site2 connect "$c2" "$1" "$((1 - $2))" 192.0.2.1:5101 "$KEY1"
}

# Starts a cwg_wait in the background. Its exit code goes to a file.
start_waiting()
{
    rm -f "$BATS_TEST_TMPDIR/status"
    { status=0; cwg site1 wait "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
        echo "$status" >"$BATS_TEST_TMPDIR/status"; } 3>&- &
    sleep 0.5
    [ ! -e "$BATS_TEST_TMPDIR/status" ] || fail "it didn't wait: $(<"$BATS_TEST_TMPDIR/err")"
}

# The cwg_wait in the background ends with this code, and this text.
waited()
{
    wait_for test -s "$BATS_TEST_TMPDIR/status"
    [ "$(<"$BATS_TEST_TMPDIR/status")" = "$1" ] || fail "it ended with $(<"$BATS_TEST_TMPDIR/status")"
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
    [[ $(<"$BATS_TEST_TMPDIR/err") == *"$2"* ]] || fail "it says: $(<"$BATS_TEST_TMPDIR/err")"
    [ -n "$2" ] || [ ! -s "$BATS_TEST_TMPDIR/err" ]
}

# bats test_tags=kernel,only-6-12
@test "cwg_wait sends the peer a packet each time it is called, and changes nothing else" {
    local before1 before2 sent took
    link_up 7
    before1=$(kept "$c1") before2=$(kept "$c2")
    [ "$(latest_handshake "$c1" wg-7-0)" = 0 ]
    timed "$c1" 7 0 20
    assert_success_with ""
    took 0 1500
    [ "$(latest_handshake "$c1" wg-7-0)" -gt 0 ]
    [ "$before1" = "$(kept "$c1")" ]
    [ "$before2" = "$(kept "$c2")" ]
    sent=$(sent_by "$c1" wg-7-0)
    timed "$c1" 7 0 0
    assert_success_with ""
    took 0 500
    [ "$(sent_by "$c1" wg-7-0)" -gt "$sent" ]
    run --separate-stderr cwg site2 wait "$c2" 7 1 20
    assert_success_with ""
    run --separate-stderr cwg site1 wait "$c1" 7 0
    assert_success_with ""
    run --separate-stderr cwg site1 wait "$c1" 7 0 --json
    assert_success_with '{"proof":"answer"}'
    run --separate-stderr cwg site1 wait "$c1" 7 0 --alive
    assert_success_with ""
}

# bats test_tags=kernel,only-6-12
@test "at host 1 cwg_wait lets the other end begin, and begins itself when that doesn't" {
    local took
    link_up 7
    before=$(date +%s%N)
    run --separate-stderr cwg site2 wait "$c2" 7 1 20
    took=$((($(date +%s%N) - before) / 1000000))
    assert_success_with ""
    took 300 1500
}

@test "cwg_wait with 0 seconds asks once: for a second at most, and not at all where nobody can be asked" {
    local took
    cwg site1 create "$c1" 7 0 5101
    waits_in_vain "the link wg-7-0 has no peer yet" 0 400 "$c1" 7 0 0
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY_A"
    waits_in_vain "no answer from 192.0.2.2:5102" 900 1500 "$c1" 7 0 0
    inside "$c1" ip link set wg-7-0 down
    waits_in_vain "somebody in the container has set the link wg-7-0 down" 0 400 "$c1" 7 0 0
}

# Counts the handshakes that an end begins: its datagrams of an initiation's length in IPv4 and UDP.
count_initiations()
{
    local number
    for number in 1 2; do
        at "site$number" iptables -F OUTPUT
        at "site$number" iptables -A OUTPUT -p udp --sport "510$number" -m length --length 176
    done
}

initiations()
{
    at "$1" iptables -nvxL OUTPUT | awk '/length 176/ { print $1 }'
}

# Both waits begin at the same moment, when the lock is released. If two handshakes undid each other, a new one would
# follow after five seconds. So the number of handshakes shows it on a machine of any speed.
@test "two ends that wait at once are answered soon, over a delay of 1, 60 and 100 ms each way" {
    local delay pids waits relay took before lock path=$BATS_TEST_TMPDIR/lock
    chmod 755 "$BATS_TEST_TMPDIR"
    for delay in 1 60 100 100; do
        KEY1=$(cwg site1 create "$c1" 7 0 5101)
        KEY2=$(cwg site2 create "$c2" 7 1 5102)
        pids=()
        for relay in "site1 6000 192.0.2.2:5102" "site2 6001 192.0.2.1:5101"; do
            # shellcheck disable=SC2086 # words
            set -- $relay
            ip netns exec "$1" "$TOOLS/udprelay" --latency "$delay" "$2" "$3" >/dev/null 3>&- &
            pids+=($!)
        done
        CONTAINERS+=("${pids[@]}")
        sleep 0.3
        cwg site2 connect "$c2" 7 0 192.0.2.2:6001 "$KEY1"
        cwg site1 connect "$c1" 7 1 192.0.2.1:6000 "$KEY2"
        count_initiations
        : >"$path"
        exec {lock}<"$path"
        flock "$lock"
        "$TOOLS/enter" --net /run/netns/site2 --user "$APP_UID" "$APP_GID" -- flock --shared "$path" \
            "$HELPER" cwg_wait "$c2" 7 1 20 3>&- {lock}<&- &
        waits=($!)
        "$TOOLS/enter" --net /run/netns/site1 --user "$APP_UID" "$APP_GID" -- flock --shared "$path" \
            "$HELPER" cwg_wait "$c1" 7 0 20 3>&- {lock}<&- &
        waits+=($!)
        wait_for is_blocked "${waits[0]}"
        wait_for is_blocked "${waits[1]}"
        before=$(date +%s%N)
        exec {lock}<&-
        wait "${waits[0]}"
        wait "${waits[1]}"
        took=$((($(date +%s%N) - before) / 1000000)) stderr=
        echo "$delay ms: $took ms, initiations: $(initiations site1) and $(initiations site2)"
        took 0 2000
        [ $(($(initiations site1) + $(initiations site2))) -le 2 ] || fail "handshakes were begun anew"
        kill "${pids[@]}"
        wait "${pids[@]}" || true
        cwg site1 destroy "$c1" 7 0
        cwg site2 destroy "$c2" 7 1
    done
    at site1 iptables -F OUTPUT
    at site2 iptables -F OUTPUT
}

# Says whether a process waits for a lock (flock(2)).
is_blocked()
{
    grep -qE '^(73|32) ' "/proc/$1/syscall"
}

@test "cwg_wait says that packets come from another address when both sites have made host 0" {
    local took
    mistaken 7 0
    start_waiting "$c1" 7 0 6
    run --separate-stderr cwg site2 wait "$c2" 7 0 6
    assert_failure_in_lines "packets come from another address than the peer's, 10.0.0.15: " \
        "did the other site make host 0, too? it has to be 1 there" "did the other site make another net than 7?"
    waited 1 "packets come from another address than the peer's, 10.0.0.15: "
    [ "$(field state)" = "wrong address" ]
    [ "$(field dropped_packets)" -gt 0 ]
    [ "$(field dropped_packets)" = "$(inside "$c1" ip -json -stats -stats link show wg-7-0 | python3 -c '
import json, sys
print(json.load(sys.stdin)[0]["stats64"]["rx"]["frame_errors"])')" ]
    cwg site1 show "$c1" | grep -q "^  dropped  *[0-9]* packets that came from another address than the peer's:"
    # --alive doesn't accept this peer either, though it sends keepalives like any other.
    start_waiting "$c1" 7 0 13 --alive
    run --separate-stderr cwg site2 wait "$c2" 7 0 13 --alive --json
    assert_json_failure wrong-address "packets come from another address than the peer's, 10.0.0.15: "
    waited 1 "packets come from another address than the peer's, 10.0.0.15: "
}

@test "cwg_wait says that nothing comes back when the sites have made different nets" {
    local took
    mistaken 8 1
    waits_in_vain "the peer is alive, but nothing comes back from its address, 10.0.0.15" 2900 3500 "$c1" 7 0 3
    assert_failure_in_lines "" "or it made host 0, too, or another net than 7: see cwg_show there"
    [ "$(cwg site2 show "$c2" --json | grep -o '"dropped_packets":[0-9]*')" != '"dropped_packets":0' ]
    # When a packet comes from the other net, cwg_wait knows the reason.
    cwg site2 wait "$c2" 8 1 2 || true
    [ "$(field state)" = "wrong address" ]
}

@test "cwg_wait fails when the peer's container has gone, though packets came before the wait" {
    local took
    link_up 7
    cwg site1 wait "$c1" 7 0 20
    [ "$(field state)" = connected ]
    end_container "$c2"
    wait_for port_free site2 5102 # the network of the container answers for a little longer than its process lives
    timed "$c1" 7 0 3
    assert_failure_in_lines "no answer any more from 192.0.2.2:5102: the last " \
        "does the peer's container still run, and the link in it?"
    took 2900 3500
    run --separate-stderr cwg site1 wait "$c1" 7 0 10 --json
    assert_json_failure silent "no answer any more from 192.0.2.2:5102: "
    [ "$BACKEND" = kernel ] || [ "$(field state)" = silent ]
    [ "$(field state)" != connected ]
}

@test "cwg_wait doesn't accept a link of one direction, whatever a program in the peer's container sends" {
    link_up 7
    cwg site1 wait "$c1" 7 0 10
    # site1 sends to a machine that doesn't exist.
    ip -n site1 neigh replace 192.0.2.2 lladdr 02:00:00:00:00:99 dev v1
    inside "$c1" sh -c 'echo 40000 40009 >/proc/sys/net/ipv4/ip_local_port_range'
    "$TOOLS/enter" --net "/proc/$c2/ns/net" --user "$APP_UID" "$APP_GID" -- /usr/bin/python3 -c '
import socket, time
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.bind(("10.0.0.15", 61000))
while True:
    for port in range(40000, 40010):
        sender.sendto(b"here", ("10.0.0.14", port))
    time.sleep(0.05)' 3>&- &
    CONTAINERS+=("$!")
    waits_in_vain "nothing comes back from its address, 10.0.0.15" 3000 4500 "$c1" 7 0 3
    [ "$(field state)" = connected ]
}

# The held-back answer belongs to the wait before. Both waits' sockets have the same port here, which happens once in
# 28000 times, or where ports are few.
@test "cwg_wait doesn't accept an answer to an earlier wait that was held back on the way" {
    KEY1=$(cwg site1 create "$c1" 7 0 5101)
    KEY2=$(cwg site2 create "$c2" 7 1 5102)
    withhold_between 192.0.2.2 5102 4 back
    cwg site1 connect "$c1" 7 1 192.0.2.1:5111 "$KEY2"
    cwg site2 connect "$c2" 7 0 - "$KEY1"
    cwg site1 wait "$c1" 7 0 10
    inside "$c1" sh -c 'echo 40000 40000 >/proc/sys/net/ipv4/ip_local_port_range'
    begin_to_withhold
    run --separate-stderr cwg site1 wait "$c1" 7 0 0
    [ "$status" = 1 ]
    has_withheld
    end_container "$c2"
    wait_for port_free site2 5102
    start_waiting "$c1" 7 0 3
    release_withheld
    waited 1 "nothing comes back from its address"
}

# bats test_tags=kernel,only-6-12
@test "cwg_wait doesn't take a peer that was made again, with another key, for the one before" {
    local took key
    link_up 7
    cwg site1 wait "$c1" 7 0 20
    cwg site2 destroy "$c2" 7 1
    key=$(cwg site2 create "$c2" 7 1 5102)
    cwg site2 connect "$c2" 7 0 192.0.2.1:5101 "$KEY1"
    waits_in_vain "no answer any more from 192.0.2.2:5102" 2900 3500 "$c1" 7 0 3
    assert_failure_in_lines "" "a link that was made again has a new key: cwg_connect both ends anew"
    start_waiting "$c1" 7 0 30
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$key"
    waited 0 ""
}

# bats test_tags=kernel,only-6-12
@test "cwg_wait is right about links whose machine's clock was set, whether they work or not" {
    [ -n "${NAH_IN_VM:-}" ] || skip "it sets the machine's clock"
    require_kernel
    local took
    link_up 7
    cwg site1 wait "$c1" 7 0 20
    date -s "+2 hours"
    timed "$c1" 7 0 20
    assert_success_with ""
    took 0 1500
    date -s "-4 hours"
    timed "$c1" 7 0 20
    assert_success_with ""
    took 0 1500
    # This end loses its session. Its initiations are now older than the last one that the peer has accepted, so the
    # peer ignores them.
    inside "$c1" ip link set wg-7-0 down
    inside "$c1" ip link set wg-7-0 up
    waits_in_vain "this machine's clock was set back, by " 2900 3500 "$c1" 7 0 3
    assert_failure_in_lines "" "for that long the peer may ignore the handshakes that this end begins" \
        "set the clock right, or cwg_destroy the link, create and connect it again"
    run --separate-stderr cwg site1 wait "$c1" 7 0 1 --json
    assert_json_failure silent "this machine's clock was set back, by "
    date -s "+2 hours"
    timed "$c1" 7 0 20
    assert_success_with ""
}

# Makes a link whose peer completes handshakes, and answers no wait.
speechless()
{
    link_up 7
    inside "$c2" ip route add blackhole 10.0.0.14/32
}

completes_handshakes()
{
    [ "$(latest_handshake "$c1" wg-7-0)" -gt 0 ]
}

@test "cwg_wait takes no proof from a peer that is replaced during the wait, and gives no reason from it" {
    speechless
    start_waiting "$c1" 7 0 4
    wait_for completes_handshakes
    cwg site1 connect "$c1" 7 1 192.0.2.2:5103 "$KEY_A"
    inside "$c2" ip route delete blackhole 10.0.0.14/32
    waited 1 "no answer from 192.0.2.2:5103"
}

@test "cwg_wait waits through a peer that is made anew, until both ends are connected again" {
    local key
    speechless
    start_waiting "$c1" 7 0 30
    wait_for completes_handshakes
    cwg site2 destroy "$c2" 7 1
    inside "$c2" ip route delete blackhole 10.0.0.14/32
    key=$(cwg site2 create "$c2" 7 1 5102)
    cwg site2 connect "$c2" 7 0 192.0.2.1:5101 "$KEY1"
    sleep 3
    [ ! -e "$BATS_TEST_TMPDIR/status" ] || fail "it ended: $(<"$BATS_TEST_TMPDIR/err")"
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$key"
    waited 0 ""
}

@test "cwg_wait fails if the peer's container drops what it didn't ask for, and with --alive succeeds" {
    local took
    link_up 7
    inside "$c2" ip route add blackhole 10.0.0.14/32
    timed "$c1" 7 0 3
    assert_failure_in_lines "the peer is alive, but nothing comes back from its address, 10.0.0.15" \
        "a filter in its container? cwg_wait --alive needs no answer from there"
    timed "$c1" 7 0 3 --alive
    assert_failure_in_lines "" "give cwg_wait --alive 12 seconds or more"
    timed "$c1" 7 0 14 --alive --json
    assert_success_with '{"proof":"keepalive"}'
    took 0 12500
    # --alive fails when the peer has gone.
    end_container "$c2"
    wait_for port_free site2 5102
    waits_in_vain "no answer any more from 192.0.2.2:5102" 1900 2500 "$c1" 7 0 2 --alive
}

# The peer sends to all ports that the kernel may have given the wait's socket, from a port that no wait asks.
@test "cwg_wait doesn't take a packet that the peer sends by itself for an answer" {
    local took
    link_up 7
    cwg site1 wait "$c1" 7 0 20
    inside "$c2" iptables -A INPUT -i wg-7-1 -j DROP
    nsenter --net --target "$c2" -- /usr/bin/python3 -c '
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
    source.bind(("10.0.0.15", 5000))
    while True:
        for port in range(32768, 61000):
            source.sendto(b"unasked", ("10.0.0.14", port))' 3>&- >/dev/null 2>&1 &
    CONTAINERS+=("$!")
    waits_in_vain "the peer is alive, but nothing comes back from its address, 10.0.0.15" 3900 4500 "$c1" 7 0 4
}

@test "cwg_wait tells a filter in this container from a peer that doesn't answer" {
    local took rule
    link_up 7
    for rule in DROP "REJECT --reject-with icmp-port-unreachable" "REJECT --reject-with icmp-host-prohibited"; do
        # shellcheck disable=SC2086 # words
        inside "$c1" iptables -A OUTPUT -d 10.0.0.15 -p udp -j $rule
        waits_in_vain "a filter in this container lets no packet out to the peer's address, 10.0.0.15" 1900 2500 \
            "$c1" 7 0 2
        assert_failure_in_lines "" "let UDP out to 10.0.0.15 by wg-7-0"
        inside "$c1" iptables -F OUTPUT
    done
    inside "$c1" iptables -A OUTPUT -o wg-7-0 -j DROP
    run --separate-stderr cwg site1 wait "$c1" 7 0 1 --json
    assert_json_failure filtered "a filter in this container lets no packet out to the peer's address, 10.0.0.15; let"
    start_waiting "$c1" 7 0 20
    inside "$c1" iptables -F OUTPUT
    waited 0 ""
}

@test "cwg_wait tells to look for a filter of the machine's when the link's packets don't leave" {
    local took
    link_up 7
    at site1 iptables -A OUTPUT -p udp --dport 5102 -j REJECT
    timed "$c1" 7 0 2
    at site1 iptables -F OUTPUT
    assert_failure_in_lines "no answer from 192.0.2.2:5102" "open in firewalls on the way?"
    cwg site1 wait "$c1" 7 0 20
}

@test "cwg_wait says so when no route leads to the peer from this machine" {
    local took
    cwg site1 create "$c1" 7 0 5101
    cwg site1 connect "$c1" 7 1 198.51.100.7:5102 "$KEY_A" || true
    waits_in_vain "this machine has no route to 198.51.100.7:5102" 900 1500 "$c1" 7 0 1
    run --separate-stderr cwg site1 wait "$c1" 7 0 0 --json
    assert_json_failure no-route "this machine has no route to 198.51.100.7:5102; add one, or "
}

@test "on a terminal cwg_wait says what it waits for, and an unread terminal doesn't hold it up" {
    link_up 7
    inside "$c1" ip link set wg-7-0 down
    at site1 /usr/bin/python3 - "$HELPER" "$c1" "$APP_UID" "$APP_GID" <<'END'
import os, select, subprocess, sys, termios, time, tty
helper, container, uid, gid = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

def wait(seconds, slave):
    os.fchown(slave, uid, gid)
    return subprocess.Popen(["setpriv", "--reuid", str(uid), "--regid", str(gid), "--clear-groups", "--inh-caps=-all",
                             "--", "env", "--", helper, "cwg_wait", container, "7", "0", str(seconds)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave)

master, slave = os.openpty()
tty.setraw(slave)
assert wait(2, slave).wait() == 1
# The terminal passes the text on a little later.
said = b""
while said.count(b"\n") < 3 and select.select([master], [], [], 5)[0]:
    said += os.read(master, 65536)
said = said.decode().splitlines()
assert said[0] == "net-admin-helper: waiting: somebody in the container has set the link wg-7-0 down", said
assert said[1].startswith("net-admin-helper: somebody in the container"), said
assert len(said) == 3, said

# Now the terminal is stopped, as by Ctrl-S.
termios.tcflow(slave, termios.TCOOFF)
waits = wait(2, slave)
time.sleep(4)
open_files = os.listdir(f"/proc/{waits.pid}/fd")
termios.tcflow(slave, termios.TCOON)
assert waits.wait() == 1
assert sorted(open_files) == ["0", "1", "2"], open_files
END
}

@test "cwg_wait in a batch ends when the batch's client hangs up" {
    local pid
    cwg site1 create "$c1" 7 0 5101
    at site1 /usr/bin/python3 - "$HELPER" "$c1" "$APP_UID" "$APP_GID" <<'END'
import socket, subprocess, sys, time
helper, container, uid, gid = sys.argv[1:]
ours, theirs = socket.socketpair()
batch = subprocess.Popen(["setpriv", "--reuid", uid, "--regid", gid, "--clear-groups", "--inh-caps=-all", "--", "env",
                          "--", helper, "batch"], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
theirs.close()
ours.sendall(f"cwg_wait {container} 7 0 600\n".encode())
time.sleep(1)
assert batch.poll() is None
ours.close()
assert batch.wait(timeout=5) == 1
END
}

@test "cwg_wait waits for a cwg_connect at its own site, and at the other one" {
    local key1 key2
    key1=$(cwg site1 create "$c1" 7 0 5101)
    key2=$(cwg site2 create "$c2" 7 1 5102)
    start_waiting "$c1" 7 0 30
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$key2"
    sleep 0.5
    [ ! -e "$BATS_TEST_TMPDIR/status" ]
    cwg site2 connect "$c2" 7 0 192.0.2.1:5101 "$key1"
    waited 0 ""
}

@test "cwg_wait fails for a link without a peer" {
    local took
    cwg site1 create "$c1" 7 0 5101
    waits_in_vain "the link wg-7-0 has no peer yet" 900 1500 "$c1" 7 0 1
    assert_failure_in_lines "" "set its peer with cwg_connect"
    run --separate-stderr cwg site1 wait "$c1" 7 0 1 --json
    assert_json_failure not-connected "the link wg-7-0 has no peer yet; set its peer with cwg_connect"
}

@test "cwg_wait names the reasons when the peer doesn't exist, has another key, or another preshared key" {
    local key1 key2 took
    key1=$(cwg site1 create "$c1" 7 0 5101)
    key2=$(cwg site2 create "$c2" 7 1 5102)
    cwg site1 connect "$c1" 7 1 192.0.2.2:5103 "$key2"
    waits_in_vain "no answer from 192.0.2.2:5103" 1900 2500 "$c1" 7 0 2
    assert_failure_in_lines "" "did the other site cwg_connect, with this link's key $key1?" \
        "is that the UDP port there, and open in firewalls on the way?" "is the peer's key still $key2?" \
        "have both the same preshared key, or none?"
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$key2"
    waits_in_vain "no answer from 192.0.2.2:5102" 900 1500 "$c1" 7 0 1
    cwg site2 connect "$c2" 7 0 192.0.2.1:5101 "$key1" --preshared-key-file - <<<"$KEY_A"
    waits_in_vain "no answer from 192.0.2.2:5102" 900 1500 "$c1" 7 0 1
    # The handshakes of each end arrive at the other. The end that answers delays its own.
    start_waiting "$c1" 7 0 8
    run --separate-stderr cwg site2 wait "$c2" 7 1 7
    assert_failure_in_lines "" "have both the same preshared key, or none?"
    waited 1 "have both the same preshared key, or none?"
    grep -q "the peer's handshakes arrive here, and aren't completed" "$BATS_TEST_TMPDIR/err" - <<<"$stderr" ||
        fail "neither end saw the other's: $stderr"
}

# bats test_tags=kernel,only-6-12
@test "cwg_wait waits for a peer with an unknown endpoint to begin" {
    local key1 key2 took
    key1=$(cwg site1 create "$c1" 7 0 5101)
    key2=$(cwg site2 create "$c2" 7 1 5102)
    cwg site1 connect "$c1" 7 1 - "$key2"
    waits_in_vain "the peer's endpoint isn't known: the peer has to send first" 900 1500 "$c1" 7 0 1
    assert_failure_in_lines "" "this link's key $key1?" "this machine's address and UDP port 5101, open in firewalls?"
    start_waiting "$c1" 7 0 30
    cwg site2 connect "$c2" 7 0 192.0.2.1:5101 "$key1"
    cwg site2 wait "$c2" 7 1 20
    waited 0 ""
}

@test "cwg_wait fails for a link that was set down, or is unfinished" {
    local took
    link_up 7
    inside "$c1" ip link set wg-7-0 down
    waits_in_vain "somebody in the container has set the link wg-7-0 down" 900 1500 "$c1" 7 0 1
    inside "$c1" ip link set wg-7-0 up
    inside "$c1" ip link set wg-7-0 group $((0x6e616821))
    waits_in_vain "the link wg-7-0 was never finished" 900 1500 "$c1" 7 0 1
}

@test "cwg_wait fails for a link whose address was taken away in the container" {
    local took
    link_up 7
    inside "$c1" ip address delete 10.0.0.14/31 dev wg-7-0
    waits_in_vain "somebody in the container has taken away the address of wg-7-0, 10.0.0.14" 900 1500 "$c1" 7 0 1
    assert_failure_in_lines "" "add 10.0.0.14/31 there"
}

@test "cwg_wait fails at once for a link that doesn't exist" {
    local took
    waits_in_vain "no such link: the container has none for net 7, host 0" 0 500 "$c1" 7 0 20
    inside "$c1" ip link add wg-7-0 type "$DUMMY"
    waits_in_vain "no such link: the device with the name of net 7, host 0 isn't a link" 0 3000 \
        "$c1" 7 0 20
    # <host> is the number of the end in this container, as with cwg_create.
    cwg site1 create "$c1" 8 0 5101
    waits_in_vain "no such link: the container has none for net 8, host 1" 0 3000 "$c1" 8 1 20
}

# Starts a wait for a link, and removes the link a second later.
removed_meanwhile()
{
    cwg site1 create "$c1" 7 0 5101 >/dev/null
    { sleep 1; cwg site1 destroy "$c1" 7 0; } 3>&- &
    cwg site1 wait "$c1" 7 0 20 "$@"
}

@test "cwg_wait fails when its link is removed during the wait, even if the link is made again" {
    local pid
    cwg site1 create "$c1" 7 0 5101
    start_waiting "$c1" 7 0 30
    cwg site1 destroy "$c1" 7 0
    waited 1 "the link for net 7, host 0 was removed in the meantime"
    run --separate-stderr removed_meanwhile --json
    assert_json_failure removed "the link for net 7, host 0 was removed in the meantime; make it again with cwg_create"
    cwg site1 create "$c1" 7 0 5101
    # No function stands between: each program becomes the next one, so the pid is the helper's in the end.
    ip netns exec site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env -- "$HELPER" cwg_wait "$c1" 7 0 30 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    pid=$!
    sleep 1
    kill -STOP "$pid"
    cwg site1 destroy "$c1" 7 0
    cwg site1 create "$c1" 7 0 5101
    kill -CONT "$pid"
    ! wait "$pid" || fail "it succeeded"
    grep -q "the link for net 7, host 0 was removed in the meantime" "$BATS_TEST_TMPDIR/err"
}

@test "cwg_wait fails when its container ends during the wait" {
    cwg site1 create "$c1" 7 0 5101
    start_waiting "$c1" 7 0 30
    end_container "$c1"
    waited 1 "pid: the process ended in the meantime"
}

@test "cwg_wait's packet leaves by the link, or not at all, whatever routes and rules the container has" {
    local how watcher
    link_up 7
    inside "$c1" ip link add elsewhere type "$DUMMY"
    inside "$c1" ip link set elsewhere up
    inside "$c1" ip address add 10.99.0.1/24 dev elsewhere
    inside "$c1" ip neighbour add 10.0.0.15 lladdr 02:00:00:00:00:01 dev elsewhere nud permanent
    inside "$c1" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.wg-7-0.rp_filter=0
    nsenter --net --target "$c1" -- tcpdump -i elsewhere -n -l udp or icmp >"$BATS_TEST_TMPDIR/seen" \
        2>"$BATS_TEST_TMPDIR/dump" 3>&- &
    watcher=$!
    CONTAINERS+=("$watcher")
    wait_for grep -q listening "$BATS_TEST_TMPDIR/dump"
    for how in "route add 10.0.0.15/32 dev elsewhere" "rule add to 10.0.0.15 table 100" \
        "rule add to 10.0.0.15 unreachable" "route delete 10.0.0.14/31"; do
        echo "$how"
        inside "$c1" ip route replace default dev elsewhere table 100
        # shellcheck disable=SC2086 # words
        inside "$c1" ip $how
        run --separate-stderr cwg site1 wait "$c1" 7 0 20
        assert_success_with ""
    done
    # From now on no answer can arrive.
    for how in "address add 10.0.0.15/32 dev elsewhere" "address delete 10.0.0.14/31 dev wg-7-0"; do
        # shellcheck disable=SC2086 # words
        inside "$c1" ip $how
        run --separate-stderr cwg site1 wait "$c1" 7 0 2
        assert_failure_in_lines ""
    done
    kill "$watcher"
    wait "$watcher" || true
    ! grep -q . "$BATS_TEST_TMPDIR/seen" || fail "sent elsewhere: $(<"$BATS_TEST_TMPDIR/seen")"
}

# bats test_tags=engine
@test "cwg_wait waits no longer than it was told for an engine that doesn't answer, or can't be found" {
    [ "$BACKEND" = engine ] || skip "the kernel's have no process"
    local took
    link_up 7
    STOPPED=$(inside "$c1" ip link show wg-7-0 | sed -nE 's/^ *alias .*: engine, process ([0-9]+)$/\1/p')
    kill -STOP "$STOPPED"
    waits_in_vain "the link wg-7-0: " 900 2000 "$c1" 7 0 1
    waits_in_vain "the link wg-7-0: " 2900 4000 "$c1" 7 0 3
    [[ $stderr == *"kill -CONT $STOPPED"* ]] || fail "$stderr"
    start_waiting "$c1" 7 0 30
    kill -CONT "$STOPPED"
    waited 0 ""
    inside "$c1" ip link set wg-7-0 alias none
    waits_in_vain "the link wg-7-0: " 900 2000 "$c1" 7 0 1
}
