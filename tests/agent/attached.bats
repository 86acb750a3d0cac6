#!/usr/bin/env bats
# Plugins of networks tell the agent of containers: each by a file in /run/cwg-attached, or in the runtime directory of
# a user. agent.bash draws the sites. This test writes the files itself. netavark.bats and podman_hook.bats have
# plugins.

bats_require_minimum_version 1.5.0
load agent

agents_of_the_file

after_test()
{
    local name
    for name in pod-1 pod-2; do ip netns delete "$name" 2>/dev/null || true; done
    chmod 0755 /run/cwg-attached
    rm -rf /run/cwg-attached/* "$WORLD/home/alice/.config"
}

# A namespace of a pod, with a process in it, whose number others know web by: add_pod NAMESPACE
add_pod()
{
    ip netns add "$1"
    ip netns exec "$1" ip link set lo up
    ip netns exec "$1" sleep 600 3>&- &
    web=$!
    CONTAINERS+=("$web")
    wait_for in_namespace "$1"
}

in_namespace()
{
    [ "$(stat -Lc %i "/proc/$web/ns/net")" = "$(stat -c %i "/run/netns/$1")" ]
}

remove_pod()
{
    ip netns delete "$1"
    end_container "$web"
}

# Writes what a plugin writes: attach ID ENGINE NAME NAMESPACE [LINK]
attach()
{
    printf '{"engine":"%s","name":"%s","netns":"%s","link":"%s"}' "$2" "$3" "$4" "${5:-}" >"/run/cwg-attached/.$1"
    mv "/run/cwg-attached/.$1" "/run/cwg-attached/$1+net"
}

detach()
{
    rm "/run/cwg-attached/$1+net"
}

has_no_end()
{
    ! of s1 cwg status --state "$(state_of_site s1)" --names | grep -qx "$1"
}

@test "a declared pod is linked at each start, when a plugin tells of its namespace" {
    declaration s1 web-db 7 cni/default.web | of s1 cwg declare --state "$(state_of_site s1)" -
    declaration s2 web-db 7 db | of s2 cwg declare --state "$(state_of_site s2)" -
    add_pod pod-1
    attach id1 cni default.web pod-1
    healed web-db 7
    detach id1
    remove_pod pod-1
    add_pod pod-2
    attach id2 cni default.web pod-2
    healed web-db 7
}

@test "another container's attachment, and one of another engine, is no answer" {
    declaration s1 web-db 7 cni/default.web | of s1 cwg declare --state "$(state_of_site s1)" -
    declaration s2 web-db 7 db | of s2 cwg declare --state "$(state_of_site s2)" -
    add_pod pod-1
    attach id1 cni other.web pod-1
    attach id2 podman default.web pod-1
    sleep 2
    says s1 web-db "waiting for its container"
    add_pod pod-2
    attach id3 cni default.web pod-2
    healed web-db 7
    ! ip -n pod-1 link | grep -q wg- || fail "$(ip -n pod-1 link)"
}

# An end is refused, and its reason has a text: refused SITE LINK TEXT
refused()
{
    within 10 says "$1" "$2" refused
    grep -qF -- "$3" "$(store_of "$1")/status/$2.${NUMBER[$1]}" || fail "$(say_all)"
}

@test "while a directory can't be trusted nobody says that a container isn't there, and its link stays" {
    local options
    chmod 0775 /run/cwg-attached
    declaration s1 web-db 7 cni/default.web | of s1 cwg declare --state "$(state_of_site s1)" -
    declaration s2 web-db 7 db | of s2 cwg declare --state "$(state_of_site s2)" -
    add_pod pod-1
    attach id1 cni default.web pod-1
    refused s1 web-db "/run/cwg-attached tells nothing: others may write to it, or it is another user's; \
as root, chown root: /run/cwg-attached && chmod 0755 /run/cwg-attached"
    for options in "" --names; do
        # shellcheck disable=SC2086 # perhaps none
        run of s1 cwg ps $options
        [ "$status" = 1 ]
        [[ $output == *"cwg: /run/cwg-attached tells nothing"* ]] || fail "$output"
        [[ $output != *default.web* ]] || fail "$output"
    done
    chmod 0755 /run/cwg-attached
    healed web-db 7
    of s1 cwg ps --names | grep -qx cni/default.web
    # A new agent knows nothing of the container that it had.
    chmod 0775 /run/cwg-attached
    end_agent s1
    start_agent s1
    refused s1 web-db "/run/cwg-attached tells nothing"
    pings 7
    chmod 0755 /run/cwg-attached
    healed web-db 7
}

@test "a network declares its container's end, where the settings allow networks" {
    declaration s2 web-db 7 db | of s2 cwg declare --state "$(state_of_site s2)" -
    declaration s1 x 1 x | python3 -c 'import json, sys
print(json.dumps({"sites": json.load(sys.stdin)["sites"]}))' | of s1 cwg declare --state "$(state_of_site s1)" -
    add_pod pod-1
    attach id1 cni default.web pod-1 web-db,net=7,host=0,site=s2
    sleep 1
    has_no_end web-db
    install -D -o "${UIDS[alice]}" -m 0644 <(echo "labels networks") "$WORLD/home/alice/.config/cwg/cwg.conf"
    kill -HUP "${AGENTS[s1]}"
    healed web-db 7
    grep -q "link web-db: a network of cni/default.web declares it" "$WORLD/agent-s1.log"
    detach id1
    remove_pod pod-1
    add_pod pod-2
    attach id2 cni default.web pod-2 web-db,net=7,host=0,site=s2
    healed web-db 7
}

@test "a user sees root's containers, too, but none of an engine that tells each user of the user's own" {
    local own=$WORLD/home/alice/run
    add_pod pod-1
    attach id1 cni default.web pod-1
    attach id2 cni default.db gone
    attach id3 cni default.home site1 # the helper refuses the caller's own
    install -d -o "${UIDS[alice]}" "$own"
    of s1 /usr/bin/env XDG_RUNTIME_DIR="$own" cwg ps --names | grep -qx cni/default.web
    ! of s1 /usr/bin/env XDG_RUNTIME_DIR="$own" cwg ps --names | grep default.db || fail "it has gone"
    run -0 of s1 /usr/bin/env XDG_RUNTIME_DIR="$own" cwg ps
    [[ $output == *"cni "*" default.web "* ]] || fail "$output"
    [[ $output != *default.db* && $output != *home* ]] || fail "$output"
    attach id4 podman root pod-1
    ! of s1 /usr/bin/env XDG_RUNTIME_DIR="$own" cwg ps --names | grep root || fail "it is listed"
    run of s1 /usr/bin/env XDG_RUNTIME_DIR="$own" cwg pid root
    [[ $output == *"no container is called root"* ]] || fail "$output"
    # A user of the system's, without such a directory, has root's.
    of s1 cwg ps --names | grep -qx podman/root
}

# Has a process a child that has ended: has_ended_child PID
has_ended_child()
{
    local child
    read -r child <"/proc/$1/task/$1/children"
    grep -q "^State:.Z" "/proc/$child/status"
}

# bats test_tags=kernel,only-6-12
@test "a container is found by its oldest process, and not by a cgroup that another user may have made" {
    local id=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef older
    [ -n "${NAH_IN_VM:-}" ] || skip "only in the VM: it makes cgroups"
    install -d -m 0755 /run/cwg-attached
    install -d -o 4242 /sys/fs/cgroup/user
    mkdir -p "/sys/fs/cgroup/user/$id" "/sys/fs/cgroup/docker/$id"
    attach "$id" cni default.web ""
    # Neither one that has ended, and whose parent takes no notice of it, nor one that a runtime begins with.
    bash -c '(sleep 0.3; echo $BASHPID >"$0") & exec sleep 600' "/sys/fs/cgroup/docker/$id/cgroup.procs" 3>&- &
    CONTAINERS+=("$!")
    wait_for has_ended_child $!
    cp /bin/sleep "$WORLD/crun"
    "$WORLD/crun" 600 3>&- &
    CONTAINERS+=("$!")
    echo $! >"/sys/fs/cgroup/docker/$id/cgroup.procs"
    sleep 600 3>&- &
    older=$!
    CONTAINERS+=("$older")
    sleep 0.1
    restart_container s1 web
    echo "$older" >"/sys/fs/cgroup/user/$id/cgroup.procs"
    run of s1 cwg pid cni/default.web
    [ "$status" != 0 ]
    [[ $output == *"cni has no container default.web"* ]]
    # Nor one whose name another user may have chosen, or whose place a group may write to.
    mkdir "/sys/fs/cgroup/docker/x.$id.scope"
    echo "$older" >"/sys/fs/cgroup/docker/x.$id.scope/cgroup.procs"
    run of s1 cwg pid cni/default.web
    [[ $output == *"cni has no container default.web"* ]]
    chmod 0775 /sys/fs/cgroup/docker
    echo "$older" >"/sys/fs/cgroup/docker/$id/cgroup.procs"
    run of s1 cwg pid cni/default.web
    [[ $output == *"cni has no container default.web"* ]]
    echo "$older" >"/sys/fs/cgroup/user/$id/cgroup.procs"
    chmod 0755 /sys/fs/cgroup/docker
    echo "$web" >"/sys/fs/cgroup/docker/$id/cgroup.procs"
    [ "$(of s1 cwg pid cni/default.web)" = "$web" ]
    # A process that has come later.
    restart_container s2 db
    echo "$db" >"/sys/fs/cgroup/docker/$id/cgroup.procs"
    [ "$(of s1 cwg pid cni/default.web)" = "$web" ]
    # An older one, whoever came first into the cgroup.
    chown 0 /sys/fs/cgroup/user
    echo "$older" >"/sys/fs/cgroup/docker/$id/cgroup.procs"
    [ "$(of s1 cwg pid cni/default.web)" = "$older" ]
    # A user's own container counts before root's.
    install -d -o "${UIDS[alice]}" "$WORLD/home/alice/run" "$WORLD/home/alice/run/cwg-attached"
    mkdir "/sys/fs/cgroup/docker/${id/0/f}"
    restart_container s1 web
    echo "$web" >"/sys/fs/cgroup/docker/${id/0/f}/cgroup.procs"
    attach "${id/0/f}" cni default.web ""
    mv "/run/cwg-attached/${id/0/f}+net" "$WORLD/home/alice/run/cwg-attached/"
    attach "$id" cni default.web ""
    [ "$(of s1 cwg pid cni/default.web)" = "$older" ]
    [ "$(of s1 /usr/bin/env XDG_RUNTIME_DIR="$WORLD/home/alice/run" cwg pid cni/default.web)" = "$web" ]
    # Of two of one user's the one counts that was told of last, whichever its name is.
    mv "$WORLD/home/alice/run/cwg-attached/${id/0/f}+net" /run/cwg-attached/
    touch "/run/cwg-attached/${id/0/f}+net"
    [ "$(of s1 cwg pid cni/default.web)" = "$web" ]
    touch "/run/cwg-attached/$id+net"
    [ "$(of s1 cwg pid cni/default.web)" = "$older" ]
}
