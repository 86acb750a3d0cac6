#!/usr/bin/env bats
# The container's view of its engine: counters, padding, errors, packets that come back.
#
#          w-1                                    w-2
#     +---------------------------+          +---------------------------+
#     |      192.0.2.1 (v1) ------+---veth---+------ (v2) 192.0.2.2      |
#     |    2001:db8::1            |          |            2001:db8::2    |
#     |  +--------+    cwg-engine |          |  cwg-engine and c2, or    |
#     |  |   c1   |    port 5101  |          |  wireguard-go, port 5102  |
#     |  +--------+ 10.0.0.14     |          |             10.0.0.15     |
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
}

teardown()
{
    end_test
    clean_up
}

# Prints how many packets the device of a place has counted as bad: frame_errors PLACE DEVICE
frame_errors()
{
    on "$1" ip -s -s -j link show "$2" | python3 -c 'import json, sys
print(json.load(sys.stdin)[0]["stats64"]["rx"]["frame_errors"])'
}

@test "the engine counts each packet that its peer may not send, as the kernel's driver does" {
    engine_and_go w
    answers "$c1" "$IP2"
    [ "$(frame_errors "$c1" wg-7-0)" = 0 ]
    ip -n w-2 address add 10.9.9.9/32 dev go-w
    ! on w-2 ping -n -q -i 0.2 -c 5 -W 1 -I 10.9.9.9 "$IP1" || fail "an address that isn't allowed has an answer"
    [ "$(frame_errors "$c1" wg-7-0)" = 5 ]
    answers w-2 "$IP1"
    [ "$(frame_errors "$c1" wg-7-0)" = 5 ]
}

@test "when both sites have made host 0 handshakes pass and packets don't, and each end counts the other's packets" {
    engine_link w
    container c2
    KEY2=$(cwg w-2 create "$c2" 7 0 "$PORT2")
    cwg w-1 connect "$c1" 7 0 "192.0.2.2:$PORT2" "$KEY2"
    cwg w-2 connect "$c2" 7 0 "192.0.2.1:$PORT1" "$KEY1"
    ! on "$c1" ping -n -q -i 0.2 -c 5 -W 1 "$IP2" || fail "an answer"
    [ "$(of_engine handshaken)" != 0 ]
    [ "$(frame_errors "$c1" wg-7-0)" = 0 ]
    [ "$(frame_errors "$c2" wg-7-0)" = 5 ]
    ! on "$c2" ping -n -q -i 0.2 -c 3 -W 1 "$IP2" || fail "an answer"
    [ "$(frame_errors "$c1" wg-7-0)" = 3 ]
}

@test "all datagrams of an engine over IPv6 have the flow label 0" {
    two_engines w
    "$CTL" "$ENGINE" set "public_key=$KEY2" "endpoint=[2001:db8::2]:$PORT2"
    # With the value 1 the kernel labels all sockets that don't refuse labels.
    [ "$(on w-1 sysctl -n net.ipv6.auto_flowlabels)" = 1 ]
    capture w-1 v1 'ip6 and udp'
    answers "$c1" "$IP2"
    both_ways "$c1" "$c2" 100000
    # Prints the first bytes of a packet: version, class (ECN, and the DSCP of handshakes, are set), label.
    sed -n 's/^\t0x0000:  6\(...\) \(....\).*/\1 \2/p' "$CAPTURE.raw" >"$BATS_TEST_TMPDIR/labels"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/labels")" -gt 10 ]
    ! grep -v '^..0 0000$' "$BATS_TEST_TMPDIR/labels" || fail "a flow label"
}

# Prints the lengths of the UDP payloads that left the first site for the second's. On a busy machine the engine gives
# the kernel several packets in one, by UDP's GSO: these are as long as a multiple: lengths_of_captured LENGTH
lengths_of_captured()
{
    captured | awk -v "one=$1" '$2 == "192.0.2.1.5101" && $5 == 4 { print $4 % one ? $4 : one }' | sort -nu |
        tr '\n' ' '
}

# Sends packets of a device's MTU, which the engine must not make longer: full_packets PLACE MTU
full_packets()
{
    on "$1" ping -n -q -i 0.2 -c 3 -W 5 -M "do" -s $(($2 - 28)) "$IP2"
}

@test "after cwg_connect has lowered the MTU the engine pads no packet beyond it" {
    two_engines w
    full_packets "$c1" 1420
    capture w-1 v1 'udp src port 5101'
    # 1412 is no multiple of 16. The next multiple is 1424.
    cwg w-1 connect "$c1" 7 1 "192.0.2.2:$PORT2" "$KEY2" --mtu 1412
    full_packets "$c1" 1412
    [ "$(lengths_of_captured 1444)" = "1444 " ] || fail "$(lengths_of_captured 1444)"
}

@test "two seconds after the container has lowered the MTU the engine pads no packet beyond it" {
    two_engines w
    full_packets "$c1" 1420
    on "$c1" ip link set wg-7-0 mtu 1412
    sleep 2
    capture w-1 v1 'udp src port 5101'
    full_packets "$c1" 1412
    [ "$(lengths_of_captured 1444)" = "1444 " ] || fail "$(lengths_of_captured 1444)"
}

@test "the engine answers a packet for nobody from the peer's address, which passes a reverse-path filter" {
    two_engines w
    answers "$c1" "$IP2"
    on "$c1" sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.wg-7-0.rp_filter=1
    on "$c1" ping -n -c 1 -W 2 -I wg-7-0 198.51.100.99 >"$BATS_TEST_TMPDIR/ping" 2>&1 && fail "an answer of nobody's"
    cat "$BATS_TEST_TMPDIR/ping"
    grep -q "From $IP2 .*Destination Host Unreachable" "$BATS_TEST_TMPDIR/ping"
}

# Site 1 routes an address through its container, and the container routes it into the link: routed_through ADDRESS
routed_through()
{
    ip -n w-1 link add in1 type veth peer name in2 netns "/proc/$c1/ns/net"
    ip -n w-1 address add 172.16.0.1/24 dev in1
    ip -n w-1 link set in1 up
    on "$c1" ip address add 172.16.0.2/24 dev in2
    on "$c1" ip link set in2 up
    on "$c1" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0
    ip -n w-1 route add "$1" via 172.16.0.2
}

@test "an engine doesn't loop when its endpoint is an address in the link, routed back through the container" {
    local size before after
    two_engines w
    answers "$c1" "$IP2"
    routed_through "$IP2"
    # The session began with the former endpoint. No packet may come from there any more: it would move the endpoint
    # back.
    ip -n w-2 link set v2 down
    "$CTL" "$ENGINE" set "public_key=$KEY2" "endpoint=$IP2:$PORT2"
    for size in 56 1300 1400 4000 60000; do
        before=$(of_engine tx_bytes)
        ! on "$c1" ping -n -q -c 1 -W 1 -s "$size" "$IP2" || fail "it has left by this way"
        after=$(of_engine tx_bytes)
        echo "$size bytes: $((after - before)) sealed"
        [ $((after - before)) -gt "$size" ]
        [ $((after - before)) -lt $((2 * size + 3000)) ]
    done
}
