#!/usr/bin/env bats
# cwg join across NAT. Routers stand between the machines of cwg.bash:
#
#     site1 10.77.1.2 -- 10.77.1.1 nat1 192.0.2.1 --- 192.0.2.2 nat2 10.77.2.1 -- 10.77.2.2 site2
#
# nat1 is in front of site1 always, and nat2 in front of site2 in some tests. Both masquerade. nat2 passes TCP port 22
# and UDP port 5302 on to site2.

bats_require_minimum_version 1.5.0
load cwg

world_of_the_file

more_world()
{
    put_behind_nat 1
}

# Puts a router between a site and the other one: put_behind_nat 1|2
put_behind_nat()
{
    ip netns add "nat$1"
    ip -n "site$1" link set "v$1" netns "nat$1"
    ip -n "nat$1" -batch - <<END
link set lo up
address add 192.0.2.$1/24 dev v$1
link set v$1 up
link add i$1 type veth peer name e$1 netns site$1
address add 10.77.$1.1/24 dev i$1
link set i$1 up
END
    ip -n "site$1" -batch - <<END
address add 10.77.$1.2/24 dev e$1
link set e$1 up
route add default via 10.77.$1.1
END
    at "nat$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    at "nat$1" iptables -w -t nat -A POSTROUTING -o "v$1" -j MASQUERADE
    at "nat$1" iptables -w -t nat -A PREROUTING -i "v$1" -p tcp --dport 22 -j DNAT --to "10.77.$1.2"
    at "nat$1" iptables -w -t nat -A PREROUTING -i "v$1" -p udp --dport "530$1" -j DNAT --to "10.77.$1.2"
}

after_test()
{
    [ -e /run/netns/nat2 ] || return 0
    ip -n nat2 link set v2 netns site2
    ip netns delete nat2
    ip -n site2 address add 192.0.2.2/24 dev v2
    ip -n site2 link set v2 up
}

# The file's setup_file and teardown_file know the sites alone.
eval "$(declare -f teardown_file | sed '1s/.*/end_sites()/')"
teardown_file()
{
    end_sites
    ip netns delete nat1 || true
}

# assert_joined, with this end of the two being the one behind NAT, with keepalive: assert_joined_behind_nat 1|2
assert_joined_behind_nat()
{
    local pid=$c1
    assert_joined
    [[ ${lines[$1 - 1]} == *"  behind a NAT" && ${lines[2 - $1]} != *"behind a NAT" ]] || fail "$output"
    [ "$1" = 1 ] || pid=$c2
    [ "$(inside "$pid" wg show "wg-$NET-$(($1 - 1))" persistent-keepalive | cut -f2)" = 25 ]
}

@test "a machine behind NAT is found to be so, begins, and keeps the NAT's memory alive" {
    run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_joined_behind_nat 1
    [ "$(inside "$c2" wg show "wg-$NET-1" persistent-keepalive | cut -f2)" = off ]
}

@test "the end behind NAT may be the second one" {
    run --separate-stderr cwg join "site2:pid/$c2" "pid/$c1"
    [ "$status" = 0 ] || fail "$stderr"
    [[ ${lines[1]} == *"  behind a NAT" && ${lines[0]} == *" 192.0.2.2:"* ]] || fail "$output"
}

@test "two machines behind NAT are refused before anything is made, with three ways out" {
    put_behind_nat 2
    watch_messages
    run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_said 1 "both machines are behind a NAT, so neither can reach the other: forward a UDP port to one of them \
and give it (--port and --endpoint), or use IPv6, or join both with a container on a third machine that both reach (if \
only one is, say which: --nat 1 or --nat 2)"
    [ "$(messages)" = "greeting look" ] || fail "more was asked for: $(messages)"
}

@test "with a forwarded port and its address, two machines behind NAT are joined" {
    put_behind_nat 2
    run --separate-stderr cwg join --port 0,5302 --endpoint -,192.0.2.2 "pid/$c1" "site2:pid/$c2"
    assert_joined_behind_nat 1
    [[ ${lines[1]} == *" 192.0.2.2:5302" ]] || fail "$output"
}

@test "--nat says which end is behind NAT, where that can't be found" {
    # A caller that reaches both by ssh can't see where one reaches the other, and takes site1's own address for good.
    local ends=("192.0.2.2:pid/$c1" "192.0.2.1:pid/$c2")
    run --separate-stderr as alice site2 cwg join "${ends[@]}"
    assert_said 1 "192.0.2.2: "
    [[ $stderr == *10.77.1.2* ]] || fail "$stderr"
    no_links
    run --separate-stderr as alice site2 cwg join --nat 2 "${ends[@]}"
    assert_joined_behind_nat 2
}

@test "doctor tries UDP across a NAT, at whichever machine it is, and not across two" {
    run --separate-stderr cwg doctor site2
    [ "$status" = 0 ] || fail "$output $stderr"
    [[ $output =~ ok\ +site2:\ udp\ +[^$'\n']*"this machine (behind a NAT), site2 (192.0.2.2:" ]] || fail "$output"
    [[ $output =~ ok\ +site2:\ mtu\ +"packets of 1500 bytes pass whole to there, and of 1500 from there" &&
        $output =~ note\ +site2:\ ssh-back\ +"not tried: site2 sees this session come from 192.0.2.1, and" ]] ||
        fail "$output"
    run --separate-stderr as alice site2 cwg doctor 192.0.2.1
    [[ $output =~ ok\ +192\.0\.2\.1:\ udp\ +[^$'\n']*"this machine (192.0.2.2:"[0-9]+"), 192.0.2.1 (behind a NAT)" ]] ||
        fail "$output $stderr"
    drop_udp site2 INPUT
    run --separate-stderr cwg doctor site2
    pass_udp site2
    [ "$status" = 1 ]
    [[ $output =~ fail\ +site2:\ udp\ +[^$'\n']*"no UDP from this machine (behind a NAT) reaches site2 (192.0.2." ]] ||
        fail "$output $stderr"
    put_behind_nat 2
    run --separate-stderr cwg doctor site2
    [ "$status" = 1 ]
    [[ $output =~ fail\ +site2:\ udp\ +"not tried: both machines are behind a NAT" ]] || fail "$output $stderr"
}
