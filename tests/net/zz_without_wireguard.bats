#!/usr/bin/env bats
# A kernel without WireGuard: the tests unload its module, and lead the kernel's way to load modules nowhere. They run
# in the VM alone, which no other program uses. The file's name is the last, so that it runs after the other files. They
# show that the helper calls an engine in; engine.bats tests links that engines carry.

# bats file_tags=kernel
bats_require_minimum_version 1.5.0
load net

KEY=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=

setup_file()
{
    [ -n "${NAH_IN_VM:-}" ] || return 0
    # One build has no engine, the other is the default one.
    install_helper "$ROOT/build/variants/mahiru/$NAME" cap_net_admin,cap_sys_admin,cap_sys_ptrace=p \
        "$BATS_FILE_TMPDIR/kernel_only"
    export KERNEL_ONLY=$HELPER
    install_helper
    two_sites
    container c1
    export c1
    modprobe tun
    # The module is in use as long as containers of other tests end.
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

# `wg` fails on this kernel, so it isn't asked.
state_of()
{
    inside "$1" sh -c 'ip -details address show && ip route show table all'
}

remove_engine()
{
    rm -f /var/lib/net-admin-helper-test/cwg-engine
}

@test "without WireGuard in the kernel a build without engines says so, and how to get WireGuard" {
    # shellcheck disable=SC2016
    refused 'this kernel has no WireGuard: load its module with `modprobe wireguard`, or use a kernel with' \
        app_at site1 "$KERNEL_ONLY" cwg_create "$c1" 1 0 5001
    unchanged
    run --separate-stderr app_at site1 "$KERNEL_ONLY" cwg_create "$c1" 1 0 5001 --json
    assert_json_failure no-backend "this kernel has no WireGuard: load its module"
    port_free site1 5001
}

@test "without WireGuard in the kernel and an installed engine the helper says so" {
    remove_engine
    # shellcheck disable=SC2016
    refused 'this kernel has no WireGuard: load its module with `modprobe wireguard`, or install the engine' \
        cwg site1 create "$c1" 1 0 5001
    unchanged
    port_free site1 5001
}

@test "without WireGuard in the kernel cwg_connect and cwg_destroy say that there is no such link" {
    refused "no link for net 1" cwg site1 connect "$c1" 1 1 192.0.2.2:5002 "$KEY"
    refused "no such link" cwg site1 destroy "$c1" 1 0
    unchanged
}

@test "without WireGuard in the kernel an installed engine carries the link" {
    install_engine
    remember
    run --separate-stderr cwg site1 create "$c1" 1 0 5001
    assert_success_with_key
    inside "$c1" ip link show wg-1-0 | grep -q 'alias net-admin-helper: engine, process '
    port_free site1 5001 && fail "its port is free"
    cwg site1 connect "$c1" 1 1 192.0.2.2:5002 "$KEY"
    cwg site1 destroy "$c1" 1 0
    port_free site1 5001
    unchanged
}
