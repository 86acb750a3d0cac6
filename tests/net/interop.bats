#!/usr/bin/env bats
# Links with the engine at one end and the kernel's WireGuard at the other. The helper makes both ends. The tests run in
# the VM alone, whose kernel has WireGuard. scenarios.bats has more tests of such links: sizes, IPv6, ends that move.
#
#          w-1                                    w-2
#     +---------------------------+          +---------------------------+
#     |      192.0.2.1 (v1) ------+---veth---+------ (v2) 192.0.2.2      |
#     |    2001:db8::1            |          |            2001:db8::2    |
#     |  +--------+    cwg-engine |          | the kernel's   +--------+ |
#     |  |   c1   |    port 5101  |          |    port 5102   |   c2   | |
#     |  +--------+ 10.0.0.14     |          |   10.0.0.15    +--------+ |
#     |               wg-7-0      |          | (a bad network:  wg-7-1   |
#     |                           |          |  6000)                    |
#     +---------------------------+          +---------------------------+

# bats file_tags=kernel,only-6-12
bats_require_minimum_version 1.5.0
load ../engine/engine

setup_file()
{
    [ -n "${NAH_IN_VM:-}" ] || return 0
    install_engine
    install_helper "$ROOT/build/$NAME" cap_net_admin,cap_sys_admin,cap_sys_ptrace=p "$BATS_FILE_TMPDIR/kernel"
    KERNEL_HELPER=$HELPER
    install_helper "$ROOT/build/variants/engine/$NAME"
    export KERNEL_HELPER
    rekey 3>&- >"$BATS_FILE_TMPDIR/rekey.log" 2>&1 &
    export REKEY=$!
}

setup()
{
    [ -n "${NAH_IN_VM:-}" ] || skip "only in a VM, whose kernel has WireGuard"
    has_backend
    require_kernel
    # The last test needs no world of its own.
    [[ $BATS_TEST_DESCRIPTION == 'sessions between'* ]] || world w
}

teardown()
{
    end_test
    clean_up
}

teardown_file()
{
    [ -z "${REKEY:-}" ] || kill_tree "$REKEY"
    for site in r-1 r-2; do ip netns delete "$site" 2>/dev/null || true; done
}

kernel_helper()
{
    HELPER=$KERNEL_HELPER cwg "$@"
}

# Makes the kernel's end at the second site of a world, without a peer. Sets c2 and KEY2.
kernel_link()
{
    container c2
    KEY2=$(kernel_helper "$1-2" create "$c2" 7 1 "$PORT2")
    inside "$c2" ip -details link show wg-7-1 | grep -qw wireguard
}

# Makes the engine's end the kernel's peer, with further words of `wg set`: kernel_peer [WORD...]
kernel_peer()
{
    inside "$c2" wg set wg-7-1 peer "$KEY1" allowed-ips "$IP1/32" "$@"
}

engine_and_kernel()
{
    engine_link "$1"
    inside "$c1" ip -details link show wg-7-0 | grep -qw tun
    kernel_link "$1"
    kernel_helper "$1-2" connect "$c2" 7 0 "192.0.2.1:$PORT1" "$KEY1"
    cwg "$1-1" connect "$c1" 7 1 "192.0.2.2:$PORT2" "$KEY2"
}

# Runs beside the tests, because it takes two minutes.
rekey()
{
    local before said
    STATUS_FILE=$BATS_FILE_TMPDIR/rekey.status
    set -e
    export BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR/rekey
    mkdir "$BATS_TEST_TMPDIR"
    trap 'echo $? >"$STATUS_FILE.new"; set +e; end_test; clean_up; mv "$STATUS_FILE.new" "$STATUS_FILE"' EXIT
    world r
    engine_and_kernel r
    answers "$c1" "$IP2" 10
    before=$(of_engine handshaken)
    said=$(on "$c1" ping -n -q -i 0.5 -c 260 -W 2 "$IP2") || true
    echo "$said"
    [ "$(sed -n 's/.* \([0-9]*\) received.*/\1/p' <<<"$said")" -ge 256 ]
    [ "$(of_engine handshaken)" -gt $((before + 115)) ]
    [ "$(inside "$c2" wg show wg-7-1 latest-handshakes | cut -f 2)" -gt $((before + 115)) ]
}

@test "the engine begins a session with a kernel that knows no endpoint, and data arrives whole both ways" {
    engine_link w
    kernel_link w
    kernel_peer
    cwg w-1 connect "$c1" 7 1 "192.0.2.2:$PORT2" "$KEY2"
    answers "$c1" "$IP2" 10
    both_ways "$c1" "$c2" 2000000 60
}

@test "the kernel begins a session with an engine that knows no endpoint, and data arrives whole both ways" {
    engine_link w
    kernel_link w
    kernel_peer endpoint "192.0.2.1:$PORT1"
    "$CTL" "$ENGINE" set "public_key=$KEY2" "allowed_ip=$IP2/32"
    ! answers "$c1" "$IP2" 1 || fail "it was sent to nowhere"
    answers "$c2" "$IP1" 10
    [ "$(of_engine endpoint)" = "192.0.2.2:$PORT2" ]
    both_ways "$c1" "$c2" 2000000 60
}

@test "engine and kernel get a session with the same preshared key, and none with different ones" {
    local shared=$BATS_TEST_TMPDIR/shared
    engine_link w
    kernel_link w
    wg genpsk >"$shared"
    kernel_peer endpoint "192.0.2.1:$PORT1" preshared-key "$shared"
    "$CTL" "$ENGINE" set "public_key=$KEY2" "allowed_ip=$IP2/32" "preshared_key=$(wg genpsk)"
    ! answers "$c2" "$IP1" 2 || fail "a session with another key"
    [ "$(of_engine handshaken)" = 0 ]
    "$CTL" "$ENGINE" set "public_key=$KEY2" "preshared_key=$(<"$shared")"
    answers "$c2" "$IP1" 20
    both_ways "$c1" "$c2" 100000 60
}

@test "data arrives whole between engine and kernel over a path that loses, doubles and reorders packets" {
    engine_and_kernel w
    relay w --seed 1 --drop 1 --duplicate 1 --late 10 --delay 10
    cwg w-1 connect "$c1" 7 1 192.0.2.2:6000 "$KEY2"
    answers "$c1" "$IP2" 20
    both_ways "$c1" "$c2" 300000 60
}

@test "under a flood the kernel gets its session by a cookie of the engine's" {
    engine_link w
    kernel_link w
    on w-1 ip route add 198.18.0.0/15 via 192.0.2.2
    on w-2 "$TOOLS/hsflood" --key "$KEY1" --rate 500 --seconds 150 "192.0.2.1:$PORT1" 3>&- &
    BACKGROUND+=("$!")
    sleep 1
    capture w-1 v1 'udp and host 192.0.2.2'
    "$CTL" "$ENGINE" set "public_key=$KEY2" "allowed_ip=$IP2/32"
    kernel_peer endpoint "192.0.2.1:$PORT1"
    answers "$c2" "$IP1" 120
    sleep 0.5
    [ "$(count_captured 3 "192.0.2.1.$PORT1")" -ge 1 ] || fail "no cookie: $(captured)"
}

@test "an engine finds a kernel's end that was made anew when it is told the new key" {
    engine_and_kernel w
    answers "$c1" "$IP2" 10
    kernel_helper w-2 destroy "$c2" 7 1
    KEY2=$(kernel_helper w-2 create "$c2" 7 1 "$PORT2")
    kernel_helper w-2 connect "$c2" 7 0 "192.0.2.1:$PORT1" "$KEY1"
    cwg w-1 connect "$c1" 7 1 "192.0.2.2:$PORT2" "$KEY2"
    answers "$c1" "$IP2" 10
    both_ways "$c1" "$c2" 100000 60
}

@test "sessions between engine and kernel are renewed after two minutes, and data goes on" {
    local i
    for ((i = 0; i < 2000; i++)); do
        [ ! -e "$BATS_FILE_TMPDIR/rekey.status" ] || break
        sleep 0.1
    done
    cat "$BATS_FILE_TMPDIR/rekey.log"
    [ "$(<"$BATS_FILE_TMPDIR/rekey.status")" = 0 ]
}
