#!/usr/bin/env bats
# cwg join where UDP doesn't pass everywhere. ssh always does. Each test has two lines between the sites:
#
#     site1  192.0.2.1   (v1) ------- (v2) 192.0.2.2    site2
#            198.51.100.1 (w1) ------ (w2) 198.51.100.2         only in the test of two uplinks

bats_require_minimum_version 1.5.0
load cwg

world_of_the_file

after_test()
{
    pass_udp site1
    pass_udp site2
    ip -n site1 link delete w1 2>/dev/null || true
}

# The text for a join of c1 and c2 of which no packet passed.
assert_silent()
{
    assert_said 1 "no answer came by UDP between pid/$c1 (192.0.2.1:"
    [[ $stderr == *") and site2:pid/$c2 (192.0.2.2:"*"): a firewall may drop it; cwg doctor site2 tells which \
direction" ]] || fail "$stderr"
    no_links || fail "a link is left"
}

@test "a firewall that drops UDP both ways is named as what may be the cause, and nothing is left" {
    drop_udp site2 INPUT OUTPUT
    # A network of an engine's, which both machines have: its addresses are tried last, and aren't the ones to be told.
    ip -n site1 address add 172.17.0.1/16 dev v1
    ip -n site2 address add 172.17.0.1/16 dev v2
    run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    ip -n site1 address delete 172.17.0.1/16 dev v1
    ip -n site2 address delete 172.17.0.1/16 dev v2
    assert_silent
}

silent_status()
{
    run --separate-stderr cwg status
    [[ $output == *" silent "* ]]
}

@test "a link that is there and doesn't work is not called joined" {
    run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_joined
    drop_udp site2 INPUT OUTPUT
    run --separate-stderr cwg join "site2:pid/$c2" "pid/$c1"
    [ "$status" = 1 ] && [ -z "$output" ] || fail "$status: $output"
    assert_said 1 "the containers are joined by net $NET already, but the link doesn't work (site2: no answer any"
    [[ $stderr == *" ago); cwg doctor site2 tells which direction; once UDP passes it works again by itself; else \
remove it with cwg leave $NET, and join again" ]] || fail "$stderr"
    # An answer is overdue after 12 seconds. The kernel's WireGuard doesn't know of it.
    if [ "$BACKEND" = engine ]; then
        wait_for silent_status
        [ "$status" = 1 ]
    fi
    cwg leave "$NET"
}

@test "a firewall that drops UDP one way leaves nothing, either" {
    drop_udp site1 INPUT
    run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_silent
}

@test "a firewall that lets nobody begin with a machine is passed from inside, at either end" {
    local site keepalives
    for site in site1 site2; do
        at "$site" iptables -w -A INPUT -p udp -m conntrack --ctstate ESTABLISHED -j ACCEPT
        drop_udp "$site" INPUT
        run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
        assert_joined
        # The firewall forgets: then packets from the other end alone would come through no more.
        keepalives=$(inside "$c1" wg show "wg-$NET-0" persistent-keepalive | cut -f2)
        keepalives+=" $(inside "$c2" wg show "wg-$NET-1" persistent-keepalive | cut -f2)"
        [ "$site $keepalives" = "site1 25 off" ] || [ "$site $keepalives" = "site2 25 25" ] || fail "$site $keepalives"
        run --separate-stderr cwg leave "$NET"
        assert_removed
        pass_udp "$site"
    done
}

@test "of several uplinks the first that works is taken" {
    ip -n site1 link add w1 type veth peer name w2 netns site2
    ip -n site1 address add 198.51.100.1/24 dev w1
    ip -n site2 address add 198.51.100.2/24 dev w2
    ip -n site1 link set w1 up
    ip -n site2 link set w2 up
    at site2 iptables -w -A INPUT -i v2 -p udp -j DROP
    at site1 iptables -w -A INPUT -i v1 -p udp -j DROP
    run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_joined
    [[ ${lines[0]} == *" 198.51.100.1:"* && ${lines[1]} == *" 198.51.100.2:"* ]] || fail "$output"
    [ "$(at site2 iptables -nvxL INPUT | awk '/DROP/ { print ($1 > 0) }')" = 1 ] || fail "the first wasn't tried"
}
