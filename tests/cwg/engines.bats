#!/usr/bin/env bats
# cwg with containers of docker and LXC, which Debian's own programs run: tests/vm/engines has unpacked them.
#
#        site1                                        site2
#     +-----------------------------------+        +------------------------+
#     |  docker:  web, stopped            |--veth--|  docker:  db           |
#     |                                   |        |  lxc:     box, idle    |
#     +-----------------------------------+        +------------------------+
#
# Both machines share their files, so both find docker's containers. LXC's are asked by sockets that each network has
# for itself. The containers live as long as this file. podman.bats has podman. For the VM, where docker disturbs none.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
load cwg
load docker

IN_VM=${NAH_IN_VM:+1}

run_in_docker()
{
    docker run --detach --name "$1" --network none --cap-add NET_RAW --log-driver none small sleep 100000
}

fill_docker()
{
    docker import "$WORLD/small.tar" small
    run_in_docker web
    run_in_docker db
    docker create --name stopped --network none small sleep 1
}

# LXC's library has to be in its place, and a folder for root file systems.
install_lxc()
{
    local library name
    library=/usr/lib/$(uname -m)-linux-gnu
    ln -sf "$UNPACKED$library"/liblxc* "$library"
    mkdir -p "$library/lxc/rootfs"
    for name in box idle; do
        mkdir -p "/var/lib/lxc/$name"
        cat >"/var/lib/lxc/$name/config" <<END
lxc.uts.name = $name
lxc.rootfs.path = dir:$WORLD/small
lxc.net.0.type = empty
lxc.apparmor.profile = unconfined
lxc.autodev = 0
lxc.tty.max = 0
lxc.init.cmd = /bin/sleep 100000
END
    done
    at site2 lxc-start -n box 3>&-
}

setup_file()
{
    [ -n "$IN_VM" ] || return 0
    has_backend || return 0
    FAR_PATH=$WORLD/whole:$PATH
    make_world
    make_root_known
    make_image
    ln -s "$UNPACKED"/usr/bin/{docker,lxc-*} "$WORLD/whole"
    PATH=$WORLD/whole:$PATH
    start_docker
    install_lxc
    await_docker
    fill_docker >"$WORLD/log" 2>&1 || { cat "$WORLD/log" "$WORLD/docker.log" >&2; return 1; }
}

setup()
{
    [ -n "$IN_VM" ] || skip "only in the VM: it needs docker, which the VM alone has"
    require_backend
    PATH=$WORLD/whole:$PATH
}

# dockerd and its containers end with the VM; those that other files could see end here.
teardown_file()
{
    [ -n "$IN_VM" ] || return 0
    at site2 lxc-stop -k -n box || true
    end_world
}

pid_of()
{
    docker container inspect --format '{{.State.Pid}}' "$1"
}

@test "root joins two docker containers of two machines; pid and ps show them, leave ends the link" {
    local pid
    run --separate-stderr root_cwg join docker/web site2:docker/db
    [ "$status" = 0 ] || fail "$stderr"
    docker exec web ping -c 1 -W 5 "$(awk 'NR == 2 { print $3 }' <<<"$output")"
    pid=$(pid_of web)
    # Its id is as good as its name.
    run --separate-stderr root_cwg pid "docker/$(docker container inspect --format '{{.Id}}' web)"
    assert_success_with "$pid"
    run --separate-stderr root_cwg ps
    [ "$status" = 0 ] || fail "$stderr"
    [[ $output =~ docker\ +web\ +$pid\ +wg-[0-9]+-0\ (connected|in\ session) ]] || fail "$output"
    [[ $output =~ docker\ +db\ +[0-9]+\ +wg-[0-9]+-1\ (connected|in\ session) ]] || fail "$output"
    [[ $output != *stopped* ]] || fail "$output"
    run --separate-stderr root_cwg leave docker/web site2:docker/db
    assert_removed
}

@test "root joins a docker container with one of LXC's at another machine" {
    local pid
    run --separate-stderr root_cwg join web site2:box
    [ "$status" = 0 ] || fail "$stderr"
    docker exec web ping -c 1 -W 5 "$(awk 'NR == 2 { print $3 }' <<<"$output")"
    pid=$(at site2 lxc-info -p -H -n box)
    SITE=site2
    run --separate-stderr root_cwg pid lxc/box
    assert_success_with "$pid"
    run --separate-stderr root_cwg ps
    SITE=site1
    [[ $output =~ lxc\ +box\ +$pid\ +wg-[0-9]+-1\ (connected|in\ session) ]] || fail "$output $stderr"
    [[ $output != *idle* ]] || fail "$output"
    run --separate-stderr root_cwg leave web site2:box
    assert_removed
}

@test "containers of docker and LXC that are stopped, and those that aren't there, are told apart" {
    local engine
    run --separate-stderr root_cwg pid docker/stopped
    assert_said 1 "docker/stopped isn't running; start it first"
    run --separate-stderr root_cwg join docker/web site2:lxc/idle
    assert_said 1 "site2: lxc/idle isn't running; start it first"
    for engine in docker lxc; do
        run --separate-stderr root_cwg pid "$engine/nothing"
        assert_said 1 "$engine has no container nothing"
    done
}

@test "who isn't in group docker is told so, and who is may name docker's containers" {
    run --separate-stderr alice_cwg pid docker/web
    assert_said 1 "docker: you may not ask its daemon: root has to add you to group docker, which gives you all of"
    run --separate-stderr alice_cwg pid web
    assert_said 1 "no container is called web (docker couldn't be asked): cwg ps lists"
    chgrp "$APP_GID" /run/docker.sock
    run --separate-stderr alice_cwg pid web
    assert_success_with "$(pid_of web)"
    # Root's containers aren't a user's in LXC.
    run --separate-stderr alice_cwg pid lxc/box
    assert_said 1 "lxc has no container box"
}

# The last one: docker's containers are gone then.
@test "docker's daemon isn't running" {
    docker rm --force web db stopped
    stop_docker
    run --separate-stderr root_cwg pid docker/web
    assert_said 1 "docker: its daemon isn't reached: as root, systemctl start docker; or set DOCKER_HOST"
}
