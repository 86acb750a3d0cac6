# Worlds for scenarios: two sites, a container at each, a link between the containers, and several paths for the link.
# There is one world for each pair of backends that this machine has. Without WireGuard in the kernel the one pair is
# engine-engine. In the VM the pairs are engine-engine, engine-kernel and kernel-kernel. What kernel-kernel does is
# right by definition. Bats files source this file.
#
#      W-c1                                                                 W-c2
#     +----------------+                                                   +----------------+
#     | wg-7-0         |                                                   |         wg-7-1 |
#     | 10.0.0.14      |                                                   |      10.0.0.15 |
#     +----------------+                                                   +----------------+
#      W-1                                                                  W-2
#     +----------------+                                                   +----------------+
#     | 192.0.2.1   v1-+------------------------veth-----------------------+-v2   192.0.2.2 |
#     | 2001:db8::1    |                                                   |    2001:db8::2 |
#     | 198.51.100.1 x1+------------------------veth-----------------------+x2 198.51.100.2 |
#     |                |            W-r (a router, perhaps with NAT)       |                |
#     | 172.16.0.2  n1-+--veth--r1 172.16.0.1     203.0.113.1 r2--veth-----+-n2 203.0.113.2 |
#     +----------------+                                                   +----------------+
#
# A *place* is 1, 2, r, c1 or c2, or another name that a scenario gives to a namespace. A scenario is a function. It
# runs in the world of one pair, with the variables PAIR, W (the prefix of its namespaces), C1 and C2 (processes in the
# containers), KEY1 and KEY2.

load ../lib/helper

PORT1=5101 PORT2=5102
IP1=10.0.0.14 IP2=10.0.0.15
DEVICE1=wg-7-0 DEVICE2=wg-7-1
WG=$ROOT/tests/net/bin/wg

# Sets PAIRS, and installs the program for both backends. For setup_file().
prepare_pairs()
{
    PAIRS=
    [ -c /dev/net/tun ] || return 0
    PAIRS=engine-engine
    if unshare -n ip link add wg-probe type wireguard 2>/dev/null; then
        PAIRS='engine-engine engine-kernel kernel-kernel'
    fi
    install_engine
    install_helper "$ROOT/build/variants/engine/$NAME" cap_net_admin,cap_sys_admin,cap_sys_ptrace=p \
        "$BATS_FILE_TMPDIR/engine"
    install_helper "$ROOT/build/variants/default/$NAME" cap_net_admin,cap_sys_admin,cap_sys_ptrace=p \
        "$BATS_FILE_TMPDIR/kernel"
    # Names of namespaces are the machine's: $$ keeps those of two runs apart.
    RUN=s$$
    export PAIRS RUN
}

# For setup().
require_pairs()
{
    [ -n "$PAIRS" ] || skip "this machine has no TUN devices"
    [ -z "${NAH_IN_VM:-}" ] || [[ $PAIRS == *kernel* ]] || fail "the VM's kernel has no WireGuard"
}

# Ends all worlds. For teardown_file().
end_pairs()
{
    local pair
    for pair in $PAIRS; do
        in_pair "$pair"
        end_world
    done
}

# ---- a world ----

in_pair()
{
    PAIR=$1
    W=$RUN-$1
    WORLD=$BATS_FILE_TMPDIR/world.$PAIR
}

# Plays a scenario in the worlds of all pairs at the same time: each_pair SCENARIO [ARGUMENT...]. If it fails in a
# world, each_pair prints the scenario's output, and the next scenario gets a new world.
each_pair()
{
    local pair failed='' log=$BATS_TEST_TMPDIR/log
    local -A players=()
    for pair in $PAIRS; do
        play "$pair" "$@" 3>&- >"$log.$pair" 2>&1 &
        players[$pair]=$!
    done
    for pair in $PAIRS; do
        wait "${players[$pair]}" && continue
        failed+=" $pair"
        in_pair "$pair"
        echo "---- $pair:"
        cat "$log.$pair"
        end_world
    done
    [ -z "$failed" ] || fail "it failed with:$failed"
}

play()
{
    trap - DEBUG EXIT
    trap 'echo "failed: ${BASH_SOURCE[0]##*/} line $LINENO: $BASH_COMMAND" >&2' ERR
    set -eE
    in_pair "$1"
    SCRATCH=$BATS_TEST_TMPDIR/$PAIR
    mkdir "$SCRATCH"
    if [ -e "$WORLD" ]; then
        # shellcheck source=/dev/null
        . "$WORLD"
    else
        make_world
    fi
    "${@:2}"
    end_background
    save_world
}

save_world()
{
    declare -p C1 C2 KEY1 KEY2 >"$WORLD"
}

# Runs a command at a place, as root: on PLACE COMMAND...
on()
{
    nsenter --net="/run/netns/$W-$1" -- "${@:2}"
}

# The kernel takes the IPv6 addresses away when their device is set down.
add_ipv6()
{
    ip -n "$W-1" address replace 2001:db8::1/64 dev v1 nodad
    ip -n "$W-2" address replace 2001:db8::2/64 dev v2 nodad
}

# Starts a process at a place, which so becomes a container. Its pid is $!.
contain()
{
    ip netns exec "$W-$1" sleep 1200 3>&- >/dev/null 2>&1 &
    wait_for grep -qx sleep "/proc/$!/comm"
}

# Runs commands of ip(8), from standard input, at a place. A VM is slow to start programs, so one ip runs them all.
configure()
{
    { echo 'link set lo up'; cat; } | ip -n "$W-$1" -batch -
}

make_world()
{
    ip -batch - <<END
netns add $W-1
netns add $W-2
netns add $W-r
netns add $W-c1
netns add $W-c2
link add v1 netns $W-1 type veth peer name v2 netns $W-2
link add x1 netns $W-1 type veth peer name x2 netns $W-2
link add n1 netns $W-1 type veth peer name r1 netns $W-r
link add r2 netns $W-r type veth peer name n2 netns $W-2
END
    configure 1 <<'END'
address add 192.0.2.1/24 dev v1
address add 2001:db8::1/64 dev v1 nodad
address add 198.51.100.1/24 dev x1
address add 172.16.0.2/24 dev n1
link set v1 up
link set x1 up
link set n1 up
route add 203.0.113.0/24 via 172.16.0.1
END
    configure 2 <<'END'
address add 192.0.2.2/24 dev v2
address add 2001:db8::2/64 dev v2 nodad
address add 198.51.100.2/24 dev x2
address add 203.0.113.2/24 dev n2
link set v2 up
link set x2 up
link set n2 up
END
    configure r <<'END'
address add 172.16.0.1/24 dev r1
address add 203.0.113.1/24 dev r2
link set r1 up
link set r2 up
END
    on r sysctl -qw net.ipv4.ip_forward=1
    configure c1 </dev/null
    configure c2 </dev/null
    contain c1
    C1=$!
    contain c2
    C2=$!
    make_link
    connect_both
}

end_world()
{
    local place pid
    rm -f "$WORLD"
    for place in d1 d2 c1 c2 1 2 r; do
        [ -e "/run/netns/$W-$place" ] || continue
        for pid in $(ip netns pids "$W-$place"); do kill -KILL "$pid" 2>/dev/null || true; done
        ip netns delete "$W-$place"
    done
}

# ---- a link ----

# Runs a task for one end, as the application does at its site. End 1 is host 0, in container 1.
cwg()
{
    local end=$1 backends=("${PAIR%-*}" "${PAIR#*-}") pids=("$C1" "$C2")
    nsenter --net="/run/netns/$W-$end" -- \
        setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- \
        "$BATS_FILE_TMPDIR/${backends[$end - 1]}/$NAME" "cwg_$2" "${pids[$end - 1]}" "${@:3}"
}

# Makes both ends anew, without peers.
make_link()
{
    KEY1=$(cwg 1 create 7 0 "$PORT1")
    KEY2=$(cwg 2 create 7 1 "$PORT2")
    carried 1 "${PAIR%-*}"
    carried 2 "${PAIR#*-}"
}

end_link()
{
    cwg 1 destroy 7 0
    cwg 2 destroy 7 1
}

# Prints what the helper says of an end as JSON. Root calls the helper here: that starts fewer programs.
shown()
{
    local backends=("${PAIR%-*}" "${PAIR#*-}") pids=("$C1" "$C2")
    on "$1" "$BATS_FILE_TMPDIR/${backends[$1 - 1]}/$NAME" cwg_show "${pids[$1 - 1]}" --json
}

carried()
{
    shown "$1" | grep -qF "\"backend\":\"$2\"" || fail "end $1 isn't carried by $2"
}

# Tells one end where its peer is: connect END ENDPOINT [OPTION...]
connect()
{
    local keys=("$KEY2" "$KEY1")
    cwg "$1" connect 7 $((2 - $1)) "$2" "${keys[$1 - 1]}" "${@:3}"
}

# Gives the link the state in which each scenario finds it.
connect_both()
{
    connect 1 "192.0.2.2:$PORT2"
    connect 2 "192.0.2.1:$PORT1"
}

# Prints the endpoint of an end's peer.
endpoint()
{
    local shown
    shown=$(shown "$1")
    [[ $shown =~ \"endpoint\":\"?([^\",]+) ]] && echo "${BASH_REMATCH[1]}"
}

has_endpoint()
{
    local endpoint
    endpoint=$(endpoint "$1")
    [ "$endpoint" = "$2" ] || fail "end $1 believes its peer to be at $endpoint, not at $2"
}

mtu()
{
    local devices=("$DEVICE1" "$DEVICE2")
    on "c$1" ip -oneline link show "${devices[$1 - 1]}" | sed -E 's/.* mtu ([0-9]+) .*/\1/'
}

# ---- traffic ----

# An end sends one packet first, and gets an answer: speaks END [ARGUMENT OF PING...]
speaks()
{
    local peers=("$IP2" "$IP1")
    on "c$1" ping -n -q -c 1 -W 5 "${@:2}" "${peers[$1 - 1]}" >/dev/null || fail "no answer to end $1: ${*:2}"
}

both_speak()
{
    speaks 1
    speaks 2
}

# An end gets an answer to one of several packets: reaches END SECONDS
reaches()
{
    local peers=("$IP2" "$IP1")
    on "c$1" ping -n -q -i 0.2 -c 1 -w "$2" "${peers[$1 - 1]}" >/dev/null || fail "no answer to end $1 in $2 s"
}

# An end sends one packet, and gets no answer within a second.
is_silent()
{
    local peers=("$IP2" "$IP1")
    ! on "c$1" ping -n -q -c 1 -W 1 "${@:2}" "${peers[$1 - 1]}" >/dev/null || fail "end $1 has an answer: ${*:2}"
}

listens()
{
    on "$1" ss -Hlnut "sport = :$2" | grep -q .
}

BACKGROUND=()

# Starts a program at a place. It ends with the scenario: start PLACE COMMAND...
start()
{
    # No function stands between: so $! is the program itself.
    nsenter --net="/run/netns/$W-$1" -- "${@:2}" 3>&- &
    BACKGROUND+=("$!")
}

end_background()
{
    local pid
    for pid in "${BACKGROUND[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    BACKGROUND=()
}

# Tries a command up to 100 times in 10 seconds.
wait_for()
{
    local i
    for ((i = 0; i < 100; i++)); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    fail "waited in vain for: $*"
}

# Data arrives as it was sent, in both directions: traffic sizes|load
traffic()
{
    local arguments=("/run/netns/$W-c1" "$IP1" "/run/netns/$W-c2" "$IP2")
    [ "$1" != sizes ] || arguments+=("$(mtu 1)")
    "$ROOT/tests/net/traffic.py" "$1" "${arguments[@]}"
}

# Prints how many packets a rule of iptables has counted. The rule is the first in a chain whose line has a text: seen
# PLACE TABLE CHAIN TEXT
seen()
{
    on "$1" iptables -t "$2" -nvxL "$3" | awk -v text="$4" 'index($0, text) { print $1; exit }'
}
