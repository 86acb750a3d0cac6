#!/usr/bin/env bats
# Routes and source addresses of an engine's datagrams. The site's network changes: the route moves to the other of two
# uplinks, an address goes, a cable is pulled.
#
#          w-1                                          w-2
#     +---------------------------+                +---------------------------+
#     |      192.0.2.1 (v1) ------+------veth------+------ (v2) 192.0.2.2      |
#     |   198.51.100.1 (x1) ------+------veth------+------ (x2) 198.51.100.2   |
#     |  +--------+               |                |     203.0.113.2 (lo)      |
#     |  |   c1   |    cwg-engine |                |  cwg-engine    +--------+ |
#     |  +--------+    port 5101  |                |  port 5102     |   c2   | |
#     +---------------------------+                +---------------------------+
#     IPv6: 2001:db8::N at v, 2001:db8:2::N at x, 2001:db8:1::2 at lo.

bats_require_minimum_version 1.5.0
load engine

setup_file()
{
    prepare_engine
}

# The peers know the second site by an address of neither uplink. It has reverse-path filters, as a provider.
setup()
{
    local number site device
    world w
    ip -n w-1 link add x1 type veth peer name x2 netns w-2
    for number in 1 2; do
        site=w-$number
        ip -n "$site" address add "198.51.100.$number/24" dev "x$number"
        ip -n "$site" address add "2001:db8:2::$number/64" dev "x$number" nodad
        ip -n "$site" link set "x$number" up
    done
    ip -n w-2 address add 203.0.113.2/32 dev lo
    ip -n w-2 address add 2001:db8:1::2/128 dev lo
    for device in all v2 x2; do on w-2 sysctl -qw "net.ipv4.conf.$device.rp_filter=1"; done
    routes_by v
    two_engines w
    "$CTL" "$ENGINE2" forget
    "$CTL" "$ENGINE2" set "public_key=$KEY1" "allowed_ip=$IP1/32"
}

teardown()
{
    end_test
    clean_up
}

# The first site's routes to the second lead by this uplink: routes_by v|x
routes_by()
{
    local prefix4=192.0.2 prefix6=2001:db8:
    [ "$1" = v ] || prefix4=198.51.100 prefix6=2001:db8:2:
    ip -n w-1 route replace 203.0.113.2 via "$prefix4.2"
    ip -n w-1 route replace 2001:db8:1::2 via "$prefix6:2"
}

# The first engine begins, to this address of the second site.
connect_to()
{
    "$CTL" "$ENGINE" set "public_key=$KEY2" "endpoint=$1:$PORT2"
    answers "$c1" "$IP2"
    answers "$c2" "$IP1"
}

# Sends twenty pings, one in 0.1 s. At most LOST are lost: goes_on LOST. ping doesn't wait long for the last answer, so
# where none may be lost a busy machine gets a second chance. After a change of routes it would hide what is lost.
goes_on()
{
    local said
    for _ in 1 2; do
        said=$(on "$c1" ping -n -q -i 0.1 -c 20 -W 1 "$IP2") || true
        echo "$said"
        [ "$(sed -n 's/.* \([0-9]*\) received.*/\1/p' <<<"$said")" -lt $((20 - $1)) ] || return 0
        [ "$1" = 0 ] || break
    done
    fail "at most $1 of 20 may be lost"
}

# The second engine sees its peer at an address. On a busy machine a datagram of before may have come last: then the
# next ones tell: seen_at ADDRESS:PORT
seen_at()
{
    for _ in 1 2 3; do
        [ "$(of_engine endpoint "$ENGINE2")" != "$1" ] || return 0
        answers "$c1" "$IP2"
    done
    fail "$(of_engine endpoint "$ENGINE2") for $1"
}

# From now on, every datagram that leaves by a device of the first site is from these addresses: only_from DEVICE
# ADDRESS...
only_from()
{
    sleep 1
    capture w-1 "$1" 'udp src port 5101'
    answers "$c1" "$IP2"
    answers "$c1" "$IP2"
    captured | awk -v good="$2.$PORT1" '$2 != good { bad = 1; print } { n++ } END { exit bad || !n }' ||
        fail "from another device's address"
}

@test "over IPv4, when the route moves to the other working uplink, at most a second's pings are lost" {
    connect_to 203.0.113.2
    seen_at "192.0.2.1:$PORT1"
    routes_by x
    goes_on 10
    seen_at "198.51.100.1:$PORT1"
    only_from x1 198.51.100.1
    # The second site's own route to the first now leads by x, and then by v again.
    routes_by v
    goes_on 10
    seen_at "192.0.2.1:$PORT1"
}

@test "over IPv6, when the route moves to the other working uplink, datagrams there are from its address" {
    connect_to '[2001:db8:1::2]'
    seen_at "[2001:db8::1]:$PORT1"
    routes_by x
    goes_on 10
    seen_at "[2001:db8:2::1]:$PORT1"
    only_from x1 2001:db8:2::1
    # With IPv6 the engine first has to see by which device its datagrams leave.
    sleep 0.6
    answers "$c1" "$IP2"
    routes_by v
    goes_on 10
    seen_at "[2001:db8::1]:$PORT1"
}

@test "when the uplink's cable is pulled and the route moves, the link goes on by the other uplink" {
    local address
    for address in 203.0.113.2 '[2001:db8:1::2]'; do
        routes_by v
        connect_to "$address"
        ip -n w-2 link set v2 down
        routes_by x
        goes_on 10
        answers "$c2" "$IP1"
        ip -n w-2 link set v2 up
        ip -n w-2 address replace 2001:db8::2/64 dev v2 nodad
    done
}

@test "when the source address and its route go, the link goes on by the other uplink" {
    connect_to 203.0.113.2
    ip -n w-1 address delete 192.0.2.1/24 dev v1
    routes_by4_x
    goes_on 10
    seen_at "198.51.100.1:$PORT1"
}

routes_by4_x()
{
    ip -n w-1 route replace 203.0.113.2 via 198.51.100.2
}

@test "an engine answers from the uplink's second address that the peer has written to, while the route leads there" {
    connect_to 203.0.113.2
    ip -n w-1 address add 192.0.2.77/24 dev v1
    ip -n w-2 route add 192.0.2.77 dev v2 src 203.0.113.2
    "$CTL" "$ENGINE2" set "public_key=$KEY1" "endpoint=192.0.2.77:$PORT1"
    answers "$c2" "$IP1"
    goes_on 0
    seen_at "192.0.2.77:$PORT1"
    only_from v1 192.0.2.77
    routes_by x
    goes_on 10
    seen_at "198.51.100.1:$PORT1"
    only_from x1 198.51.100.1
}

@test "with a routing table for each uplink's address, an engine answers from the address the peer has written to" {
    ip -n w-1 route replace 203.0.113.2 via 198.51.100.2 table 7
    ip -n w-1 rule add from 198.51.100.1 lookup 7
    ip -n w-2 route add 198.51.100.1 dev x2 src 203.0.113.2
    connect_to 203.0.113.2
    "$CTL" "$ENGINE2" set "public_key=$KEY1" "endpoint=198.51.100.1:$PORT1"
    answers "$c2" "$IP1"
    sleep 3
    goes_on 0
    seen_at "198.51.100.1:$PORT1"
    only_from x1 198.51.100.1
}
