#!/usr/bin/env bats
# Two compilers build everything without a warning, and nothing that was built is among the sources.

bats_require_minimum_version 1.5.0
load sources

@test "gcc builds the program and the tests' tools without a warning" {
    make -s CC=gcc CFLAGS='-O2 -g -Werror' build tools
}

@test "clang builds the program and the tests' tools without a warning" {
    make -s BUILD="$BATS_TEST_TMPDIR/build" CC=clang CFLAGS='-O1 -Werror' build tools
}

@test "nothing that was built is among the project's files" {
    local built
    built=$(git ls-files -z | xargs -0 grep -lUP '^\x7fELF|^\x60\x0a|^!<arch>') || true
    [ -z "$built" ] || { echo "$built" | head >&2; return 1; }
}
