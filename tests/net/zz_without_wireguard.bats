#!/usr/bin/env bats
# A kernel without WireGuard: its module is unloaded, and the kernel's way to load modules leads nowhere. Only in the
# VM, where nobody else needs it; and last by its name, for the sake of the other files.

bats_require_minimum_version 1.5.0
load net

KEY=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=

setup_file()
{
    [ -n "${NAH_IN_VM:-}" ] || return 0
    install_helper
    two_sites
    container c1
    export c1
    # As long as containers of other tests are still going, it is in use.
    wait_for modprobe -r wireguard
    MODPROBE=$(cat /proc/sys/kernel/modprobe)
    echo /bin/false >/proc/sys/kernel/modprobe
}

setup()
{
    [ -n "${NAH_IN_VM:-}" ] || skip "only in a VM, where modules can be unloaded"
}

teardown_file()
{
    [ -z "${MODPROBE:-}" ] || echo "$MODPROBE" >/proc/sys/kernel/modprobe
    clean_up
}

# There, wg fails.
state_of()
{
    inside "$1" sh -c 'ip -details address show && ip route show table all'
}

@test "cwg_create says that this kernel has no WireGuard, and how to get it" {
    # shellcheck disable=SC2016
    refused 'this kernel has no WireGuard: load its module with `modprobe wireguard`' \
        cwg site1 create "$c1" 1 0 5001
    unchanged
    port_free site1 5001
}

@test "cwg_connect and cwg_destroy say that there is no such link" {
    refused "no link for net 1" cwg site1 connect "$c1" 1 1 192.0.2.2:5002 "$KEY"
    refused "no such link" cwg site1 destroy "$c1" 1 0
    unchanged
}
