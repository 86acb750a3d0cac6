#!/usr/bin/env bats
# The image as an application calls it that lives in a container itself: with podman and with docker, each of which
# gives capabilities in its own way. For the VM: `tests/packages/build-image build/packages/image.built`,
# `tests/vm/engines`, and `tests/vm/run 6.12 -- bats tests/packages/application.bats`.
#
#     +---------------- the machine ----------------+
#     |       127.0.0.1:5101    127.0.0.1:5102      |
#     |             |                  |            |
#     |         +--------+        +---------+       |
#     |         |  left  |        |  right  |       |
#     |         | wg-9-0 |        | wg-9-1  |       |
#     |         +--------+        +---------+       |
#     +---------------------------------------------+
#
# left and right are podman's. Each task is a container of its own, in the machine's network and among its processes,
# that ends with the task. The image is the one that build-image built, and that another machine would load.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
load ../net/containers
WORLD=$BATS_FILE_TMPDIR
load ../cwg/docker

BUILT=${NAH_IMAGE:-$ROOT/build/packages/image.built}

docker()
{
    (cd / && "$UNPACKED/usr/bin/docker" "$@" 3>&-)
}

setup_file()
{
    [ -n "${NAH_IN_VM:-}" ] || return 0
    [ -e "$BUILT/image.tar" ] || fail "$BUILT has no image: run tests/packages/build-image $BUILT"
    start_docker
    make_small_image
    {
        root_podman import "$BATS_FILE_TMPDIR/small.tar" small
        root_podman load --input "$BUILT/image.tar"
        start_container left
        start_container right
        await_docker
        docker load --input "$BUILT/image.tar"
    } >"$BATS_FILE_TMPDIR/log" 2>&1 || { cat "$BATS_FILE_TMPDIR/log" >&2; return 1; }
}

start_container()
{
    root_podman run --detach --name "$1" --network none --log-driver none --pidfile "$BATS_FILE_TMPDIR/$1.pid" \
        small sleep 100000
}

setup()
{
    [ -n "${NAH_IN_VM:-}" ] || skip "only in the VM, where containers run and docker disturbs none"
    has_backend
    require_kernel
    left=$(pid_of left)
    right=$(pid_of right)
}

# What a test that failed has left.
teardown()
{
    [ -n "${NAH_IN_VM:-}" ] || return 0
    inside "$left" ip link delete wg-9-0 2>/dev/null || true
    inside "$right" ip link delete wg-9-1 2>/dev/null || true
}

teardown_file()
{
    [ -n "${NAH_IN_VM:-}" ] || return 0
    root_podman rm --all --force --time 0 >/dev/null 2>&1
    stop_docker
}

# Runs a task as the head of the Dockerfile says, with more options of the engine's: task ENGINE [OPTION...] -- TASK...
task()
{
    local engine=$1 options=()
    while shift && [ "$1" != -- ]; do options+=("$1"); done
    shift
    "$engine" run --rm --network host --pid host --cap-drop ALL --cap-add NET_ADMIN --cap-add SYS_ADMIN \
        --cap-add SYS_PTRACE --log-driver none "${options[@]}" "$NAME:latest" "/usr/local/bin/$NAME" "$@"
}

# Links left and right, sends packets both ways, and removes the link: link ENGINE [OPTION...]
link()
{
    local key1 key2
    key1=$(task "$@" -- cwg_create "$left" 9 0 5101)
    key2=$(task "$@" -- cwg_create "$right" 9 1 5102)
    task "$@" -- cwg_connect "$left" 9 1 127.0.0.1:5102 "$key2"
    task "$@" -- cwg_connect "$right" 9 0 127.0.0.1:5101 "$key1"
    inside "$left" ip -details link show wg-9-0 | grep -qw wireguard
    inside "$left" ping -c 2 -i 0.2 -W 5 10.0.0.19
    inside "$right" ping -c 2 -i 0.2 -W 5 10.0.0.18
    task "$@" -- cwg_destroy "$left" 9 0
    task "$@" -- cwg_destroy "$right" 9 1
    ! has_device "$left" wg-9-0 || fail "it is still there"
}

# An application may ask for more than the helper needs.
@test "podman: an application links two containers by the image, the containers reach each other, the link is removed" {
    link root_podman --user nobody --cap-add IPC_LOCK
}

@test "podman: so it does with a read-only root and under no-new-privileges" {
    link root_podman --read-only --security-opt no-new-privileges
}

# docker gives a user no capability that the program's file doesn't have.
@test "docker: the image's file has the capabilities, with a read-only root, too" {
    link docker --read-only
}

@test "docker: under no-new-privileges the helper says why it has no capability, and has them as the container's root" {
    run --separate-stderr task docker --security-opt no-new-privileges -- cwg_create "$left" 9 0 5101
    assert_failure_with "it was started under no_new_privs, where a program's file gives no capability. A container"
    set -- docker --read-only --security-opt no-new-privileges --user 0:0 --
    task "$@" cwg_create "$left" 9 0 5101
    has_device "$left" wg-9-0
    task "$@" cwg_destroy "$left" 9 0
}

@test "without the three capabilities the helper says how a container gets them" {
    local engine
    for engine in root_podman docker; do
        run --separate-stderr "$engine" run --rm --network host --pid host --cap-drop ALL "$NAME:latest" \
            "/usr/local/bin/$NAME" cwg_create "$left" 9 0 5101
        assert_failure_with "its caller's bounding set doesn't have it. A container gets it by --cap-add"
    done
}

@test "a policy and a log of the machine's work in the image when the container is given them" {
    local directory=$BATS_TEST_TMPDIR listener
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$directory"
    install -d -m 0755 "$directory/policy"
    echo "user 65534 nets 9-9 ports 5101-5102 peers 127.0.0.0/8 links 1" >"$directory/policy/policy"
    socat -u "UNIX-RECV:$directory/log,mode=666" "OPEN:$directory/lines,creat,append" 3>&- &
    listener=$!
    wait_for test -S "$directory/log"
    set -- root_podman --volume "$directory/policy:/etc/net-admin-helper:ro" --volume "$directory/log:/dev/log" --
    run --separate-stderr task "$@" cwg_create "$left" 10 0 5101
    assert_failure_with "net 10"
    task "$@" cwg_create "$left" 9 0 5101
    task "$@" cwg_destroy "$left" 9 0
    kill "$listener"
    [ "$(grep -o 'cwg_[a-z]*' "$directory/lines" | paste -sd ' ')" = "cwg_create cwg_create cwg_destroy" ] ||
        fail "$(<"$directory/lines")"
}
