#!/usr/bin/env bats
# Things that end, stop or go away under two engines: processes, containers, networks, the helper itself.
#
#          w-1                                    w-2
#     +---------------------------+          +---------------------------+
#     |      192.0.2.1 (v1) ------+---veth---+------ (v2) 192.0.2.2      |
#     |  +--------+    cwg-engine |          | cwg-engine     +--------+ |
#     |  |   c1   |    port 5101  |          |    port 5102   |   c2   | |
#     |  +--------+ 10.0.0.14     |          |   10.0.0.15    +--------+ |
#     +---------------------------+          +---------------------------+

bats_require_minimum_version 1.5.0
load engine

KEY=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=

setup_file()
{
    prepare_engine
}

setup()
{
    world w
}

teardown()
{
    end_test
    clean_up
}

no_device()
{
    ! has_device "$1" wg-7-0
}

# Prints milliseconds since the machine started.
now()
{
    local uptime
    read -r uptime _ </proc/uptime
    echo "${uptime/./}0"
}

@test "an engine that is killed takes its device along; commands say so, and a new link can be made at once" {
    engine_link w
    kill -KILL "$ENGINE"
    wait_for no_device "$c1"
    run --separate-stderr cwg w-1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
    assert_failure_with "no link for net 7 in this container"
    run --separate-stderr cwg w-1 destroy "$c1" 7 0
    assert_failure_with "no such link: the container has none for net 7, host 0"
    port_free w-1 "$PORT1"
    run --separate-stderr cwg w-1 create "$c1" 7 0 "$PORT1"
    assert_success_with_key
    lives "$(engine_of "$c1" wg-7-0)"
}

@test "a link whose engine was killed can be made again, and its peer goes on" {
    two_engines w
    answers "$c1" "$IP2"
    kill -KILL "$ENGINE"
    wait_for no_device "$c1"
    KEY1=$(cwg w-1 create "$c1" 7 0 "$PORT1")
    cwg w-1 connect "$c1" 7 1 "192.0.2.2:$PORT2" "$KEY2"
    cwg w-2 connect "$c2" 7 0 "192.0.2.1:$PORT1" "$KEY1"
    answers "$c1" "$IP2"
    both_ways "$c1" "$c2" 100000
}

@test "when a container ends, device, engine and port are gone within seconds" {
    local start took
    two_engines w
    answers "$c1" "$IP2"
    start=$(now)
    end_container "$c1"
    wait_for has_ended "$ENGINE"
    took=$(($(now) - start))
    port_free w-1 "$PORT1"
    echo "# $took ms" >&3
    # It takes a second on an idle machine.
    [ "$took" -le 5000 ]
    # The other engine lives on.
    lives "$ENGINE2"
}

@test "a helper that is killed before it told its engine to go on leaves no device, no engine and no port" {
    local go n engine
    container c1
    # This is the message before the last. The last one takes away the device's mark of unfinished links.
    go=$(on w-1 "$TOOLS/at-syscall" --uid "$APP_UID" --gid "$APP_GID" --stdout /dev/null --report 1 status -- \
        "$HELPER" cwg_create "$c1" 7 0 "$PORT1" | awk '$2 == "sendto" { go = last; last = $1 } END { print go }')
    cwg w-1 destroy "$c1" 7 0
    for n in 0 1 2 3 4 6 8 10 12 16 20 30 40; do
        # The alias is the last trace of the engine.
        run on w-1 "$TOOLS/at-syscall" --uid "$APP_UID" --gid "$APP_GID" --stdout /dev/null \
            kill "$((go - n))" -- "$HELPER" cwg_create "$c1" 7 0 "$PORT1"
        [ "$status" = 137 ] || fail "call $n before: $status, $output"
        wait_for no_device "$c1"
        wait_for port_free w-1 "$PORT1"
        wait_for no_engine_of_ours || fail "call $n before: an engine lives"
    done
}

# The tests' user has no engine in the site: all sockets of engines are closed.
no_engine_of_ours()
{
    no_sockets w-1
}

@test "a link works again after the site's network, or the link's device, went down and came up" {
    two_engines w
    answers "$c1" "$IP2"
    on w-1 ip link set v1 down
    ! answers "$c1" "$IP2" 1 || fail "it was down"
    on w-1 ip link set v1 up
    answers "$c1" "$IP2"
    # A device that is down refuses packets that are written to it.
    inside "$c1" ip link set wg-7-0 down
    ! answers "$c2" "$IP1" 1 || fail "it was down"
    lives "$ENGINE"
    inside "$c1" ip link set wg-7-0 up
    answers "$c2" "$IP1"
    both_ways "$c1" "$c2" 100000
}

@test "a link between engines goes on when one site changes its address, and then the other" {
    two_engines w
    answers "$c1" "$IP2"
    on w-1 ip address delete 192.0.2.1/24 dev v1
    on w-1 ip address add 192.0.2.11/24 dev v1
    answers "$c1" "$IP2"
    [ "$(of_engine endpoint "$ENGINE2")" = "192.0.2.11:$PORT1" ]
    on w-2 ip address delete 192.0.2.2/24 dev v2
    on w-2 ip address add 192.0.2.12/24 dev v2
    answers "$c2" "$IP1"
    [ "$(of_engine endpoint)" = "192.0.2.12:$PORT2" ]
    both_ways "$c1" "$c2" 100000
}

@test "a link goes on when the network device of its socket is removed and made anew" {
    two_engines w
    answers "$c1" "$IP2"
    on w-1 ip link delete v1
    ! answers "$c1" "$IP2" 1 || fail "it was gone"
    on w-1 ip link add v1 type veth peer name v2 netns w-2
    on w-1 ip address add 192.0.2.1/24 dev v1
    on w-2 ip address add 192.0.2.2/24 dev v2
    on w-1 ip link set v1 up
    on w-2 ip link set v2 up
    answers "$c1" "$IP2"
    answers "$c2" "$IP1"
}

# With a larger MTU the peer's packets need fragments on the way (IP_PMTUDISC_DONT).
@test "a link passes a path of a smaller MTU in fragments" {
    two_engines w
    on w-1 ip link set v1 mtu 1000
    on w-2 ip link set v2 mtu 1000
    answers "$c1" "$IP2"
    both_ways "$c1" "$c2" 1000000
}

@test "a link works with each MTU from 68 to 65475" {
    local mtu
    two_engines w
    # With more than 65475 WireGuard's own bytes would not fit into a datagram.
    for mtu in 65475 9000 1280 68; do
        inside "$c1" ip link set wg-7-0 mtu "$mtu"
        inside "$c2" ip link set wg-7-1 mtu "$mtu"
        # Packets inside are not fragmented.
        on "$c1" ping -n -q -c 1 -W 5 -M "do" -s "$((mtu - 28))" "$IP2"
        on "$c2" ping -n -q -c 1 -W 5 -M "do" -s "$((mtu - 28))" "$IP1"
        both_ways "$c1" "$c2" 500000
    done
}

@test "an engine goes on with its device when that is renamed, or moved to another namespace" {
    local elsewhere
    two_engines w
    inside "$c1" ip link set wg-7-0 down
    inside "$c1" ip link set wg-7-0 name other
    inside "$c1" ip link set other up
    answers "$c1" "$IP2"
    container elsewhere
    inside "$c1" ip link set other netns "$elsewhere"
    inside "$elsewhere" ip address add "$IP1/31" dev other
    inside "$elsewhere" ip link set other up
    answers "$elsewhere" "$IP2"
    # The helper doesn't know the link any more, in either place.
    run --separate-stderr cwg w-1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY2"
    [ "$status" = 1 ]
    end_container "$elsewhere"
    wait_for has_ended "$ENGINE"
    wait_for port_free w-1 "$PORT1"
}
