#!/usr/bin/env bats
# Floods of handshakes come to an engine's port, from false addresses. Traffic goes on. A peer that proves its address
# by a cookie gets its session.
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

# Prints the bytes per second that TCP carries from $c2 to $c1 during the flood, within four seconds.
goodput()
{
    background inside "$c1" iperf3 -s -1 -B "$IP1" >/dev/null
    wait_for listens "$c1" 5201
    inside "$c2" iperf3 -c "$IP1" -t 3 -J | python3 -c '
import json, sys
print(int(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 8))'
}

# Starts a flood that lasts longer than the test: flood PORT [WORDS of hsflood]
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

# Traffic goes on under a flood with the `right` or the `wrong` key. First a flood to a port that nobody has measures
# what this machine can carry next to the flood itself. The engine has to carry a twentieth of that. Other programs may
# take most of the three seconds, so there are three tries. The engine's answers say more: see the tests.
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

@test "under a flood with the wrong key traffic goes on, and the engine sends no answer at all" {
    carries_on_under wrong
    [ "$(captured | wc -l)" = 0 ] || fail "$(captured | head)"
}

@test "under a flood with the right key traffic goes on, and the engine answers with cookies alone" {
    carries_on_under right
    # A cookie has 64 bytes. The senders aren't peers, so the engine sends them nothing else. On a port of another known
    # protocol tcpdump prints that protocol, and no length.
    captured | awk '$4 !~ /^[0-9]+$/ { next } $5 == 3 && $4 == 64 { cookies++ } $5 != 3 { other++ }
        END { print cookies + 0, other + 0; exit !(cookies > 100 && !other) }'
}

@test "under a flood a peer gets its session by a cookie, whichever end begins" {
    engine_link w
    flood "$PORT1" --key "$KEY1"
    capture w-1 v1 'udp and host 192.0.2.2'
    go_start w
    go_peer w "$KEY1" endpoint "192.0.2.1:$PORT1"
    "$CTL" "$ENGINE" set "public_key=$KEY2" "allowed_ip=$IP2/32"
    # The engine answers the first message with a cookie, and the second, five seconds later, with a session.
    answers w-2 "$IP1" 40
    sleep 0.2
    [ "$(count_captured 3 "192.0.2.1.$PORT1")" -ge 1 ] || fail "no cookie: $(captured)"
    [ "$(count_captured 2 "192.0.2.1.$PORT1")" -ge 1 ] || fail "no response: $(captured)"
    # An engine that begins is answered, and proves itself by its own cookie.
    "$CTL" "$ENGINE" forget
    wg set go-w peer "$KEY1" remove
    go_peer w "$KEY1"
    "$CTL" "$ENGINE" set "public_key=$KEY2" "allowed_ip=$IP2/32" "endpoint=192.0.2.2:$PORT2"
    answers "$c1" "$IP2" 40
}

@test "an engine that begins gets a session with an engine under a flood, by the cookie that this sends" {
    two_engines w
    "$CTL" "$ENGINE" forget
    flood "$PORT1" --key "$KEY1"
    capture w-1 v1 'udp and host 192.0.2.2'
    # The engine under the flood knows no endpoint, and can't begin.
    "$CTL" "$ENGINE" set "public_key=$KEY2" "allowed_ip=$IP2/32"
    answers "$c2" "$IP1" 40
    sleep 0.2
    [ "$(count_captured 3 "192.0.2.1.$PORT1")" -ge 1 ] || fail "no cookie: $(captured)"
    [ "$(count_captured 2 "192.0.2.1.$PORT1")" -ge 1 ] || fail "no response: $(captured)"
}
