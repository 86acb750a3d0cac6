# Two sites whose containers are podman's: of root at site 1, where the agent's user may not ask podman, and of an
# ordinary user at site 2. A plugin tells the agents of containers. agent.bash draws the sites. The file that sources
# this one sets $SYSTEM if this is the VM with the system that it is for, and has install_plugin. podman.bats takes the
# functions for podman alone.

load agent

UIDS[root]=0 GIDS[root]=0
RUNTIME=/run/user/${UIDS[erin]}
declare -gA PODMAN_OWNER=([s1]=root [s2]=erin) ATTACHED=([s1]=/run/cwg-attached [s2]=$RUNTIME/cwg-attached)

# The VM's /dev has what the programs need, and no journal.
make_dev()
{
    listen
}

# Runs podman as the owner of a site's containers: podman_at SITE ARGUMENT...
podman_at()
{
    local user=${PODMAN_OWNER[$1]} runtime=
    [ "$user" = root ] || runtime=$RUNTIME
    (cd / && setpriv --reuid "${UIDS[$user]}" --regid "${GIDS[$user]}" --clear-groups -- \
        env -i PATH="$PATH" HOME="$WORLD/home/$user" ${runtime:+XDG_RUNTIME_DIR="$runtime"} podman "${@:2}" 3>&-)
}

# The agent of site 1 runs as alice, who has no podman of her own: hers knows no container.
configure_podman()
{
    mkdir -p /etc/containers /run/user "$WORLD/home/root"
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$WORLD/podman/storage" "$WORLD/podman/run" \
        >/etc/containers/storage.conf
    printf '[engine]\nevents_logger = "none"\nruntime = "crun"\n' >/etc/containers/containers.conf
    [ -d /run/systemd/system ] || echo 'cgroup_manager = "cgroupfs"' >>/etc/containers/containers.conf
    echo "erin:300000:65536" | tee /etc/subgid >/etc/subuid
    install -d -o "${UIDS[erin]}" -g "${GIDS[erin]}" -m 0700 "$RUNTIME"
    mv "$WORLD/whole/podman" "$WORLD/whole/podman-of-alice"
    ln -s "$(command -v crun)" "$(command -v newuidmap)" "$(command -v newgidmap)" "$WORLD/whole"
    printf '#!/bin/sh\n[ "$(/usr/bin/id -u)" = %s ] || exec podman-of-alice "$@"\nexec /usr/bin/podman "$@"\n' \
        "${UIDS[erin]}" >"$WORLD/whole/podman"
    chmod 0755 "$WORLD/whole/podman"
}

# Runs a container, with options for its network: run_container SITE NAME OPTION...
run_container()
{
    podman_at "$1" run --detach --name "$2" --log-driver none "${@:3}" small sleep 100000
}

# Sets a variable of a container's name to the pid of the container's first process: seek SITE NAME
seek()
{
    local -n ret_sought=$2
    ret_sought=$(podman_at "$1" inspect --format '{{.State.Pid}}' "$2")
}

is_attached()
{
    [ "$(jq -r .name "${ATTACHED[$1]}"/*)" = "$2" ]
}

is_detached()
{
    [ -z "$(ls "${ATTACHED[$1]}")" ] || fail "attached: $(tail -n +1 "${ATTACHED[$1]}"/*)"
}

# A container of each site, web and db, is linked at each of its starts, and has a file as long as it runs.
linked_at_each_start()
{
    local first
    is_attached s1 web
    is_attached s2 db
    seek s1 web
    seek s2 db
    healed web-db 7 60
    inside "$web" ip -details link show wg-7-0 | grep -qw wireguard

    first=$web
    podman_at s1 restart --time 0 web
    seek s1 web
    [ "$web" != "$first" ]
    healed web-db 7 60
    podman_at s2 restart --time 0 db
    seek s2 db
    healed web-db 7 60

    podman_at s1 stop --time 0 web
    is_detached s1
    podman_at s1 start web
    is_attached s1 web
    seek s1 web
    healed web-db 7 60
    podman_at s2 rm --force --time 0 db
    is_detached s2
}

start_agents()
{
    start_agent s1
    AGENT_ENVIRONMENT=(XDG_RUNTIME_DIR="$RUNTIME")
    start_agent s2
    AGENT_ENVIRONMENT=()
}

setup_file()
{
    [ -n "$SYSTEM" ] || return 0
    make_agents_world
    configure_podman
    install_plugin
    make_image
    chmod a+r "$WORLD/small.tar"
    podman_at s1 import "$WORLD/small.tar" small
    podman_at s2 import "$WORLD/small.tar" small
}

setup()
{
    [ -n "$SYSTEM" ] || skip "only in the VM with another podman"
    require_kernel
    declare -gA KEYS=() AGENTS=()
    local site user
    for site in s1 s2; do
        user=${OWNER[$site]}
        install -d -o "${UIDS[$user]}" -g "${GIDS[$user]}" "$WORLD/home/$user"/{agent,containers,.config,.config/cwg}
        echo "labels networks" >"$WORLD/home/$user/.config/cwg/cwg.conf"
        KEYS[$site]=$(of "$site" cwg keys --state "$(state_of_site "$site")" | cut -d " " -f 3)
    done
    start_carrier
}

teardown()
{
    [ -n "$SYSTEM" ] || return 0
    local site
    for site in s1 s2; do
        podman_at "$site" rm --all --force --time 0 >/dev/null || true
        podman_at "$site" network rm links plain >/dev/null 2>&1 || true
    done
    clean_up
    rm -rf "$WORLD/home"/{alice,erin}/agent
}

teardown_file()
{
    [ -n "$SYSTEM" ] || return 0
    end_world
}

