# Functions of the engine's tests: pairs of sites, peers, transfers, captures. Bats files source this file.
#
#          NAME-1                                 NAME-2
#     +---------------------------+          +---------------------------+
#     |      192.0.2.1 (v1) ------+---veth---+------ (v2) 192.0.2.2      |
#     |    2001:db8::1            |          |            2001:db8::2    |
#     |  +--------+    cwg-engine |          |  wireguard-go, or         |
#     |  |   c1   |    port 5101  |          |  cwg-engine and c2        |
#     |  +--------+               |          |  port 5102                |
#     +---------------------------+          +---------------------------+
#      10.0.0.14 (wg-7-0)                     10.0.0.15 (wireguard-go's device, or wg-7-1 in c2)
#
# A file may have several such worlds with names of their own. A *place* is where a command runs: a site's name, or the
# number of a process in the network namespace.

load ../net/net

PORT1=5101 PORT2=5102
IP1=10.0.0.14 IP2=10.0.0.15
CTL=$ROOT/tests/engine/enginectl.py
BACKGROUND=()

# Makes two joined sites: world NAME
world()
{
    local a=$1-1 b=$1-2 number site
    ip netns add "$a"
    ip netns add "$b"
    SITES+=("$a" "$b")
    ip -n "$a" link add v1 type veth peer name v2 netns "$b"
    for number in 1 2; do
        site=$1-$number
        ip -n "$site" address add "192.0.2.$number/24" dev "v$number"
        ip -n "$site" address add "2001:db8::$number/64" dev "v$number" nodad
        ip -n "$site" link set lo up
        ip -n "$site" link set "v$number" up
    done
}

# Runs a command at a place, as root.
on()
{
    local place=$1
    shift
    if [[ $place =~ ^[0-9]+$ ]]; then
        "$TOOLS/enter" --net "/proc/$place/ns/net" -- "$@"
    else
        "$TOOLS/enter" --net "/run/netns/$place" -- "$@"
    fi
}

# Starts a command in the background. The end of the test ends it. Its number is in $!.
background()
{
    "$@" 3>&- &
    BACKGROUND+=("$!")
}

end_background()
{
    local pid
    for pid in "${BACKGROUND[@]}"; do
        kill_tree "$pid"
        wait "$pid" 2>/dev/null || true
    done
    BACKGROUND=()
}

# Kills a process and all its descendants: kill_tree PID [PARENT]. This shell, or PARENT, has started the process.
# Another process may have got the number of an ended one; that stays alone. Each process is stopped before its children
# are killed, so that it starts no new ones.
kill_tree()
{
    local children=() child
    is_child "$1" "${2:-$BASHPID}" || return 0
    kill -STOP "$1" 2>/dev/null || return 0
    read -r -a children 2>/dev/null <"/proc/$1/task/$1/children" || true
    for child in "${children[@]}"; do kill_tree "$child" "$1"; done
    kill -KILL "$1" 2>/dev/null || true
}

# Says whether a process has this parent: is_child PID PARENT
is_child()
{
    grep -qsx "PPid:	$2" "/proc/$1/status"
}

# Makes a container with an engine's link at the first site of a world. Sets c1, ENGINE and KEY1. Further words stand
# before the command (`refuse`).
engine_link()
{
    local site=$1-1
    shift
    container c1
    KEY1=$("$@" ip netns exec "$site" \
        setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- \
        "$HELPER" cwg_create "$c1" 7 0 "$PORT1")
    ENGINE=$(engine_of "$c1" wg-7-0)
    lives "$ENGINE"
}

# Prints the number of the process that carries a device: engine_of PID DEVICE
engine_of()
{
    inside "$1" ip link show "$2" | sed -n 's/^ *alias net-admin-helper: engine, process \([0-9]*\)$/\1/p'
}

# A process lives. A zombie doesn't.
lives()
{
    [ -n "$(sed -n 's/^State:\t[^ZX]/&/p' "/proc/$1/status" 2>/dev/null)" ]
}

has_ended()
{
    ! lives "$1"
}

# Starts wireguard-go at the second site of a world, with the file's key. Sets KEY2 and GO.
go_start()
{
    local site=$1-2 name=go-$1 key=$BATS_FILE_TMPDIR/key.$1
    [ -s "$key" ] || (umask 077 && wg genkey >"$key")
    KEY2=$(wg pubkey <"$key")
    rm -f "/run/wireguard/$name.sock"
    ip netns exec "$site" env WG_PROCESS_FOREGROUND=1 wireguard-go -f "$name" 3>&- >/dev/null 2>&1 &
    GO=$!
    BACKGROUND+=("$GO")
    wait_for test -S "/run/wireguard/$name.sock"
    wg set "$name" private-key "$key" listen-port "$PORT2"
    ip -n "$site" address add "$IP2/31" dev "$name"
    ip -n "$site" link set "$name" mtu 1420 up
}

# Sets the peer of a world's wireguard-go: go_peer WORLD KEY [WORD OF WG SET...]
go_peer()
{
    wg set "go-$1" peer "$2" allowed-ips "$IP1/32" "${@:3}"
}

# Makes both ends of a link, and connects each to the other.
engine_and_go()
{
    engine_link "$@"
    go_start "$1"
    go_peer "$1" "$KEY1" endpoint "192.0.2.1:$PORT1"
    cwg "$1-1" connect "$c1" 7 1 "192.0.2.2:$PORT2" "$KEY2"
}

# Does the same with engines at both ends. Sets c1, c2, ENGINE, ENGINE2, KEY1 and KEY2.
two_engines()
{
    engine_link "$@"
    container c2
    KEY2=$(cwg "$1-2" create "$c2" 7 1 "$PORT2")
    ENGINE2=$(engine_of "$c2" wg-7-1)
    cwg "$1-2" connect "$c2" 7 0 "192.0.2.1:$PORT1" "$KEY1"
    cwg "$1-1" connect "$c1" 7 1 "192.0.2.2:$PORT2" "$KEY2"
}

# A ping is answered within so many seconds.
answers()
{
    on "$1" ping -n -q -i 0.2 -c 1 -w "${3:-5}" "$2" >/dev/null
}

# Starts a bad network, which listens at port 6000 of the second site. The words are udprelay's. Sets RELAY.
relay()
{
    local output=$BATS_TEST_TMPDIR/relay
    ip netns exec "$1-2" "$TOOLS/udprelay" "${@:2}" 6000 "192.0.2.2:$PORT2" 3>&- >"$output" &
    RELAY=$!
    BACKGROUND+=("$RELAY")
    wait_for grep -qx ready "$output"
}

# Data arrives as it was sent: transfer FROM TO ADDRESS [BYTES [SECONDS]]
transfer()
{
    local from=$1 to=$2 address=$3 bytes=${4:-4000000} seconds=${5:-30} receiver
    local sent=$BATS_TEST_TMPDIR/sent received=$BATS_TEST_TMPDIR/received
    head -c "$bytes" /dev/urandom >"$sent"
    on "$to" timeout "$seconds" socat -u TCP6-LISTEN:4000,reuseaddr,ipv6only=0 "CREATE:$received" 3>&- &
    receiver=$!
    BACKGROUND+=("$receiver")
    wait_for listens "$to" 4000
    on "$from" timeout "$seconds" socat -u "OPEN:$sent" "TCP:$address:4000" || fail "can't send"
    wait "$receiver" || fail "the receiver ended with $?"
    [ "$(sha256sum <"$sent")" = "$(sha256sum <"$received")" ] || fail "the content has changed"
}

listens()
{
    [ -n "$(on "$1" ss -Hltn "sport = :$2")" ]
}

both_ways()
{
    transfer "$1" "$2" "$IP2" "${@:3}"
    transfer "$2" "$1" "$IP1" "${@:3}"
}

# Writes a line to $CAPTURE for each of WireGuard's messages that passes a device: `TIME FROM TO LENGTH TYPE`, with a
# type from 1 to 4.
capture()
{
    local place=$1 device=$2 expression=${3:-udp}
    CAPTURE=$BATS_TEST_TMPDIR/capture.$place
    on "$place" tcpdump -i "$device" -n -tt -l -s 64 -x --immediate-mode "$expression" \
        3>&- 2>"$CAPTURE.log" >"$CAPTURE.raw" &
    CAPTURER=$!
    BACKGROUND+=("$CAPTURER")
    wait_for grep -q 'listening on' "$CAPTURE.log"
}

# The hexadecimal of a packet begins with the IP header. With IPv4 the UDP payload begins at byte 28.
captured()
{
    awk '/^[0-9]+\.[0-9]+ / { time = $1; from = $3; to = substr($5, 1, length($5) - 1); size = $NF }
         /^\t0x0010:/ { type = substr($8, 1, 2) + 0; print time, from, to, size, type }' "$CAPTURE.raw"
}

# Prints how many messages of a type were captured from an address with its port.
count_captured()
{
    captured | awk -v type="$1" -v from="$2" '$5 == type && (from == "" || $2 == from)' | wc -l
}

# Prints a field that $ENGINE, or another process, tells.
of_engine()
{
    "$CTL" "${2:-$ENGINE}" get "$1"
}

# Most files have this as setup_file() and teardown().
prepare_engine()
{
    install_engine
    install_helper "$ROOT/build/variants/engine/$NAME"
}

end_test()
{
    local pid site
    end_background
    for pid in "${CONTAINERS[@]}"; do end_container "$pid"; done
    CONTAINERS=()
    for site in "${SITES[@]}"; do
        wait_for no_sockets "$site"
    done
}
