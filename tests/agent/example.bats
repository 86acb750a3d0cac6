#!/usr/bin/env bats
# examples/fleet.sh makes its two machines itself: podman's own containers, agents, and an etcd with passwords and TLS.

bats_require_minimum_version 1.5.0
load ../net/net

# The machine looks like Debian's: cgroups are of version 2 alone, and all programs are installed.
setup_file()
{
    has_backend || return 0
    [ -n "${NAH_APART:-}${NAH_IN_VM:-}" ] || { echo "run it by scripts/apart: it mounts" >&2; return 1; }
    [ -e /sys/fs/cgroup/cgroup.controllers ] ||
        { umount --recursive /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup; }
    install_helper
    install -m 0755 "$ROOT/build/cwg" "$(dirname "$HELPER")"
    PATH=$(dirname "$HELPER"):$("$ROOT/tests/agent/fetch-etcd"):$PATH
    export PATH TMPDIR=$BATS_FILE_TMPDIR
}

# Prints everything outside that the example could change.
outside()
{
    ls -A "$TMPDIR" /run /run/netns /dev/shm /var/lib /var/lib/containers /var/lib/cni /etc /etc/containers /etc/cni \
        /var/tmp /root 2>/dev/null
    hostname
    mount
    find /sys/fs/cgroup -name 'libpod*'
    pgrep -c -f 'conmon|etcd|cwg agent'
}

@test "the example of two machines with podman and etcd shows a link that heals, and leaves nothing" {
    local before said=$BATS_TEST_TMPDIR/said text
    require_backend
    before=$(outside)
    # What is said of the removal is said behind it.
    env "BASH_FUNC_rm%%=() { echo removing; command rm \"\$@\"; }" timeout 500 \
        "$ROOT/examples/fleet.sh" run >"$said" 2>&1 3>&- || fail "$(<"$said")"
    for text in '^s1# fleet.sh access ' '^declared: 1 link$' '^s2# podman restart ' \
        '^web-db +podman/web .*(connected|in session)' '^s2# podman run .* --label cwg.link='; do
        grep -Eq -- "$text" "$said" || fail "no '$text': $(<"$said")"
    done
    [ "$(sed -n '/^removing$/,$p' "$said" | tail -n +2)" = $'\nAll is removed.' ] || fail "$(<"$said")"
    [ "$(grep -c '1 packets received' "$said")" = 3 ] || fail "$(<"$said")"
    [ "$before" = "$(outside)" ]
}

@test "the steps that make users and rights let etcdctl warn of nothing" {
    local folder=$BATS_TEST_TMPDIR/etcd
    mkdir "$folder"
    unshare --net bash -euc 'cd "$1"; fleet=$2
        ip link set lo up
        bash "$fleet" certificates 127.0.0.1 2>/dev/null
        bash "$fleet" etcd 127.0.0.1 >etcd.log 2>&1 & etcd=$!
        trap "kill $etcd; wait" EXIT
        timeout 60 bash -c "until echo >/dev/tcp/127.0.0.1/2379; do sleep 0.1; done" 2>/dev/null
        bash "$fleet" operator 2>/dev/null
        bash "$fleet" access 127.0.0.1 2>said
        bash "$fleet" site 127.0.0.1 s1 s2 s3 2>>said' fleet "$folder" "$ROOT/examples/fleet.sh" 3>&-
    [ -s "$folder/password.s1" ]
    [ ! -s "$folder/said" ] || fail "$(<"$folder/said")"
}
