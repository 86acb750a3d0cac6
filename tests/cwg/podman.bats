#!/usr/bin/env bats
# cwg with podman's containers, by name, over sshd: of root, who is the same on both machines, and of two users.
#
#        site1                                    site2
#     +-------------------------------+        +-------------------------------+
#     |  root:   web, stopped         |--veth--|  root:   db                   |
#     |  alice:  own                  |        |  bob:    theirs               |
#     +-------------------------------+        +-------------------------------+
#
# Both machines share their files, so root finds all four of root's containers at both. The containers live as long as
# this file. cwg.bash draws the rest. engines.bats has other engines. For the VM, like containers.bats of net.

bats_require_minimum_version 1.5.0
load cwg

IN_VM=${NAH_IN_VM:+1}

# podman with this machine's /etc/containers, as a user of a site.
podman_of()
{
    local user=$1
    shift
    if [ "$user" = root ]; then
        (cd / && podman "$@" 3>&-)
    else
        (cd "$WORLD/home/$user" && setpriv --reuid "${UIDS[$user]}" --regid "${GIDS[$user]}" --clear-groups \
            --inh-caps=-all -- env -i PATH="$PATH" HOME="$WORLD/home/$user" XDG_RUNTIME_DIR="$WORLD/home/$user/run" \
            podman "$@" 3>&-)
    fi
}

configure_podman()
{
    local user first=300000
    mkdir -p /etc/containers
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$WORLD/podman/storage" "$WORLD/podman/run" \
        >/etc/containers/storage.conf
    printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\nruntime = "crun"\n' \
        >/etc/containers/containers.conf
    truncate -s 0 /etc/subuid /etc/subgid
    for user in alice bob; do
        install -d -o "${UIDS[$user]}" -g "${GIDS[$user]}" -m 0700 "$WORLD/home/$user/run"
        echo "$user:$first:65536" | tee -a /etc/subgid >>/etc/subuid
        first=$((first + 65536))
    done
}

run_container()
{
    podman_of "$1" run --detach --name "$2" --network none --cap-add NET_RAW --log-driver none small sleep 100000
}

make_containers()
{
    local user
    make_image
    chmod a+r "$WORLD/small.tar"
    for user in root alice bob; do podman_of "$user" import "$WORLD/small.tar" small; done
    run_container root web
    run_container root db
    run_container root stopped
    podman_of root stop --time 0 stopped
    run_container alice own
    run_container bob theirs
}

setup_file()
{
    [ -n "$IN_VM" ] || return 0
    has_backend || return 0
    FAR_PATH=$WORLD/whole:$PATH
    make_world
    configure_podman
    ln -s "$(command -v podman)" "$(command -v crun)" "$WORLD/whole"
    make_root_known
    make_containers >"$WORLD/log" 2>&1 || { cat "$WORLD/log" >&2; return 1; }
}

setup()
{
    [ -n "$IN_VM" ] || skip "only in the VM: it needs an account for an ordinary user"
    require_backend
}

teardown_file()
{
    [ -n "$IN_VM" ] || return 0
    local user
    for user in root alice bob; do podman_of "$user" rm --all --force --time 0 >/dev/null 2>&1 || true; done
    end_world
}

# bats test_tags=kernel,only-6-12
@test "root joins two podman containers of two machines by name; ps shows the link, leave ends it" {
    local pid
    run --separate-stderr root_cwg join podman/web site2:db
    [ "$status" = 0 ] || fail "$stderr"
    [[ ${lines[0]} =~ ^podman/web\ +wg-[0-9]+-0\ .*\ 192\.0\.2\.1:[0-9]+$ ]] || fail "$output"
    [[ ${lines[1]} =~ ^site2:db\ +wg-[0-9]+-1\ .*\ 192\.0\.2\.2:[0-9]+$ ]] || fail "$output"
    podman_of root exec web ping -c 1 -W 5 "$(awk 'NR == 2 { print $3 }' <<<"$output")"
    pid=$(podman_of root inspect --format '{{.State.Pid}}' web)
    run --separate-stderr root_cwg pid web
    assert_success_with "$pid"
    run --separate-stderr root_cwg ps
    [ "$status" = 0 ] || fail "$stderr"
    [[ $output =~ podman\ +web\ +$pid\ +wg-[0-9]+-0\ (connected|in\ session) ]] || fail "$output"
    [[ $output =~ podman\ +db\ +[0-9]+\ +wg-[0-9]+-1\ (connected|in\ session) ]] || fail "$output"
    [[ $output != *stopped* ]] || fail "$output"
    run --separate-stderr root_cwg leave web site2:db
    assert_removed
    run --separate-stderr root_cwg ps
    [[ $output != *wg-* ]] || fail "$output"
}

# bats test_tags=kernel,only-6-12
@test "a user joins a podman container of their own with one of another user's at the other machine" {
    run --separate-stderr alice_cwg join own bob@site2:theirs
    [ "$status" = 0 ] || fail "$stderr"
    podman_of alice exec own ping -c 1 -W 5 "$(awk 'NR == 2 { print $3 }' <<<"$output")"
    run --separate-stderr alice_cwg leave own bob@site2:theirs
    assert_removed
}

# bats test_tags=kernel,only-6-12
@test "a podman container that is stopped, and one that isn't there, are told apart" {
    run --separate-stderr root_cwg join web site2:stopped
    assert_said 1 "site2: podman/stopped isn't running; start it first"
    run --separate-stderr root_cwg join podman/nothing site2:db
    assert_said 1 "this machine: podman has no container nothing"
    # Root's containers aren't a user's to see. Another engine of this machine may have its own trouble to tell.
    run --separate-stderr alice_cwg join web bob@site2:theirs
    assert_said 1 "this machine: no container is called web"
}

# bats test_tags=kernel,only-6-12
@test "a name that two engines know is refused, with both" {
    # docker is another podman here, with another storage: so it is another engine, and a container of its own.
    podman --root "$WORLD/docker/storage" --runroot "$WORLD/docker/run" import "$WORLD/small.tar" small 3>&-
    podman --root "$WORLD/docker/storage" --runroot "$WORLD/docker/run" run --detach --name web --network none \
        --log-driver none small sleep 100000 3>&-
    printf '#!/bin/sh\nexec podman --root %s --runroot %s "$@"\n' "$WORLD/docker/storage" "$WORLD/docker/run" \
        >"$WORLD/whole/docker"
    chmod 0755 "$WORLD/whole/docker"
    run --separate-stderr root_cwg pid web
    assert_said 1 "two containers are called web: podman/web and docker/web; name one"
    run --separate-stderr root_cwg pid docker/web
    [ "$status" = 0 ] || fail "$stderr"
    "$WORLD/whole/docker" rm --all --force --time 0 3>&-
    rm "$WORLD/whole/docker"
}
