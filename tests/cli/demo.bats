#!/usr/bin/env bats
# What `make demo` and `make demo-vm` say before the demo itself begins, and which kernel the VM gets. Nothing is
# installed or fetched: apt, and what fetches a kernel, are stand-ins. The demo is in tests/net/demo.bats.

bats_require_minimum_version 1.5.0
load cli

# A program that stands in for another: stand_in NAME COMMANDS
stand_in()
{
    mkdir -p "$(dirname "$BATS_TEST_TMPDIR/$1")"
    printf '#!/bin/bash\n%s\n' "$2" >"$BATS_TEST_TMPDIR/$1"
    chmod +x "$BATS_TEST_TMPDIR/$1"
}

@test "make demo says at once that it looks for packages, and which it installs, before it does" {
    local said=$BATS_TEST_TMPDIR/said
    # Nothing is installed, and nothing can be.
    stand_in bin/dpkg-query 'exit 1'
    stand_in bin/apt-get "cp '$said' '$said.at-apt'; exit 1"
    ! PATH=$BATS_TEST_TMPDIR/bin:$PATH clean_make demo >"$said" 2>/dev/null || fail "it went on"
    mapfile -t lines <"$said.at-apt"
    [[ ${lines[0]} == "Looking which of "*" Debian packages are missing ..." ]] || fail "$(<"$said.at-apt")"
    [[ ${lines[1]} == "Installing: "*" iperf3 "*" ..." ]] || fail "$(<"$said.at-apt")"
}

# demo/run as root, in a tree where fetch knows these series only: demo_in_vm "SERIES..." [ARGUMENT...]
demo_in_vm()
{
    mkdir -p "$BATS_TEST_TMPDIR/demo"
    cp "$ROOT/demo/run" "$BATS_TEST_TMPDIR/demo/run"
    # shellcheck disable=SC2016 # the stand-in's
    stand_in tests/vm/fetch '[[ " '"$1"' " == *" $1 "* ]]'
    # shellcheck disable=SC2016
    stand_in tests/vm/run 'echo "run: $*"'
    run --separate-stderr "$BATS_TEST_TMPDIR/demo/run" --vm "${@:2}"
}

@test "make demo-vm takes the newest kernel that apt has, or the one that it is told, and says which" {
    demo_in_vm "6.1 6.12"
    [ "$status" = 0 ]
    [[ ${lines[0]} == "Fetching a stock Debian kernel"* && ${lines[1]} == *"Linux 6.12, in a VM"* ]] || fail "$output"
    [[ ${lines[2]} == "run: 6.12 "*" demo/nine-steps" ]] || fail "$output"
    demo_in_vm "6.1"
    [ "$status" = 0 ]
    [[ ${lines[1]} == *"Linux 6.1, in a VM"* && ${lines[2]} == "run: 6.1 "*" demo/nine-steps" ]] || fail "$output"
    demo_in_vm "6.1 6.12" 6.1
    [[ ${lines[2]} == "run: 6.1 "* ]] || fail "$output"
    demo_in_vm "6.1" 6.12
    [ "$status" = 1 ]
    [[ $output != *"run: "* ]]
    demo_in_vm ""
    [ "$status" = 1 ]
    [[ $stderr == *"apt has no Linux 6.12 and no 6.1 for $(dpkg --print-architecture) to run in a VM" ]] ||
        fail "$stderr"
}
