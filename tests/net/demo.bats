#!/usr/bin/env bats
# The demo as `make demo` shows it, after the packages are installed and the programs are built; and the picture of it.

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
    ls -A /run/netns /run/sshd /var/lib/net-admin-helper-demo
    getent passwd nobody
    stat -c %a /dev/net/tun
    of_the_machine 7 51801 51802
}

@test "two demos at the same time show a join, the nine steps and a working, measured link, and leave nothing" {
    local before number text pids=()
    before=$(outside)
    for number in 1 2; do
        timeout 120 "$ROOT/demo/run" >"$BATS_TEST_TMPDIR/$number" 2>&1 3>&- &
        pids+=("$!")
    done
    for number in 1 2; do
        wait "${pids[number - 1]}" || fail "$(<"$BATS_TEST_TMPDIR/$number")"
        for text in '^site1\$ cwg join netns/web site2:netns/db$' \
            '^site2:netns/db  *wg-[0-9]*-1 .* 192\.0\.2\.2:[0-9]*$' \
            "^connected in [0-9.]* s\." "^2 packets transmitted, 2 received" \
            '^ .* site2:netns/db .* connected  *192\.0\.2\.1:' '^site1\$ cwg leave netns/web site2:netns/db$' \
            "1-2. Site 1 picks net 7" '^site1\$ cwg_create [0-9]* 7 0 51801$' '^site2\$ cwg_connect ' \
            "^8. Site 1" \
            '^site1\$ cwg_wait [0-9]* 7 0$' "^wg-7-0: connected$" " 0% packet loss" "^(Throughput: [0-9.]* .bits/sec" \
            "192.0.2.1.51801 > 192.0.2.2.51802: UDP$" '^site1\$ cwg_destroy ' "^Cleaning up"; do
            grep -q -- "$text" "$BATS_TEST_TMPDIR/$number" || fail "no '$text': $(<"$BATS_TEST_TMPDIR/$number")"
        done
        # The join comes first, and its link is gone before the nine steps.
        [ "$(grep -nE '^site1\$ cwg (join|leave) |^1-2\. ' "$BATS_TEST_TMPDIR/$number" | cut -d : -f 2 | cut -c 1-14 |
            paste -sd '|')" = 'site1$ cwg joi|site1$ cwg lea|1-2. Site 1 pi' ]
        ! sed -n '/^site1. cwg_destroy/,$p' "$BATS_TEST_TMPDIR/$number" | grep -E '^wg-|^test-' ||
            fail "a link is left: $(<"$BATS_TEST_TMPDIR/$number")"
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

@test "a demo without sshd says so" {
    mkdir "$BATS_TEST_TMPDIR/tree"
    (cd "$ROOT" && cp -r demo scripts doc completions examples python units "$BATS_TEST_TMPDIR/tree")
    ln -s "$ROOT/build" "$BATS_TEST_TMPDIR/tree/build"
    sed -i 's|/usr/sbin/sshd|/bin/false|' "$BATS_TEST_TMPDIR/tree/demo/sites.bash"
    run timeout 60 "$BATS_TEST_TMPDIR/tree/demo/nine-steps"
    [ "$status" = 1 ] || fail "$status: $output"
    [[ $output == *"demo/nine-steps: sshd ended"* ]] || fail "$output"
}

@test "the picture is drawn from a real join, as an SVG that needs nothing else" {
    local picture=$BATS_TEST_TMPDIR/join.svg before
    before=$(outside)
    timeout 60 "$ROOT/demo/picture" "$picture"
    [ "$before" = "$(outside)" ]
    [ "$(stat -c %s "$picture")" -lt 10000 ]
    python3 - "$picture" "$ROOT/doc/join.svg" <<'END'
import re, sys, xml.etree.ElementTree as tree
for path in sys.argv[1:]:
    lines = ["".join(line.itertext()) for line in tree.parse(path).getroot().iter("{http://www.w3.org/2000/svg}text")]
    assert lines[0] == "site1$ cwg join netns/web site2:netns/db", lines
    assert re.fullmatch(r"site2:netns/db +wg-\d+-1 +10\.[\d.]+ +192\.0\.2\.2:\d+", lines[2]), lines
    assert lines[3].startswith("connected in "), lines
    assert any("2 received, 0% packet loss" in line for line in lines), lines
    assert lines[-2] == "site1$ cwg leave netns/web site2:netns/db", lines
    assert re.fullmatch(r"net \d+: removed at netns/web and site2:netns/db", lines[-1]), lines
    assert "http" not in open(path).read().replace("http://www.w3.org/2000/svg", ""), path
END
}

@test "of what a terminal got, the picture shows what is left to be seen" {
    run bash -c "printf 'site1\$ x\r\nlooking up ...\r\033[Kab<&\rA\r\n\r\n' | '$ROOT/demo/terminal_to_svg.py'"
    [ "$status" = 0 ] || fail "$output"
    [[ $output == *'<tspan class="prompt">site1$ </tspan><tspan class="typed">x</tspan>'* ]] || fail "$output"
    [[ $output == *'>Ab&lt;&amp;</text>'* ]] || fail "$output"
    [[ $output != *looking* ]] || fail "$output"
    run bash -c "printf '\033[2J' | '$ROOT/demo/terminal_to_svg.py'"
    [ "$status" = 1 ]
}
