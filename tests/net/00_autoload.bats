#!/usr/bin/env bats
# On most machines the kernel's WireGuard is a module. Nobody loads it before the first link is made. After the machine
# has booted this can be seen once, so this file's name is the first. It runs in the VM alone, because tests must not
# unload modules of this machine.

# bats file_tags=kernel
bats_require_minimum_version 1.5.0
load net

KEY=$(head -c 32 /dev/zero | tr '\0' 'k' | base64)

setup_file()
{
    [ -n "${NAH_IN_VM:-}" ] || return 0
    install_helper
    two_sites
    container c1
    export c1
}

setup()
{
    [ -n "${NAH_IN_VM:-}" ] || skip "only in a VM that has just booted"
}

teardown_file()
{
    clean_up
}

modules()
{
    cut -d ' ' -f 1 /proc/modules | sort
}

is_loaded()
{
    modules | grep -qx wireguard
}

@test "before the first test no program has loaded the kernel's WireGuard" {
    ! is_loaded || fail "the module wireguard is there already: this file has to be the first after booting"
}

@test "cwg_connect and cwg_destroy of a link that doesn't exist don't load the kernel's WireGuard" {
    local before
    before=$(modules)
    run --separate-stderr cwg site1 connect "$c1" 1 1 192.0.2.2:5102 "$KEY"
    assert_failure_with "no link for net 1"
    run --separate-stderr cwg site1 destroy "$c1" 1 0
    assert_failure_with "no such link"
    run --separate-stderr cwg site1 destroy 4194304 1 0
    assert_failure_with "no such process"
    diff <(echo "$before") <(modules)
}

# cwg_create looks for the kernel's WireGuard before it looks at the container. So a create loads the module even if the
# helper refuses it afterwards. Any user can load this module anyhow, by asking generic netlink for it.
@test "a create with wrong arguments doesn't load the kernel's WireGuard" {
    local before
    before=$(modules)
    run --separate-stderr cwg site1 create "$c1" 1 2 5101
    [ "$status" = 1 ]
    run --separate-stderr cwg site1 create "$c1" 1 0
    [ "$status" = 1 ]
    diff <(echo "$before") <(modules)
}

@test "the first create loads the kernel's WireGuard and the modules that it needs, and no other module" {
    local before module
    before=$(modules)
    run --separate-stderr cwg site1 create "$c1" 1 0 5101
    assert_success_with_key
    is_loaded || fail "the module wireguard isn't loaded"
    modprobe --show-depends wireguard | sed -n 's,^insmod .*/\([^/.]*\)\.ko.*,\1,p' | tr - _ | sort \
        >"$BATS_TEST_TMPDIR/wanted"
    for module in $(comm -13 <(echo "$before") <(modules)); do
        grep -qx "$module" "$BATS_TEST_TMPDIR/wanted" || fail "the module $module was loaded, too"
    done
}
