#!/usr/bin/env bats
# The engine and its peers: wireguard-go at the other end of a link, or another engine. Tests check sessions, contents,
# addresses, and the protocol's times ("WireGuard: Next Generation Kernel Network Tunnel", section 6). Scenarios that
# take minutes run beside the short tests, in worlds of their own, from a to j. The last tests look at their results.
#
#          w-1                                    w-2
#     +---------------------------+          +---------------------------+
#     |      192.0.2.1 (v1) ------+---veth---+------ (v2) 192.0.2.2      |
#     |    2001:db8::1            |          |            2001:db8::2    |
#     |  +--------+    cwg-engine |          |  wireguard-go, port 5102  |
#     |  |   c1   |    port 5101  |          |  go-w 10.0.0.15           |
#     |  +--------+ 10.0.0.14     |          |  (a bad network: 6000)    |
#     +---------------------------+          +---------------------------+

bats_require_minimum_version 1.5.0
load engine

# Each entry is a world's name, a letter, and its scenario.
SCENARIOS=(
    a:rekey_by_engine b:rekey_by_peer c:rekey_between_engines d:passive_keepalive e:silence f:persistent_keepalive
    g:giving_up h:peer_restarts i:stopped_engine j:soak
)

setup_file()
{
    local scenario
    prepare_engine
    for scenario in "${SCENARIOS[@]}"; do
        play "${scenario%%:*}" "${scenario##*:}" 3>&- >"$BATS_FILE_TMPDIR/${scenario##*:}.log" 2>&1 &
        echo $! >>"$BATS_FILE_TMPDIR/players"
    done
}

# Plays a scenario in a process of its own, cleans up, and leaves the exit status: play WORLD NAME
play()
{
    STATUS_FILE=$BATS_FILE_TMPDIR/$2.status
    set -e
    export BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR/$2
    mkdir "$BATS_TEST_TMPDIR"
    trap 'echo $? >"$STATUS_FILE.new"; set +e; end_test; clean_up; mv "$STATUS_FILE.new" "$STATUS_FILE"' EXIT
    world "$1"
    "$2" "$1"
}

teardown_file()
{
    local pid scenario number
    while read -r pid; do
        kill_tree "$pid"
    done <"$BATS_FILE_TMPDIR/players"
    for scenario in "${SCENARIOS[@]}"; do
        for number in 1 2; do ip netns delete "${scenario%%:*}-$number" 2>/dev/null || true; done
    done
}

# Waits for a scenario's end, and prints its output: ended_well NAME
ended_well()
{
    local i
    for ((i = 0; i < 1800 && $(cat "$BATS_FILE_TMPDIR/$1.status" 2>/dev/null || echo -1) < 0; i++)); do
        sleep 0.1
    done
    cat "$BATS_FILE_TMPDIR/$1.log"
    [ "$(<"$BATS_FILE_TMPDIR/$1.status")" = 0 ]
}

setup()
{
    # The last tests need no world of their own.
    [[ $BATS_TEST_DESCRIPTION == 'over time'* ]] || world w
}

teardown()
{
    end_test
    clean_up
}

@test "the engine begins a session with a wireguard-go that knows no endpoint, and data arrives whole both ways" {
    engine_link w
    go_start w
    go_peer w "$KEY1"
    cwg w-1 connect "$c1" 7 1 "192.0.2.2:$PORT2" "$KEY2"
    answers "$c1" "$IP2"
    both_ways "$c1" w-2
}

@test "wireguard-go begins a session with an engine that knows no endpoint, and data arrives whole both ways" {
    engine_link w
    go_start w
    go_peer w "$KEY1" endpoint "192.0.2.1:$PORT1"
    "$CTL" "$ENGINE" set "public_key=$KEY2" "allowed_ip=$IP2/32"
    ! answers "$c1" "$IP2" 1 || fail "it was sent to nowhere"
    answers w-2 "$IP1"
    [ "$(of_engine endpoint)" = "192.0.2.2:$PORT2" ]
    both_ways "$c1" w-2
}

@test "engine and wireguard-go exchange packets of all sizes, from empty to larger than the MTU" {
    local size
    engine_and_go w
    for size in 0 1 15 16 17 100 1279 1280 1391 1392 1393 4000 65507; do
        on "$c1" ping -n -q -c 1 -W 5 -s "$size" "$IP2" || fail "$size bytes to the peer"
        on w-2 ping -n -q -c 1 -W 5 -s "$size" "$IP1" || fail "$size bytes from the peer"
    done
}

@test "UDP packets from one byte to the MTU pass engine and wireguard-go unchanged" {
    engine_and_go w
    background on w-2 socat -T 60 UDP4-LISTEN:4001,fork EXEC:cat
    background on "$c1" socat -T 60 UDP4-LISTEN:4001,fork EXEC:cat
    wait_for on w-2 sh -c 'ss -Hlun sport = :4001 | grep -q .'
    wait_for on "$c1" sh -c 'ss -Hlun sport = :4001 | grep -q .'
    echoes "$c1" "$IP2"
    echoes w-2 "$IP1"
}

# A place echoes datagrams of many sizes unchanged: echoes PLACE ADDRESS
echoes()
{
    on "$1" python3 -c '
import os, socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
    echo.connect((sys.argv[1], 4001))
    echo.settimeout(5)
    for size in (*range(1, 40), 500, *range(1380, 1400), 5000):
        sent = os.urandom(size)
        echo.send(sent)
        assert echo.recv(65535) == sent, size' "$2"
}

@test "engine and wireguard-go get a session with the same preshared key, and none with another or none" {
    local shared=$BATS_TEST_TMPDIR/shared
    engine_and_go w
    wg genpsk >"$shared"
    wg set go-w peer "$KEY1" preshared-key "$shared"
    "$CTL" "$ENGINE" set "public_key=$KEY2" "preshared_key=$(wg genpsk)"
    ! answers "$c1" "$IP2" 1 || fail "a session with another key, by the engine"
    ! answers w-2 "$IP1" 1 || fail "a session with another key, by the peer"
    [ "$(of_engine handshaken)" = 0 ]
    # wireguard-go gets each other key as a new peer, and so has no session. Otherwise both would wait for five seconds.
    "$CTL" "$ENGINE" set "public_key=$KEY2" "preshared_key=$(<"$shared")"
    answers "$c1" "$IP2" 20
    both_ways "$c1" w-2 100000
    [ "$(of_engine has_preshared_key)" = true ]
    wg set go-w peer "$KEY1" remove
    go_peer w "$KEY1" endpoint "192.0.2.1:$PORT1"
    ! answers w-2 "$IP1" 2 || fail "a session without it"
}

@test "an engine gives no session to a peer with another key" {
    engine_and_go w
    cwg w-1 connect "$c1" 7 1 "192.0.2.2:$PORT2" "$(wg genkey | wg pubkey)"
    ! answers "$c1" "$IP2" 1 || fail "the engine has a session with a stranger"
    ! answers w-2 "$IP1" 1 || fail "a stranger has a session with the engine"
    [ "$(of_engine handshaken)" = 0 ]
}

@test "a link refuses its container's IPv6 packets at once, and drops the peer's" {
    engine_and_go w
    on "$c1" sysctl -qw net.ipv6.conf.wg-7-0.disable_ipv6=0
    on "$c1" ip address add fd00::1/64 dev wg-7-0 nodad
    on w-2 sysctl -qw net.ipv6.conf.go-w.disable_ipv6=0
    on w-2 ip address add fd00::2/64 dev go-w nodad
    wg set go-w peer "$KEY1" allowed-ips "$IP1/32,fd00::1/128"
    answers "$c1" "$IP2"
    run on "$c1" ping -n -c 1 -w 2 fd00::2
    [[ $output == *'From fd00::2 icmp_seq=1 Destination unreachable: Address unreachable'* ]] || fail "$output"
    ! answers w-2 fd00::1 1 || fail "let through"
    wait_for from_elsewhere
    answers "$c1" "$IP2"
}

from_elsewhere()
{
    [ "$(of_engine from_elsewhere)" = true ]
}

@test "engine and wireguard-go work over IPv6, whichever begins" {
    engine_link w
    go_start w
    go_peer w "$KEY1" endpoint "[2001:db8::1]:$PORT1"
    "$CTL" "$ENGINE" set "public_key=$KEY2" "endpoint=[2001:db8::2]:$PORT2" "allowed_ip=$IP2/32"
    on w-1 ip address delete 192.0.2.1/24 dev v1
    answers "$c1" "$IP2"
    both_ways "$c1" w-2
    "$CTL" "$ENGINE" forget
    "$CTL" "$ENGINE" set "public_key=$KEY2" "allowed_ip=$IP2/32"
    # The test tells wireguard-go at once, which would find out after fifteen seconds.
    wg set go-w peer "$KEY1" remove
    go_peer w "$KEY1" endpoint "[2001:db8::1]:$PORT1"
    answers w-2 "$IP1"
    [ "$(of_engine endpoint)" = "[2001:db8::2]:$PORT2" ]
}

# Puts the peer behind a bad network, at port 6000 of its site.
behind_relay()
{
    engine_and_go w
    relay w "$@"
    cwg w-1 connect "$c1" 7 1 192.0.2.2:6000 "$KEY2"
}

relay_says()
{
    kill -TERM "$RELAY"
    # A subshell can't wait for a process of its parent's.
    wait_for grep -q '^passed' "$BATS_TEST_TMPDIR/relay"
    tail -n 1 "$BATS_TEST_TMPDIR/relay"
}

@test "data arrives whole where 1 % of datagrams is lost, 1 % comes twice, and a tenth is out of order" {
    local said
    behind_relay --seed 1 --drop 1 --duplicate 1 --late 10 --delay 5
    answers "$c1" "$IP2" 20
    both_ways "$c1" w-2 2000000 60
    said=$(relay_says)
    [[ $said =~ dropped\ [1-9][0-9]+\ duplicated\ [1-9][0-9]+\ late\ [1-9][0-9]{2} ]] || fail "$said"
}

@test "data arrives whole where 20 % of datagrams are lost" {
    behind_relay --seed 2 --drop 20
    answers "$c1" "$IP2" 40
    both_ways "$c1" w-2 50000 60
    [[ $(relay_says) =~ dropped\ [1-9][0-9] ]]
}

@test "a link goes on when wireguard-go moves to another address and port, and when the engine's site moves" {
    engine_and_go w
    answers "$c1" "$IP2"
    on w-2 ip address delete 192.0.2.2/24 dev v2
    on w-2 ip address add 192.0.2.12/24 dev v2
    # wireguard-go of Debian 12 would otherwise go on trying its old address.
    wg set go-w listen-port 5103
    answers w-2 "$IP1"
    answers "$c1" "$IP2"
    [ "$(of_engine endpoint)" = 192.0.2.12:5103 ]
    # The engine sends from the address that its peer has written to, as long as the site has it.
    on w-1 ip address delete 192.0.2.1/24 dev v1
    on w-1 ip address add 192.0.2.11/24 dev v1
    answers "$c1" "$IP2"
    [ "$(wg show go-w endpoints | cut -f2)" = "192.0.2.11:$PORT1" ]
    answers w-2 "$IP1"
    both_ways "$c1" w-2 100000
}

# Adds a second veth. The sites know each other by addresses of neither veth. The first site's packets go by v1 and v2,
# the second's by x2 and x1. Packets on the other ways are dropped.
asymmetric_routes()
{
    local number site
    ip -n w-1 link add x1 type veth peer name x2 netns w-2
    for number in 1 2; do
        site=w-$number
        on "$site" sysctl -qw net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.all.arp_ignore=1 \
            net.ipv4.conf.all.arp_announce=2
        ip -n "$site" address add "198.51.100.$number/24" dev "x$number"
        ip -n "$site" address add "2001:db8:2::$number/64" dev "x$number" nodad
        ip -n "$site" link set "x$number" up
        ip -n "$site" address add "203.0.113.$number/32" dev lo
        ip -n "$site" address add "2001:db8:1::$number/128" dev lo
    done
    ip -n w-1 route add 203.0.113.2 via 192.0.2.2 src 203.0.113.1
    ip -n w-2 route add 203.0.113.1 via 198.51.100.1 src 203.0.113.2
    ip -n w-1 route add 2001:db8:1::2 via 2001:db8::2 src 2001:db8:1::1
    ip -n w-2 route add 2001:db8:1::1 via 2001:db8:2::1 src 2001:db8:1::2
}

@test "with other devices for packets in and out, engines answer from the address that the peer has written to" {
    local addresses
    two_engines w
    asymmetric_routes
    for addresses in '203.0.113.1 203.0.113.2' '[2001:db8:1::1] [2001:db8:1::2]'; do
        "$CTL" "$ENGINE" forget
        "$CTL" "$ENGINE2" forget
        "$CTL" "$ENGINE2" set "public_key=$KEY1" "allowed_ip=$IP1/32"
        "$CTL" "$ENGINE" set "public_key=$KEY2" "allowed_ip=$IP2/32" "endpoint=${addresses#* }:$PORT2"
        answers "$c1" "$IP2" || fail "no answer to ${addresses% *}"
        answers "$c2" "$IP1"
        both_ways "$c1" "$c2" 100000
        [ "$(of_engine endpoint)" = "${addresses#* }:$PORT2" ]
        [ "$(of_engine endpoint "$ENGINE2")" = "${addresses% *}:$PORT1" ]
    done
}

@test "a link goes on when the port of either end changes on the way" {
    local before
    behind_relay
    answers "$c1" "$IP2"
    before=$(wg show go-w endpoints)
    kill -HUP "$RELAY"
    answers "$c1" "$IP2"
    [ "$(wg show go-w endpoints)" != "$before" ]
    answers w-2 "$IP1"
    [ "$(of_engine endpoint)" = 192.0.2.2:6000 ]
    kill -USR1 "$RELAY"
    answers w-2 "$IP1"
    [ "$(of_engine endpoint)" != 192.0.2.2:6000 ]
    answers "$c1" "$IP2"
    both_ways "$c1" w-2 100000
}

@test "the engine drops datagrams that come twice: they move no endpoint and deliver nothing" {
    local received
    # Each datagram comes twice, with the same counter.
    behind_relay --duplicate 100
    answers "$c1" "$IP2"
    background on "$c1" socat -u UDP4-RECV:4001 "CREATE:$BATS_TEST_TMPDIR/datagrams"
    wait_for on "$c1" sh -c 'ss -Hlun sport = :4001 | grep -q .'
    for received in 1 2 3 4 5; do
        echo "$received" | on w-2 socat -u - "UDP4:$IP1:4001"
    done
    answers w-2 "$IP1"
    sleep 0.5
    [ "$(<"$BATS_TEST_TMPDIR/datagrams")" = $'1\n2\n3\n4\n5' ] || fail "$(<"$BATS_TEST_TMPDIR/datagrams")"
}

# Pings for 128 seconds, one in a fifth of a second. At most a second's pings are lost.
pings_go_on()
{
    local said
    said=$(on "$1" ping -n -q -i 0.2 -c 640 -W 2 "$2") || true
    echo "$said"
    [ "$(sed -n 's/.* \([0-9]*\) received.*/\1/p' <<<"$said")" -ge 635 ]
}

rekey_by_engine()
{
    local before
    engine_and_go "$1"
    answers "$c1" "$IP2"
    before=$(of_engine handshaken)
    capture "$1-1" v1 'udp and udp[8] == 1'
    pings_go_on "$c1" "$IP2"
    [ "$(of_engine handshaken)" -gt $((before + 115)) ]
    # The engine began the one new handshake, after 120 seconds.
    captured
    captured | awk -v before="$before" '$2 == "192.0.2.1.5101" { mine++; at = $1 - before }
        END { exit !(NR == mine && mine >= 1 && mine <= 2 && at > 118 && at < 126) }'
}

rekey_by_peer()
{
    local before
    engine_and_go "$1"
    answers "$1-2" "$IP1"
    before=$(of_engine handshaken)
    pings_go_on "$1-2" "$IP1"
    [ "$(of_engine handshaken)" -gt $((before + 115)) ]
}

rekey_between_engines()
{
    local before
    two_engines "$1"
    answers "$c1" "$IP2"
    before=$(of_engine handshaken)
    pings_go_on "$c1" "$IP2"
    [ "$(of_engine handshaken)" -gt $((before + 115)) ]
    [ "$(of_engine handshaken "$ENGINE2")" -gt $((before + 115)) ]
}

# Data comes in and none goes out: after ten seconds the engine sends a keepalive.
passive_keepalive()
{
    local sent
    engine_and_go "$1"
    answers "$c1" "$IP2"
    background on "$c1" socat -u UDP4-RECV:4001 OPEN:/dev/null
    wait_for on "$c1" sh -c 'ss -Hlun sport = :4001 | grep -q .'
    # The engine spoke last.
    answers "$1-2" "$IP1"
    sleep 1
    capture "$1-1" v1 'udp src port 5101'
    sent=$EPOCHREALTIME
    echo data | on "$1-2" socat -u - "UDP4:$IP1:4001"
    sleep 14
    captured
    captured | awk -v sent="$sent" '$4 == 32 && $5 == 4 { n++; after = $1 - sent }
        END { print after; exit !(NR == 1 && n == 1 && after > 9.5 && after < 12) }'
}

# Data goes out and none comes in: after fifteen seconds the engine begins a new handshake.
silence()
{
    local sent
    engine_and_go "$1"
    answers "$c1" "$IP2"
    sleep 1
    kill -STOP "$GO"
    capture "$1-1" v1 'udp src port 5101 and udp[8] == 1'
    sent=$EPOCHREALTIME
    ! on "$c1" ping -n -q -c 1 -W 1 "$IP2" || fail "it is stopped"
    sleep 17
    kill -CONT "$GO"
    captured
    captured | awk -v sent="$sent" 'NR == 1 { after = $1 - sent }
        END { print after; exit !(NR >= 1 && after > 14.5 && after < 17) }'
    # When both ends begin at the same moment, wireguard-go, whose workers run in parallel, sometimes answers with an
    # index that it doesn't keep. Then another fifteen seconds pass in silence.
    answers "$c1" "$IP2" 25
}

persistent_keepalive()
{
    engine_and_go "$1"
    "$CTL" "$ENGINE" set "public_key=$KEY2" persistent_keepalive_interval=3
    sleep 1
    # The engine began by itself.
    [ "$(of_engine handshaken)" != 0 ]
    capture "$1-1" v1 'udp src port 5101'
    sleep 14
    captured
    captured | awk '$4 == 32 { n++; if (last && ($1 - last < 2.8 || $1 - last > 4.5)) bad++; last = $1 }
        END { exit !(n >= 3 && n <= 5 && n == NR && !bad) }'
    "$CTL" "$ENGINE" set "public_key=$KEY2" persistent_keepalive_interval=0
    sleep 1
    capture "$1-1" v1 'udp src port 5101'
    sleep 7
    [ "$(captured | wc -l)" = 0 ]
}

# The engine tries a silent peer for ninety seconds, every five; after that only for new data.
giving_up()
{
    engine_link "$1"
    cwg "$1-1" connect "$c1" 7 1 "192.0.2.2:$PORT2" "$(wg genkey | wg pubkey)"
    capture "$1-1" v1 'udp src port 5101'
    ! on "$c1" ping -n -q -c 1 -W 1 "$IP2" || fail "there is nobody"
    sleep 115
    captured
    captured | awk '$5 == 1 { n++; if (last && ($1 - last < 4.9 || $1 - last > 6.5)) bad++
            if (!first) first = $1; last = $1 }
        END { print n, last - first; exit !(n == NR && n >= 17 && n <= 20 && !bad && last - first < 103) }'
    ! on "$c1" ping -n -q -c 1 -W 1 "$IP2" || fail "there is nobody"
    [ "$(captured | tail -n 1 | cut -d ' ' -f 1 | cut -d . -f 1)" -ge $(($(date +%s) - 4)) ]
}

# The peer has lost its session and doesn't know the engine's endpoint. The engine notices the silence.
peer_restarts()
{
    engine_and_go "$1"
    answers "$c1" "$IP2"
    kill_tree "$GO"
    wait "$GO" || true
    sleep 2
    go_start "$1"
    go_peer "$1" "$KEY1"
    SECONDS=0
    answers "$c1" "$IP2" 40
    echo "$SECONDS seconds"
    [ "$SECONDS" -le 25 ]
    # A peer that knows the endpoint begins at once.
    kill_tree "$GO"
    wait "$GO" || true
    go_start "$1"
    go_peer "$1" "$KEY1" endpoint "192.0.2.1:$PORT1"
    SECONDS=0
    answers "$1-2" "$IP1" 20
    echo "$SECONDS seconds"
    [ "$SECONDS" -le 8 ]
    answers "$c1" "$IP2" 10
    both_ways "$c1" "$1-2" 100000
}

stopped_engine()
{
    engine_and_go "$1"
    answers "$c1" "$IP2"
    background on "$1-2" ping -n -q -i 0.5 "$IP1" >/dev/null
    kill -STOP "$ENGINE"
    sleep 20
    kill -CONT "$ENGINE"
    answers "$c1" "$IP2" 10
    answers "$1-2" "$IP1" 10
    both_ways "$c1" "$1-2" 100000
}

# Prints the kilobytes of memory that a process has.
memory_of()
{
    sed -n 's/^VmRSS:\s*\([0-9]*\) kB/\1/p' "/proc/$1/status"
}

# There are hundreds of handshakes, and traffic of all kinds. The first seconds touch all memory that the engine uses.
soak()
{
    local peer before1 before2 after1 after2
    two_engines "$1"
    peer=("public_key=$KEY2" "endpoint=192.0.2.2:$PORT2" "allowed_ip=$IP2/32" persistent_keepalive_interval=25)
    background inside "$c1" iperf3 -s
    background inside "$c2" iperf3 -s
    wait_for listens "$c1" 5201
    wait_for listens "$c2" 5201
    answers "$c1" "$IP2"
    background inside "$c2" sh -c "while :; do iperf3 -c $IP1 -b 100M -t 20; sleep 0.2; done"
    background inside "$c1" sh -c "while :; do iperf3 -c $IP2 -b 100M -t 20; sleep 0.2; done"
    background inside "$c1" sh -c "while :; do ping -n -q -i 0.005 -s 3000 $IP2; sleep 0.2; done"
    "$CTL" "$ENGINE" renew 10 "${peer[@]}"
    before1=$(memory_of "$ENGINE") before2=$(memory_of "$ENGINE2")
    "$CTL" "$ENGINE" renew 60 "${peer[@]}"
    after1=$(memory_of "$ENGINE") after2=$(memory_of "$ENGINE2")
    echo "before $before1 and $before2 kB, after $after1 and $after2 kB"
    [ "$((after1 - before1))" -le 32 ]
    [ "$((after2 - before2))" -le 32 ]
    answers "$c1" "$IP2" 10
}

@test "over time: data goes on past a new handshake that the engine begins after two minutes" {
    ended_well rekey_by_engine
}

@test "over time: data goes on past a new handshake that wireguard-go begins" {
    ended_well rekey_by_peer
}

@test "over time: data goes on past a new handshake between two engines" {
    ended_well rekey_between_engines
}

@test "over time: an engine that only receives sends a keepalive after ten seconds" {
    ended_well passive_keepalive
}

@test "over time: an engine that hears nothing begins a new handshake after fifteen seconds" {
    ended_well silence
}

@test "over time: an engine sends a persistent keepalive as often as set, until it is set no more" {
    ended_well persistent_keepalive
}

@test "over time: an engine tries a peer that doesn't answer for ninety seconds" {
    ended_well giving_up
}

@test "over time: an engine finds a peer again that has started anew" {
    ended_well peer_restarts
}

@test "over time: an engine that was stopped for twenty seconds goes on" {
    ended_well stopped_engine
}

@test "over time: an engine's memory is flat over a minute of traffic and handshakes" {
    ended_well soak
    echo "# $(sed -n '/^before/p' "$BATS_FILE_TMPDIR/soak.log")" >&3
}
