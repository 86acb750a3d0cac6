#!/usr/bin/env bats
# A link next to the network that a container has already. The caller has no privilege.
#
#                site1                                        site2
#     +---------------------------+              +---------------------------+
#     |       192.0.2.1 (v1) -----+-----veth-----+----- (v2) 192.0.2.2       |
#     |  +--------+  +--------+   |              |              +--------+   |
#     |  |   c1   |  |   c3   |   |              |              |   c2   |   |
#     |  +--eth0--+  +--eth0--+   |              |              +--------+   |
#     |       +---veth---+        |              |                           |
#     +---------------------------+              +---------------------------+
#
# c1 and c3 are neighbours: 172.16.0.20/24 and 172.16.0.99/24.

bats_require_minimum_version 1.5.0
load net
sites_of_the_file

setup()
{
    require_backend
    container c1
    container c3
    neighbours eth0 172.16.0.20/24 172.16.0.99/24
}

# Makes $c1 and $c3 neighbours: each gets a device of that name with these addresses.
neighbours()
{
    local name=$1
    inside "$c1" ip link add "$name" type veth peer name "$name" netns "$c3"
    inside "$c1" ip link set "$name" addrgenmode none
    inside "$c1" ip address add "$2" dev "$name"
    inside "$c3" ip address add "$3" dev "$name"
    inside "$c1" ip link set "$name" up
    inside "$c3" ip link set "$name" up
}

# Says whether somebody answers on device $1 of $c3 when $c3 asks by ARP who has address $2.
is_answered()
{
    inside "$c3" ip neighbour flush dev "$1"
    inside "$c3" ping -q -c 1 -W 2 -I "$1" "$2" >/dev/null 2>&1 || true
    inside "$c3" ip neighbour show dev "$1" | grep -q "^$2 lladdr"
}

arp_ignore()
{
    inside "$c1" cat "/proc/sys/net/ipv4/conf/$1/arp_ignore"
}

# ---- subnets ----

@test "cwg_create refuses a net within a subnet of the container's network, and names the device" {
    local text="net: its addresses overlap with the container's own network"
    inside "$c1" ip address add 10.0.0.20/24 dev eth0
    refused "$text: the subnet 10.0.0.0/24 of its device eth0; choose another net, or give --allow-overlap" \
        cwg site1 create "$c1" 7 0 5101
    refused "$text: the subnet 10.0.0.0/24 of its device eth0" cwg site1 create "$c1" 126 1 5101
    unchanged
    inside "$c1" ip address flush dev eth0
    inside "$c1" ip route add 10.0.0.0/8 dev eth0 table 77
    refused "$text: the subnet 10.0.0.0/8 of its device eth0" cwg site1 create "$c1" 8388607 0 5101
    port_free site1 5101
}

@test "cwg_create --allow-overlap makes a net within a subnet, which loses two addresses to the link" {
    inside "$c1" ip address add 10.0.0.20/24 dev eth0
    run --separate-stderr cwg site1 create "$c1" 7 0 5101 --allow-overlap
    assert_success_with_key
    [[ $(inside "$c1" ip route get 10.0.0.15) == *"dev wg-7-0 "* ]]
    [[ $(inside "$c1" ip route get 10.0.0.16) == *"dev eth0 "* ]]
}

@test "--allow-overlap permits no overlap with an address, a route or a gateway of the container's" {
    inside "$c1" ip address add 10.0.0.14/24 dev eth0
    refused "the address 10.0.0.14;" cwg site1 create "$c1" 7 0 5101 --allow-overlap
    unchanged
    inside "$c1" ip address flush dev eth0
    inside "$c1" ip address add 10.0.0.20/24 dev eth0
    inside "$c1" ip route add default via 10.0.0.15 dev eth0
    refused "a gateway at 10.0.0.15;" cwg site1 create "$c1" 7 0 5101 --allow-overlap
}

@test "an error doesn't print a device's name that could mean something to a terminal" {
    local name before=eth0
    inside "$c1" ip link set eth0 down
    for name in $'e\e[1mth' 'e"th' $'e\xc3\xa9th'; do
        inside "$c1" ip link set dev "$before" name "$name"
        before=$name
        inside "$c1" ip address flush dev "$name"
        inside "$c1" ip address add 10.0.0.20/24 dev "$name"
        inside "$c1" ip link set dev "$name" up
        run --separate-stderr cwg site1 create "$c1" 7 0 5101
        assert_failure_with "the subnet 10.0.0.0/24 of its device number "
        inside "$c1" ip link set dev "$name" down
    done
}

@test "cwg_create accepts a net within routes that aren't subnets, and next to other subnets" {
    inside "$c1" ip address add 10.0.0.1/29 dev eth0
    inside "$c1" ip address add 10.0.0.128/25 dev eth0
    inside "$c1" ip route add default dev eth0
    inside "$c1" ip route add 0.0.0.0/1 dev eth0
    inside "$c1" ip route add 10.0.0.0/9 via 172.16.0.99
    inside "$c1" ip route add unreachable 10.0.0.0/8
    run --separate-stderr cwg site1 create "$c1" 7 0 5101
    assert_success_with_key
    # Root in the container has led this subnet into a link.
    inside "$c1" ip route add 10.0.1.0/24 dev wg-7-0
    run --separate-stderr cwg site1 create "$c1" 128 0 5103
    assert_success_with_key
}

# ---- ARP ----

@test "a container doesn't answer a neighbour's ARP request for the link's address" {
    inside "$c3" ip address add 10.0.0.99/24 dev eth0
    link_up_beside
    run ! is_answered eth0 10.0.0.14
    is_answered eth0 172.16.0.20
    [ "$(arp_ignore eth0)" = 1 ]
    # The link itself works as before.
    inside "$c1" ping -q -c 1 -W 10 10.0.0.15
    inside "$c2" ping -q -c 1 -W 10 10.0.0.14
}

@test "a container with a hundred links doesn't answer a neighbour's ARP request for a link's address" {
    local i make="tuntap add wg# mode tun\naddress add 172.20.#.1/32 dev wg#\nlink set wg# up\n"
    [ "$BACKEND" = engine ] || make=${make/tuntap add wg# mode tun/link add wg# type wireguard}
    for i in {1..100}; do printf '%b' "${make//#/$i}"; done | inside "$c1" ip -batch -
    link_up_beside
    run ! is_answered eth0 10.0.0.14
    is_answered eth0 172.16.0.20
}

link_up_beside()
{
    container c2
    link_up 7
}

@test "cwg_connect stops ARP answers for the link's address on devices that came after the link" {
    local key1 key2
    container c2
    key1=$(cwg site1 create "$c1" 7 0 5101)
    key2=$(cwg site2 create "$c2" 7 1 5102)
    neighbours eth1 172.17.0.20/24 172.17.0.99/24
    inside "$c3" ip address add 10.0.0.99/24 dev eth1
    is_answered eth1 10.0.0.14
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$key2"
    cwg site2 connect "$c2" 7 0 192.0.2.1:5101 "$key1"
    run ! is_answered eth1 10.0.0.14
    is_answered eth1 172.17.0.20
}

@test "cwg_create leaves a device whose ARP settings somebody has chosen already" {
    local value
    for value in 1 2 3 8; do
        inside "$c1" sh -c "echo $value >/proc/sys/net/ipv4/conf/eth0/arp_ignore"
        cwg site1 create "$c1" "$value" 0 "510$value"
        [ "$(arp_ignore eth0)" = "$value" ]
    done
}

@test "cwg_create leaves ARP as it is where an address needs another device's answers" {
    local device=lo
    inside "$c1" ip address add 172.16.0.77/32 dev lo
    cwg site1 create "$c1" 1 0 5101
    is_answered eth0 172.16.0.77
    inside "$c1" ip address delete 172.16.0.77/32 dev lo
    # These addresses aren't any device's.
    inside "$c1" ip route add local 172.16.0.64/28 dev lo
    cwg site1 create "$c1" 2 0 5102
    is_answered eth0 172.16.0.77
    inside "$c1" ip route delete local 172.16.0.64/28 dev lo
    if [ "$DUMMY" = dummy ]; then
        device=d0
        inside "$c1" ip link add d0 type dummy
        inside "$c1" ip link set d0 up
        inside "$c1" ip address add 172.16.0.78/32 dev d0
        cwg site1 create "$c1" 3 0 5103
        is_answered eth0 172.16.0.78
        inside "$c1" ip link delete d0
    fi
    [ "$(arp_ignore eth0)" = 0 ]
    # Now the container has no such addresses.
    cwg site1 create "$c1" 4 0 5104
    [ "$(arp_ignore eth0)" = 1 ] || fail "last with an address on $device"
}

@test "a create that fails leaves ARP as it was" {
    cwg site2 create "$c1" 9 0 5101
    inside "$c1" sh -c 'echo 0 >/proc/sys/net/ipv4/conf/eth0/arp_ignore'
    refused "exists already" cwg site1 create "$c1" 9 0 5103
    refused "UDP port 5101 is in use" cwg site2 create "$c1" 8 0 5101
    [ "$(arp_ignore eth0)" = 0 ]
}

# ---- both ends of a net in one container ----

@test "cwg_create refuses the second end of a net whose first end in this container is connected elsewhere" {
    link_up_beside
    inside "$c1" ping -q -c 1 -W 10 10.0.0.15
    refused "net: the link wg-7-0 in this container is connected to a peer, and the new end would cut it off" \
        cwg site1 create "$c1" 7 1 5109
    unchanged
    inside "$c1" ping -q -c 1 -W 10 10.0.0.15
    port_free site1 5109
}

# bats test_tags=kernel,only-6-1
@test "both ends of a net in one container can be connected with each other, and neither elsewhere" {
    local key0 key1
    container c2
    KEY2=$(cwg site2 create "$c2" 7 1 5102)
    key0=$(cwg site1 create "$c1" 7 0 5101)
    key1=$(cwg site1 create "$c1" 7 1 5103)
    refused "peer_key: the other end of this link is in this container, too, and has another key" \
        cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY2"
    unchanged
    run --separate-stderr cwg site1 connect "$c1" 7 1 192.0.2.1:5103 "$key1"
    assert_success_with ""
    run --separate-stderr cwg site1 connect "$c1" 7 0 192.0.2.1:5101 "$key0"
    assert_success_with ""
    # When one end is gone, the other can be connected elsewhere.
    cwg site1 destroy "$c1" 7 1
    run --separate-stderr cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY2"
    assert_success_with ""
}

# bats test_tags=engine
@test "an end whose engine doesn't answer counts as connected elsewhere" {
    require_engine
    local engine
    cwg site1 create "$c1" 7 0 5101
    engine=$(at site1 pgrep -n -x cwg-engine)
    kill -STOP "$engine"
    run --separate-stderr cwg site1 create "$c1" 7 1 5103
    kill -CONT "$engine"
    assert_failure_with "net: the link wg-7-0 in this container doesn't say whether it is connected"
}
