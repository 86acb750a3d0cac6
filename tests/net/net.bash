# Sites, containers and links for the tests, and how a test ends them. Bats files source this file.
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
# A site is a network namespace and stands for a machine. A container is a process in a network namespace of its own. A
# user without privilege calls the helper in the site.

load ../lib/helper

# The program with the settings of config.h; only the place of its engine is the tests' own. With NAH_PORT=musl program
# and engine are those of build/musl.
TESTED=$ROOT/build/${NAH_PORT:-variants/default}/$NAME

# Runs a command in hostile surroundings.
WEIRD_EXEC=(/usr/bin/python3 "$ROOT/tests/net/weird_exec.py")

# Sets BACKEND to `kernel` where the kernel has WireGuard, else to `engine`. The real `wg` can't speak with engines:
# bin/wg can. Sets DUMMY and OTHER_KIND to kinds of devices that this kernel has. Each file calls this function once. It
# fails where no links can be made; in setup_file() bats can't skip.
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

# A test of the kernel's own WireGuard calls this function. A VM without WireGuard is broken, so the test fails there.
require_kernel()
{
    [ "$BACKEND" = engine ] || return 0
    [ -z "${NAH_IN_VM:-}" ] || fail "the VM's kernel has no WireGuard"
    skip "it is about the kernel's WireGuard, which this kernel hasn't"
}

# A test of something that only engines do or tell calls this function.
require_engine()
{
    [ "$BACKEND" != engine ] || return 0
    skip "it is about links that an engine carries"
}

# Makes a device in a container. The device is of the kind that links have here, but the helper didn't make it.
add_of_our_kind()
{
    if [ "$BACKEND" = kernel ]; then
        inside "$1" ip link add "$2" type wireguard
    else
        inside "$1" ip tuntap add dev "$2" mode tun
    fi
}

# Some machines hide process 1 even from root. Says whether this machine shows it.
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

# Runs at-syscall at site1, as the application's user.
at_syscall()
{
    at site1 "$TOOLS/at-syscall" --uid "$APP_UID" --gid "$APP_GID" "$@"
}

# Starts a container: a process in a network namespace of its own, with lo up. Sets the variable named by the first
# argument to its pid. unshare gets the further arguments (such as --user --map-root-user).
container()
{
    local -n ret_pid=$1
    local ready=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/ready.$1
    shift
    rm -f "$ready"
    # Descriptor 3 is bats' own. bats waits for each process that keeps it open.
    unshare --net "$@" -- sh -c 'ip link set lo up; : >"$0"; exec sleep "$1"' "$ready" "${CONTAINER_SECONDS:-600}" \
        3>&- >/dev/null 2>&1 &
    ret_pid=$!
    CONTAINERS+=("$ret_pid")
    wait_for test -e "$ready"
}

# Starts a user's own container, as container engines without root make them: a process of uid $2 in a user namespace
# and a network namespace of its own. The user has power over this container alone.
rootless_container()
{
    local -n ret_rootless_pid=$1
    setpriv --reuid "$2" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        unshare --user --map-root-user --net -- sh -c 'ip link set lo up; exec sleep 600' 3>&- >/dev/null 2>&1 &
    ret_rootless_pid=$!
    CONTAINERS+=("$ret_rootless_pid")
    wait_for grep -qx sleep "/proc/$ret_rootless_pid/comm"
}

# Starts a process that holds a container's lock for a minute. Its pid is in HOLDER.
hold_lock()
{
    bash -c 'exec 9<"$0"; flock 9; exec sleep 60' "/proc/$1/ns/net" 3>&- &
    HOLDER=$!
    CONTAINERS+=("$HOLDER")
    wait_for grep -qx sleep "/proc/$HOLDER/comm"
}

# Says whether this shell has started a process, and the process lives. Another process may have got the number of an
# ended one.
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

# Tries a command for 10 seconds. The first 50 tries are 20 ms apart, the later ones 100 ms.
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

# These sites have IPv6, too: 2001:db8::1 and ::2.
give_ipv6()
{
    ip -n site1 address replace 2001:db8::1/64 dev v1 nodad
    ip -n site2 address replace 2001:db8::2/64 dev v2 nodad
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

# Makes a link for a net between containers $c1 at site1 and $c2 at site2, as the application would. Sets KEY1 and KEY2.
link_up()
{
    local net=$1 port1=${2:-5101} port2=${3:-5102}
    KEY1=$(app_at site1 "$HELPER" cwg_create "$c1" "$net" 0 "$port1")
    KEY2=$(app_at site2 "$HELPER" cwg_create "$c2" "$net" 1 "$port2")
    app_at site2 "$HELPER" cwg_connect "$c2" "$net" 0 "192.0.2.1:$port1" "$KEY1"
    app_at site1 "$HELPER" cwg_connect "$c1" "$net" 1 "192.0.2.2:$port2" "$KEY2"
}

# Starts withhold.py between port 5111 of site1 and another address and port. When told to, it holds messages of a type
# back. Sets WITHHOLDER: withhold_between ADDRESS PORT TYPE there|back
withhold_between()
{
    ip netns exec site1 python3 "$ROOT/tests/net/withhold.py" 5111 "$1" "$2" 5112 "$3" "$4" \
        >"$BATS_TEST_TMPDIR/withheld" 3>&- &
    WITHHOLDER=$!
    CONTAINERS+=("$WITHHOLDER")
    wait_for grep -qx ready "$BATS_TEST_TMPDIR/withheld"
}

# begin_to_withhold: from now on withhold.py holds messages back. release_withheld: it sends them on.
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

# Prints the state of a container's namespace. Two such texts can be compared.
state_of()
{
    inside "$1" sh -c 'ip -details address show && ip route show table all && wg show all dump'
}

# Says whether a container has a device of exactly this name.
has_device()
{
    inside "$1" grep -q "^ *$2:" /proc/net/dev
}

# Prints a field of `wg show` for a device in a container: the key, the peers, their endpoints and so on.
wg_of()
{
    inside "$1" wg show "$2" "$3"
}

# Keeps the state of container $c1 for unchanged(). First it waits until the kernel has checked the addresses of new
# devices (duplicate address detection).
remember()
{
    wait_for remembered
}

remembered()
{
    BEFORE=$(state_of "$c1")
    [[ $BEFORE != *tentative* ]]
}

# A command of the helper fails with this text, as assert_failure_with checks. unchanged() then checks that the command
# changed nothing in container $c1: teardown() calls unchanged() after each test, and a test calls it before the test
# itself changes something in $c1.
refused()
{
    local text=$1
    shift
    [ -n "${BEFORE:-}" ] || remember
    run --separate-stderr "$@"
    assert_failure_with "$text"
}

# If there was a remember() or refused(): the state of $c1 is the same as before it.
unchanged()
{
    local before=${BEFORE:-}
    BEFORE=
    [ -z "$before" ] || diff <(echo "$before") <(state_of "$c1") || fail "the container's state changed"
}

# Says whether a program can bind a UDP port at a site.
port_free()
{
    at "$1" "$TOOLS/udpport" free "$2"
}

# No test makes anything in the machine's own network. Prints what could be of a link there: devices with a net's names,
# and sockets at some UDP ports with the kernel's number for each. Other programs may have such things, so a test
# compares two such lists: of_the_machine NET PORT...
of_the_machine()
{
    local port
    ip -o link show | awk -F '[:@] *' -v net="$1" '$2 ~ "-" net "-[01]$" { print $1, $2 }'
    for port in "${@:2}"; do
        ss -Hnuae "sport = :$port" | grep -o "$port .* sk:[^ ]*" || true
    done
}

# Waits until some sites have no UDP socket any more. The kernel ends a namespace and its links a little after the last
# process in it. Files call this function whose sites outlive their tests.
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

# Chooses the system calls at which to kill a command. Reads their numbers, and prints every Nth: to_be_killed [N]. VMs
# are slow: there N is at least 12, and each kernel gets other calls. With NAH_EVERY_CALL=1 it prints all.
to_be_killed()
{
    local release step=${1:-2}
    release=$(uname -r)
    release=${release#*.}
    [ -z "${NAH_IN_VM:-}" ] || [ "$step" -ge 12 ] || step=12
    [ -z "${NAH_EVERY_CALL:-}" ] || step=1
    awk -v step="$step" -v kernel="${release%%[^0-9]*}" 'NR % step == kernel % step'
}

# teardown() calls this function. It ends everything that the functions above started.
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

# For a file whose two sites live as long as the file, and whose containers live as long as a test. The file calls this
# function once, at its top, and so gets setup_file(), teardown() and teardown_file(). After each test teardown() calls
# unchanged(), and the file's own after_test() if there is one.
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

# Makes one site with a network beside lo: 192.0.2.0/24. Nobody else is in that network.
one_site()
{
    ip netns add site1
    SITES=(site1)
    ip -n site1 link add v1 type veth peer name v2
    ip -n site1 address add 192.0.2.1/24 dev v1
    ip -n site1 link set v1 up
    ip -n site1 link set v2 up
}
