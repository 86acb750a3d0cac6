#!/usr/bin/env bats
# The programs with musl for a C library. The suite `musl` of tests/check runs tests of net with them, too.

bats_require_minimum_version 1.5.0
load ../lib/helper

PORT=$ROOT/build/musl

@test "all sources of the three programs compile for musl without a warning; helper and engine are linked" {
    "$ROOT/tests/ports/musl" >&2
    readelf --program-headers "$PORT/net-admin-helper" | grep -q 'program interpreter: .*/ld-musl-'
    [[ $(readelf --program-headers "$PORT/cwg-engine") != *interpreter* ]]
    [[ $("$PORT/net-admin-helper" --version) == *"backends: kernel WireGuard, userspace engine"* ]]
}
