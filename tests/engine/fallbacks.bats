#!/usr/bin/env bats
# Kernels and devices that lack something that the engine would use: `refuse` answers for them. Data stays right, and
# the engine doesn't ask again and again for what was refused.
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

# Makes a link, with the engine of c1 on a kernel that refuses these things. UDP and TCP pass both ways.
link_without()
{
    two_engines w "$TOOLS/refuse" --log "$REFUSED" "$@" --
    answers "$c1" "$IP2"
    # This comes first: nobody would send again a datagram that is lost at the first refusal.
    udp_arrives "$c1" "$c2" "$IP2"
    udp_arrives "$c2" "$c1" "$IP1"
    transfer "$c1" "$c2" "$IP2" 20000000
    transfer "$c2" "$c1" "$IP1" 20000000
}

# Sends bursts of datagrams that the kernel may cut (UDP_SEGMENT). All arrive as they were sent.
udp_arrives()
{
    local out=$BATS_TEST_TMPDIR/udp
    rm -f "$out" # the file of the other direction
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

# Prints how often `refuse` has refused something.
refused_times()
{
    grep -c "^$1 " "$REFUSED" || true
}

@test "an engine without USO in the kernel carries UDP and TCP" {
    link_without uso
    [ "$(refused_times uso)" = 1 ]
}

@test "an engine without UDP_GRO in the kernel carries UDP and TCP" {
    link_without udp-gro
    [ "$(refused_times udp-gro)" = 2 ]
}

@test "an engine without UDP_SEGMENT in the kernel carries UDP and TCP" {
    link_without udp-segment
    [ "$(refused_times udp-segment)" = 1 ]
}

@test "an engine without TSO and USO in the kernel carries UDP and TCP" {
    link_without tso
    [ "$(refused_times tso)" = 2 ]
}

@test "an engine without any offload in the kernel carries UDP and TCP" {
    link_without tso uso udp-gro udp-segment
    [ "$(refused_times udp-gro)" = 2 ]
    [ "$(refused_times udp-segment)" = 1 ]
}

@test "when a device without checksums refuses a batch, the engine sends its datagrams singly, and no further batch" {
    link_without batches
    [ "$(refused_times batches)" = 1 ]
}

@test "when a kernel refuses to cut UDP for the device, the engine loses nothing, and doesn't try again" {
    link_without write-udp
    [ "$(refused_times write-udp)" = 1 ]
}

@test "when a kernel refuses to cut TCP for the device, the engine loses nothing, and doesn't try again" {
    link_without write-tcp
    [ "$(refused_times write-tcp)" = 1 ]
}

@test "when a kernel refuses to cut both UDP and TCP for the device, the engine loses nothing, and doesn't try again" {
    link_without write-tcp write-udp
    [ "$(refused_times write-tcp)" = 1 ]
    [ "$(refused_times write-udp)" = 1 ]
}

@test "when a device refuses every tenth packet, TCP still carries everything" {
    two_engines w "$TOOLS/refuse" --log "$REFUSED" write-eio --
    answers "$c1" "$IP2"
    transfer "$c2" "$c1" "$IP1" 500000 60
    [ "$(refused_times write-eio)" -gt 1 ]
    lives "$ENGINE"
}
