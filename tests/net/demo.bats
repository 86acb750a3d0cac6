#!/usr/bin/env bats
# The demo as `make demo` shows it, after the packages are installed and the program is built.

# bats file_tags=host
bats_require_minimum_version 1.5.0
load net

setup_file()
{
    has_backend || return 0
    (cd "$ROOT" && env -u MAKEFLAGS -u MAKEOVERRIDES -u MFLAGS -u MAKELEVEL make --silent demo-build) >/dev/null
}

setup()
{
    require_backend
    # A user starts the demo outside of scripts/apart.
    unset NAH_APART NAH_APP_UID
}

# Prints everything outside that a demo could change.
outside()
{
    ls -A /run/netns /var/lib/net-admin-helper-demo
    stat -c %a /dev/net/tun
    of_the_machine 7 51801 51802
}

@test "two demos at the same time show the nine steps and a working, measured link, and leave nothing" {
    local before number text pids=()
    before=$(outside)
    for number in 1 2; do
        timeout 120 "$ROOT/demo/run" >"$BATS_TEST_TMPDIR/$number" 2>&1 3>&- &
        pids+=("$!")
    done
    for number in 1 2; do
        wait "${pids[number - 1]}" || fail "$(<"$BATS_TEST_TMPDIR/$number")"
        for text in "1-2. Site 1 picks net 7" '^site1\$ cwg_create [0-9]* 7 0 51801$' '^site2\$ cwg_connect ' \
            "^8. Site 1" \
            '^site1\$ cwg_wait [0-9]* 7 0$' "^wg-7-0: connected$" " 0% packet loss" "^(Throughput: [0-9.]* .bits/sec" \
            "192.0.2.1.51801 > 192.0.2.2.51802: UDP$" '^site1\$ cwg_destroy ' "^Cleaning up"; do
            grep -q -- "$text" "$BATS_TEST_TMPDIR/$number" || fail "no '$text': $(<"$BATS_TEST_TMPDIR/$number")"
        done
    done
    [ "$before" = "$(outside)" ]
}

@test "a demo without tcpdump says that it can't capture, and doesn't wait for a capture" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\necho "tcpdump: no" >&2\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/tcpdump"
    chmod +x "$BATS_TEST_TMPDIR/bin/tcpdump"
    run env PATH="$BATS_TEST_TMPDIR/bin:$PATH" timeout 60 "$ROOT/demo/nine-steps"
    [ "$status" = 1 ] || fail "$status: $output"
    [[ $output == *"demo/nine-steps: tcpdump ended: tcpdump: no"* ]] || fail "$output"
}
