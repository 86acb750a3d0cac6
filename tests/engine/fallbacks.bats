#!/usr/bin/env bats
# Kernels and devices that can't do all that the engine would use: `refuse` answers for them. The content stays right,
# and what was refused isn't asked for again and again.
#
#          w-1                                    w-2
#     +---------------------------+          +---------------------------+
#     |      192.0.2.1 (v1) ------+---veth---+------ (v2) 192.0.2.2      |
#     |  +--------+  cwg-engine   |          |    cwg-engine  +--------+ |
#     |  |   c1   |  under refuse |          |                |   c2   | |
#     |  +--------+               |          |                +--------+ |
#     +---------------------------+          +---------------------------+

bats_require_minimum_version 1.5.0
load engine

setup_file()
{
    prepare_engine
}

setup()
{
    world w
    REFUSED=$BATS_TEST_TMPDIR/refused
}

teardown()
{
    end_test
    clean_up
}

# Both directions, UDP and TCP, with the engine of c1 on a kernel that refuses these things.
link_without()
{
    two_engines w "$TOOLS/refuse" --log "$REFUSED" "$@" --
    answers "$c1" "$IP2"
    # What is refused first, and lost by that, nobody would send again.
    udp_arrives "$c1" "$c2" "$IP2"
    udp_arrives "$c2" "$c1" "$IP1"
    transfer "$c1" "$c2" "$IP2" 20000000
    transfer "$c2" "$c1" "$IP1" 20000000
}

# A burst of datagrams that the kernel may cut itself (UDP_SEGMENT): all of them, and each as it was sent.
udp_arrives()
{
    local out=$BATS_TEST_TMPDIR/udp
    rm -f "$out" # of the other direction
    on "$2" python3 -c '
import hashlib, socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
    sink.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)  # SO_RCVBUFFORCE
    sink.bind(("", 4002))
    sink.settimeout(5)
    print("ready", flush=True)
    print(hashlib.sha256(b"".join(sink.recv(65535) for _ in range(200))).hexdigest(), flush=True)' 3>&- >"$out" &
    BACKGROUND+=("$!")
    wait_for grep -q ready "$out"
    on "$1" python3 -c '
import hashlib, os, socket, sys, time
total = hashlib.sha256()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
    source.connect((sys.argv[1], 4002))
    source.setsockopt(socket.IPPROTO_UDP, 103, 1200)  # UDP_SEGMENT
    for burst in range(10):
        block = os.urandom(20 * 1200)
        total.update(block)
        source.send(block)
        time.sleep(0.02)
print(total.hexdigest())' "$3" >"$out.sent"
    wait $! || fail "datagrams are missing"
    [ "$(tail -n 1 "$out")" = "$(<"$out.sent")" ] || fail "datagrams have changed"
}

# How often that was refused.
refused_times()
{
    grep -c "^$1 " "$REFUSED" || true
}

@test "without USO" {
    link_without uso
    [ "$(refused_times uso)" = 1 ]
}

@test "without UDP_GRO" {
    link_without udp-gro
    [ "$(refused_times udp-gro)" = 2 ]
}

@test "without UDP_SEGMENT" {
    link_without udp-segment
    [ "$(refused_times udp-segment)" = 1 ]
}

@test "without TSO and USO" {
    link_without tso
    [ "$(refused_times tso)" = 2 ]
}

@test "without any of them" {
    link_without tso uso udp-gro udp-segment
    [ "$(refused_times udp-gro)" = 2 ]
    [ "$(refused_times udp-segment)" = 1 ]
}

@test "a device without checksums refuses batches: each datagram of them arrives, and no other batch is tried" {
    link_without batches
    [ "$(refused_times batches)" = 1 ]
}

@test "a kernel that refuses UDP to be cut when it is written: nothing is lost, and it isn't tried again" {
    link_without write-udp
    [ "$(refused_times write-udp)" = 1 ]
}

@test "a kernel that refuses TCP to be cut when it is written: nothing is lost, and it isn't tried again" {
    link_without write-tcp
    [ "$(refused_times write-tcp)" = 1 ]
}

@test "a kernel that refuses both to be cut when they are written: nothing is lost, and neither is tried again" {
    link_without write-tcp write-udp
    [ "$(refused_times write-tcp)" = 1 ]
    [ "$(refused_times write-udp)" = 1 ]
}

@test "a device that refuses every tenth packet: TCP mends it" {
    two_engines w "$TOOLS/refuse" --log "$REFUSED" write-eio --
    answers "$c1" "$IP2"
    transfer "$c2" "$c1" "$IP1" 500000 60
    [ "$(refused_times write-eio)" -gt 1 ]
    lives "$ENGINE"
}
