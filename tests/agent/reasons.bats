#!/usr/bin/env bats
# What an operator is told of faults between two sites, by `cwg status` and in the journal, and that all heals when the
# cause is gone. agent.bash draws the sites.

bats_require_minimum_version 1.5.0
load agent

agents_of_the_file

# What the tests change, as it was.
setup_files()
{
    KNOWN=$WORLD/home/alice/.ssh/known_hosts
    cp -p "$KNOWN" "$BATS_TEST_TMPDIR/known"
    cp -p "$WORLD/agent_keys" "$BATS_TEST_TMPDIR/keys"
}

after_test()
{
    at site2 iptables -w -F
    [ ! -e "$BATS_TEST_TMPDIR/keys" ] || mend_files
}

mend_files()
{
    cat "$BATS_TEST_TMPDIR/known" >"$KNOWN"
    cat "$BATS_TEST_TMPDIR/keys" >"$WORLD/agent_keys"
}

# `cwg status` of a site has a line: tells SITE PATTERN
tells()
{
    of "$1" cwg status --state "$(state_of_site "$1")" | grep -Eq -- "$2"
}

# The last session ends, and the next one comes.
call_again()
{
    stop_carrier
    sleep 0.2
    start_carrier
}

# Site 1's key may do something else at site 2: forced COMMAND
forced()
{
    sed "s|command=\"[^\"]*\"|command=\"$1\"|" "$BATS_TEST_TMPDIR/keys" >"$WORLD/agent_keys"
    call_again
}

@test "a host key that has changed, and one that isn't known, are told apart, and each is in the journal once" {
    local other=AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
    setup_files
    declare_link web-db 7
    within 10 tells s1 '^s2 +ssh .* reachable'
    sed -i "s|AAAAC3[^ ]*|$other|" "$KNOWN"
    call_again
    within 20 tells s1 '^s2 .* unreachable .*Host key for [^ ]+ has changed .*Host key verification failed'
    : >"$KNOWN"
    within 60 tells s1 '^s2 .* unreachable .*No [A-Z0-9]+ host key is known for [^ ]+ .*Host key verification failed'
    [ "$(grep -c 'site s2: unreachable: Host key for .* has changed' "$WORLD/agent-s1.log")" = 1 ]
    [ "$(grep -c 'site s2: unreachable: No .* host key is known' "$WORLD/agent-s1.log")" = 1 ]
    mend_files
    within 100 tells s1 '^s2 +ssh .* reachable'
}

@test "a key whose command at the other site is another one, or another site's, is told with what to do" {
    setup_files
    declare_link web-db 7
    within 10 tells s1 '^s2 +ssh .* reachable'
    forced true
    within 20 tells s1 '^s2 .* nobody answers as cwg does: try `ssh s2 cwg inbox s1` by hand'
    forced "cwg inbox --state $(state_of_site s2) s7"
    within 60 tells s1 "^s2 .* its authorized_keys takes this site's ssh key for site s7, and not for s1: mend "
    mend_files
    call_again
    within 60 tells s1 '^s2 +ssh .* reachable'
    # The agent's key can't begin what an own login can.
    run of s1 cwg doctor s2
    grep -E "^fail +s2: ssh .*this key of ssh's may do nothing but .cwg inbox s1.: cwg join and cwg doctor need" \
        <<<"$output" || fail "$output"
}

@test "a link whose other agent doesn't run says whom to ask, and one whose UDP is dropped says what is silent" {
    local site
    declare_link web-db 7
    healed web-db 7
    end_agent s2
    restart_container s1 web
    within 40 tells s1 "^web-db .* connecting .* site s2 hasn't connected its end to this one: does its agent run"
    start_agent s2
    healed web-db 7 20
    # In both directions: else site 2's handshakes would arrive, which is another reason.
    for site in site1 site2; do at $site iptables -w -A INPUT -p udp -j DROP; done
    restart_container s1 web
    within 60 tells s1 '^web-db .* connecting .* no answer from 192\.0\.2\.2:[0-9]+; .*firewalls'
    grep -q 'link web-db (podman/web): connecting: no answer from 192.0.2.2:' "$WORLD/agent-s1.log"
    for site in site1 site2; do at $site iptables -w -F; done
    healed web-db 7 60
}

@test "a link that falls silent is stale, with the reason, until it answers: it isn't said again and again" {
    local before
    declare_link web-db 7
    healed web-db 7
    before=$(wc -l <"$WORLD/agent-s2.log")
    at site2 iptables -w -A INPUT -p udp -j DROP
    within 100 tells s2 '^web-db .* stale .* no answer any more from 192\.0\.2\.1:[0-9]+: .*firewalls'
    sleep 30 # at least two more probes
    tells s2 '^web-db .* stale .* no answer any more from '
    [ "$(tail -n +$((before + 1)) "$WORLD/agent-s2.log" | grep -c 'link web-db')" = 2 ] ||
        fail "$(tail -n +$((before + 1)) "$WORLD/agent-s2.log")"
    at site2 iptables -w -F
    within 200 pings 7
    within 100 says_up s2 web-db
}

@test "a site whose key is another one than was declared is told with both keys, and how to declare it" {
    declare_link web-db 7
    healed web-db 7
    rm "$(state_of_site s2)/site.key"
    end_agent s2
    start_agent s2
    within 20 tells s1 '^web-db .* signed by the key .*: if site s2 has a new key, declare it here: `cwg keys` there'
    KEYS[s2]=$(of s2 cwg keys --state "$(state_of_site s2)" | cut -d ' ' -f 3)
    restart_container s2 db
    declaration s1 web-db 7 web | of s1 cwg declare --state "$(state_of_site s1)" -
    healed web-db 7 30
}
