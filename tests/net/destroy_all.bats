#!/usr/bin/env bats
# cwg_destroy_all removes all links of a container, in any state, and nothing else.
#
#       site1
#     +----------------------------------------+
#     |  UDP 5001 ...             UDP 5101     |
#     |  +------------------+    +--------+    |
#     |  | c1: wg-1-0 ...   |    |   c2   |    |
#     |  +------------------+    +--------+    |
#     +----------------------------------------+

bats_require_minimum_version 1.5.0
load net

STOPPED=()
KEY_A=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=

setup_file()
{
    has_backend || return 0
    install_helper
    one_site
}

setup()
{
    require_backend
    container c1
    container c2
}

teardown()
{
    local pid
    for pid in "${STOPPED[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    STOPPED=()
    clean_up
    wait_for_silence site1
}

teardown_file()
{
    clean_up
}

# Prints the container's devices without lo, in one line.
devices_of()
{
    inside "$1" ip -o link show | sed -nE 's/^[0-9]+: ([^:@]+).*/\1/p' | grep -vx lo | sort | tr '\n' ' '
}

# Makes an unfinished link: unfinished PID NET PORT. A create that is killed before its last message leaves one. But an
# engine that wasn't told to go on ends with its create. So this function makes a whole link, and sets the mark of
# unfinished links again.
unfinished()
{
    cwg site1 create "$1" "$2" 0 "$3" >/dev/null
    inside "$1" ip link set "wg-$2-0" group $((0x6e616821))
}

# bats test_tags=kernel,only-6-1
@test "cwg_destroy_all removes links that are connected, unconnected or unfinished, and their ports are free" {
    local port
    cwg site1 create "$c1" 1 0 5001
    cwg site1 create "$c1" 2 1 5002
    cwg site1 create "$c1" 3 0 5003
    cwg site1 connect "$c1" 3 1 192.0.2.2:7003 "$KEY_A"
    unfinished "$c1" 4 5004
    inside "$c1" ip link set wg-2-1 down
    run --separate-stderr cwg site1 destroy_all "$c1"
    assert_success_with ""
    [ -z "$(devices_of "$c1")" ] || fail "left: $(devices_of "$c1")"
    for port in 5001 5002 5003 5004; do
        port_free site1 "$port" || fail "port $port isn't free"
    done
}

@test "cwg_destroy_all succeeds in a container without links" {
    run --separate-stderr cwg site1 destroy_all "$c1"
    assert_success_with ""
    cwg site1 create "$c1" 1 0 5001
    cwg site1 destroy_all "$c1"
    run --separate-stderr cwg site1 destroy_all "$c1"
    assert_success_with ""
}

@test "cwg_destroy_all leaves devices of other names or kinds, and other containers' links" {
    cwg site1 create "$c1" 1 0 5001
    cwg site1 create "$c2" 1 0 5101
    add_of_our_kind "$c1" wg-1-2
    add_of_our_kind "$c1" wg-01-0
    add_of_our_kind "$c1" wg0
    add_of_our_kind "$c1" xwg-1-0
    inside "$c1" ip link add wg-5-0 type "$DUMMY"
    inside "$c1" ip link add d1 type "$DUMMY"
    inside "$c1" ip link property add dev d1 altname wg-7-0
    local others
    others=$(devices_of "$c1")
    others=${others/wg-1-0 /}
    run --separate-stderr cwg site1 destroy_all "$c1"
    assert_success_with ""
    [ "$(devices_of "$c1")" = "$others" ] || fail "left: $(devices_of "$c1"), not $others"
    inside "$c1" ip link show d1 | grep -q wg-7-0
    has_device "$c2" wg-1-0
}

@test "cwg_destroy_all refuses the host's network namespace" {
    require_machines_network
    run --separate-stderr cwg site1 destroy_all $$
    assert_failure_with "pid: that process is in the host's network namespace"
}

@test "cwg_destroy_all checks its arguments" {
    run --separate-stderr cwg site1 destroy_all 0
    [ "$status" = 1 ]
    [[ ${stderr_lines[0]} == *"pid: must not be 0"* ]]
    run --separate-stderr cwg site1 destroy "$c1" 1
    [ "$status" = 1 ]
    [[ ${stderr_lines[0]} == *"host: missing"* ]]
}

@test "cwg_destroy_all empties a container that has the greatest allowed number of links" {
    local net
    for ((net = 0; net < 60; net++)); do
        cwg site1 create "$c1" "$net" 0 0 >/dev/null
    done
    run --separate-stderr cwg site1 destroy_all "$c1"
    assert_success_with ""
    [ -z "$(devices_of "$c1")" ]
    no_sockets site1
}

@test "cwg_destroy_all also removes links that root in the container has made beyond the allowed number" {
    # shellcheck disable=SC2016 # the inner shell's
    local script='for ((net = 0; net < 600; net++)); do'
    if [ "$BACKEND" = kernel ]; then
        script+=' echo "link add wg-$net-0 type wireguard"; done | ip -batch -'
    else
        script+=' ip tuntap add dev "wg-$net-0" mode tun; done'
    fi
    inside "$c1" bash -c "$script"
    has_device "$c1" wg-599-0
    run --separate-stderr cwg site1 destroy_all "$c1"
    assert_success_with ""
    [ -z "$(devices_of "$c1")" ] || fail "left: $(devices_of "$c1")"
}

# Makes a link in $c1 whose engine belongs to another user, and stops the engine. Only that user could kill it. Sets
# $engine.
stopped()
{
    ip netns exec site1 setpriv --reuid $((APP_UID + 1)) --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env -- "$HELPER" cwg_create "$c1" "$1" 0 0 >/dev/null
    engine=$(inside "$c1" ip link show "wg-$1-0" | sed -nE 's/^ *alias .*: engine, process ([0-9]+)$/\1/p')
    kill -STOP "$engine"
    STOPPED+=("$engine")
}

# bats test_tags=engine
@test "cwg_destroy_all removes all other links when it can't end one link's engine, and reports that at the end" {
    [ "$BACKEND" = engine ] || skip "the kernel's have no process that could be stopped"
    local engine net
    stopped 1
    # The kernel chooses the order in which they are removed.
    for ((net = 2; net < 8; net++)); do
        cwg site1 create "$c1" "$net" 0 "500$net"
    done
    run --separate-stderr cwg site1 destroy_all "$c1"
    assert_failure_with "1 of 7 links were not removed, or their engines have not ended; the first: the link"
    [[ $stderr == *"process $engine, doesn't end"* ]]
    [ -z "$(devices_of "$c1")" ] || fail "left: $(devices_of "$c1")"
    for ((net = 2; net < 8; net++)); do
        port_free site1 "500$net"
    done
}

# bats test_tags=engine
@test "cwg_destroy_all gives up after ten engines that it can't end, and goes on when it is called again" {
    [ "$BACKEND" = engine ] || skip "the kernel's have no process that could be stopped"
    local engine net
    # Each such engine takes two seconds.
    for ((net = 0; net < 12; net++)); do
        stopped "$net"
    done
    SECONDS=0
    run --separate-stderr cwg site1 destroy_all "$c1"
    assert_failure_with "gave up after ten failures: 10 links were removed, and others remain"
    [ "$SECONDS" -le 25 ] || fail "it took $SECONDS seconds"
    [ "$(devices_of "$c1" | wc -w)" = 2 ] || fail "left: $(devices_of "$c1")"
    run --separate-stderr cwg site1 destroy_all "$c1"
    assert_failure_with "2 of 2 links were not removed, or their engines have not ended"
    [ -z "$(devices_of "$c1")" ]
}
