#!/usr/bin/env bats
# The nine steps by which two sites link two containers, taken by a caller without privilege; and their result.
#
#                 site1                                                    site2
#     +---------------------------------+                    +---------------------------------+
#     |              192.0.2.1 (v1) ----+--------veth--------+---- (v2) 192.0.2.2              |
#     |      UDP 5101 |  ^ tcpdump      |                    |          | UDP 5102             |
#     |  +------------+-----------+     |                    |  +-------+----------------+     |
#     |  | c1   wg-7-0 10.0.0.14  |     |                    |  | c2   wg-7-1 10.0.0.15  |     |
#     |  +------------------------+     |                    |  +------------------------+     |
#     +---------------------------------+                    +---------------------------------+
#
# The capture begins before the first step, and both containers live as long as this file.

# bats file_tags=kernel
bats_require_minimum_version 1.5.0
load net

# The tests send this text through the link. It may nowhere be seen between the sites.
MARKER=cleartext-marker

# Only this may be seen between the sites: WireGuard's messages between its two ports, whose first byte is a type from 1
# to 4 and whose next three are 0; and the search for neighbours: ARP, its IPv6 kin, and the multicast reports of that.
WIREGUARD='host 192.0.2.1 and host 192.0.2.2 and udp[8] >= 1 and udp[8] <= 4 and udp[9] == 0 and udp[10:2] == 0 and
    ((src host 192.0.2.1 and src port 5101 and dst port 5102) or (src host 192.0.2.2 and src port 5102 and
    dst port 5101))'
NEIGHBOURS='arp or (icmp6 and ip6[40] >= 133 and ip6[40] <= 136) or
    (ip6[6] == 0 and ip6[40] == 58 and ip6[48] == 143)'

setup_file()
{
    has_backend || return 0
    install_helper
    of_the_machine 7 5101 5102 >"$BATS_FILE_TMPDIR/machine"
    two_sites
    container c1
    container c2
    start_capture
    nine_steps
    export c1 c2 KEY1 KEY2 CAPTURER
}

setup()
{
    require_backend
}

teardown_file()
{
    [ -z "${CAPTURER:-}" ] || ! is_own "$CAPTURER" || kill "$CAPTURER" 2>/dev/null || true
    clean_up
}

start_capture()
{
    ip netns exec site1 tcpdump -i v1 -B 65536 -U -Z root -w "$BATS_FILE_TMPDIR/capture" \
        >"$BATS_FILE_TMPDIR/tcpdump" 2>&1 3>&- &
    CAPTURER=$!
    wait_for grep -q 'listening on v1' "$BATS_FILE_TMPDIR/tcpdump"
}

nine_steps()
{
    # 1  Site 1 picks a network and host, and allocates a local port.
    local net=7 host=0 port1=5101 port2 endpoint1 endpoint2 said
    # 2  Site 1 creates a virtual network device inside its local container.
    KEY1=$(app_at site1 "$HELPER" cwg_create "$c1" "$net" "$host" "$port1")
    # 3  Site 1 sends network, host, its public IP address, port, and public key to Site 2.
    endpoint1=192.0.2.1:$port1
    # 4  Site 2 allocates a port.
    port2=5102
    # 5  Site 2 creates a virtual network device inside its local container, with the same network and the other host
    #    in that network, using the allocated port.
    KEY2=$(app_at site2 "$HELPER" cwg_create "$c2" "$net" $((1 - host)) "$port2")
    # 6  Site 2 connects its virtual network device to the one at Site 1.
    said=$(app_at site2 "$HELPER" cwg_connect "$c2" "$net" "$host" "$endpoint1" "$KEY1" 2>&1)
    [ -z "$said" ]
    # 7  Site 2 sends its IP address, port, and public key to Site 1.
    endpoint2=192.0.2.2:$port2
    # 8  Site 1 connects its virtual network device to the one at Site 2.
    said=$(app_at site1 "$HELPER" cwg_connect "$c1" "$net" $((1 - host)) "$endpoint2" "$KEY2" 2>&1)
    [ -z "$said" ]
    # 9  The containers communicate: that is what the tests do.
}

# Sends a file by TCP from container $1 to container $2, whose address is $3. It arrives there as another file.
send()
{
    local from=$1 to=$2 address=$3 file=$4 arrived=$5 receiver
    inside "$to" timeout 60 socat -u TCP-LISTEN:5000,reuseaddr "CREATE:$arrived" 3>&- &
    receiver=$!
    # The sender may have to wait for the listener. Where there is no way it must not wait long.
    inside "$from" timeout 60 socat -u "OPEN:$file" "TCP:$address:5000,retry=100,interval=0.1"
    wait "$receiver"
}

# Makes a file of random bytes, with the marker in each line.
random_file()
{
    local i
    for ((i = 0; i < 16; i++)); do
        echo "$MARKER"
        head -c $(($1 / 16)) /dev/urandom
    done >"$BATS_TEST_TMPDIR/random"
}

@test "after the nine steps the containers ping each other" {
    inside "$c1" ping -c 2 -i 0.2 -W 5 10.0.0.15
    inside "$c2" ping -c 2 -i 0.2 -W 5 10.0.0.14
}

@test "after the nine steps 1 MB sent by TCP arrives whole, in both directions" {
    random_file 1000000
    send "$c1" "$c2" 10.0.0.15 "$BATS_TEST_TMPDIR/random" "$BATS_TEST_TMPDIR/forth"
    send "$c2" "$c1" 10.0.0.14 "$BATS_TEST_TMPDIR/forth" "$BATS_TEST_TMPDIR/back"
    [ "$(sha256sum <"$BATS_TEST_TMPDIR/random")" = "$(sha256sum <"$BATS_TEST_TMPDIR/back")" ]
}

@test "between the sites only WireGuard's messages and the search for neighbours can be seen" {
    random_file 20000
    # The ping is filled with a pattern of four bytes: "mark".
    inside "$c1" ping -c 2 -i 0.2 -W 5 -p 6d61726b 10.0.0.15
    send "$c1" "$c2" 10.0.0.15 "$BATS_TEST_TMPDIR/random" "$BATS_TEST_TMPDIR/forth"
    send "$c2" "$c1" 10.0.0.14 "$BATS_TEST_TMPDIR/forth" "$BATS_TEST_TMPDIR/back"
    sleep 0.5
    kill "$CAPTURER"
    wait_for grep -q 'packets received by filter' "$BATS_FILE_TMPDIR/tcpdump"
    grep -q '^0 packets dropped by kernel' "$BATS_FILE_TMPDIR/tcpdump"

    packets "not ($WIREGUARD) and not ($NEIGHBOURS)"
    [ "$COUNT" = 0 ] || fail "$PACKETS"
    packets "udp[8] == 1"
    [ "$COUNT" -ge 1 ] || fail "no handshake was seen"
    packets "udp[8] == 4 and src host 192.0.2.1"
    [ "$COUNT" -gt 20 ] || fail "only $COUNT data packets from site1 were seen"
    packets "udp[8] == 4 and src host 192.0.2.2"
    [ "$COUNT" -gt 20 ] || fail "only $COUNT data packets from site2 were seen"
    grep -aq "$MARKER" "$BATS_TEST_TMPDIR/back"
    ! grep -aqe "$MARKER" -e markmark "$BATS_FILE_TMPDIR/capture" || fail "what was sent is in the capture"
}

# Sets PACKETS to the captured packets that match a filter, and COUNT to their number.
packets()
{
    PACKETS=$(tcpdump -nr "$BATS_FILE_TMPDIR/capture" "$1" 2>/dev/null)
    COUNT=$(grep -c . <<<"$PACKETS" || true)
}

@test "cwg_create prints the device's public key as wg shows it" {
    [[ $KEY1 =~ ^[A-Za-z0-9+/]{43}=$ ]]
    [ "$KEY1" = "$(wg_of "$c1" wg-7-0 public-key)" ]
    [ "$KEY2" = "$(wg_of "$c2" wg-7-1 public-key)" ]
    [ "$KEY1" != "$KEY2" ]
}

@test "a finished link's device has the expected name, address, MTU and marks" {
    local shown
    shown=$(inside "$c1" ip -details -oneline link show dev wg-7-0)
    [[ $shown == *": wg-7-0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1420 "*" group default "* ]] || fail "$shown"
    [ "$BACKEND" != kernel ] || [[ $shown == *" wireguard "* ]] || fail "$shown"
    [[ $shown == *"alias net-admin-helper: $BACKEND"* ]] || fail "$shown"
    shown=$(inside "$c1" ip -oneline -4 address show)
    [ "$(awk '{ print $2, $4 }' <<<"$shown")" = "lo 127.0.0.1/8"$'\n'"wg-7-0 10.0.0.14/31" ] || fail "$shown"
    shown=$(inside "$c2" ip -oneline -4 address show)
    [ "$(awk '{ print $2, $4 }' <<<"$shown")" = "lo 127.0.0.1/8"$'\n'"wg-7-1 10.0.0.15/31" ] || fail "$shown"
}

@test "a link's device has one peer: the other end's key, endpoint and address, and no other address" {
    [ "$(wg_of "$c1" wg-7-0 endpoints)" = "$KEY2"$'\t'192.0.2.2:5102 ]
    [ "$(wg_of "$c1" wg-7-0 allowed-ips)" = "$KEY2"$'\t'10.0.0.15/32 ]
    [ "$(wg_of "$c2" wg-7-1 endpoints)" = "$KEY1"$'\t'192.0.2.1:5101 ]
    [ "$(wg_of "$c2" wg-7-1 allowed-ips)" = "$KEY1"$'\t'10.0.0.14/32 ]
    [ "$(wg_of "$c1" wg-7-0 persistent-keepalive)" = "$KEY2"$'\t'off ]
    [ "$(wg_of "$c1" wg-7-0 preshared-keys)" = "$KEY2"$'\t'"(none)" ]
    [ "$(wg_of "$c1" wg-7-0 fwmark)" = off ]
}

@test "a link's device is in the container and nowhere else, and its UDP socket is at the site" {
    local site
    for site in site1 site2; do
        ! at "$site" ip link show type wireguard | grep . || fail "$site has a WireGuard device"
    done
    [ "$(wg_of "$c1" wg-7-0 listen-port)" = 5101 ]
    at site1 ss -Hnul | grep -q ' 0\.0\.0\.0:5101 '
    at site1 ss -Hnul | grep -qF ' [::]:5101 '
    [ -z "$(inside "$c1" ss -Hnua)" ]
    diff "$BATS_FILE_TMPDIR/machine" <(of_the_machine 7 5101 5102) || fail "the machine has something of it"
}

@test "a link to the program that has a task's name runs this task" {
    local task
    for task in create connect destroy; do
        ln -s net-admin-helper "$(dirname "$HELPER")/cwg_$task"
    done
    local directory key1 key2
    directory=$(dirname "$HELPER")
    key1=$(app_at site1 "$directory/cwg_create" "$c1" 8 0 5201)
    key2=$(app_at site2 "$directory/cwg_create" "$c2" 8 1 5202)
    app_at site2 "$directory/cwg_connect" "$c2" 8 0 192.0.2.1:5201 "$key1"
    app_at site1 "$directory/cwg_connect" "$c1" 8 1 192.0.2.2:5202 "$key2"
    inside "$c1" ping -c 1 -W 5 10.0.0.17
    app_at site1 "$directory/cwg_destroy" "$c1" 8 0
    app_at site2 "$directory/cwg_destroy" "$c2" 8 1
    run ! has_device "$c1" wg-8-0
    run ! has_device "$c2" wg-8-1
}

# bats test_tags=no-engine
@test "the helper links with an end that ip and wg alone have made" {
    require_kernel
    local key1 private=$BATS_TEST_TMPDIR/private
    ip -n site2 link add manual type wireguard
    ip -n site2 link set manual netns "$c2"
    wg genkey >"$private"
    key1=$(cwg site1 create "$c1" 9 0 5301)
    inside "$c2" wg set manual listen-port 5302 private-key "$private" \
        peer "$key1" endpoint 192.0.2.1:5301 allowed-ips 10.0.0.18/32
    inside "$c2" ip address add 10.0.0.19/31 dev manual
    inside "$c2" ip link set manual up
    cwg site1 connect "$c1" 9 1 192.0.2.2:5302 "$(wg pubkey <"$private")"
    inside "$c1" ping -c 1 -W 5 10.0.0.19
    inside "$c2" ping -c 1 -W 5 10.0.0.18
}
