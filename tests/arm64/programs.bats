#!/usr/bin/env bats
# The programs of arm64 on a machine of another processor: clang compiles them with the libraries that
# tests/packages/fetch unpacks, and QEMU emulates the processor for them. It passes on their system calls: those for
# seccomp and for most of netlink it doesn't know. `tests/check arm64-6.1` runs them on a kernel of arm64.

bats_require_minimum_version 1.5.0
load ../lib/helper

LIBRARIES=$ROOT/build/packages/arm64-libraries
BUILT=$ROOT/build/arm64-clang
# Tests that the emulation is too slow for in `make check`, or that want system calls which it doesn't know.
# `tests/check packages-arm64` runs all.
LEFT_OUT='cwg_.*|every_end|(engine_)?sandbox|sandbox_own|netlink|deadline|engine_(tunnel|udp)'

setup_file()
{
    "$ROOT/tests/packages/fetch" arm64-libraries >&2
}

# Prints what compilers say: built TARGET...
built()
{
    make -s -j"$(nproc)" -C "$ROOT" BUILD="$BUILT" CFLAGS='-O2 -g -Werror' UNIT_SANITIZE= AR=aarch64-linux-gnu-ar \
        CC="clang --target=aarch64-linux-gnu --sysroot=$LIBRARIES" "$@" 3>&-
}

# Runs a program of the tree: emulated PROGRAM [ARGUMENT...]
emulated()
{
    qemu-aarch64 -L "$LIBRARIES" "$BUILT/$1" "${@:2}"
}

@test "clang compiles all programs for arm64 without a warning, and each function that returns is protected" {
    local program said
    said=$(built build 2>&1) || fail "$said"
    [ -z "$said" ] || fail "$said"
    for program in net-admin-helper cwg cwg-engine; do
        readelf --file-header "$BUILT/$program" | grep -q 'Machine: *AArch64'
        # The address to which main() returns is signed.
        aarch64-linux-gnu-objdump --disassemble=main "$BUILT/$program" | grep -q paciasp
    done
}

@test "versions, help, wrong arguments, a policy and an engine that is started by hand are as on other processors" {
    [[ $(emulated net-admin-helper --version) == "net-admin-helper "*"backends: kernel WireGuard, userspace engine"* ]]
    [[ $(emulated cwg --version) == "cwg "* ]]
    [[ $(emulated net-admin-helper cwg_create --help) == "Usage: net-admin-helper cwg_create <pid> "* ]]
    run emulated net-admin-helper cwg_create 1 7 0 99999
    [ "$status" = 1 ]
    [[ $output == "net-admin-helper: port: must be a decimal number from 0 to 65535, "* ]] || fail "$output"
    echo "user 1000 nets 0-99,200 ports 51800-51899 peers 192.0.2.0/24,2001:db8::/32" >"$BATS_TEST_TMPDIR/policy"
    emulated net-admin-helper check-policy "$BATS_TEST_TMPDIR/policy"
    run emulated cwg-engine
    [ "$status" = 1 ]
    [[ $output == *"net-admin-helper starts it"* ]] || fail "$output"
}

@test "the quick unit tests of helper and engine pass" {
    local programs said folder
    # shellcheck disable=SC2016 # make's
    folder=$(built --eval 'folder: ; @echo $(UNIT_DIR)' folder)
    mapfile -t programs < <(cd "$ROOT/tests/unit" && printf '%s\n' *_test.c | sed 's/\.c$//' |
        grep -vxE "($LEFT_OUT)_test" | sed "s|^|$folder/|")
    said=$(built "${programs[@]}" 2>&1) || fail "$said"
    printf '#!/bin/sh\nexec qemu-aarch64 -L %s "$@"\n' "$LIBRARIES" >"$BATS_TEST_TMPDIR/emulator"
    chmod +x "$BATS_TEST_TMPDIR/emulator"
    said=$(EMULATOR=$BATS_TEST_TMPDIR/emulator "$ROOT/tests/unit/run" "$BATS_TEST_TMPDIR/unit" "${programs[@]}") ||
        fail "$said"
    grep -E '^unit tests: [3-9][0-9]{2} passed, 0 failed, 0 skipped' <<<"$said" || fail "$said"
}
