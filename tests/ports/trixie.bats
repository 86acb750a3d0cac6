#!/usr/bin/env bats
# The programs and their unit tests by the compilers and the libraries of Debian 13, in a clean Debian 13: newer ones
# than those that all other tests use. A warning is an error.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
NAH_DEBIAN=compilers
load ../packages/packages

# The tree is at /mnt there, and can't be written to. All that is built is in memory.
setup_file()
{
    export DEBIAN
    "$ROOT/tests/packages/fetch" "$NAH_DEBIAN" >&2
    BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR start_debian
    mount --bind -o ro "$ROOT" "$DEBIAN/mnt"
}

teardown_file()
{
    CONTAINERS=()
    BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR end_debian
}

# Builds the programs, and runs all unit tests under the sanitizers: tests_of COMPILER [FLAG...]
tests_of()
{
    local said program
    in_debian make -s -j"$(nproc)" -C /mnt BUILD="/tmp/$1" CC="$1" CFLAGS="-O2 -g -Werror ${*:2}" build >&2
    for program in net-admin-helper cwg; do
        in_debian "/tmp/$1/$program" --version | grep -qx "$program [0-9.]*"
    done
    in_debian make -s -j"$(nproc)" -C /mnt BUILD="/tmp/$1" CC="$1" unit-programs >&2
    # shellcheck disable=SC2016 # the other shell's
    said=$(in_debian bash -c 'cd /mnt && tests/unit/run "/tmp/$0" $(find "/tmp/$0/unit" -name "*_test" -type f)' \
        "$1") || fail "$said"
    grep -E '^unit tests: [6-9][0-9]{2} passed, 0 failed' <<<"$said" || fail "$said"
}

@test "gcc of Debian 13 compiles all without a warning, and the unit tests pass" {
    tests_of gcc
}

@test "clang of Debian 13 compiles all without a warning, and the unit tests pass" {
    tests_of clang
}

@test "gcc of Debian 13 compiles the programs by C23 too, at -O3, with link-time optimization and more checks" {
    in_debian make -s -j"$(nproc)" -C /mnt BUILD=/tmp/more CC=gcc DIALECT='-std=gnu23 -D_GNU_SOURCE -Isrc' \
        CFLAGS='-O3 -g -Werror -flto' build >&2
}


# Its <sys/stat.h> has a struct statx, with less in it than the kernel's.
@test "musl's compiler of Debian 13 compiles all without a warning" {
    in_debian env BUILD=/tmp/port /mnt/tests/ports/musl --no-engine >&2
    in_debian /tmp/port/musl/net-admin-helper --version
}
