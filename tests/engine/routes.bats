#!/usr/bin/env bats
# By which way datagrams leave, and from which address of the site. Its network changes: the route moves to the other of
# two uplinks, an address goes, a cable is pulled.
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

# The second site is known by an address that is at neither of its uplinks. It has reverse-path filters, as a provider.
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

# The first site's routes to the second lead by the uplink v or x.
routes_by()
{
    local prefix4=192.0.2 prefix6=2001:db8:
    [ "$1" = v ] || prefix4=198.51.100 prefix6=2001:db8:2:
    ip -n w-1 route replace 203.0.113.2 via "$prefix4.2"
    ip -n w-1 route replace 2001:db8:1::2 via "$prefix6:2"
}

# The first engine begins, to an address of the second site.
connect_to()
{
    "$CTL" "$ENGINE" set "public_key=$KEY2" "endpoint=$1:$PORT2"
    answers "$c1" "$IP2"
    answers "$c2" "$IP1"
}

# Twenty pings, one in 0.1 s, of which some may be lost: goes_on LOST
goes_on()
{
    local said
    said=$(on "$c1" ping -n -q -i 0.1 -c 20 -W 1 "$IP2") || true
    echo "$said"
    [ "$(sed -n 's/.* \([0-9]*\) received.*/\1/p' <<<"$said")" -ge $((20 - $1)) ]
}

# Where an engine sees its peer.
seen_at()
{
    [ "$(of_engine endpoint "$ENGINE2")" = "$1" ] || fail "$(of_engine endpoint "$ENGINE2") for $1"
}

# Whatever leaves by a device of the first site from now on comes from its addresses: only_from DEVICE ADDRESS...
only_from()
{
    sleep 1
    capture w-1 "$1" 'udp src port 5101'
    answers "$c1" "$IP2"
    answers "$c1" "$IP2"
    captured | awk -v good="$2.$PORT1" '$2 != good { bad = 1; print } { n++ } END { exit bad || !n }' ||
        fail "from another device's address"
}

@test "IPv4: the route moves to the other uplink, while both work: a second without answers, at most" {
    connect_to 203.0.113.2
    seen_at "192.0.2.1:$PORT1"
    routes_by x
    goes_on 10
    seen_at "198.51.100.1:$PORT1"
    only_from x1 198.51.100.1
    # The second site's own route to the first is by x now, and back.
    routes_by v
    goes_on 10
    seen_at "192.0.2.1:$PORT1"
}

@test "IPv6: the route moves to the other uplink, while both work: what leaves there is from its address" {
    connect_to '[2001:db8:1::2]'
    seen_at "[2001:db8::1]:$PORT1"
    routes_by x
    goes_on 10
    seen_at "[2001:db8:2::1]:$PORT1"
    only_from x1 2001:db8:2::1
    # Of an IPv6 address it has to see first by which device datagrams leave from there.
    sleep 0.6
    answers "$c1" "$IP2"
    routes_by v
    goes_on 10
    seen_at "[2001:db8::1]:$PORT1"
}

@test "the cable of the uplink is pulled and the route moves: it goes on by the other" {
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

@test "the address that was sent from goes, and the route with it: it goes on by the other uplink" {
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

@test "a second address of the uplink, which the peer has written to, is answered from as long as it leads there" {
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

@test "each uplink has a routing table of its own, for its address: the peer is answered from the one it wrote to" {
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
