#!/usr/bin/env bats
# The UDP ports of links, and who may have which.

bats_require_minimum_version 1.5.0
load net
sites_of_the_file

setup()
{
    require_backend
    container c1
}

after_test()
{
    at site1 sysctl -qw net.ipv4.ip_unprivileged_port_start=1024 net.ipv4.ip_local_port_range="32768 60999"
}

# Binds ports at site1, FAMILY:PORT each, until the test ends. An IPv6 socket here is for IPv6 alone.
hold()
{
    local ready=$BATS_TEST_TMPDIR/held program='
import socket, sys, time
held = []
for word in sys.argv[2:]:
    family, port = word.split(":")
    one = socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET, socket.SOCK_DGRAM)
    if family == "6":
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.bind(("::" if family == "6" else "0.0.0.0", int(port)))
    held.append(one)
open(sys.argv[1], "w").close()
time.sleep(600)'
    rm -f "$ready"
    ip netns exec site1 /usr/bin/python3 -S -c "$program" "$ready" "$@" 3>&- >/dev/null 2>&1 &
    CONTAINERS+=("$!")
    wait_for test -e "$ready"
}

# ---- port 0 ----

# bats test_tags=kernel,only-6-12
@test "port 0 finds the one port that is free for IPv4 and IPv6, whichever family holds the others" {
    local port family
    local -a held=()
    at site1 sysctl -qw net.ipv4.ip_local_port_range="40000 40063"
    for ((port = 40000; port < 40064; port++)); do
        family=$((port % 8 == 0 ? 4 : 6))
        [ "$port" = 40033 ] || held+=("$family:$port")
    done
    hold "${held[@]}"
    for port in 1 2 3; do
        run --separate-stderr cwg site1 create "$c1" 7 0 0
        assert_success_with_key
        [ "$(wg_of "$c1" wg-7-0 listen-port)" = 40033 ]
        cwg site1 destroy "$c1" 7 0
    done
    # Together the two sockets hold each port; neither holds all.
    hold 4:40033
    refused "port: no UDP port is free for both IPv4 and IPv6 among those that the kernel gives out" \
        cwg site1 create "$c1" 7 0 0
    [ -z "$(inside "$c1" ip -o link show type "$( [ "$BACKEND" = kernel ] && echo wireguard || echo tun)")" ]
}

# bats test_tags=glibc
@test "a search for a free port that runs out of descriptors fails, and says so" {
    local port
    local -a held=()
    at site1 sysctl -qw net.ipv4.ip_local_port_range="40000 40063"
    for ((port = 40000; port < 40064; port++)); do
        held+=("$((port % 2 ? 4 : 6)):$port")
    done
    hold "${held[@]}"
    # shellcheck disable=SC2016
    refused "Too many open files" app_at site1 sh -c 'ulimit -n 30; exec "$0" cwg_create "$1" 7 0 0' "$HELPER" "$c1"
}

# ---- privileged ports ----

@test "the helper refuses a privileged port to all but root, before it makes anything" {
    refused "port: 80 is a privileged port" cwg site1 create "$c1" 1 0 80
    refused "port: 1023 is a privileged port" cwg site1 create "$c1" 1 0 1023
    refused "port: 1 is a privileged port" cwg site1 create "$c1" 1 0 1
    port_free site1 80
    run --separate-stderr at_syscall status --report 9 -- "$HELPER" cwg_create "$c1" 1 0 80 9>"$BATS_TEST_TMPDIR/calls"
    assert_failure_with "port: 80 is a privileged port"
    grep -q ' bind ' "$BATS_TEST_TMPDIR/calls"
    run ! grep -E ' (clone|unshare|setns|pidfd_open) ' "$BATS_TEST_TMPDIR/calls"
}

@test "the site's ip_unprivileged_port_start decides which ports are privileged" {
    at site1 sysctl -qw net.ipv4.ip_unprivileged_port_start=80
    refused "port: 79 is a privileged port" cwg site1 create "$c1" 1 0 79
    unchanged
    run --separate-stderr cwg site1 create "$c1" 1 0 80
    assert_success_with_key
    [ "$(wg_of "$c1" wg-1-0 listen-port)" = 80 ]
    at site1 sysctl -qw net.ipv4.ip_unprivileged_port_start=6000
    refused "port: 5101 is a privileged port" cwg site1 create "$c1" 2 0 5101
}

# bats test_tags=kernel,only-6-12
@test "root may have a privileged port, if root has the capability for it" {
    run --separate-stderr at site1 "$HELPER" cwg_create "$c1" 1 0 80
    assert_success_with_key
    [ "$(wg_of "$c1" wg-1-0 listen-port)" = 80 ]
    run ! port_free site1 80
    refused "port: 81 is a privileged port" \
        at site1 setpriv --bounding-set -net_bind_service "$HELPER" cwg_create "$c1" 2 0 81
}

@test "a batch of root's takes a privileged port, and another user's batch refuses it" {
    run --separate-stderr at site1 "$HELPER" batch < <(echo "cwg_create $c1 1 0 80")
    [ "$status" = 0 ] && [[ $output == "ok "* ]] || fail "$output $stderr"
    run --separate-stderr app_at site1 "$HELPER" batch < <(echo "cwg_create $c1 2 0 81")
    [ "$status" = 1 ] && [[ $output == "error port-not-permitted port: 81 is a privileged port"* ]] || fail "$output"
}

@test "CAP_NET_BIND_SERVICE in the program's file gives nobody but root a privileged port" {
    install_helper "$TESTED" cap_net_admin,cap_sys_admin,cap_sys_ptrace,cap_net_bind_service=p "$BATS_TEST_TMPDIR/bind"
    refused "port: 80 is a privileged port" cwg site1 create "$c1" 1 0 80
}

@test "the helper finds out whether a port may be had without holding it" {
    local calls=$BATS_TEST_TMPDIR/calls
    run --separate-stderr at site1 strace -e trace=bind -e signal=none -o "$calls" setpriv --reuid "$APP_UID" \
        --regid "$APP_GID" --clear-groups --inh-caps=-all -- "$HELPER" cwg_create "$c1" 1 0 5101
    assert_success_with_key
    # First the helper asks for each address family.
    [ "$(grep 'htons(5101)' "$calls" | head -n 2 | grep -c ' = -1 EINVAL ')" = 2 ] || fail "$(<"$calls")"
}

# The kernel's driver binds the port that the device has when the link goes up. Here root's right counts.
# bats test_tags=kernel,only-6-12
@test "root in the container can't make root bind another port than the asked one" {
    require_kernel
    run --separate-stderr at site1 "$TOOLS/at-syscall" --report 9 each \
        --do "'$TOOLS/enter' --net /proc/$c1/ns/net wg set wg-1-0 listen-port 81 2>/dev/null || true" -- \
        "$HELPER" cwg_create "$c1" 1 0 80 9>/dev/null
    assert_failure_with "somebody in the container has given the new link another port"
    run ! has_device "$c1" wg-1-0
    port_free site1 81
}
