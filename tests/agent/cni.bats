#!/usr/bin/env bats
# Containers of root's podman with its CNI backend, Debian 12's. cni.bash has the sites. For the VM, like podman.bats:
# `tests/vm/run 6.12 -- bats tests/agent/cni.bats`.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
load cni

add_networks()
{
    printf '[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "crun"
[network]
network_backend = "cni"
cni_plugin_dirs = ["%s"]
network_config_dir = "%s"
' "$WORLD/cni" "$WORLD/podman.d" >/etc/containers/containers.conf
    add_network podman.d plain 10.87.0.0/24 '"engine": "podman"'
    add_network podman.d linked 10.88.0.0/24 '"engine": "podman", "link": "web-db,net=7,host=0,site=s2"'
    podman_here import "$WORLD/small.tar" small >"$WORLD/log" 2>&1 || { cat "$WORLD/log" >&2; return 1; }
}

end_containers()
{
    podman_here rm --all --force --time 0 >/dev/null || true
}

# Sets $web to the pid of the container's first process.
seek()
{
    web=$(podman_here inspect --format '{{.State.Pid}}' web)
}

run_web()
{
    podman_here run --detach --name web --network "$1" --log-driver none small sleep 100000
    seek
}

@test "podman's container in a CNI network is linked at each start, and named by nobody when it is removed" {
    local first
    declare_ends here
    [ "$(podman_here info --format '{{.Host.NetworkBackend}}')" = cni ]
    run_web plain
    healed web-db 7 60
    inside "$web" ip -details link show wg-7-0 | grep -qw wireguard
    inside "$web" ip -brief address show eth0 | grep -q ' 10\.87\.0\.'

    first=$web
    podman_here restart --time 0 web
    seek
    [ "$web" != "$first" ]
    healed web-db 7 60

    podman_here stop --time 0 web
    [ -z "$(ls "$ATTACHED")" ]
    within 60 says s1 web-db "waiting for its container"
    podman_here start web
    seek
    healed web-db 7 60
    podman_here rm --force --time 0 web
    [ -z "$(ls "$ATTACHED")" ]
    within 60 says s1 web-db "waiting for its container"
}

@test "a CNI network declares its container's end; a peer that is away holds up no start" {
    declare_ends
    end_agent s2
    part
    run_web linked
    [ "$(podman_here inspect --format '{{.State.Status}}' web)" = running ]
    within 60 has_device wg-7-0
    meet
    start_agent s2
    healed web-db 7 60
    grep -q "link web-db: a network of podman/web declares it" "$WORLD/agent-s1.log"
}

has_device()
{
    inside "$web" ip link show "$1"
}
