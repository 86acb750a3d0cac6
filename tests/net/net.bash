# What the tests of links share: sites, containers, and their end. Sourced by bats files.
#
#         site1                                 site2
#     +-------------------------+          +-------------------------+
#     |  192.0.2.1 (v1) --------+---veth---+-------- (v2) 192.0.2.2  |
#     |   ^ UDP sockets         |          |         UDP sockets ^   |
#     |   | of the links        |          |        of the links |   |
#     |  +---------+            |          |            +---------+  |
#     |  |   c1    |            |          |            |   c2    |  |
#     |  | wg-N-0  |            |          |            | wg-N-1  |  |
#     +--+---------+------------+          +------------+---------+--+
#
# A site is a network namespace, as a machine would be; a container is a process in one of its own. The helper is
# called in the site, by a user without privilege.

load ../lib/helper

# The program as it is made by default, but for the place of its engine.
TESTED=$ROOT/build/variants/default/$NAME

# Sets BACKEND to what carries links here: `kernel` where that has WireGuard, else `engine`, for which the real `wg` has
# no words: bin/wg has. And DUMMY and OTHER_KIND to kinds of devices that this kernel has. It is found out once for each
# file. Fails where links can't be made at all; in setup_file() bats can't skip.
has_backend()
{
    if [ -z "${BACKEND:-}" ]; then
        if unshare -n ip link add wg-probe type wireguard 2>/dev/null; then
            BACKEND=kernel
        elif [ -c /dev/net/tun ]; then
            BACKEND=engine PATH=$ROOT/tests/net/bin:$PATH
            install_engine
        else
            BACKEND=none
        fi
        DUMMY=dummy OTHER_KIND=wireguard
        unshare -n ip link add d0 type dummy 2>/dev/null || DUMMY=ifb OTHER_KIND=bridge
        export BACKEND PATH DUMMY OTHER_KIND
    fi
    [ "$BACKEND" != none ]
}

require_backend()
{
    has_backend && return
    skip "this machine has neither WireGuard nor TUN devices"
}

# For what is about the kernel's own WireGuard. In the VM it would be a fault of the VM not to have it.
require_kernel()
{
    [ "$BACKEND" = engine ] || return 0
    [ -z "${NAH_IN_VM:-}" ] || fail "the VM's kernel has no WireGuard"
    skip "it is about the kernel's WireGuard, which this kernel hasn't"
}

# For what engines alone tell or do.
require_engine()
{
    [ "$BACKEND" != engine ] || return 0
    skip "it is about links that an engine carries"
}

# Makes a device in a container that is of the kind that links have here, and none of ours.
add_of_our_kind()
{
    if [ "$BACKEND" = kernel ]; then
        inside "$1" ip link add "$2" type wireguard
    else
        inside "$1" ip tuntap add dev "$2" mode tun
    fi
}

# For what needs process 1 of the machine, which not every machine shows even to root.
process_1_in_reach()
{
    ls -L /proc/1/ns/net >/dev/null 2>&1 && return
    [ -z "${NAH_IN_VM:-}" ] || fail "process 1 is out of reach in the VM"
    return 1
}

require_process_1()
{
    process_1_in_reach || skip "process 1 is out of reach here"
}

# Starts a process in a network namespace of its own, with lo up, as a container would be, and sets the variable named
# by the first argument to its pid. Further arguments go to unshare (such as --user --map-root-user).
container()
{
    local -n ret_pid=$1
    local ready=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/ready.$1
    shift
    rm -f "$ready"
    # fd 3 is bats' own: a process that keeps it open keeps bats waiting.
    unshare --net "$@" -- sh -c 'ip link set lo up; : >"$0"; exec sleep 600' "$ready" 3>&- >/dev/null 2>&1 &
    ret_pid=$!
    CONTAINERS+=("$ret_pid")
    wait_for test -e "$ready"
}

# The same for a container of a user's own, who has power over nothing but it, as engines without root make them: a
# process of uid $2 in a user namespace and a network namespace of its own.
rootless_container()
{
    local -n ret_rootless_pid=$1
    setpriv --reuid "$2" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        unshare --user --map-root-user --net -- sh -c 'ip link set lo up; exec sleep 600' 3>&- >/dev/null 2>&1 &
    ret_rootless_pid=$!
    CONTAINERS+=("$ret_rootless_pid")
    wait_for grep -qx sleep "/proc/$ret_rootless_pid/comm"
}

# Whether a process is there that this shell has started: the number of one that has ended may be another's by now.
is_own()
{
    grep -qsx "PPid:[[:blank:]]*$BASHPID" "/proc/$1/status"
}

# Ends a container, if it is still there, and waits until it is gone.
end_container()
{
    ! is_own "$1" || kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# Tries a command for 10 seconds: at first every 20 ms, as often costs little and mostly is enough, then less often.
wait_for()
{
    local i
    for ((i = 0; i < 140; i++)); do
        "$@" >/dev/null 2>&1 && return
        if ((i < 50)); then sleep 0.02; else sleep 0.1; fi
    done
    fail "waited in vain for: $*"
}

# The two sites of the picture, without containers.
two_sites()
{
    ip netns add site1
    ip netns add site2
    SITES=(site1 site2)
    ip -n site1 -batch - <<END
link add v1 type veth peer name v2 netns site2
address add 192.0.2.1/24 dev v1
link set lo up
link set v1 up
END
    ip -n site2 -batch - <<END
address add 192.0.2.2/24 dev v2
link set lo up
link set v2 up
END
}

# Runs a command in a site, as root, or as the application.
at()
{
    local site=$1
    shift
    "$TOOLS/enter" --net "/run/netns/$site" -- "$@"
}

app_at()
{
    local site=$1
    shift
    "$TOOLS/enter" --net "/run/netns/$site" --user "$APP_UID" "$APP_GID" -- "$@"
}

# Runs a task of the helper in a site, as the application does: cwg SITE create|connect|destroy ARGUMENT...
cwg()
{
    app_at "$1" "$HELPER" "cwg_$2" "${@:3}"
}

# Runs a command in the network namespace of a container, as root.
inside()
{
    local pid=$1
    shift
    "$TOOLS/enter" --net "/proc/$pid/ns/net" -- "$@"
}

# Makes a whole link for a net between containers $c1 at site1 and $c2 at site2, called as the application does; sets
# KEY1 and KEY2.
link_up()
{
    local net=$1 port1=${2:-5101} port2=${3:-5102}
    KEY1=$(app_at site1 "$HELPER" cwg_create "$c1" "$net" 0 "$port1")
    KEY2=$(app_at site2 "$HELPER" cwg_create "$c2" "$net" 1 "$port2")
    app_at site2 "$HELPER" cwg_connect "$c2" "$net" 0 "192.0.2.1:$port1" "$KEY1"
    app_at site1 "$HELPER" cwg_connect "$c1" "$net" 1 "192.0.2.2:$port2" "$KEY2"
}

# Somebody on the way, between port 5111 of site1 and another address and port, who holds messages of a type back when
# told to (withhold.py). Sets WITHHOLDER: withhold_between ADDRESS PORT TYPE there|back
withhold_between()
{
    ip netns exec site1 python3 "$ROOT/tests/net/withhold.py" 5111 "$1" "$2" 5112 "$3" "$4" \
        >"$BATS_TEST_TMPDIR/withheld" 3>&- &
    WITHHOLDER=$!
    CONTAINERS+=("$WITHHOLDER")
    wait_for grep -qx ready "$BATS_TEST_TMPDIR/withheld"
}

# From now on it holds back; and what was held back goes on.
begin_to_withhold()
{
    kill -USR1 "$WITHHOLDER"
    sleep 0.2
}

has_withheld()
{
    wait_for grep -qx kept "$BATS_TEST_TMPDIR/withheld"
}

release_withheld()
{
    kill -USR2 "$WITHHOLDER"
    wait_for grep -qx sent "$BATS_TEST_TMPDIR/withheld"
    sleep 0.2
}

# What is in a container's namespace, in a form that two looks at can be compared in.
state_of()
{
    inside "$1" sh -c 'ip -details address show && ip route show table all && wg show all dump'
}

# Whether a container has a device that is called exactly that.
has_device()
{
    inside "$1" grep -q "^ *$2:" /proc/net/dev
}

# A field of what `wg show` tells of a device in a container: the key, the peers, their endpoints and so on.
wg_of()
{
    inside "$1" wg show "$2" "$3"
}

# Takes note of what is in container $c1, for unchanged() to compare; when no address of a new device's is on trial any
# more (duplicate address detection).
remember()
{
    wait_for remembered
}

remembered()
{
    BEFORE=$(state_of "$c1")
    [[ $BEFORE != *tentative* ]]
}

# A command of the helper fails with this text, in the way assert_failure_with checks. That it changed nothing in
# container $c1 is seen by unchanged(), which has to come after it: at the end of a test by way of teardown(), and in
# between before the test itself changes something there.
refused()
{
    local text=$1
    shift
    [ -n "${BEFORE:-}" ] || remember
    run --separate-stderr "$@"
    assert_failure_with "$text"
}

# What is in $c1 now is what was there at remember(), or before the first refused(); if there was one.
unchanged()
{
    local before=${BEFORE:-}
    BEFORE=
    [ -z "$before" ] || diff <(echo "$before") <(state_of "$c1") || fail "the container's state changed"
}

# Whether a UDP port can be bound at a site.
port_free()
{
    at "$1" "$TOOLS/udpport" free "$2"
}

# What the machine's own network, where no test makes anything, has that could be of a link: devices of a net's names,
# and sockets at some UDP ports, each with the number that the kernel gives to no other. Something may be there that
# isn't ours: two looks are to be compared: of_the_machine NET PORT...
of_the_machine()
{
    local port
    ip -o link show | awk -F '[:@] *' -v net="$1" '$2 ~ "-" net "-[01]$" { print $1, $2 }'
    for port in "${@:2}"; do
        ss -Hnuae "sport = :$port" | grep -o "$port .* sk:[^ ]*" || true
    done
}

# Waits until no UDP socket is left at some sites: a namespace and its links end a little later than the last process in
# it. For files whose sites outlive their tests.
wait_for_silence()
{
    local site
    for site in "$@"; do
        wait_for no_sockets "$site" || return
    done
}

no_sockets()
{
    [ -z "$(at "$1" ss -Hnua)" ]
}

# Which of a command's system calls to kill it at: reads their numbers, and prints every Nth: to_be_killed [N]
# In the VM, where each takes its time, it is every twelfth at least, other ones on each of the kernels. With
# NAH_EVERY_CALL=1 it is all.
to_be_killed()
{
    local release step=${1:-2}
    release=$(uname -r)
    release=${release#*.}
    [ -z "${NAH_IN_VM:-}" ] || [ "$step" -ge 12 ] || step=12
    [ -z "${NAH_EVERY_CALL:-}" ] || step=1
    awk -v step="$step" -v kernel="${release%%[^0-9]*}" 'NR % step == kernel % step'
}

# To be called by teardown(): ends what the functions above started.
clean_up()
{
    local pid site
    for pid in "${CONTAINERS[@]}"; do
        end_container "$pid"
    done
    for site in "${SITES[@]}"; do
        ip netns delete "$site" 2>/dev/null || true
    done
    CONTAINERS=()
    SITES=()
}

# For a file whose two sites live as long as the file, and whose containers live as long as a test. A file calls this
# once, at its top: this defines what bats runs before and after the tests. After a test, $c1 is compared with its state
# before a refused(), and the file's own after_test() is run, if it has one.
# shellcheck disable=SC2317 # bats calls these
sites_of_the_file()
{
    setup_file()
    {
        has_backend || return 0
        install_helper
        two_sites
    }

    teardown()
    {
        local failed=false
        unchanged || failed=true
        ! declare -F after_test >/dev/null || after_test
        clean_up
        wait_for_silence site1 site2 || failed=true
        ! $failed
    }

    teardown_file()
    {
        clean_up
    }
}

CONTAINERS=()
SITES=()

# One site, with a network beside lo: 192.0.2.0/24, where nobody is.
one_site()
{
    ip netns add site1
    SITES=(site1)
    ip -n site1 link add v1 type veth peer name v2
    ip -n site1 address add 192.0.2.1/24 dev v1
    ip -n site1 link set v1 up
    ip -n site1 link set v2 up
}
