#!/usr/bin/env bats
# Containers in CNI's networks, which cwg-cni tells the agent of, behind Debian's bridge: of root's podman with its CNI
# backend, and pods of containerd, which Debian's packages have and tests/vm/engines has unpacked. Site 1's agent is
# alice's, who may ask neither of them. agent.bash draws the sites. For the VM, like podman.bats:
# `tests/vm/run 6.12 -- bats tests/agent/cni.bats`.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
load agent
load ../cwg/docker

IN_VM=${NAH_IN_VM:+1}
ATTACHED=/run/cwg-attached

# The VM's /dev has what the programs need, and no journal.
make_dev()
{
    listen
}

# podman, of root and of the VM.
podman_here()
{
    (cd / && env -i PATH="$PATH" HOME=/root podman "$@" 3>&-)
}

# Installs the plugin as scripts/install does.
install_plugin()
{
    mkdir "$WORLD/cni"
    ln -s /usr/lib/cni/* "$WORLD/cni"
    sed "s|@BINDIR@|$WORLD/whole|" plugins/cni >"$WORLD/cni/cwg-cni"
    chmod 0755 "$WORLD/cni/cwg-cni"
}

# Makes a network behind a bridge of its name: add_network DIRECTORY NAME SUBNET MEMBERS
add_network()
{
    mkdir -p "$WORLD/$1"
    cat >"$WORLD/$1/$2.conflist" <<END
{"cniVersion": "0.4.0", "name": "$2", "plugins": [
 {"type": "bridge", "bridge": "$2", "isGateway": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "$3"}]]}},
 {"type": "cwg-cni", $4}]}
END
}

configure_podman()
{
    mkdir -p /etc/containers
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$WORLD/podman/storage" "$WORLD/podman/run" \
        >/etc/containers/storage.conf
    printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\nruntime = "crun"\n[network]
network_backend = "cni"\ncni_plugin_dirs = ["%s"]\nnetwork_config_dir = "%s"\n' \
        "$WORLD/cni" "$WORLD/podman.d" >/etc/containers/containers.conf
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

# Declares site 2's end. Of site 1 it declares the other site alone, and the end, too, with an argument.
declare_ends()
{
    declaration s2 web-db 7 db | of s2 cwg declare --state "$(state_of_site s2)" -
    declaration s1 web-db 7 web | python3 -c 'import json, sys
declared = json.load(sys.stdin)
print(json.dumps(declared if sys.argv[1:] else {"sites": declared["sites"]}))' "$@" |
        of s1 cwg declare --state "$(state_of_site s1)" -
}

# Starts containerd. It ends with the test. Its pods run an image of the tests, whose program sleeps.
start_containerd()
{
    local there=$WORLD/containerd image=docker.io/library/pause:1
    mkdir -p "$there"
    [ -d "$UNPACKED" ] || fail "$UNPACKED isn't there: run tests/vm/engines"
    PATH=$UNPACKED/usr/sbin:$UNPACKED/usr/bin:$PATH
    cat >"$there/config.toml" <<END
version = 2
root = "$there/root"
state = "$there/state"
[grpc]
address = "$there/socket"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "$image"
disable_apparmor = true
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "$WORLD/cni"
conf_dir = "$WORLD/containerd.d"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
END
    containerd --config "$there/config.toml" >"$there/log" 2>&1 3>&- &
    CONTAINERS+=("$!")
    podman_here import --change 'ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'ENTRYPOINT ["sleep", "100000"]' "$WORLD/small.tar" "$image"
    podman_here save --output "$there/pause.tar" "$image"
    within 60 ctr --address "$there/socket" version
    ctr --address "$there/socket" --namespace k8s.io images import --snapshotter native "$there/pause.tar"
}

# Asks containerd as a kubelet does: kubelet run NAMESPACE NAME [ANNOTATION=VALUE], stop ID, remove ID
kubelet()
{
    tests/agent/cri "$WORLD/containerd/socket" "$@" 3>&-
}

# Starts a pod, and sets $web to the pid of its process, and $pod to its id: run_pod NAMESPACE NAME [ANNOTATION=VALUE]
run_pod()
{
    pod=$(kubelet run "$@")
    PODS+=("$pod")
    web=$(of s1 cwg pid "cni/$1.$2")
}

end_pods()
{
    local id
    for id in "${PODS[@]}"; do kubelet remove "$id" || true; done
}

setup_file()
{
    [ -n "$IN_VM" ] || return 0
    has_backend
    make_agents_world
    install_plugin
    configure_podman
    make_image
    mkdir -p "$ATTACHED"
    add_network podman.d plain 10.87.0.0/24 '"engine": "podman"'
    add_network podman.d linked 10.88.0.0/24 '"engine": "podman", "link": "web-db,net=7,host=0,site=s2"'
    add_network containerd.d pods 10.89.0.0/24 '"capabilities": {"io.kubernetes.cri.pod-annotations": true}'
    podman_here import "$WORLD/small.tar" small >"$WORLD/log" 2>&1 || { cat "$WORLD/log" >&2; return 1; }
}

setup()
{
    [ -n "$IN_VM" ] || skip "only in the VM: it needs podman's containers, and its networks"
    require_kernel
    declare -gA KEYS=() AGENTS=()
    PODS=()
    local site
    for site in s1 s2; do
        install -d -o "${UIDS[${OWNER[$site]}]}" -g "$APP_GID" "$WORLD/home/${OWNER[$site]}"/{agent,containers}
        KEYS[$site]=$(of "$site" cwg keys --state "$(state_of_site "$site")" | cut -d " " -f 3)
    done
    echo "labels networks" >"$WORLD/networks.conf"
    start_carrier
    start_agent s1 --config "$WORLD/networks.conf"
    start_agent s2
    start_container s2 db
}

teardown()
{
    [ -n "$IN_VM" ] || return 0
    meet
    podman_here rm --all --force --time 0 >/dev/null || true
    end_pods
    clean_up
    rm -rf "$WORLD/home"/{alice,erin}/{agent,containers}
}

teardown_file()
{
    [ -n "$IN_VM" ] || return 0
    end_world
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

@test "a pod of containerd is linked by its annotation, and again when it is made anew" {
    local first
    declare_ends
    start_containerd
    run_pod prod web cwg.link=web-db,net=7,host=0,site=s2 other=x
    grep -q "$pod" "/proc/$web/cgroup"
    healed web-db 7 60
    grep -q "link web-db: a network of cni/prod.web declares it" "$WORLD/agent-s1.log"
    kubelet stop "$pod"
    [ -z "$(ls "$ATTACHED")" ]
    kubelet remove "$pod"

    run_pod prod web cwg.link=web-db,net=7,host=0,site=s2
    healed web-db 7 60

    # A pod of another namespace is another one. One whose annotation is wrong doesn't start, and leaves nothing.
    first=$web
    run_pod test web
    [ "$web" != "$first" ]
    [ "$(of s1 cwg pid cni/prod.web)" = "$first" ]
    run kubelet run prod wrong cwg.link=web-db
    [ "$status" != 0 ]
    [[ $output == *"annotation cwg.link: link web-db: it needs net=N, host=0 or host=1, and site=NAME"* ]] ||
        fail "$output"
    run ! grep -q prod.wrong "$ATTACHED"/*
}
