#!/usr/bin/env bats
# Pods of containerd, whose CNI network cwg-cni is in: of Debian 12, which tests/vm/engines has unpacked, or of
# the VM's system if that has one, Debian 13's. cni.bash has the sites. For the VM: `tests/check 6.12-engines
# 6.12-podman`.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
load cni
load ../cwg/docker

add_networks()
{
    add_network containerd.d pods 10.89.0.0/24 '"capabilities": {"io.kubernetes.cri.pod-annotations": true}'
}

# Starts containerd. It ends with the test. Its pods run an image of the tests, whose program sleeps.
start_containerd()
{
    local there=$WORLD/containerd image=docker.io/library/pause:1
    mkdir -p "$there"
    if ! command -v containerd >/dev/null; then
        [ -d "$UNPACKED" ] || fail "$UNPACKED isn't there: run tests/vm/engines"
        PATH=$UNPACKED/usr/sbin:$UNPACKED/usr/bin:$PATH
    fi
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

end_containers()
{
    local id
    for id in "${PODS[@]}"; do kubelet remove "$id" || true; done
    PODS=()
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
