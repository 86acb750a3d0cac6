#!/usr/bin/env bats
# The Debian packages of arm64, built on a machine of another processor, in a clean Debian 12 with Debian's cross
# compiler. QEMU emulates the processor for their programs, and passes on their system calls: those for seccomp and for
# most of netlink it doesn't know.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
NAH_DEBIAN=cross
load packages

# The tree is at /mnt there, and can't be written to. All that is built is in memory.
setup_file()
{
    export DEBIAN
    "$ROOT/tests/packages/fetch" "$NAH_DEBIAN" >&2
    BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR start_debian
    mount --bind -o ro "$ROOT" "$DEBIAN/mnt"
    in_debian make -s -C /mnt BUILD=/tmp/build ARCH=arm64 deb >&2
    in_debian sh -c 'for package in /tmp/build/deb-arm64/*.deb; do dpkg-deb -x "$package" /tmp/files; done'
}

teardown_file()
{
    CONTAINERS=()
    BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR end_debian
}

# Runs a program of the packages: emulated PROGRAM [ARGUMENT...]
emulated()
{
    in_debian qemu-aarch64-static "/tmp/files/usr/$1" "${@:2}"
}

@test "make deb ARCH=arm64 builds all packages for this processor, with Debian's own C library in the engine" {
    local file
    [ "$(in_debian sh -c 'cd /tmp/build/deb-arm64 && echo *.deb' | sed 's/_[0-9.]*_/ /g')" = \
        "cwg-cni all.deb cwg-dbgsym arm64.deb cwg-podman all.deb cwg arm64.deb net-admin-helper-dbgsym arm64.deb \
net-admin-helper arm64.deb python3-cwg all.deb" ]
    for file in bin/cwg bin/net-admin-helper libexec/net-admin-helper/cwg-engine; do
        in_debian readelf --file-header "/tmp/files/usr/$file" | grep -q 'Machine: *AArch64'
    done
    [ "$(in_debian sh -c 'dpkg-deb -f /tmp/build/deb-arm64/net-admin-helper_*.deb Built-Using')" = \
        "$(in_debian dpkg-query -W -f '${source:Package} (= ${source:Version})\n' libc6-dev:arm64 libssl-dev:arm64 |
            paste -sd , | sed 's/,/, /')" ]
}

@test "lintian finds no error and no warning in them, and each function that returns is protected" {
    local said file
    said=$(in_debian sh -c 'lintian --allow-root --tag-display-limit 0 --display-info /tmp/build/deb-arm64/*.changes' ||
        true)
    [ -n "$said" ]
    ! grep -E '^[EW]:|override' <<<"$said" || fail "$said"
    # The address to which main() returns is signed.
    for file in cwg net-admin-helper; do
        in_debian aarch64-linux-gnu-objdump --disassemble "/tmp/files/usr/bin/$file" | grep -q paciasp
    done
}

@test "what needs no kernel works: versions, help, wrong arguments, a policy, an engine that is started by hand" {
    [[ $(emulated bin/net-admin-helper --version) == "net-admin-helper $(in_debian sh -c \
        'dpkg-deb -f /tmp/build/deb-arm64/cwg_*.deb Version')"*"backends: kernel WireGuard, userspace engine"* ]]
    [[ $(emulated bin/cwg --version) == "cwg "* ]]
    [[ $(emulated bin/net-admin-helper cwg_create --help) == "Usage: net-admin-helper cwg_create <pid> "* ]]
    run emulated bin/net-admin-helper cwg_create 1 7 0 99999
    [ "$status" = 1 ]
    [[ $output == "net-admin-helper: port: must be a decimal number from 0 to 65535, "* ]] || fail "$output"
    in_debian sh -c "sed -n 's/^# \(\(user\|group\) [0-9]\)/\1/p' \
        /tmp/files/usr/share/net-admin-helper/policy.example >/tmp/policy"
    [[ $(emulated bin/net-admin-helper check-policy /tmp/policy) == *"user "* ]]
    run emulated bin/net-admin-helper check-policy /tmp/files/usr/share/net-admin-helper/policy.example
    [ "$status" = 1 ]
    [[ $output == "net-admin-helper: there is no rule: "* ]] || fail "$output"
    run emulated libexec/net-admin-helper/cwg-engine
    [ "$status" = 1 ]
    [[ $output == *"net-admin-helper starts it"* ]] || fail "$output"
}

# What QEMU doesn't pass on: the sandboxes' filters, netlink but for routes, addresses beside datagrams, the parent of
# orphans, and options of a mount.
UNKNOWN='sandbox(_own)?: .*|engine_sandbox: .*|cwg_sockets: .*|cwg_process: ended with .*|cwg_measure: two_that_.*'
UNKNOWN+='|cwg_store: a_full_disk_.*|engine_udp: (asked|answers)|netlink: the_kernel'

@test "the unit tests pass, but for those of system calls that the emulation doesn't know" {
    local said
    in_debian make -s -j"$(nproc)" -C /mnt BUILD=/tmp/build CC='aarch64-linux-gnu-gcc -B/usr/lib/aarch64-linux-gnu' \
        AR=aarch64-linux-gnu-ar UNIT_SANITIZE= unit-programs >&2
    # shellcheck disable=SC2016 # the other shell's
    said=$(in_debian env EMULATOR=qemu-aarch64-static bash -c \
        'cd /mnt && tests/unit/run /tmp/unit $(find /tmp/build/unit -name "*_test" -type f)') || true
    grep -E '^unit tests: [6-9][0-9]{2} passed' <<<"$said"
    said=$(grep '^not ok' <<<"$said" | grep -vxE "not ok [0-9]+ - ($UNKNOWN)") || true
    [ -z "$said" ] || fail "$said"
}
