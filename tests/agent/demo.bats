#!/usr/bin/env bats
# The demo of declared links as `make demo-agent` shows it, after the programs are built.

# bats file_tags=host
bats_require_minimum_version 1.5.0
load ../net/net

setup_file()
{
    has_backend || return 0
    (cd "$ROOT" && env -u MAKEFLAGS -u MAKEOVERRIDES -u MFLAGS -u MAKELEVEL make --silent demo-build) >/dev/null
}

# Prints everything outside that a demo could change.
outside()
{
    ls -A /run/netns /run/sshd /var/lib/net-admin-helper-demo
    getent passwd nobody
    stat -c %a /dev/net/tun
    of_the_machine 7
}

@test "the demo of declared links shows what each fault costs, and leaves nothing" {
    local before said=$BATS_TEST_TMPDIR/said text
    require_backend
    before=$(outside)
    # A user starts the demo outside of scripts/apart.
    env -u NAH_APART -u NAH_APP_UID timeout 200 "$ROOT/demo/agent" >"$said" 2>&1 3>&- || fail "$(<"$said")"
    for text in '^site1\$ cwg declare ' '^restrict,command="cwg inbox ' '^web has pinged db after [0-9.]* s\.$' \
        '^site1# kill -KILL ' '^site2# restart db$' '^site2# start sshd$' \
        '^The ping had no answer for [0-9.]* s: [0-9]* of [0-9]* were lost\.$' \
        '^site2\$ cwg keys --new$' '^etcd takes the place of ssh' '^site1# kill -KILL .* # etcd$' \
        '^site2\$ cwg forget web-db$' '^The longest time without an answer was [0-9.]* s\.$'; do
        grep -q -- "$text" "$said" || fail "no '$text': $(<"$said")"
    done
    # Three of the faults are nothing to the link: no ping is lost.
    for text in "The agent of site 1 is killed, and comes back. The link doesn't need it:" \
        "The way between the agents is shut: nobody can ssh to site 2 for some seconds:" \
        "etcd is killed, and comes back. The link doesn't need it:"; do
        awk '/:$/ { step = $0 } /^The ping went on: all [1-9]/ { print step }' "$said" | grep -qxF "$text" ||
            fail "$(<"$said")"
    done
    ! sed -n '/ip -brief link$/,$p' "$said" | grep '^wg-' || fail "a link is left: $(<"$said")"
    [ "$before" = "$(outside)" ]
}
