#!/usr/bin/env bats
# The program with other settings: `few` has a limit of two links, `mahiru` an application's own prefix and other
# settings.
#
#                site1                                 site2
#     +---------------------------+          +---------------------------+
#     |      192.0.2.1 (v1) ------+---veth---+------ (v2) 192.0.2.2      |
#     |  +--------+               |          |               +--------+  |
#     |  |   c1   |               |          |               |   c2   |  |
#     |  +--------+               |          |               +--------+  |
#     +---------------------------+          +---------------------------+

bats_require_minimum_version 1.5.0
load net
sites_of_the_file

# The application's user and group.
NOBODY=65534

setup_file()
{
    has_backend || return 0
    two_sites
    install_variants
}

setup()
{
    require_backend
    container c1
}

install_variants()
{
    install_helper
    # shellcheck disable=SC2153 # of helper.bash
    install_helper "$ROOT/build/variants/few/$NAME" cap_net_admin,cap_sys_admin,cap_sys_ptrace=p \
        "$BATS_FILE_TMPDIR/few"
    FEW=$HELPER
    install_helper "$ROOT/build/variants/mahiru/$NAME" '' "$BATS_FILE_TMPDIR/mahiru"
    MAHIRU=$HELPER
    # First chown, then setcap: chown removes capabilities.
    chown "0:$NOBODY" "$MAHIRU"
    setcap cap_net_admin,cap_sys_admin,cap_sys_ptrace,cap_ipc_lock=p "$MAHIRU"
    HELPER=$BATS_FILE_TMPDIR/bin/$NAME
    export HELPER FEW MAHIRU
}

# Runs the helper as that application does: as nobody, on a machine that leaves four capabilities to its container.
mahiru()
{
    local site=$1
    shift
    at "$site" setpriv --reuid "$NOBODY" --regid "$NOBODY" --clear-groups --inh-caps=-all \
        --bounding-set=-all,+net_admin,+sys_admin,+sys_ptrace,+ipc_lock -- env -- "$MAHIRU" "$@"
}

# ---- few ----

@test "beyond its limit of links a container gets no link until another is destroyed" {
    app_at site1 "$FEW" cwg_create "$c1" 1 0 5001
    app_at site1 "$FEW" cwg_create "$c1" 1 1 5003
    refused "the container has 2 links already, which is the limit" app_at site1 "$FEW" cwg_create "$c1" 2 0 5005
    unchanged
    run --separate-stderr app_at site1 "$FEW" cwg_create "$c1" 2 0 5005 --json
    assert_json_failure limit "the container has 2 links already, which is the limit"
    port_free site1 5005
    app_at site1 "$FEW" cwg_destroy "$c1" 1 1
    run --separate-stderr app_at site1 "$FEW" cwg_create "$c1" 2 0 5005
    assert_success_with_key
}

@test "the limit of links holds for each container by itself, and other devices don't count" {
    local name
    container c3
    for name in wg0 wg-01-0 wg-1-2 wg-1-0-0; do
        add_of_our_kind "$c1" "$name"
    done
    inside "$c1" ip link add wg-9-0 type "$DUMMY"
    app_at site1 "$FEW" cwg_create "$c3" 1 0 5011
    app_at site1 "$FEW" cwg_create "$c3" 2 0 5013
    app_at site1 "$FEW" cwg_create "$c1" 1 0 5001
    app_at site1 "$FEW" cwg_create "$c1" 2 0 5003
    refused "which is the limit" app_at site1 "$FEW" cwg_create "$c1" 3 0 5005
}

# bats test_tags=kernel,only-6-12
@test "several commands at once don't exceed the limit of links" {
    local -a creators
    local i made=0
    for i in 1 2 3 4 5; do
        app_at site1 "$FEW" cwg_create "$c1" "$i" 0 "500$i" >"$BATS_TEST_TMPDIR/out.$i" \
            2>"$BATS_TEST_TMPDIR/err.$i" 3>&- &
        creators[i]=$!
    done
    for i in 1 2 3 4 5; do
        if wait "${creators[i]}"; then
            made=$((made + 1))
            [ "$(cat "$BATS_TEST_TMPDIR/out.$i")" = "$(wg_of "$c1" "wg-$i-0" public-key)" ]
        else
            [ ! -s "$BATS_TEST_TMPDIR/out.$i" ]
            grep -q 'which is the limit' "$BATS_TEST_TMPDIR/err.$i" || fail "$(cat "$BATS_TEST_TMPDIR/err.$i")"
        fi
    done
    [ "$made" = 2 ] || fail "$made links were made"
    [ "$(inside "$c1" wg show interfaces | wc -w)" = 2 ]
}

# ---- mahiru ----

# bats test_tags=kernel,only-6-12
@test "an application with its own prefix takes the nine steps, with the local host number" {
    require_kernel # these settings are older than the engine
    local key1 key2
    container c2
    key1=$(mahiru site1 cwg_create "$c1" 7 0 5101)
    [[ $key1 =~ ^[A-Za-z0-9+/]{43}=$ ]]
    key2=$(mahiru site2 cwg_create "$c2" 7 1 5102)
    run --separate-stderr mahiru site2 cwg_connect "$c2" 7 1 192.0.2.1:5101 "$key1"
    assert_success_with ""
    run --separate-stderr mahiru site1 cwg_connect "$c1" 7 0 192.0.2.2:5102 "$key2"
    assert_success_with ""
    inside "$c1" ping -c 1 -W 10 10.0.0.15
    has_device "$c1" mahiru-7-0
    has_device "$c2" mahiru-7-1
    [ "$(wg_of "$c1" mahiru-7-0 public-key)" = "$key1" ]
    run --separate-stderr mahiru site1 cwg_destroy "$c1" 7 0
    assert_success_with ""
    run ! has_device "$c1" mahiru-7-0
}

# bats test_tags=kernel,only-6-12
@test "cwg_create ends the key on standard output with one newline" {
    require_kernel # these settings are older than the engine
    mahiru site1 cwg_create "$c1" 7 0 5101 >"$BATS_TEST_TMPDIR/out"
    [ "$(wc -c <"$BATS_TEST_TMPDIR/out")" = 45 ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" = 1 ]
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = "$(wg_of "$c1" mahiru-7-0 public-key)" ]
}

# bats test_tags=kernel,only-6-12
@test "the helper refuses a net whose device name would be too long, and names the nets that are not" {
    require_kernel # these settings are older than the engine
    local text="with this prefix use a net from 0 to 999999"
    refused "the device name mahiru-1000000-0 would be longer than the 15 characters" \
        mahiru site1 cwg_create "$c1" 1000000 0 5101
    refused "$text" mahiru site1 cwg_create "$c1" 1000000 0 5101
    refused "$text" mahiru site1 cwg_connect "$c1" 8388607 1 192.0.2.2:5102 a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=
    refused "$text" mahiru site1 cwg_destroy "$c1" 1000000 0
    unchanged
    run --separate-stderr mahiru site1 cwg_create "$c1" 1000000 0 5101 --json
    assert_json_failure usage "net: the device name mahiru-1000000-0 would be longer"
    run --separate-stderr mahiru site1 cwg_create "$c1" 999999 1 5101
    assert_success_with_key
    has_device "$c1" mahiru-999999-1
}

# bats test_tags=kernel,only-6-12
@test "a program with another prefix can't touch a link" {
    require_kernel # these settings are older than the engine
    cwg site1 create "$c1" 7 0 5101
    refused "no such link" mahiru site1 cwg_destroy "$c1" 7 0
    refused "no link for net 7" mahiru site1 cwg_connect "$c1" 7 1 192.0.2.2:5102 \
        a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=
}
