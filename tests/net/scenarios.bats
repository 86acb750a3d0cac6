#!/usr/bin/env bats
# Everything that a link has to bear, whichever backends carry its ends, whatever lies between them, and whichever end
# speaks first. Each test runs with each pair of backends; pairs.bash has the picture. The scenarios of the kernel's own
# tests of WireGuard that are about one peer are here (tools/testing/selftests/wireguard/netns.sh), and some more.

bats_require_minimum_version 1.5.0
load pairs

setup_file()
{
    prepare_pairs
}

setup()
{
    require_pairs
}

teardown_file()
{
    end_pairs
}

# ---- what gets through ----

all_sizes()
{
    connect 1 "$1:$PORT2"
    connect 2 "$2:$PORT1"
    both_speak
    traffic sizes
    has_endpoint 1 "$1:$PORT2"
    has_endpoint 2 "$2:$PORT1"
}

@test "over IPv4 packets of all sizes, TCP and UDP pass both ways" {
    each_pair all_sizes 192.0.2.2 192.0.2.1
}

@test "over IPv6 packets of all sizes, TCP and UDP pass both ways" {
    each_pair all_sizes '[2001:db8::2]' '[2001:db8::1]'
}

all_sizes_of_jumbo_frames()
{
    on 1 ip link set v1 mtu 9000
    on 2 ip link set v2 mtu 9000
    all_sizes 192.0.2.2 192.0.2.1
    [ "$(mtu 1)" -gt 8800 ]
    [ "$(mtu 2)" -gt 8800 ]
    on 1 ip link set v1 mtu 1500
    on 2 ip link set v2 mtu 1500
    connect_both
    [ "$(mtu 1)" -lt 1500 ]
    [ "$(mtu 2)" -lt 1500 ]
    both_speak
}

@test "on a path of 9000 bytes a link carries large packets, and smaller ones again when the path is back at 1500" {
    each_pair all_sizes_of_jumbo_frames
}

under_load()
{
    both_speak
    traffic load
    both_speak
}

@test "many streams of TCP at once, and UDP at full speed, arrive as they were sent" {
    each_pair under_load
}

# Makes a link within a link: the containers of the outer link become sites with a container each.
link_in_link()
{
    local end pids=() keys=() backends=("${PAIR%-*}" "${PAIR#*-}") addresses=("$IP1" "$IP2")
    for end in 1 2; do
        ip netns add "$W-d$end"
        ip -n "$W-d$end" link set lo up
        contain "d$end"
        pids+=("$!")
        keys+=("$(app_on "c$end" create "$!" 8 $((end - 1)) 5400)")
    done
    for end in 1 2; do
        app_on "c$end" connect "${pids[end - 1]}" 8 $((2 - end)) "${addresses[2 - end]}:5400" "${keys[2 - end]}"
    done
    [ "$(on d1 ip -oneline link show wg-8-0 | sed -E 's/.* mtu ([0-9]+) .*/\1/')" -le $(($(mtu 1) - 60)) ]
    on d1 ping -n -q -c 1 -W 5 10.0.0.17 >/dev/null
    on d2 ping -n -q -c 1 -W 5 -M 'do' -s 1300 10.0.0.16 >/dev/null
    on d1 ping -n -q -c 1 -W 5 -s 10000 10.0.0.17 >/dev/null
    for end in 1 2; do
        kill -KILL "${pids[end - 1]}"
        ip netns delete "$W-d$end"
    done
    both_speak
}

# Runs the helper at a place, as the application: app_on cN TASK ARGUMENT...
app_on()
{
    on "$1" setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- \
        "$BATS_FILE_TMPDIR/${backends[${1#c} - 1]}/$NAME" "cwg_$2" "${@:3}"
}

@test "a link works through another link" {
    each_pair link_in_link
}

# Says whether a number of bytes is the expected one, or up to three keepalives more.
is_with_keepalives()
{
    [[ " $2 $(($2 + 32)) $(($2 + 64)) $(($2 + 96)) " == *" $1 "* ]]
}

# An initiation has 148 bytes and a response 92. A ping of 84 bytes is padded to 96, and has 32 bytes around it. A
# keepalive may come between two looks: on a slow machine the test takes more than ten seconds, after which an end sends
# one.
exact_counts()
{
    local received1 sent1 received2 sent2 try
    end_link
    make_link
    connect_both
    on c2 ping -n -q -i 0.2 -c 10 -W 5 "$IP1" >/dev/null
    for try in 1 2 3 4; do
        read -r _ received1 sent1 <<<"$(on c1 "$WG" show "$DEVICE1" transfer)"
        read -r _ received2 sent2 <<<"$(on c2 "$WG" show "$DEVICE2" transfer)"
        echo "end 1 received $received1, sent $sent1; end 2 received $received2, sent $sent2"
        [ "$received1 $received2" != "$sent2 $sent1" ] || break
    done
    [ "$received1 $received2" = "$sent2 $sent1" ]
    is_with_keepalives "$sent1" $((92 + 10 * 128))
    is_with_keepalives "$sent2" $((148 + 10 * 128))
}

@test "both ends count what they send and receive to the byte" {
    each_pair exact_counts
}

# Full packets arrive, and so do packets that would be longer than the MTU if they were padded to full blocks; while
# datagrams for a longer MTU don't. 60 bytes are around a packet: 20 of IPv4, 8 of UDP, 32 of WireGuard. The test sends
# one packet at a time: of several at once the engine makes a large one for the kernel to cut, and iptables sees that
# before the kernel cuts it. fits_into MTU
fits_into()
{
    local end size
    for end in 1 2; do
        on "$end" iptables -A INPUT -p udp -m length --length $(($1 + 61)):65535 -j DROP
    done
    for end in 1 2; do
        [ "$(mtu "$end")" = "$1" ]
        for size in $(($1 - 60)) $(($1 - 35)) $(($1 - 29)) $(($1 - 28)); do
            speaks "$end" -M 'do' -s "$size"
        done
    done
    for end in 1 2; do
        on "$end" iptables -F INPUT
    done
}

lowered_mtu()
{
    local end
    both_speak
    for end in 1 2; do speaks "$end" -M 'do' -s $(($(mtu "$end") - 28)); done
    connect 1 "192.0.2.2:$PORT2" --mtu 1401
    connect 2 "192.0.2.1:$PORT1" --mtu 1401
    fits_into 1401
    # Nobody tells the engine about a change in the container. It looks at least every two seconds.
    on c1 ip link set "$DEVICE1" mtu 1299
    on c2 ip link set "$DEVICE2" mtu 1299
    sleep 2.5
    fits_into 1299
    connect_both
}

@test "no datagram is longer than the link's MTU allows, also after the MTU was lowered" {
    each_pair lowered_mtu
}

# iptables shows the marks of datagrams between the sites, and of packets in the container.
marks()
{
    local rule=(PREROUTING -p udp --dport "$PORT2" -m tos)
    both_speak
    on 2 iptables -t mangle -A "${rule[@]}" --tos 0x00/0xff
    on 2 iptables -t mangle -A "${rule[@]}" '!' --tos 0x00/0xfc
    on 2 iptables -t mangle -A "${rule[@]}" --tos 0x02/0xff -j TOS --set-tos 0x03/0xff
    on c2 iptables -t mangle -A PREROUTING -p icmp -m tos --tos 0x03/0xff
    on c2 iptables -t mangle -A PREROUTING -p icmp -m tos --tos 0xb8/0xff
    # DSCP stays inside.
    speaks 1 -Q 0xb8
    [ "$(seen c2 mangle PREROUTING 0xb8/0xff)" = 1 ]
    [ "$(seen 2 mangle PREROUTING 0x00/0xff)" -ge 1 ]
    # ECN goes outside, and a mark that the path sets comes in.
    speaks 1 -Q 0x02
    [ "$(seen 2 mangle PREROUTING 0x02/0xff)" = 1 ]
    [ "$(seen c2 mangle PREROUTING 0x03/0xff)" = 1 ]
    [ "$(seen 2 mangle PREROUTING 0x00/0xfc)" = 0 ]
    on 2 iptables -t mangle -F
    on c2 iptables -t mangle -F
}

@test "DSCP stays within the link; ECN goes out with a packet, and comes in as the path has marked it" {
    each_pair marks
}

bound_and_marked()
{
    speaks 1 -I "$DEVICE1"
    on c1 iptables -t mangle -A OUTPUT -j MARK --set-xmark 1
    speaks 1
    speaks 1 -I "$DEVICE1"
    on c1 iptables -t mangle -F
    on c1 sysctl -qw net.ipv4.conf.all.rp_filter=1 "net.ipv4.conf.$DEVICE1.rp_filter=1"
    on c2 sysctl -qw net.ipv4.conf.all.rp_filter=1 "net.ipv4.conf.$DEVICE2.rp_filter=1"
    both_speak
}

@test "a link carries packets of bound sockets, packets with a mark, and passes strict reverse-path filters" {
    each_pair bound_and_marked
}

# ---- what doesn't get through ----

# Prints the frame errors of an end's device.
frame_errors()
{
    local devices=("$DEVICE1" "$DEVICE2")
    on "c$1" awk -v name="${devices[$1 - 1]}:" '$1 == name { print $7 }' /proc/net/dev
}

wrong_source()
{
    local from to before after peers=("$IP2" "$IP1")
    both_speak
    for from in 1 2; do
        to=$((3 - from))
        on "c$from" ip address add 10.9.9.9/32 dev lo
        before=$(frame_errors "$to")
        start "c$to" socat -u UDP4-RECV:4002 "CREATE:$SCRATCH/got"
        wait_for listens "c$to" 4002
        for _ in 1 2 3; do
            echo wrong | on "c$from" socat -u - "UDP4-SENDTO:${peers[$from - 1]}:4002,bind=10.9.9.9"
        done
        echo right | on "c$from" socat -u - "UDP4-SENDTO:${peers[$from - 1]}:4002"
        wait_for test -s "$SCRATCH/got"
        [ "$(<"$SCRATCH/got")" = right ] || fail "end $to has let in: $(<"$SCRATCH/got")"
        after=$(frame_errors "$to")
        [ $((after - before)) = 3 ] || fail "end $to had $before frame errors, then $after"
        end_background
        rm "$SCRATCH/got"
        on "c$from" ip address delete 10.9.9.9/32 dev lo
    done
}

@test "a packet with another source address than the peer's is dropped, and counted as a frame error" {
    each_pair wrong_source
}

# A ping of end 1 fails at once with a reason: unreachable WHY [ADDRESS]
unreachable()
{
    local said
    said=$(on c1 ping -n -c 1 -W 5 "${2:-$IP2}") && fail "$1: there is an answer"
    [[ $said == *'Destination Host Unreachable'* ]] || fail "$1: $said"
}

no_way()
{
    end_link
    make_link
    unreachable "no peer"
    connect 1 -
    unreachable "no endpoint"
    connect_both
    both_speak
    on c1 ip route add 10.99.0.1/32 dev "$DEVICE1"
    unreachable "another address" 10.99.0.1
    on c1 ip route delete 10.99.0.1/32 dev "$DEVICE1"
    both_speak
}

@test "without a peer or an endpoint, or for another address, a container is told at once that there is no way" {
    each_pair no_way
}

relay()
{
    rm -f "$SCRATCH/relay"
    : >"$SCRATCH/relay"
    start 2 "$TOOLS/udprelay" 6000 "192.0.2.2:$PORT2" >"$SCRATCH/relay"
    RELAY=$!
    wait_for grep -qx ready "$SCRATCH/relay"
    connect 1 192.0.2.2:6000
    connect 2 -
    speaks 1
}

# Sends the relay a signal, and gives it time to act.
tell_relay()
{
    kill "-$1" "$RELAY"
    sleep 0.5
}

replays()
{
    local number before
    relay
    start c1 socat -u UDP4-RECV:4003 "CREATE:$SCRATCH/got"
    wait_for listens c1 4003
    for number in 1 2 3 4 5; do
        echo "$number" | on c2 socat -u - "UDP4-SENDTO:$IP1:4003"
    done
    wait_for grep -qx 5 "$SCRATCH/got"
    before=$(endpoint 2)
    # The relay repeats the initiation, the response and all data to both ends. End 2 has spoken last, in an answer, so
    # it owes no keepalive; that would come from the other port as a new packet.
    tell_relay USR2
    speaks 2
    speaks 1
    [ "$(<"$SCRATCH/got")" = $'1\n2\n3\n4\n5' ] || fail "replayed: $(<"$SCRATCH/got")"
    has_endpoint 2 "$before"
    # Old packets from another port move no endpoint, and one new packet does.
    tell_relay USR1
    tell_relay USR2
    has_endpoint 1 192.0.2.2:6000
    speaks 2
    [ "$(endpoint 1)" != 192.0.2.2:6000 ] || fail "a new packet from another port has moved nothing"
    [ "$(<"$SCRATCH/got")" = $'1\n2\n3\n4\n5' ] || fail "replayed: $(<"$SCRATCH/got")"
    connect_both
    both_speak
}

@test "repeated datagrams deliver nothing, move no endpoint, and disturb no session" {
    each_pair replays
}

# The site's route to the peer leads through its own container, which forwards into the link. So a datagram that the
# link sends comes back into the link, longer each time.
loop()
{
    local before after
    ip -n "$W-1" link add s1 type veth peer name s2 netns "$W-c1"
    on 1 ip address add 10.77.0.1/30 dev s1
    on c1 ip address add 10.77.0.2/30 dev s2
    on 1 ip link set s1 up
    on c1 ip link set s2 up
    on c1 sysctl -qw net.ipv4.ip_forward=1
    both_speak
    on 1 ip route add "$IP2/32" via 10.77.0.2
    connect 1 "$IP2:$PORT2"
    read -r _ _ before <<<"$(on c1 "$WG" show "$DEVICE1" transfer)"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        on c1 ping -n -q -c 1 -W 0.1 "$IP2" >/dev/null || true
    done
    sleep 1
    read -r _ _ after <<<"$(on c1 "$WG" show "$DEVICE1" transfer)"
    echo "sent in the loop: $((after - before)) bytes"
    [ $((after - before)) -lt 400000 ]
    on 1 ip link delete s1
    connect_both
    both_speak
}

@test "an endpoint whose route leads back into the link doesn't make the link send without end" {
    each_pair loop
}

low_order()
{
    local key
    on 1 iptables -A OUTPUT -p udp --dport "$PORT2"
    # These keys are the points 0 and 1 of the curve.
    for key in AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; do
        if cwg 1 connect 7 1 "192.0.2.2:$PORT2" "$key" --persistent-keepalive 1; then
            is_silent 1
            sleep 1
        fi
    done
    [ "$(seen 1 filter OUTPUT "dpt:$PORT2")" = 0 ] || fail "something was sent to a peer that can't have such a key"
    on 1 iptables -F OUTPUT
    connect_both
    both_speak
}

@test "a link sends nothing to a peer with a public key that nobody can have" {
    each_pair low_order
}

# ---- ends that move ----

move()
{
    on "$1" ip address delete "$3/24" dev "v$1"
    on "$1" ip address add "$4/24" dev "v$1"
    echo "end $1 was at $3, is at $4; end $2 speaks first"
}

# An end that has moved speaks first, and the other end follows at once.
moves()
{
    both_speak
    move 1 1 192.0.2.1 192.0.2.11
    speaks 1
    has_endpoint 2 "192.0.2.11:$PORT1"
    speaks 2
    move 2 2 192.0.2.2 192.0.2.12
    speaks 2
    has_endpoint 1 "192.0.2.12:$PORT2"
    speaks 1
    # End 1 is told an endpoint of the other family. Its peer follows there, and back.
    connect 1 "[2001:db8::2]:$PORT2"
    speaks 1
    has_endpoint 2 "[2001:db8::1]:$PORT1"
    speaks 2
    connect 2 "192.0.2.11:$PORT1"
    speaks 2
    has_endpoint 1 "192.0.2.12:$PORT2"
    speaks 1
    # The end that hasn't moved speaks first, to the old address, until the other end sends a keepalive.
    connect 1 "192.0.2.12:$PORT2" --persistent-keepalive 1
    speaks 1
    move 1 2 192.0.2.11 192.0.2.1
    reaches 2 5
    has_endpoint 2 "192.0.2.1:$PORT1"
    move 2 1 192.0.2.12 192.0.2.2
    speaks 2
    connect_both
    both_speak
}

@test "when an end moves to another address or family the link goes on at once, whichever end speaks first" {
    each_pair moves
}

ports_change()
{
    local before
    relay
    before=$(endpoint 2)
    speaks 2
    tell_relay HUP
    speaks 1
    [ "$(endpoint 2)" != "$before" ]
    speaks 2
    has_endpoint 1 192.0.2.2:6000
    tell_relay USR1
    speaks 2
    [ "$(endpoint 1)" != 192.0.2.2:6000 ]
    speaks 1
    connect_both
    both_speak
}

@test "when the port of an end changes on the path, the link goes on at once" {
    each_pair ports_change
}

# The router forgets a connection after four seconds without packets.
behind_nat()
{
    local nat=(POSTROUTING -s 172.16.0.0/24 -o r2)
    on r iptables -t nat -A "${nat[@]}" -j MASQUERADE
    on r sysctl -qw net.netfilter.nf_conntrack_udp_timeout=4 net.netfilter.nf_conntrack_udp_timeout_stream=4
    # The router forgets the connection from before address translation: from now on it keeps a connection shortly.
    both_speak || true
    sleep 6
    connect 2 -
    connect 1 "203.0.113.2:$PORT2" --persistent-keepalive 1
    reaches 1 5
    [[ $(endpoint 2) == 203.0.113.1:* ]] || fail "the peer isn't seen behind the router but at $(endpoint 2)"
    speaks 2
    # The router would have forgotten the connection by now: the keepalives have kept it.
    sleep 6
    speaks 2
    # Without keepalives the router forgets it, and uses another port when a packet opens it again.
    connect 1 "203.0.113.2:$PORT2" --persistent-keepalive 0
    both_speak
    on r iptables -t nat -R "${nat[0]}" 1 "${nat[@]:1}" -p udp -j MASQUERADE --to-ports 41000
    sleep 6
    is_silent 2
    speaks 1
    speaks 2
    has_endpoint 2 203.0.113.1:41000
    on r iptables -t nat -F
    connect_both
    both_speak
}

@test "keepalives keep the way to an end behind a NAT open; without them this end opens it again" {
    each_pair behind_nat
}

# ---- sites with several addresses, devices and ways ----

# The link's source address goes away, while another one is there.
address_goes()
{
    on 1 sysctl -qw net.ipv4.conf.v1.promote_secondaries=1
    both_speak
    on 1 ip address add 192.0.2.10/24 dev v1
    speaks 1
    has_endpoint 2 "192.0.2.1:$PORT1"
    on 1 ip address delete 192.0.2.1/24 dev v1
    speaks 1
    has_endpoint 2 "192.0.2.10:$PORT1"
    speaks 2
    connect 1 "[2001:db8::2]:$PORT2"
    speaks 1
    on 1 ip address add 2001:db8::10/64 dev v1 nodad
    on 1 ip address delete 2001:db8::1/64 dev v1
    speaks 1
    has_endpoint 2 "[2001:db8::10]:$PORT1"
    speaks 2
    on 1 ip address add 192.0.2.1/24 dev v1
    on 1 ip address delete 192.0.2.10/24 dev v1
    on 1 ip address delete 2001:db8::10/64 dev v1
    add_ipv6
    connect_both
    both_speak
}

@test "an end whose source address is removed sends from another address at once" {
    each_pair address_goes
}

# An answer from another address would move the endpoint of end 2.
answers_from()
{
    local address
    on 1 ip address add 192.0.2.21/24 dev v1
    on 1 ip address add 2001:db8::21/64 dev v1 nodad
    on 1 ip address add 10.50.0.1/32 dev lo
    on 1 ip address add 2001:db8:50::1/128 dev lo nodad
    on 2 ip route add 10.50.0.1/32 via 192.0.2.1
    on 2 ip route add 2001:db8:50::1/128 via 2001:db8::1
    for address in 192.0.2.1 '[2001:db8::1]' 192.0.2.21 '[2001:db8::21]' 10.50.0.1 '[2001:db8:50::1]' 192.0.2.1; do
        connect 2 "$address:$PORT1"
        speaks 2
        has_endpoint 2 "$address:$PORT1"
        speaks 1
        has_endpoint 2 "$address:$PORT1"
    done
    on 2 ip route delete 10.50.0.1/32
    on 2 ip route delete 2001:db8:50::1/128
    on 1 ip address delete 10.50.0.1/32 dev lo
    on 1 ip address delete 2001:db8:50::1/128 dev lo
    on 1 ip address delete 192.0.2.21/24 dev v1
    on 1 ip address delete 2001:db8::21/64 dev v1
    connect_both
    both_speak
}

@test "a site with several addresses answers from the address that its peer has written to" {
    each_pair answers_from
}

# Says whether end 2 sees its peer at an address within four seconds, or twelve in the slow VM, while end 1 speaks. Site
# 2 accepts a packet only from the device that it would answer by, as a provider does. The engine learns of the new path
# from the packets it has sent. The first ARP request for the next hop has the old address and gets no answer: this
# costs the engine one or two seconds, and the kernel half a second.
follows_to()
{
    local i tries=4
    [ -z "${NAH_IN_VM:-}" ] || tries=12
    for ((i = 0; i < tries; i++)); do
        reaches 1 1 || true
        ! has_endpoint 2 "$1" >/dev/null || return 0
    done
    has_endpoint 2 "$1"
}

way_moves()
{
    local name
    for name in all v2 x2; do on 2 sysctl -qw "net.ipv4.conf.$name.rp_filter=1"; done
    for name in all v1 x1; do on 1 sysctl -qw "net.ipv4.conf.$name.rp_filter=1"; done
    on 2 ip address add 10.60.0.2/32 dev lo
    on 1 ip route add 10.60.0.2/32 via 192.0.2.2
    connect 2 -
    connect 1 "10.60.0.2:$PORT2"
    both_speak
    has_endpoint 2 "192.0.2.1:$PORT1"
    on 1 ip route replace 10.60.0.2/32 via 198.51.100.2
    follows_to "198.51.100.1:$PORT1"
    both_speak
    # Then the route moves back, because a better one comes beside it.
    on 1 ip route replace 10.60.0.2/32 via 198.51.100.2 metric 20
    on 1 ip route delete 10.60.0.2/32 via 198.51.100.2 metric 0
    on 1 ip route add 10.60.0.2/32 via 192.0.2.2 metric 10
    follows_to "192.0.2.1:$PORT1"
    both_speak
    on 1 ip route flush 10.60.0.2/32
    on 2 ip address delete 10.60.0.2/32 dev lo
    for name in all v2 x2; do on 2 sysctl -qw "net.ipv4.conf.$name.rp_filter=0"; done
    for name in all v1 x1; do on 1 sysctl -qw "net.ipv4.conf.$name.rp_filter=0"; done
    connect_both
    both_speak
}

@test "within four seconds a link follows the route to its peer to another device, and uses the address there" {
    each_pair way_moves
}

# ---- devices that go down ----

outer_down()
{
    both_speak
    on 1 ip link set v1 down
    is_silent 1
    is_silent 2
    on 1 ip link set v1 up
    reaches 1 5
    speaks 2
    on 2 ip link set v2 down
    is_silent 1
    on 2 ip link set v2 up
    reaches 2 5
    speaks 1
    on 1 ip route delete 192.0.2.0/24 dev v1
    is_silent 1
    on 1 ip route add 192.0.2.0/24 dev v1
    speaks 1
    on 1 ip route add unreachable 192.0.2.2/32
    is_silent 1
    on 1 ip route delete unreachable 192.0.2.2/32
    both_speak
    add_ipv6
}

@test "when the route to the peer goes and comes back, so does the link" {
    each_pair outer_down
}

inner_down()
{
    both_speak
    on c1 ip link set "$DEVICE1" down
    is_silent 2
    on c1 ip link set "$DEVICE1" up
    speaks 1
    speaks 2
    on c2 ip link set "$DEVICE2" down
    on c2 ip link set "$DEVICE2" up
    speaks 2
    speaks 1
}

@test "a container that sets its device down and up and speaks is answered at once" {
    each_pair inner_down
}

# ---- keys ----

keys_change()
{
    local stranger
    both_speak
    stranger=$(wg genkey | wg pubkey)
    cwg 1 connect 7 1 "192.0.2.2:$PORT2" "$stranger"
    is_silent 1
    is_silent 2
    connect 1 "192.0.2.2:$PORT2"
    speaks 1
    speaks 2
    # One end gets a new key, and the other is told. Then each of the two speaks first once.
    cwg 1 destroy 7 0
    KEY1=$(cwg 1 create 7 0 "$PORT1")
    connect_both
    speaks 2
    speaks 1
    cwg 1 destroy 7 0
    KEY1=$(cwg 1 create 7 0 "$PORT1")
    connect_both
    speaks 1
    speaks 2
}

@test "the link goes on at once when an end has another peer for a while, and when an end gets a new key" {
    each_pair keys_change
}

# ---- a bad network ----

# Makes a link of its own over a relay at the router. The relay loses a fifth of the datagrams, doubles a tenth, and
# reorders a third: bad_link NET
bad_link()
{
    local net=$1 port1=$((5200 + $1)) port2=$((5300 + $1)) near=$((6200 + $1)) far=$((6300 + $1)) key1 key2
    key1=$(cwg 1 create "$net" 0 "$port1")
    key2=$(cwg 2 create "$net" 1 "$port2")
    : >"$SCRATCH/relay.$net"
    start r "$TOOLS/udprelay" --seed "$net" --drop 20 --duplicate 10 --late 30 --delay 60 \
        --near "172.16.0.2:$port1" --far-port "$far" "$near" "203.0.113.2:$port2" >"$SCRATCH/relay.$net"
    wait_for grep -qx ready "$SCRATCH/relay.$net"
    cwg 1 connect "$net" 1 "172.16.0.1:$near" "$key2"
    cwg 2 connect "$net" 0 "203.0.113.1:$far" "$key1"
}

both_wait()
{
    local net waits=() wait
    for net in 11 12 13; do bad_link "$net"; done
    for net in 11 12 13; do
        cwg 1 wait "$net" 0 40 &
        waits+=("$!")
        cwg 2 wait "$net" 1 40 &
        waits+=("$!")
    done
    for wait in "${waits[@]}"; do
        wait "$wait" || fail "a link hasn't come up in 40 seconds"
    done
    for net in 11 12 13; do
        cwg 1 destroy "$net" 0
        cwg 2 destroy "$net" 1
    done
}

@test "when both ends wait at once, the link comes up over a path that loses, doubles and reorders datagrams" {
    each_pair both_wait
}
