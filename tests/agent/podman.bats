#!/usr/bin/env bats
# Declared links between podman's containers: of root at site 1, and of an ordinary user at site 2. Root's agent asks
# root's podman here: no plugin tells of containers. For the VM, like tests/cwg/podman.bats: `tests/vm/run 6.12 -- bats
# tests/agent/podman.bats`. It takes over a minute of a processor, so it isn't in `make check`: tests/check 6.12-engines
# bats file_tags=slow

bats_require_minimum_version 1.5.0
load podman

IN_VM=${NAH_IN_VM:+1}
OWNER[s1]=root

# Without $XDG_RUNTIME_DIR, which agents have not, podman takes the directory that a login would make.
configure_podman()
{
    mkdir -p /etc/containers /run/user
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$WORLD/podman/storage" "$WORLD/podman/run" \
        >/etc/containers/storage.conf
    printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\nruntime = "crun"\n' \
        >/etc/containers/containers.conf
    install -d -o "${UIDS[erin]}" -g "${GIDS[erin]}" -m 0700 "/run/user/${UIDS[erin]}"
    # A file before this one may have given the user's number to another name, with a range of its own.
    echo "erin:300000:65536" | tee /etc/subgid >/etc/subuid
    rm "$WORLD/whole/podman"
    ln -s "$(command -v podman)" "$(command -v crun)" "$(command -v newuidmap)" "$(command -v newgidmap)" "$WORLD/whole"
}

start_site()
{
    local user=${OWNER[$1]}
    install -d -o "${UIDS[$user]}" -g "${GIDS[$user]}" "$WORLD/home/$user/agent"
    KEYS[$1]=$(of "$1" cwg keys --state "$(state_of_site "$1")" | cut -d " " -f 3)
    podman_at "$1" import "$WORLD/small.tar" small
    run_container "$1" "$2" --network none
    seek "$1" "$2"
}

setup_file()
{
    [ -n "$IN_VM" ] || return 0
    has_backend
    make_agents_world
    make_root_known
    configure_podman
    make_image
    chmod a+r "$WORLD/small.tar"
}

setup()
{
    [ -n "$IN_VM" ] || skip "only in the VM: it needs an account for an ordinary user"
    require_kernel
    declare -gA KEYS=() AGENTS=()
    start_site s1 web >"$WORLD/log" 2>&1 || fail "$(cat "$WORLD/log")"
    start_site s2 db >"$WORLD/log" 2>&1 || fail "$(cat "$WORLD/log")"
    start_carrier
    start_agent s1
    start_agent s2
}

teardown()
{
    [ -n "$IN_VM" ] || return 0
    podman_at s1 rm --all --force --time 0 >/dev/null || true
    podman_at s2 rm --all --force --time 0 >/dev/null || true
    clean_up
}

teardown_file()
{
    [ -n "$IN_VM" ] || return 0
    end_world
}

@test "podman's containers of root and of a user are linked again when they are restarted, started, and made anew" {
    local first
    declare_link web-db 7
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
    within 60 says s1 web-db "waiting for its container"
    podman_at s1 start web
    seek s1 web
    healed web-db 7 60

    # Another container of the same name.
    podman_at s2 rm --force --time 0 db
    within 60 says s2 web-db "waiting for its container"
    run_container s2 db --network none
    seek s2 db
    healed web-db 7 60
    [ "$(links_in "$db")" = wg-7-1 ]

    # A stopped container isn't made for the agent's sake, and nobody but the agents has changed a link.
    [ "$(changes cwg_destroy)" = 0 ]
}
