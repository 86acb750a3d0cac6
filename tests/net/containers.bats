#!/usr/bin/env bats
# Links between real containers: podman's, run by crun.
#
#           site1                            site2                              the machine
#     +---------------------+          +---------------------+          +------------------------------+
#     | 192.0.2.1 (v1) -----+---veth---+----- (v2) 192.0.2.2 |          |           127.0.0.1          |
#     |  ^ 5101    ^ 5201   |          |  ^ 5102    ^ 5202   |          |     ^ 5301          ^ 5302   |
#     | +-------+ +-------+ |          | +-------+ +-------+ |          |  +-------+       +-------+   |
#     | | left  | | own   | |          | | right | | right | |          |  | left  |       | right |   |
#     | | net 7 | | net 8 | |          | | net 7 | | net 8 | |          |  | net 9 |       | net 9 |   |
#     | +-------+ +-------+ |          | +-------+ +-------+ |          |  +-------+       +-------+   |
#     +---------------------+          +---------------------+          +------------------------------+
#
# left and right are root's, each with a user namespace of its own. own is an ordinary user's. All live as long as this
# file; only left is stopped and started again. That ordinary user calls the helper for nets 7 and 8. For net 9 the
# helper runs in a container of its own, as for an application that comes in an image.

bats_require_minimum_version 1.5.0
load containers

setup_file()
{
    # The containers are made once for all tests, because that takes time.
    [ -n "${NAH_IN_VM:-}" ] || return 0
    has_backend || return 0
    install_helper
    two_sites
    create_account
    make_small_image
    make_helper_image "$ROOT/build/variants/mahiru/$NAME"
    {
        root_podman import "$BATS_FILE_TMPDIR/small.tar" small
        root_podman import "$BATS_FILE_TMPDIR/helper.tar" net-admin-helper:latest
        root_container left 100000
        root_container right 200000
        user_podman import "$BATS_FILE_TMPDIR/small.tar" small
        user_container own
    } >"$BATS_FILE_TMPDIR/log" 2>&1 || { cat "$BATS_FILE_TMPDIR/log" >&2; return 1; }
}

setup()
{
    [ -n "${NAH_IN_VM:-}" ] || skip "only in the VM: it needs an account for an ordinary user"
    require_backend
    left=$(pid_of left)
    right=$(pid_of right)
    own=$(pid_of own)
}

teardown_file()
{
    [ -n "${NAH_IN_VM:-}" ] || return 0
    end_containers >/dev/null 2>&1
    delete_account
    # shellcheck disable=SC2034 # clean_up reads it
    SITES=(site1 site2)
    clean_up
}

# Prints the user namespace of a process.
user_namespace_of()
{
    readlink "/proc/$1/ns/user"
}

# bats test_tags=kernel,only-6-1
@test "podman's containers have a user namespace and a network namespace each" {
    [ "$(for pid in $left $right $own $$; do user_namespace_of "$pid"; done | sort -u | wc -l)" = 4 ]
    [ "$(for pid in $left $right $own $$; do readlink "/proc/$pid/ns/net"; done | sort -u | wc -l)" = 4 ]
    [ "$(stat -c %u "/proc/$left")" = 100000 ]
    [ "$(stat -c %u "/proc/$own")" = "$APP_UID" ]
}

# bats test_tags=kernel,only-6-1
@test "a user without privilege links two podman containers of root's in nine steps, and they reach each other" {
    local key1 key2
    key1=$(cwg site1 create "$left" 7 0 5101)
    key2=$(cwg site2 create "$right" 7 1 5102)
    cwg site2 connect "$right" 7 0 192.0.2.1:5101 "$key1"
    cwg site1 connect "$left" 7 1 192.0.2.2:5102 "$key2"
    root_podman exec left ping -c 2 -W 5 10.0.0.15
    inside "$right" ping -c 2 -i 0.2 -W 5 10.0.0.14
}

# bats test_tags=kernel,only-6-1
@test "a podman container sees its link's device and address, and may not change the device" {
    cwg site1 create "$left" 13 0 5701
    run root_podman exec left sh -c 'ip -4 address show dev wg-13-0; ip link set wg-13-0 down'
    [[ $output == *"inet 10.0.0.26/31 "*"Operation not permitted"* ]] || fail "$output"
    [[ $(inside "$left" ip link show dev wg-13-0) == *",UP,"* ]]
}

# bats test_tags=kernel,only-6-1
@test "a user links a podman container of their own" {
    local key1 key2
    key1=$(cwg site1 create "$own" 8 0 5201)
    key2=$(cwg site2 create "$right" 8 1 5202)
    cwg site2 connect "$right" 8 0 192.0.2.1:5201 "$key1"
    cwg site1 connect "$own" 8 1 192.0.2.2:5202 "$key2"
    user_podman exec own ping -c 2 -W 5 10.0.0.17
}

# bats test_tags=kernel,only-6-1
@test "with CWG_OWN_CONTAINERS_ONLY a user links their own podman containers, and sees no others" {
    install_helper "$ROOT/build/variants/own/$NAME" cap_net_admin,cap_sys_admin,cap_sys_ptrace=p \
        "$BATS_FILE_TMPDIR/bin-own"
    run --separate-stderr cwg site1 create "$own" 10 0 5401
    assert_success_with_key
    run --separate-stderr cwg site1 create "$left" 10 0 5402
    assert_failure_with "pid: no such process, or not in a container of yours"
    run --separate-stderr ip netns exec site1 setpriv --reuid $((APP_UID + 1)) --regid "$APP_GID" --clear-groups \
        --inh-caps=-all env "$HELPER" cwg_destroy "$own" 10 0
    assert_failure_with "pid: no such process, or not in a container of yours"
    run --separate-stderr cwg site1 destroy "$own" 10 0
    assert_success_with ""
}

# bats test_tags=kernel,only-6-1
@test "the helper refuses a process in the machine's network, also if called from a site" {
    run --separate-stderr as_app "$HELPER" cwg_create 1 7 0 5101
    assert_failure_with "pid: that process is in the host's network namespace, not in a container's"
    # A caller in a site is refused, too.
    run --separate-stderr cwg site1 create 1 7 0 5101
    assert_failure_with "pid: that process is in the host's network namespace, not in a container's"
}

# bats test_tags=kernel,only-6-1
@test "cwg_list shows each podman container's id, cwg_wait works in it, and cwg_destroy_all empties it" {
    local id own_id shown
    id=$(root_podman inspect --format '{{.Id}}' left)
    own_id=$(user_podman inspect --format '{{.Id}}' own)
    cwg site1 create "$left" 15 0 5801
    cwg site1 create "$own" 15 0 5802
    run --separate-stderr cwg site1 list
    [ "$status" = 0 ] || fail "$stderr"
    grep -q "^$left  *${id:0:12}  wg-15-0  " <<<"$output" || fail "not $id: $output; $(<"/proc/$left/cgroup")"
    # An ordinary user's podman has no cgroup for the container, because no service has given it one.
    shown=-
    ! grep -q "$own_id" "/proc/$own/cgroup" || shown=${own_id:0:12}
    grep -q "^$own  *$shown  *wg-15-0  " <<<"$output" || fail "not $own_id: $output; $(<"/proc/$own/cgroup")"
    run --separate-stderr cwg site1 wait "$own" 15 0 0
    [ "$status" = 1 ]
    [[ $stderr == *"the link wg-15-0 has no peer yet"* ]] || fail "$stderr"
    cwg site1 destroy_all "$own"
    ! has_device "$own" wg-15-0 || fail "it is still there"
    cwg site1 destroy "$left" 15 0
}

# bats test_tags=kernel,only-6-1
@test "an application links two containers with a helper that runs in a container, by the local host number" {
    local key1 key2
    # The application reads standard output without the spaces around it. This machine may have no network but lo; the
    # program then warns.
    run --separate-stderr image_helper cwg_create "$left" 9 0 5301
    stderr=$(grep -v "has no device but lo" <<<"$stderr" || true)
    assert_success_with_key
    key1=$output
    run --separate-stderr image_helper cwg_create "$right" 9 1 5302
    stderr=$(grep -v "has no device but lo" <<<"$stderr" || true)
    assert_success_with_key
    key2=$output
    run --separate-stderr image_helper cwg_connect "$left" 9 0 127.0.0.1:5302 "$key2"
    assert_success_with ""
    run --separate-stderr image_helper cwg_connect "$right" 9 1 127.0.0.1:5301 "$key1"
    assert_success_with ""
    has_device "$left" mahiru-9-0
    inside "$left" ping -c 2 -i 0.2 -W 5 10.0.0.19
    inside "$right" ping -c 2 -i 0.2 -W 5 10.0.0.18
}

# bats test_tags=kernel,only-6-1
@test "an application with the helper in a container gets exit code 1 and one line, and can remove a link" {
    install_helper "$ROOT/build/variants/mahiru/$NAME" cap_net_admin,cap_sys_admin,cap_sys_ptrace=p \
        "$BATS_FILE_TMPDIR/bin-mahiru"
    as_app "$HELPER" cwg_create "$right" 14 1 5303
    run --separate-stderr image_helper cwg_create "$right" 14 1 5304
    assert_failure_with "the link mahiru-14-1 exists already in this container"
    run --separate-stderr image_helper cwg_destroy "$right" 14 1
    assert_success_with ""
    ! has_device "$right" mahiru-14-1 || fail "it is still there"
    "$TOOLS/udpport" free 5303
}

# bats test_tags=kernel,only-6-1
@test "a podman container that is stopped takes its links with it, and their ports are free" {
    cwg site1 create "$left" 11 0 5501
    ! port_free site1 5501 || fail "the port was free before"
    root_podman stop --time 0 left
    # The kernel destroys a network namespace some time after its last process.
    wait_for port_free site1 5501
    run --separate-stderr cwg site1 destroy "$left" 11 0
    assert_failure_with "pid: no such process"
    root_podman start left
}

# bats test_tags=kernel,only-6-1
@test "a podman container that is started again gets the same link anew, on the same port" {
    local key1 key2
    cwg site1 create "$left" 12 0 5601
    key2=$(cwg site2 create "$right" 12 1 5602)
    root_podman restart --time 0 left
    [ "$(pid_of left)" != "$left" ] || fail "it has the same pid"
    left=$(pid_of left)
    ! has_device "$left" wg-12-0 || fail "the device is still there"
    wait_for port_free site1 5601
    key1=$(cwg site1 create "$left" 12 0 5601)
    cwg site1 connect "$left" 12 1 192.0.2.2:5602 "$key2"
    cwg site2 connect "$right" 12 0 192.0.2.1:5601 "$key1"
    inside "$left" ping -c 2 -i 0.2 -W 5 10.0.0.25
}
