#!/usr/bin/env bats
# Floods of handshakes on an engine's port, from addresses that aren't their senders'. Traffic goes on, and a peer that
# can show by a cookie that it is where it says gets its session.
#
#          w-1                                      w-2
#     +---------------------------+            +---------------------------+
#     |      192.0.2.1 (v1) ------+----veth----+------ (v2) 192.0.2.2      |
#     |  +--------+    cwg-engine |            | cwg-engine, or            |
#     |  |   c1   |    port 5101  | <~~~~~~~~~ | wireguard-go     hsflood, |
#     |  +--------+               |            |        as 198.18.0.0/15   |
#     +---------------------------+            +---------------------------+
#       route to 198.18.0.0/15 by v1             which are lost there

bats_require_minimum_version 1.5.0
load engine

RATE=10000

setup_file()
{
    prepare_engine
}

setup()
{
    world w
    on w-1 ip route add 198.18.0.0/15 via 192.0.2.2
}

teardown()
{
    end_test
    clean_up
}

# Bytes per second that TCP carries from $c2 to $c1, past the flood, within four seconds.
goodput()
{
    background inside "$c1" iperf3 -s -1 -B "$IP1" >/dev/null
    wait_for listens "$c1" 5201
    inside "$c2" iperf3 -c "$IP1" -t 3 -J | python3 -c '
import json, sys
print(int(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 8))'
}

# A flood, for longer than anybody looks: flood PORT [WORDS of hsflood]
flood()
{
    on w-2 "$TOOLS/hsflood" "${@:2}" --rate "$RATE" --seconds 100 "192.0.2.1:$1" 3>&- &
    FLOOD=$!
    BACKGROUND+=("$FLOOD")
    sleep 0.5
}

stop_flood()
{
    kill_tree "$FLOOD"
    wait "$FLOOD" || true
}

# The same flood to a port that nobody has says what this machine can do beside making it. Traffic that goes on is a
# twentieth of that at least: other programs may have most of the three seconds, so it is tried three times. What the
# engine answers says more, see the tests. A word says whether the flood has the right key.
carries_on_under()
{
    local alone under try words=()
    two_engines w
    [ "$1" != right ] || words=(--key "$KEY1")
    answers "$c1" "$IP2"
    for try in 1 2 3; do
        flood 9 "${words[@]}"
        alone=$(goodput)
        stop_flood
        flood "$PORT1" "${words[@]}"
        under=$(goodput)
        echo "# $((under / 125000)) Mbit/s of $((alone / 125000))" >&3
        [ "$((under * 20))" -lt "$alone" ] || break
        [ "$try" -lt 3 ]
        stop_flood
    done
    answers "$c1" "$IP2"
    capture w-1 v1 'src host 192.0.2.1 and udp src port 5101 and dst net 198.18.0.0/15'
    sleep 1
    stop_flood
    sleep 0.2
}

@test "a flood without the right key: traffic goes on, and there is no answer at all" {
    carries_on_under wrong
    [ "$(captured | wc -l)" = 0 ] || fail "$(captured | head)"
}

@test "a flood with the right key: traffic goes on, and the answer is a cookie" {
    carries_on_under right
    # Cookies have 64 bytes; nobody is sent anything else, since nobody there is a peer.
    # Where a port is that of another protocol, tcpdump sees that in it, and no length.
    captured | awk '$4 !~ /^[0-9]+$/ { next } $5 == 3 && $4 == 64 { cookies++ } $5 != 3 { other++ }
        END { print cookies + 0, other + 0; exit !(cookies > 100 && !other) }'
}

@test "under a flood a peer gets its session by a cookie, whoever begins" {
    engine_link w
    flood "$PORT1" --key "$KEY1"
    capture w-1 v1 'udp and host 192.0.2.2'
    go_start w
    go_peer w "$KEY1" endpoint "192.0.2.1:$PORT1"
    "$CTL" "$ENGINE" set "public_key=$KEY2" "allowed_ip=$IP2/32"
    # Its first message is answered by a cookie, the second, five seconds later, by a session.
    answers w-2 "$IP1" 40
    sleep 0.2
    [ "$(count_captured 3 "192.0.2.1.$PORT1")" -ge 1 ] || fail "no cookie: $(captured)"
    [ "$(count_captured 2 "192.0.2.1.$PORT1")" -ge 1 ] || fail "no response: $(captured)"
    # An engine that begins itself is answered, and takes in that answer, by a cookie of its own.
    "$CTL" "$ENGINE" forget
    wg set go-w peer "$KEY1" remove
    go_peer w "$KEY1"
    "$CTL" "$ENGINE" set "public_key=$KEY2" "allowed_ip=$IP2/32" "endpoint=192.0.2.2:$PORT2"
    answers "$c1" "$IP2" 40
}

@test "an engine that begins gets its session with one under a flood, by the cookie it is sent" {
    two_engines w
    "$CTL" "$ENGINE" forget
    flood "$PORT1" --key "$KEY1"
    capture w-1 v1 'udp and host 192.0.2.2'
    # The one behind the flood knows no endpoint, and can't begin.
    "$CTL" "$ENGINE" set "public_key=$KEY2" "allowed_ip=$IP2/32"
    answers "$c2" "$IP1" 40
    sleep 0.2
    [ "$(count_captured 3 "192.0.2.1.$PORT1")" -ge 1 ] || fail "no cookie: $(captured)"
    [ "$(count_captured 2 "192.0.2.1.$PORT1")" -ge 1 ] || fail "no response: $(captured)"
}
