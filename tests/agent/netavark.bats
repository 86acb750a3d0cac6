#!/usr/bin/env bats
# Networks of podman with the driver cwg. Debian 13's podman is Debian's first that knows plugins of networks, so this
# file is for the VM with that system: `tests/check 6.12-podman`. podman.bash has the sites, cli/plugin.bats the
# protocol.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
SYSTEM=
[ -z "${NAH_IN_VM:-}" ] || [ ! -x /usr/lib/podman/netavark ] || SYSTEM=1
load podman

install_plugin()
{
    install -d /usr/lib/netavark
    sed "s|@BINDIR@|$WORLD/whole|" "$ROOT/plugins/netavark" >/usr/lib/netavark/cwg
    chmod 0755 /usr/lib/netavark/cwg
}

@test "a network's containers, of root's podman and of a user's, are linked at each start, as the network declares it" {
    know
    start_agents
    podman_at s1 network create --driver cwg --opt link=web-db,net=7,host=0,site=s2 links
    podman_at s2 network create --driver cwg --opt link=web-db,net=7,host=1,site=s1 links
    run_container s1 web --network links
    run_container s2 db --network links
    linked_at_each_start
}

@test "no agent and no peer holds up a container, which is linked when both are there" {
    podman_at s1 network create --driver cwg plain
    podman_at s2 network create --driver cwg plain
    run_container s1 web --network plain
    seek s1 web
    [ "$(links_in "$web")" = "" ]
    declare_link web-db 7
    start_agents
    run_container s2 db --network plain
    seek s2 db
    healed web-db 7 60
    [ "$(changes cwg_destroy)" = 0 ]
}

@test "podman says what is wrong with a network, or with a container's place in it, and nothing is attached" {
    run podman_at s1 network create --driver cwg --opt mtu=1400 links
    [ "$status" != 0 ]
    [[ $output == *'a network of cwg has no option "mtu", but link alone'* ]] || fail "$output"
    run podman_at s2 network create --driver cwg --opt link=web-db,net=7 links
    [ "$status" != 0 ]
    [[ $output == *'option link: link web-db: it needs net=N, host=0 or host=1, and site=NAME'* ]] || fail "$output"
    run podman_at s1 network create --driver cwg --subnet 10.1.0.0/24 links
    [ "$status" != 0 ]
    [[ $output == *'a network of cwg has no subnet'* ]] || fail "$output"
    podman_at s1 network create --driver cwg plain
    run run_container s1 web --network plain --mac-address 02:00:00:00:00:01
    [ "$status" != 0 ]
    [[ $output == *'network plain: its link gives the container an address'* ]] || fail "$output"
    is_detached s1
}
