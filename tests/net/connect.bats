#!/usr/bin/env bats
# Arguments of cwg_connect besides an IPv4 endpoint and a key: preshared keys, keepalives, peers with an unknown
# endpoint, IPv6, and the MTU that fits the path. The caller has no privilege.
#
#             site1                                        site2
#     +---------------------------+              +---------------------------+
#     |       192.0.2.1 (v1) -----+-----veth-----+----- (v2) 192.0.2.2       |
#     |     2001:db8::1           |  MTU as told |           2001:db8::2     |
#     |  +--------+  +--------+   |              |              +--------+   |
#     |  |   c1   |  |   c3   |   |              |              |   c2   |   |
#     |  +--------+  +--------+   |              |              +--------+   |
#     +---------------------------+              +---------------------------+
#
# The sites live as long as this file, containers only as long as a test.

bats_require_minimum_version 1.5.0
load net

KEY_A=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=
ZEROS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

setup_file()
{
    has_backend || return 0
    install_helper
    two_sites
    give_ipv6
}

setup()
{
    require_backend
    container c1
    container c2
}

teardown()
{
    local failed=false
    unchanged || failed=true
    clean_up
    wait_for_silence site1 site2 || failed=true
    path 1500
    at site1 ip route flush cache
    ! $failed
}

teardown_file()
{
    clean_up
}

# Sets the MTU of the path between the sites: of both its ends, or of each end its own.
path()
{
    # First comes the change that is always possible: IPv6 comes back only with an MTU of at least 1280.
    ip -n site1 link set v1 mtu "$1"
    ip -n site2 link set v2 mtu "${2:-$1}"
}

# Makes both ends of the link for net 7, without connecting them. Sets KEY1 and KEY2.
two_ends()
{
    KEY1=$(cwg site1 create "$c1" 7 0 5101)
    KEY2=$(cwg site2 create "$c2" 7 1 5102)
}

# Connects an end, with further options.
connect1()
{
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY2" "$@"
}

connect2()
{
    cwg site2 connect "$c2" 7 0 192.0.2.1:5101 "$KEY1" "$@"
}

# Pings address $2 from container $1, with further options.
pings()
{
    inside "$1" ping -c 1 -W 10 "${@:3}" "$2"
}

latest_handshake()
{
    wg_of "$1" "$2" latest-handshakes | cut -f 2
}

endpoint_of()
{
    wg_of "$1" "$2" endpoints | cut -f 2
}

keepalive_of()
{
    wg_of "$1" "$2" persistent-keepalive | cut -f 2
}

preshared_of()
{
    wg_of "$1" "$2" preshared-keys | cut -f 2
}

# Compares a link's preshared key. An engine tells nobody the key itself, only that there is one.
has_preshared()
{
    local told
    told=$(preshared_of "$1" "$2")
    [ "$BACKEND" = kernel ] || [ "$3" = '(none)' ] || set -- "$1" "$2" '(hidden)'
    [ "$told" = "$3" ] || fail "the preshared key is $told, not $3"
}

mtu_of()
{
    inside "$1" ip -oneline link show dev "$2" | grep -oE 'mtu [0-9]+' | cut -d ' ' -f 2
}

has_mtu()
{
    local mtu
    mtu=$(mtu_of "$1" "$2")
    [ "$mtu" = "$3" ] || fail "the MTU is $mtu, not $3"
}

# Writes a key to a file of the application's. Sets FILE.
key_file()
{
    FILE=$BATS_TEST_TMPDIR/$1
    chmod 755 "$BATS_TEST_TMPDIR"
    printf '%s\n' "$2" >"$FILE"
    chown "$APP_UID:$APP_GID" "$FILE"
    chmod 600 "$FILE"
}

# Sends 1 MB by TCP from container $1 to address $2 of container $3, within some seconds. Prints how much arrived. A
# connection without answers ends after three seconds (TCP_USER_TIMEOUT): without this limit it would keep its namespace
# for minutes.
megabyte()
{
    local arrived=$BATS_TEST_TMPDIR/arrived
    : >"$arrived"
    inside "$3" timeout "$4" socat -u TCP-LISTEN:7000,reuseaddr "OPEN:$arrived" 3>&- &
    local listener=$!
    wait_for listens "$3"
    head -c 1000000 /dev/zero | inside "$1" timeout "$4" socat -u -t 1 - "TCP:$2:7000,setsockopt-int=6:18:3000" \
        3>&- || true
    wait "$listener" || true
    stat -c %s "$arrived"
}

listens()
{
    inside "$1" ss -Hnlt | grep -q :7000
}

# ---- preshared keys ----

@test "cwg_connect warns of an endpoint to which no route leads, and connects" {
    local text="net-admin-helper: warning: no route leads from here to peer_endpoint" address
    cwg site1 create "$c1" 7 0 5101
    for address in 198.51.100.7 203.0.113.1 203.0.113.2 203.0.113.3; do
        case $address in
        203.0.113.1) at site1 ip route add unreachable "$address" ;;
        203.0.113.2) at site1 ip route add prohibit "$address" ;;
        203.0.113.3) at site1 ip route add blackhole "$address" ;;
        esac
        run --separate-stderr cwg site1 connect "$c1" 7 1 "$address:5102" "$KEY_A"
        [ "$status" = 0 ] && [ -z "$output" ] || fail "$output $stderr"
        [[ $stderr == "$text"* ]] && [ "${#stderr_lines[@]}" = 1 ] || fail "$address: $stderr"
        [ "$(wg_of "$c1" wg-7-0 endpoints)" = "$KEY_A"$'\t'"$address:5102" ]
    done
    run --separate-stderr cwg site1 connect "$c1" 7 1 '[2001:db8:77::1]:5102' "$KEY_A"
    [ "$status" = 0 ] && [[ $stderr == "$text"* ]] || fail "$stderr"
    run --separate-stderr cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY_A"
    assert_success_with ""
    # A batch's answer has no place for the warning.
    run --separate-stderr app_at site1 "$HELPER" batch < <(echo "cwg_connect $c1 7 1 198.51.100.7:5102 $KEY_A")
    assert_success_with ok
    at site1 ip route flush root 203.0.113.0/24
}

@test "cwg_connect refuses the link's own address and port as its endpoint, and takes another port of this machine" {
    local address before
    cwg site1 create "$c1" 7 0 5101
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY_A"
    before=$(state_of "$c1")
    for address in 192.0.2.1 127.0.0.1 127.1.2.3 '[::1]'; do
        run --separate-stderr cwg site1 connect "$c1" 7 1 "$address:5101" "$KEY_A"
        assert_failure_with "peer_endpoint: this is the link's own address and port"
    done
    [ "$(state_of "$c1")" = "$before" ]
    run --separate-stderr cwg site1 connect "$c1" 7 1 192.0.2.1:5102 "$KEY_A"
    assert_success_with ""
}

# bats test_tags=kernel,only-6-12
@test "a link works with the same preshared key at both ends, read from a file, standard input or a descriptor" {
    local psk file
    psk=$(wg genpsk)
    key_file psk "$psk"
    file=$FILE
    two_ends
    run --separate-stderr connect1 --preshared-key-file "$file"
    assert_success_with ""
    run --separate-stderr connect2 --preshared-key-file - <<<"$psk"
    assert_success_with ""
    has_preshared "$c1" wg-7-0 "$psk"
    has_preshared "$c2" wg-7-1 "$psk"
    pings "$c1" 10.0.0.15

    psk=$(wg genpsk)
    cwg site1 create "$c1" 8 0 5103 >"$BATS_TEST_TMPDIR/key1"
    cwg site2 create "$c2" 8 1 5104 >"$BATS_TEST_TMPDIR/key2"
    run --separate-stderr cwg site1 connect --preshared-key-file=fd:9 "$c1" 8 1 192.0.2.2:5104 \
        "$(<"$BATS_TEST_TMPDIR/key2")" 9<<<"$psk"
    assert_success_with ""
    # The key comes from a pipe, in pieces, without a newline.
    { printf %s "${psk:0:20}" && sleep 0.3 && printf %s "${psk:20}"; } |
        cwg site2 connect "$c2" 8 0 192.0.2.1:5103 "$(<"$BATS_TEST_TMPDIR/key1")" --preshared-key-file -
    has_preshared "$c1" wg-8-0 "$psk"
    has_preshared "$c2" wg-8-1 "$psk"
    pings "$c2" 10.0.0.16
}

@test "a link gets no session while the preshared keys differ or one is missing, and gets one when they match" {
    local psk
    psk=$(wg genpsk)
    two_ends
    connect1 --preshared-key-file - <<<"$psk"
    connect2 --preshared-key-file - < <(wg genpsk)
    run ! inside "$c1" ping -c 1 -W 2 10.0.0.15
    [ "$(latest_handshake "$c1" wg-7-0)" = 0 ]
    connect2 --preshared-key-file - <<<"$ZEROS"
    run ! inside "$c2" ping -c 1 -W 2 10.0.0.14
    [ "$(latest_handshake "$c1" wg-7-0)" = 0 ]
    connect2 --preshared-key-file - <<<"$psk"
    pings "$c1" 10.0.0.15
}

# bats test_tags=kernel,only-6-12
@test "a preshared key stays at a connect without one, and goes by a key of zeros or with the peer" {
    local psk before
    psk=$(wg genpsk)
    two_ends
    connect1 --preshared-key-file - <<<"$psk"
    connect2 --preshared-key-file - <<<"$psk"
    pings "$c1" 10.0.0.15
    before=$(latest_handshake "$c1" wg-7-0)
    connect1
    has_preshared "$c1" wg-7-0 "$psk"
    connect1 --preshared-key-file - < <(wg genpsk)
    # This session is older than the change of keys.
    pings "$c1" 10.0.0.15
    [ "$(latest_handshake "$c1" wg-7-0)" = "$before" ]
    connect1 --preshared-key-file - <<<"$ZEROS"
    has_preshared "$c1" wg-7-0 '(none)'
    pings "$c1" 10.0.0.15
    connect1 --preshared-key-file - <<<"$psk"
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY_A"
    has_preshared "$c1" wg-7-0 '(none)'
}

@test "cwg_connect opens the preshared key's file with the caller's rights, from the caller's directory" {
    local psk
    psk=$(wg genpsk)
    two_ends
    key_file psk "$psk"
    chown 0:0 "$FILE"
    refused "--preshared-key-file: can't open it: Permission denied" connect1 --preshared-key-file "$FILE"
    chown "$APP_UID:$APP_GID" "$FILE"
    refused "--preshared-key-file: can't open it: No such file or directory" connect1 --preshared-key-file psk
    unchanged
    cd "$BATS_TEST_TMPDIR"
    run --separate-stderr connect1 --preshared-key-file psk
    assert_success_with ""
    has_preshared "$c1" wg-7-0 "$psk"
}

@test "cwg_connect refuses a file without a valid preshared key, and changes nothing" {
    local text="--preshared-key-file: must hold 44 characters of base64 for 32 bytes, and nothing else"
    two_ends
    refused "--preshared-key-file: is empty, or was read to its end already; make a key with" \
        connect1 --preshared-key-file /dev/null
    refused "$text" connect1 --preshared-key-file /dev/zero
    refused "$text" connect1 --preshared-key-file - < <(wg genpsk | head -c 43)
    refused "$text" connect1 --preshared-key-file - < <(wg genpsk && wg genpsk)
    refused "$text" connect1 --preshared-key-file - < <(wg genpsk | tr '[:print:]' '*')
    refused "--preshared-key-file: can't read it: Is a directory" connect1 --preshared-key-file /
    refused "--preshared-key-file: can't read it: Bad file descriptor (errno 9); give a file that you can read, - for" \
        connect1 --preshared-key-file fd:9 9<&-
    refused "--preshared-key-file: can't read it: Invalid argument" connect1 --preshared-key-file fd:9 \
        9<"/proc/$c1/ns/net"
}

@test "for cwg_connect one descriptor can name the container, while another holds the preshared key" {
    local psk
    psk=$(wg genpsk)
    two_ends
    run --separate-stderr cwg site1 connect fd:8 7 1 192.0.2.2:5102 "$KEY2" --preshared-key-file fd:9 \
        8<"/proc/$c1/ns/net" 9<<<"$psk"
    assert_success_with ""
    has_preshared "$c1" wg-7-0 "$psk"
}

# ---- keepalives, and peers with an unknown endpoint ----

# bats test_tags=kernel,only-6-12
@test "a keepalive is set, kept by a connect without one, turned off by 0, and gone with the peer" {
    two_ends
    connect1
    [ "$(keepalive_of "$c1" wg-7-0)" = off ]
    run --separate-stderr connect1 --persistent-keepalive 25
    assert_success_with ""
    [ "$(keepalive_of "$c1" wg-7-0)" = 25 ]
    connect1
    [ "$(keepalive_of "$c1" wg-7-0)" = 25 ]
    connect1 --persistent-keepalive=65535
    [ "$(keepalive_of "$c1" wg-7-0)" = 65535 ]
    connect1 --persistent-keepalive=0
    [ "$(keepalive_of "$c1" wg-7-0)" = off ]
    connect1 --persistent-keepalive=25
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY_A"
    [ "$(keepalive_of "$c1" wg-7-0)" = off ]
}

# Prints how many bytes a container has received by its link.
received()
{
    wg_of "$1" "$2" transfer | cut -f 2
}

has_received_more_than()
{
    [ "$(received "$1" "$2")" -gt "$3" ]
}

@test "an end with a keepalive starts the session by itself, and goes on sending" {
    local before
    two_ends
    connect2
    connect1 --persistent-keepalive 1
    wait_for has_received_more_than "$c2" wg-7-1 0
    before=$(received "$c2" wg-7-1)
    wait_for has_received_more_than "$c2" wg-7-1 "$((before + 63))"
    pings "$c2" 10.0.0.14
}

# bats test_tags=kernel,only-6-12
@test "an end without its peer's endpoint learns it when the peer sends" {
    two_ends
    run --separate-stderr cwg site1 connect "$c1" 7 1 - "$KEY2"
    assert_success_with ""
    [ "$(endpoint_of "$c1" wg-7-0)" = '(none)' ]
    has_mtu "$c1" wg-7-0 1420
    run ! inside "$c1" ping -c 1 -W 1 10.0.0.15
    connect2 --persistent-keepalive 25
    wait_for pings "$c1" 10.0.0.15
    [ "$(endpoint_of "$c1" wg-7-0)" = 192.0.2.2:5102 ]
}

@test "an end with a keepalive but without its peer's endpoint waits for the peer" {
    two_ends
    cwg site1 connect "$c1" 7 1 - "$KEY2" --persistent-keepalive 1
    sleep 2
    [ "$(endpoint_of "$c1" wg-7-0)" = '(none)' ]
    connect2
    pings "$c2" 10.0.0.14
    [ "$(endpoint_of "$c1" wg-7-0)" = 192.0.2.2:5102 ]
}

# bats test_tags=kernel,only-6-12
@test "cwg_connect with - as the endpoint keeps the endpoint where the peer has roamed to, and the session" {
    local before psk
    psk=$(wg genpsk)
    ip -n site2 address add 192.0.2.22/24 dev v2
    two_ends
    connect1
    connect2
    pings "$c1" 10.0.0.15
    before=$(latest_handshake "$c1" wg-7-0)
    ip -n site2 address delete 192.0.2.2/24 dev v2
    ip -n site2 address add 192.0.2.22/24 dev v2 2>/dev/null || true
    pings "$c2" 10.0.0.14
    [ "$(endpoint_of "$c1" wg-7-0)" = 192.0.2.22:5102 ]

    run --separate-stderr cwg site1 connect "$c1" 7 1 - "$KEY2"
    assert_success_with ""
    [ "$(endpoint_of "$c1" wg-7-0)" = 192.0.2.22:5102 ]
    # An application that exchanges a new preshared key every other minute does this.
    cwg site1 connect "$c1" 7 1 - "$KEY2" --preshared-key-file - <<<"$psk"
    cwg site2 connect "$c2" 7 0 - "$KEY1" --preshared-key-file - <<<"$psk"
    [ "$(endpoint_of "$c1" wg-7-0)" = 192.0.2.22:5102 ]
    [ "$(endpoint_of "$c2" wg-7-1)" = 192.0.2.1:5101 ]
    pings "$c1" 10.0.0.15
    [ "$(latest_handshake "$c1" wg-7-0)" = "$before" ]

    # With another public key the endpoint is unknown again.
    cwg site1 connect "$c1" 7 1 - "$KEY_A"
    [ "$(endpoint_of "$c1" wg-7-0)" = '(none)' ]
    ip -n site2 address delete 192.0.2.22/24 dev v2
    ip -n site2 address add 192.0.2.2/24 dev v2
}

# ---- IPv6 ----

# bats test_tags=kernel,only-6-12
@test "sites are linked by IPv6, then by an IPv4 endpoint, then by IPv6 again" {
    two_ends
    run --separate-stderr cwg site1 connect "$c1" 7 1 '[2001:db8::2]:5102' "$KEY2"
    assert_success_with ""
    run --separate-stderr cwg site2 connect "$c2" 7 0 '[2001:0DB8:0::1]:5101' "$KEY1"
    assert_success_with ""
    [ "$(endpoint_of "$c1" wg-7-0)" = '[2001:db8::2]:5102' ]
    [ "$(endpoint_of "$c2" wg-7-1)" = '[2001:db8::1]:5101' ]
    pings "$c1" 10.0.0.15
    pings "$c1" 10.0.0.15 -M 'do' -s 1392
    [ "$(megabyte "$c1" 10.0.0.15 "$c2" 20)" = 1000000 ]
    connect1
    pings "$c1" 10.0.0.15
    [ "$(endpoint_of "$c1" wg-7-0)" = 192.0.2.2:5102 ]
    cwg site1 connect "$c1" 7 1 '[2001:db8::2]:5102' "$KEY2"
    pings "$c1" 10.0.0.15
    [ "$(endpoint_of "$c1" wg-7-0)" = '[2001:db8::2]:5102' ]
}

@test "cwg_connect refuses link-local endpoints, zones and IPv4-mapped IPv6 addresses, and says why" {
    local endpoint
    two_ends
    remember
    for endpoint in '[fe80::1]:5102' '[fe80::1%v1]:5102' '[2001:db8::2%v1]:5102' '[febf::1]:5102'; do
        run --separate-stderr cwg site1 connect "$c1" 7 1 "$endpoint" "$KEY2"
        [ "$status" = 1 ]
        [[ ${stderr_lines[0]} == *"must not be a link-local address or have a zone, because a link"* ]]
    done
    run --separate-stderr cwg site1 connect "$c1" 7 1 '[::ffff:c000:202]:5102' "$KEY2"
    [ "$status" = 1 ]
    [[ ${stderr_lines[0]} == *"must not be an IPv4 address as an IPv6 one; give it as a.b.c.d"* ]]
    run --separate-stderr cwg site1 connect "$c1" 7 1 '[ff02::1]:5102' "$KEY2"
    [ "$status" = 1 ]
    [[ ${stderr_lines[0]} == *"must not be an unspecified, multicast or broadcast address"* ]]
}

# This site has turned IPv6 off. In the next test the kernel has no IPv6.
@test "where IPv6 is turned off, IPv4 links work, and an IPv6 link works when IPv6 is back" {
    two_ends
    at site1 sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
    connect1
    connect2
    pings "$c1" 10.0.0.15
    run --separate-stderr cwg site1 connect "$c1" 7 1 '[2001:db8::2]:5102' "$KEY2"
    at site1 sysctl -q -w net.ipv6.conf.all.disable_ipv6=0
    ip -n site1 address add 2001:db8::1/64 dev v1 nodad
    [ "$status" = 0 ] && [[ $stderr == *"warning: no route leads from here"* ]] || fail "$stderr"
    pings "$c1" 10.0.0.15
    [ "$(endpoint_of "$c1" wg-7-0)" = '[2001:db8::2]:5102' ]
}

# The tool `refuse` answers for the kernel: it fails the search for an IPv6 route, as a kernel without IPv6 does.
# bats test_tags=kernel,only-6-12
@test "where the kernel has no IPv6, cwg_connect refuses an IPv6 endpoint, and IPv4 works" {
    local refuse=("$TOOLS/refuse" ipv6-routes --)
    two_ends
    refused "peer_endpoint: this machine's kernel has no IPv6; give an IPv4 address of the peer's machine" \
        at site1 "${refuse[@]}" setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env -- "$HELPER" cwg_connect "$c1" 7 1 '[2001:db8::2]:5102' "$KEY2"
    run --separate-stderr at site1 "${refuse[@]}" \
        setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env -- "$HELPER" cwg_connect "$c1" 7 1 '[2001:db8::2]:5102' "$KEY2" --mtu 1280 --json
    assert_json_failure unsupported "peer_endpoint: this machine's kernel has no IPv6; give"
    unchanged
    run --separate-stderr at site1 "${refuse[@]}" \
        setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env -- "$HELPER" cwg_connect "$c1" 7 1 192.0.2.2:5102 "$KEY2"
    assert_success_with ""
    connect2
    pings "$c1" 10.0.0.15
}

# ---- the MTU ----

@test "each connect sets the link's MTU to that of the path less 80, by IPv4 and IPv6" {
    local mtu
    two_ends
    for mtu in 1450 9000 1500 1361 1360 1359 1280 576 65535; do
        echo "path of $mtu"
        path "$mtu"
        run --separate-stderr connect1
        assert_success_with ""
        has_mtu "$c1" wg-7-0 $((mtu < 1360 ? 1280 : mtu - 80))
    done
    path 1500
    give_ipv6
    for mtu in 1450 9000 1280; do
        path "$mtu"
        cwg site1 connect "$c1" 7 1 '[2001:db8::2]:5102' "$KEY2"
        has_mtu "$c1" wg-7-0 $((mtu < 1360 ? 1280 : mtu - 80))
    done
}

@test "paths of 1450 and 9000 bytes carry packets of the link's MTU unfragmented, both ways, by IPv4 and IPv6" {
    local mtu endpoint1 endpoint2
    two_ends
    for mtu in 1450 9000; do
        path "$mtu"
        for endpoint2 in 192.0.2.2 '[2001:db8::2]'; do
            endpoint1=${endpoint2/2]/1]}
            [ "$endpoint2" != 192.0.2.2 ] || endpoint1=192.0.2.1
            cwg site1 connect "$c1" 7 1 "$endpoint2:5102" "$KEY2"
            cwg site2 connect "$c2" 7 0 "$endpoint1:5101" "$KEY1"
            echo "path of $mtu to $endpoint2"
            has_mtu "$c2" wg-7-1 $((mtu - 80))
            # No fragment goes over the path. A fragment has an offset, or the flag for more fragments.
            pings "$c1" 10.0.0.15 -M 'do' -s $((mtu - 80 - 28))
            pings "$c2" 10.0.0.14 -M 'do' -s $((mtu - 80 - 28))
            run ! inside "$c1" ping -c 1 -W 1 -M 'do' -s $((mtu - 80 - 27)) 10.0.0.15
            [ "$(megabyte "$c1" 10.0.0.15 "$c2" 20)" = 1000000 ]
        done
    done
    [ "$(fragments site1)" = 0 ]
}

# Prints how many fragments a site has made.
fragments()
{
    at "$1" nstat -asz IpFragCreates Ip6FragCreates | awk 'NR > 1 { sum += $2 } END { print sum + 0 }'
}

@test "cwg_connect heeds a route's own MTU, and a path MTU that the kernel has learned" {
    two_ends
    ip -n site1 route add 198.51.100.0/24 via 192.0.2.2 mtu 1400
    cwg site1 connect "$c1" 7 1 198.51.100.1:5102 "$KEY2"
    has_mtu "$c1" wg-7-0 1320
    ip -n site1 route replace 198.51.100.0/24 via 192.0.2.2 mtu lock 1300
    cwg site1 connect "$c1" 7 1 198.51.100.1:5102 "$KEY2"
    has_mtu "$c1" wg-7-0 1280
    # A route can't raise the MTU above that of its device.
    ip -n site1 route replace 198.51.100.0/24 via 192.0.2.2 mtu 9000
    cwg site1 connect "$c1" 7 1 198.51.100.1:5102 "$KEY2"
    has_mtu "$c1" wg-7-0 1420
    ip -n site1 route add 2001:db8:7::/64 via 2001:db8::2 mtu 1390
    cwg site1 connect "$c1" 7 1 '[2001:db8:7::1]:5102' "$KEY2"
    has_mtu "$c1" wg-7-0 1310
    at site1 sysctl -q -w net.ipv6.conf.v1.mtu=1440
    cwg site1 connect "$c1" 7 1 '[2001:db8::2]:5102' "$KEY2"
    has_mtu "$c1" wg-7-0 1360
    connect1
    has_mtu "$c1" wg-7-0 1420
    at site1 sysctl -q -w net.ipv6.conf.v1.mtu=1500
    ip -n site1 route delete 198.51.100.0/24
    ip -n site1 route delete 2001:db8:7::/64
}

# site2 forwards to a network behind a device with a small MTU, and tells site1 by ICMP.
@test "cwg_connect heeds a path MTU that a router has told, but never sets less than 1280" {
    local narrow
    two_ends
    at site2 sysctl -q -w net.ipv4.ip_forward=1
    ip -n site2 link add narrow1 type veth peer name narrow2
    ip -n site2 address add 198.51.100.1/24 dev narrow1
    ip -n site2 link set narrow1 up
    ip -n site2 link set narrow2 up
    ip -n site2 neighbour add 198.51.100.7 lladdr 02:00:00:00:00:07 dev narrow1
    ip -n site1 route add 198.51.100.0/24 via 192.0.2.2
    for narrow in 1400 700; do
        ip -n site2 link set narrow1 mtu "$narrow"
        at site1 ip route flush cache
        cwg site1 connect "$c1" 7 1 198.51.100.7:5102 "$KEY2"
        has_mtu "$c1" wg-7-0 1420
        run ! at site1 ping -c 2 -i 0.2 -W 1 -M 'do' -s 1450 198.51.100.7
        at site1 ip route get 198.51.100.7 | grep -q "mtu $narrow"
        cwg site1 connect "$c1" 7 1 198.51.100.7:5102 "$KEY2"
        has_mtu "$c1" wg-7-0 $((narrow == 700 ? 1280 : 1320))
    done
    ip -n site1 route delete 198.51.100.0/24
    ip -n site2 link delete narrow1
    at site2 sysctl -q -w net.ipv4.ip_forward=0
}

@test "cwg_connect --mtu wins over the path, for this connect alone" {
    local mtu
    two_ends
    for mtu in 1280 576 8000 65455 1420; do
        run --separate-stderr connect1 --mtu "$mtu"
        assert_success_with ""
        has_mtu "$c1" wg-7-0 "$mtu"
    done
    connect1 --mtu=1300
    connect1
    has_mtu "$c1" wg-7-0 1420
    # With an unknown endpoint the MTU stays, unless --mtu asks for another.
    cwg site1 connect "$c1" 7 1 - "$KEY2" --mtu 1300
    has_mtu "$c1" wg-7-0 1300
    cwg site1 connect "$c1" 7 1 - "$KEY2"
    has_mtu "$c1" wg-7-0 1300
}

@test "the MTU stays where no route leads to the endpoint, or the route is a refusing one" {
    local address
    two_ends
    ip -n site1 route add blackhole 203.0.113.0/28
    ip -n site1 route add unreachable 203.0.113.16/28
    ip -n site1 route add prohibit 203.0.113.32/28
    ip -n site1 route add blackhole 2001:db8:8::/64
    ip -n site1 route add prohibit 2001:db8:9::/64
    for address in 198.51.100.1 203.0.113.1 203.0.113.17 203.0.113.33 '[2001:db8:7::1]' '[2001:db8:8::1]' \
        '[2001:db8:9::1]'; do
        echo "to $address"
        run --separate-stderr cwg site1 connect "$c1" 7 1 "$address:5102" "$KEY2"
        [ "$status" = 0 ] && [[ $stderr == *"warning: no route leads from here"* ]] || fail "$stderr"
        has_mtu "$c1" wg-7-0 1420
    done
    connect1 --mtu 1300
    cwg site1 connect "$c1" 7 1 198.51.100.1:5102 "$KEY2"
    has_mtu "$c1" wg-7-0 1300
    for address in 203.0.113.0/28 203.0.113.16/28 203.0.113.32/28 2001:db8:8::/64 2001:db8:9::/64; do
        ip -n site1 route delete "$address"
    done
}

@test "a link between two containers of one site has the MTU of loopback, and 64 KiB pass" {
    local key3 size
    container c3
    two_ends
    key3=$(cwg site1 create "$c3" 7 1 5103)
    for address in 192.0.2.1 127.0.0.1 '[::1]' '[2001:db8::1]'; do
        echo "at $address"
        cwg site1 connect "$c1" 7 1 "$address:5103" "$key3"
        cwg site1 connect "$c3" 7 0 "$address:5101" "$KEY1"
        has_mtu "$c1" wg-7-0 65455
        for size in 1400 30000 65427; do
            pings "$c1" 10.0.0.15 -M 'do' -s "$size"
        done
        [ "$(megabyte "$c1" 10.0.0.15 "$c3" 20)" = 1000000 ]
    done
}

# The far end of the path drops packets of more than 1350 bytes silently. Segmentation offload is off: a veth passes a
# large segment as a whole.
@test "on a path that drops long packets silently, TCP passes with --mtu 1280, and not without" {
    local end
    two_ends
    for end in 1 2; do
        ip -n "site$end" link set "v$end" gso_max_segs 1
    done
    path 1500
    connect1
    connect2
    pings "$c1" 10.0.0.15
    path 1500 1350
    has_mtu "$c1" wg-7-0 1420
    pings "$c1" 10.0.0.15
    [ "$(megabyte "$c1" 10.0.0.15 "$c2" 5)" -lt 1000000 ]
    connect1 --mtu 1280
    connect2 --mtu 1280
    [ "$(megabyte "$c1" 10.0.0.15 "$c2" 20)" = 1000000 ]
    for end in 1 2; do
        ip -n "site$end" link set "v$end" gso_max_segs 65535
    done
}

@test "a connect that fails leaves the link's MTU as it was" {
    local engine
    two_ends
    connect1 --mtu 1300
    refused "peer_key: this is the link's own public key" cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY1" --mtu 1400
    refused "peer_key: this is the link's own public key" cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY1"
    path 9000
    refused "peer_key: this is the link's own public key" cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY1"
    has_mtu "$c1" wg-7-0 1300
    unchanged
    [ "$BACKEND" = engine ] || return 0
    engine=$(inside "$c1" ip link show wg-7-0 | grep -oE 'process [0-9]+' | cut -d ' ' -f 2)
    kill -STOP "$engine"
    run --separate-stderr connect1 --mtu 1400
    assert_failure_with "doesn't answer"
    has_mtu "$c1" wg-7-0 1300
    kill -CONT "$engine"
    connect1 --mtu 1400
    has_mtu "$c1" wg-7-0 1400
}

# ---- killed ----

# Prints the system calls of a command at which to kill it: those after main() has begun.
points()
{
    # shellcheck disable=SC2086 # words
    at site1 $TRACER status --report 1 --stdout /dev/null -- "$HELPER" "$@" |
        awk '$2 == "prctl" { main = 1 } main && $1 ~ /^[0-9]+$/ { print $1 }'
}

# Two commands alternate: one has all options, the other has another peer.
@test "a connect with all options that is killed at any system call is done or not done, and can be repeated" {
    local TRACER="$TOOLS/at-syscall --uid $APP_UID --gid $APP_GID" n last kills=0 psk old new endpoint
    local -a with without
    psk=$(wg genpsk)
    key_file psk "$psk"
    two_ends
    with=(cwg_connect "$c1" 7 1 '[2001:db8::2]:5102' "$KEY2" --preshared-key-file "$FILE" --persistent-keepalive 25
        --mtu 1300)
    without=(cwg_connect "$c1" 7 1 192.0.2.2:5102 "$KEY_A" --mtu 1400)
    app_at site1 "$HELPER" "${without[@]}"
    old=192.0.2.2:5102 new='[2001:db8::2]:5102'
    points "${with[@]}" >"$BATS_TEST_TMPDIR/points"
    last=$(tail -n 1 "$BATS_TEST_TMPDIR/points")
    for n in $(to_be_killed 3 <"$BATS_TEST_TMPDIR/points"); do
        local -a command=("${with[@]}")
        [ "$new" != 192.0.2.2:5102 ] || command=("${without[@]}")
        # shellcheck disable=SC2086 # words
        run at site1 $TRACER kill "$n" -- "$HELPER" "${command[@]}"
        # The command without options makes fewer calls; and the number of waits for an answer differs a little.
        [ "$status" = 137 ] || [ "$new" = 192.0.2.2:5102 ] || [ "$status$((n > last - 12))" = 01 ] ||
            fail "not killed at $n: $status"
        endpoint=$(endpoint_of "$c1" wg-7-0)
        [ "$endpoint" = "$old" ] || [ "$endpoint" = "$new" ] || fail "killed at $n: $endpoint"
        [[ $(mtu_of "$c1" wg-7-0) =~ ^1[34]00$ ]] || fail "killed at $n: MTU $(mtu_of "$c1" wg-7-0)"
        [ $((kills % 3)) != 0 ] || is_whole "$endpoint" "$psk"
        app_at site1 "$HELPER" "${command[@]}"
        has_mtu "$c1" wg-7-0 "${command[-1]}"
        kills=$((kills + 1))
        endpoint=$old old=$new new=$endpoint
    done
    [ "$kills" -gt 8 ] || fail "only $kills system calls"
    app_at site1 "$HELPER" "${with[@]}"
    is_whole '[2001:db8::2]:5102' "$psk"
}

# The peer at an endpoint has all its properties.
is_whole()
{
    if [ "$1" = 192.0.2.2:5102 ]; then
        has_preshared "$c1" wg-7-0 '(none)'
        [ "$(keepalive_of "$c1" wg-7-0)" = off ]
    else
        has_preshared "$c1" wg-7-0 "$2"
        [ "$(keepalive_of "$c1" wg-7-0)" = 25 ]
    fi
}
