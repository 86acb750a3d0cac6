#!/usr/bin/env bats
# The life of links: several in one container, repeated connects, and the end. The caller has no privilege.
#
#             site1                                        site2
#     +---------------------------+              +---------------------------+
#     |       192.0.2.1 (v1) -----+-----veth-----+----- (v2) 192.0.2.2       |
#     |  +--------+  +--------+   |              |              +--------+   |
#     |  |   c1   |  |   c3   |   |              |              |   c2   |   |
#     |  +--------+  +--------+   |              |              +--------+   |
#     +---------------------------+              +---------------------------+
#
# The sites live as long as this file, containers only as long as a test.

bats_require_minimum_version 1.5.0
load net
sites_of_the_file

setup()
{
    require_backend
    container c1
    container c2
}

# Pings address $2 from container $1.
pings()
{
    inside "$1" ping -c "${3:-1}" -i 0.2 -W 10 "$2"
}

peers()
{
    wg_of "$1" "$2" peers
}

latest_handshake()
{
    wg_of "$1" "$2" latest-handshakes | cut -f 2
}

@test "two links in one container carry packets each to its own peer" {
    link_up 7 5101 5102
    link_up 8 5103 5104
    pings "$c1" 10.0.0.15
    pings "$c2" 10.0.0.16
    [ "$(inside "$c1" wg show interfaces | wc -w)" = 2 ]
}

@test "two containers of one site can have the same end of a net, each on its own port" {
    container c3
    run --separate-stderr cwg site1 create "$c1" 7 0 5101
    assert_success_with_key
    run --separate-stderr cwg site1 create "$c3" 7 0 5103
    assert_success_with_key
    [ "$(wg_of "$c1" wg-7-0 listen-port)" = 5101 ]
    [ "$(wg_of "$c3" wg-7-0 listen-port)" = 5103 ]
}

# bats test_tags=kernel,only-6-1
@test "a link connects two containers of one site" {
    container c3
    local key1 key3
    key1=$(cwg site1 create "$c1" 7 0 5101)
    key3=$(cwg site1 create "$c3" 7 1 5103)
    cwg site1 connect "$c1" 7 1 192.0.2.1:5103 "$key3"
    cwg site1 connect "$c3" 7 0 192.0.2.1:5101 "$key1"
    pings "$c1" 10.0.0.15
}

@test "with both ends of a net in one container, cwg_connect takes the remote end's host number" {
    local key0 key1
    key0=$(cwg site1 create "$c1" 7 0 5101)
    key1=$(cwg site1 create "$c1" 7 1 5102)
    cwg site1 connect "$c1" 7 0 192.0.2.1:5101 "$key0"
    [ "$(peers "$c1" wg-7-1)" = "$key0" ]
    [ -z "$(peers "$c1" wg-7-0)" ]
    cwg site1 connect "$c1" 7 1 192.0.2.1:5102 "$key1"
    [ "$(peers "$c1" wg-7-0)" = "$key1" ]
    [ "$(peers "$c1" wg-7-1)" = "$key0" ]
    [ "$(wg_of "$c1" wg-7-1 allowed-ips)" = "$key0"$'\t'10.0.0.14/32 ]
}

@test "with one end in the container, cwg_connect also takes the local host number" {
    local key1 key2
    key1=$(cwg site1 create "$c1" 7 0 5101)
    key2=$(cwg site2 create "$c2" 7 1 5102)
    cwg site1 connect "$c1" 7 0 192.0.2.2:5102 "$key2"
    cwg site2 connect "$c2" 7 1 192.0.2.1:5101 "$key1"
    [ "$(wg_of "$c1" wg-7-0 allowed-ips)" = "$key2"$'\t'10.0.0.15/32 ]
    pings "$c1" 10.0.0.15
}

# bats test_tags=kernel,only-6-1
@test "when a container ends, its links go and their ports are free" {
    link_up 7
    run ! port_free site1 5101
    end_container "$c1"
    wait_for port_free site1 5101
    run ! port_free site2 5102
    [ -z "$(at site1 ss -Hnul)" ]
}

# bats test_tags=kernel,only-6-1
@test "a link that is connected before its peer exists comes up when the peer is made" {
    require_kernel
    local key1 key2
    local private=$BATS_TEST_TMPDIR/private key1
    wg genkey >"$private"
    key1=$(cwg site1 create "$c1" 7 0 5101)
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$(wg pubkey <"$private")"
    run ! inside "$c1" ping -c 1 -W 1 10.0.0.15
    # `wg` gives the end the expected key. The helper would not make this key a second time.
    cwg site2 create "$c2" 7 1 5102
    inside "$c2" wg set wg-7-1 private-key "$private"
    cwg site2 connect "$c2" 7 0 192.0.2.1:5101 "$key1"
    pings "$c2" 10.0.0.14
    pings "$c1" 10.0.0.15
}

# bats test_tags=kernel,only-6-1
@test "a second cwg_connect with the same key keeps the session" {
    local before pinging
    link_up 7
    pings "$c1" 10.0.0.15
    before=$(latest_handshake "$c1" wg-7-0)
    [ "$before" != 0 ]
    inside "$c1" ping -c 20 -i 0.1 -W 5 10.0.0.15 >"$BATS_TEST_TMPDIR/ping" 3>&- &
    pinging=$!
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY2"
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY2"
    wait "$pinging"
    grep -q ' 20 received, 0% packet loss' "$BATS_TEST_TMPDIR/ping" || fail "$(cat "$BATS_TEST_TMPDIR/ping")"
    [ "$(latest_handshake "$c1" wg-7-0)" = "$before" ]
}

# bats test_tags=kernel,only-6-1
@test "a second cwg_connect with the same key and another endpoint changes the endpoint, and keeps the session" {
    local before
    ip -n site2 address add 192.0.2.22/24 dev v2
    link_up 7
    pings "$c1" 10.0.0.15
    before=$(latest_handshake "$c1" wg-7-0)
    cwg site1 connect "$c1" 7 1 192.0.2.22:5102 "$KEY2"
    [ "$(wg_of "$c1" wg-7-0 endpoints)" = "$KEY2"$'\t'192.0.2.22:5102 ]
    [ "$(wg_of "$c1" wg-7-0 allowed-ips)" = "$KEY2"$'\t'10.0.0.15/32 ]
    pings "$c1" 10.0.0.15
    [ "$(latest_handshake "$c1" wg-7-0)" = "$before" ]
    ip -n site2 address delete 192.0.2.22/24 dev v2
}

# bats test_tags=kernel,only-6-1
@test "a second cwg_connect with another key replaces the peer" {
    local key3
    link_up 7
    pings "$c1" 10.0.0.15
    cwg site2 destroy "$c2" 7 1
    key3=$(cwg site2 create "$c2" 7 1 5104)
    # shellcheck disable=SC2153 # by link_up
    cwg site2 connect "$c2" 7 0 192.0.2.1:5101 "$KEY1"
    cwg site1 connect "$c1" 7 1 192.0.2.2:5104 "$key3"
    [ "$(peers "$c1" wg-7-0)" = "$key3" ]
    [ "$(wg_of "$c1" wg-7-0 endpoints)" = "$key3"$'\t'192.0.2.2:5104 ]
    pings "$c1" 10.0.0.15
}

# The kernel then tells no public key, so the helper can't compare it with the peer's.
# bats test_tags=kernel,only-6-1
@test "the helper neither connects nor waits for a link whose private key root in the container has removed" {
    require_kernel
    cwg site1 create "$c1" 7 0 5101
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$(wg genkey | wg pubkey)"
    inside "$c1" wg set wg-7-0 private-key /dev/null
    run --separate-stderr cwg site1 wait "$c1" 7 0 1 --json
    assert_json_failure removed "somebody in the container has taken away the private key of wg-7-0"
    cwg site1 destroy "$c1" 7 0
    cwg site1 create "$c1" 7 0 5101
    inside "$c1" wg set wg-7-0 private-key /dev/null
    [ "$(wg_of "$c1" wg-7-0 public-key)" = "(none)" ]
    run --separate-stderr cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$(wg genkey | wg pubkey)" --json
    assert_json_failure removed "somebody in the container has taken away the link's private key; cwg_destroy the link"
    [ -z "$(peers "$c1" wg-7-0)" ]
    cwg site1 destroy "$c1" 7 0
}

# bats test_tags=kernel,only-6-1
@test "a helper for engines gives no preshared key to a kernel's device in the place of an engine's" {
    local engines=$BATS_FILE_TMPDIR/engine/$NAME key
    require_kernel
    install_engine
    install_helper "$ROOT/build/variants/engine/$NAME" cap_net_admin,cap_sys_admin,cap_sys_ptrace=p \
        "$BATS_FILE_TMPDIR/engine"
    HELPER=$BATS_FILE_TMPDIR/bin/$NAME
    app_at site1 "$engines" cwg_create "$c1" 7 0 5101
    inside "$c1" ip link delete wg-7-0
    inside "$c1" ip link add wg-7-0 type wireguard
    wg genkey >"$BATS_TEST_TMPDIR/private"
    inside "$c1" wg set wg-7-0 private-key "$BATS_TEST_TMPDIR/private"
    inside "$c1" ip link set wg-7-0 up
    key=$(wg genkey | wg pubkey)
    run --separate-stderr app_at site1 "$engines" cwg_connect "$c1" 7 1 192.0.2.2:5102 "$key" --preshared-key-file - \
        <<<"$(wg genpsk)"
    assert_failure_with "the link wg-7-0 is a device of the kernel's and not an engine's"
    [ -z "$(wg_of "$c1" wg-7-0 preshared-keys)" ]
    app_at site1 "$engines" cwg_connect "$c1" 7 1 192.0.2.2:5102 "$key"
    app_at site1 "$engines" cwg_destroy "$c1" 7 0
}

# bats test_tags=kernel,only-6-1
@test "cwg_destroy frees the link's port at once, and leaves the other links alone" {
    local before
    cwg site1 create "$c1" 7 0 5101
    before=$(state_of "$c1")
    cwg site1 create "$c1" 8 0 5103
    cwg site1 create "$c1" 7 1 5105
    run --separate-stderr cwg site1 destroy "$c1" 8 0
    assert_success_with ""
    port_free site1 5103
    run --separate-stderr cwg site1 destroy "$c1" 7 1
    assert_success_with ""
    port_free site1 5105
    run ! port_free site1 5101
    diff <(echo "$before") <(state_of "$c1")
}

# bats test_tags=kernel,only-6-1
@test "a link that is destroyed and made again has another key" {
    local key1 again
    key1=$(cwg site1 create "$c1" 7 0 5101)
    cwg site1 destroy "$c1" 7 0
    again=$(cwg site1 create "$c1" 7 0 5101)
    [ "$again" = "$(wg_of "$c1" wg-7-0 public-key)" ]
    [ "$again" != "$key1" ]
}

@test "links of the first net and of the last net work" {
    link_up 0 5101 5102
    link_up 8388607 65534 65535
    pings "$c1" 10.0.0.1
    pings "$c2" 10.0.0.0
    pings "$c1" 10.255.255.255
    pings "$c2" 10.255.255.254
    has_device "$c1" wg-8388607-0
    has_device "$c2" wg-8388607-1
}

@test "a link of net 1024 has the addresses that the formula says" {
    cwg site1 create "$c1" 1024 0 5101
    cwg site1 create "$c1" 4194304 1 5102
    [ "$(inside "$c1" ip -oneline address show dev wg-1024-0 | awk '{ print $4 }')" = 10.0.8.0/31 ]
    [ "$(inside "$c1" ip -oneline address show dev wg-4194304-1 | awk '{ print $4 }')" = 10.128.0.1/31 ]
}

@test "cwg_destroy --if-exists succeeds for a link or a container that is gone already" {
    local pid=$c1
    cwg site1 create "$c1" 7 0 5101
    run --separate-stderr cwg site1 destroy "$c1" 7 0 --if-exists
    assert_success_with ""
    run ! has_device "$c1" wg-7-0
    run --separate-stderr cwg site1 destroy "$c1" 7 0 --if-exists
    assert_success_with ""
    # --if-exists doesn't take a device of another kind with the link's name for gone, and leaves it.
    inside "$c1" ip link add wg-7-0 type "$DUMMY"
    inside "$c1" ip link set wg-7-0 up
    remember
    run --separate-stderr cwg site1 destroy "$c1" 7 0 --if-exists
    assert_failure_with "the device with the name of net 7, host 0 isn't a link"
    unchanged
    end_container "$c1"
    run --separate-stderr cwg site1 destroy "$pid" 7 0 --if-exists
    assert_success_with ""
    run --separate-stderr cwg site1 destroy_all "$pid" --if-exists
    assert_success_with ""
    run --separate-stderr app_at site1 "$HELPER" batch < <(
        echo "cwg_destroy $pid 7 0 --if-exists"
        echo "cwg_destroy_all $pid --if-exists"
    )
    assert_success_with ok$'\n'ok
    run --separate-stderr cwg site1 destroy "$pid" 7 0
    assert_failure_with "pid: no such process"
    run --separate-stderr cwg site1 destroy_all "$pid"
    assert_failure_with "pid: no such process"
}

json_of()
{
    python3 -c "import json, sys; it = json.load(sys.stdin); print($1)"
}

# bats test_tags=kernel,only-6-1
@test "cwg_create --replace makes an existing link anew; if that fails, the link is gone" {
    local key
    key=$(cwg site1 create "$c1" 7 0 5101)
    run --separate-stderr cwg site1 create "$c1" 7 0 5101 --replace
    assert_success_with_key
    [ "$output" != "$key" ]
    [ "$output" = "$(wg_of "$c1" wg-7-0 public-key)" ]
    [ "$(wg_of "$c1" wg-7-0 listen-port)" = 5101 ]
    # Without an existing link --replace makes one.
    run --separate-stderr cwg site1 create "$c1" 8 0 5103 --replace
    assert_success_with_key
    run --separate-stderr cwg site1 create "$c1" 7 0 5103 --replace
    assert_failure_with "UDP port 5103 is in use"
    assert_failure_with "; the link that was there before has been removed"
    run ! has_device "$c1" wg-7-0
    port_free site1 5101
    # --replace leaves a device of another kind.
    inside "$c1" ip link add wg-9-0 type "$DUMMY"
    run --separate-stderr cwg site1 create "$c1" 9 0 5104 --replace
    assert_failure_with "the name wg-9-0 is taken"
}

# bats test_tags=kernel,only-6-1
@test "cwg_create --adopt takes an existing finished link, with its key and its port" {
    local before key peer
    link_up 7
    key=$KEY1 peer=$(peers "$c1" wg-7-0)
    before=$(state_of "$c1")
    run --separate-stderr cwg site1 create "$c1" 7 0 5101 --adopt
    assert_success_with "$key"
    run --separate-stderr cwg site1 create "$c1" 7 0 0 --adopt --json
    [ "$status" = 0 ] && [ -z "$stderr" ] || fail "$stderr"
    [ "$(json_of 'it["created"], it["listen_port"], it["public_key"], it["name"]' <<<"$output")" \
        = "False 5101 $key wg-7-0" ] || fail "$output"
    run --separate-stderr cwg site1 create "$c1" 7 0 5109 --adopt
    assert_failure_with "port: the link wg-7-0 exists, with UDP port 5101; give that port or 0"
    [ "$(state_of "$c1")" = "$before" ]
    [ "$(peers "$c1" wg-7-0)" = "$peer" ]
    # Without an existing link, or with an unfinished one, --adopt makes a link.
    run --separate-stderr cwg site1 create "$c1" 8 0 0 --adopt --json
    [ "$(json_of 'it["created"], it["backend"], it["mtu"], it["warning"]' <<<"$output")" \
        = "True $BACKEND 1420 None" ] || fail "$output"
    [ "$(json_of 'it["netns"]' <<<"$output")" = "$(stat -L -c %i "/proc/$c1/ns/net")" ]
    inside "$c1" ip link set wg-8-0 group 0x6e616821
    run --separate-stderr cwg site1 create "$c1" 8 0 0 --adopt --json
    [ "$(json_of 'it["created"]' <<<"$output")" = True ] || fail "$output"
    # A link that is down isn't finished for --adopt.
    inside "$c1" ip link set wg-7-0 down
    run --separate-stderr cwg site1 create "$c1" 7 0 0 --adopt
    assert_failure_with "the link wg-7-0 exists, but it is down"
}

@test "a link that was adopted stays when a batch can't deliver its key" {
    local key
    key=$(cwg site1 create "$c1" 7 0 5101)
    run --separate-stderr app_at site1 \
        sh -c 'echo "cwg_create $1 7 0 0 --adopt" | "$0" batch >/dev/full' "$HELPER" "$c1"
    [ "$status" = 1 ]
    [ "$(wg_of "$c1" wg-7-0 public-key)" = "$key" ]
}

@test "cwg_create warns in a network namespace that has only lo, and makes the link" {
    local text="the network namespace that this was started in has no device but lo"
    ip netns add island
    SITES+=(island)
    run --separate-stderr app_at island "$HELPER" cwg_create "$c1" 7 0 0
    [ "$status" = 0 ] && [[ $output =~ ^[A-Za-z0-9+/]{43}=$ ]] || fail "$output $stderr"
    [[ $stderr == "net-admin-helper: warning: $text"* ]] && [ "${#stderr_lines[@]}" = 1 ] || fail "$stderr"
    run --separate-stderr app_at island "$HELPER" cwg_create "$c1" 8 0 0 --json
    [[ $(json_of 'it["warning"]' <<<"$output") == "$text"* ]] || fail "$output"
    ip -n island link add d0 type "$DUMMY"
    run --separate-stderr app_at island "$HELPER" cwg_create "$c1" 9 0 0
    assert_success_with_key
}

# bats test_tags=kernel,only-6-1
@test "with port 0 the kernel chooses the link's port" {
    local port7 port8
    cwg site1 create "$c1" 7 0 0
    cwg site1 create "$c1" 8 0 0
    port7=$(wg_of "$c1" wg-7-0 listen-port)
    port8=$(wg_of "$c1" wg-8-0 listen-port)
    [ "$port7" != 0 ]
    [ "$port8" != 0 ]
    [ "$port7" != "$port8" ]
    run ! port_free site1 "$port7"
    run ! port_free site1 "$port8"
}

@test "a descriptor of the container's namespace does as well as a pid" {
    run --separate-stderr cwg site1 create fd:9 7 0 5101 9<"/proc/$c1/ns/net"
    assert_success_with_key
    [ "$output" = "$(wg_of "$c1" wg-7-0 public-key)" ]
    KEY2=$(cwg site2 create "$c2" 7 1 5102)
    run --separate-stderr cwg site1 connect fd:9 7 1 192.0.2.2:5102 "$KEY2" 9<"/proc/$c1/ns/net"
    assert_success_with ""
    [ "$(peers "$c1" wg-7-0)" = "$KEY2" ]
    run --separate-stderr cwg site1 destroy fd:9 7 0 9<"/proc/$c1/ns/net"
    assert_success_with ""
    run ! has_device "$c1" wg-7-0
}

@test "standard input can be the descriptor of the container's namespace" {
    run --separate-stderr cwg site1 create fd:0 7 0 5101 <"/proc/$c1/ns/net"
    assert_success_with_key
    [ "$output" = "$(wg_of "$c1" wg-7-0 public-key)" ]
}

@test "the caller can open the descriptor himself: in /run/netns, or in /proc for a container of his own" {
    ip netns add box
    SITES+=(box)
    # shellcheck disable=SC2016
    run --separate-stderr app_at site1 sh -c 'exec "$0" cwg_create fd:7 7 0 5101 7</run/netns/box' "$HELPER"
    assert_success_with_key
    [ "$output" = "$(at box wg show wg-7-0 public-key)" ]

    rootless_container c4 "$APP_UID"
    # shellcheck disable=SC2016
    run --separate-stderr app_at site1 sh -c 'exec "$0" cwg_create fd:7 7 0 5103 7<"/proc/$1/ns/net"' "$HELPER" "$c4"
    assert_success_with_key
    [ "$output" = "$(wg_of "$c4" wg-7-0 public-key)" ]
}

# bats test_tags=kernel,only-6-1
@test "when several commands make the same link at once, exactly one succeeds" {
    local -a creators
    local i won=0
    for i in 1 2 3 4; do
        cwg site1 create "$c1" 7 0 "510$i" >"$BATS_TEST_TMPDIR/out.$i" 2>"$BATS_TEST_TMPDIR/err.$i" 3>&- &
        creators[i]=$!
    done
    for i in 1 2 3 4; do
        if wait "${creators[i]}"; then
            won=$((won + 1))
            [ "$(cat "$BATS_TEST_TMPDIR/out.$i")" = "$(wg_of "$c1" wg-7-0 public-key)" ]
            [ "$(wg_of "$c1" wg-7-0 listen-port)" = "510$i" ]
        else
            [ ! -s "$BATS_TEST_TMPDIR/out.$i" ]
            grep -q 'exists already' "$BATS_TEST_TMPDIR/err.$i" || fail "$(cat "$BATS_TEST_TMPDIR/err.$i")"
            port_free site1 "510$i"
        fi
    done
    [ "$won" = 1 ] || fail "$won commands made it"
}

# bats test_tags=kernel,only-6-1
@test "several commands can make several links in one container at once" {
    local -a creators
    local i
    for i in 1 2 3 4 5 6 7 8; do
        cwg site1 create "$c1" "$i" 0 "510$i" >"$BATS_TEST_TMPDIR/out.$i" 2>"$BATS_TEST_TMPDIR/err.$i" 3>&- &
        creators[i]=$!
    done
    for i in 1 2 3 4 5 6 7 8; do
        wait "${creators[i]}" || fail "link $i: $(cat "$BATS_TEST_TMPDIR/err.$i")"
        [ "$(cat "$BATS_TEST_TMPDIR/out.$i")" = "$(wg_of "$c1" "wg-$i-0" public-key)" ]
    done
}
