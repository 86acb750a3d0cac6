#!/usr/bin/env bats
# Root in a container attacks commands that work on the container: it takes over pids, renames and re-creates devices,
# forges the kernel's answers, holds locks, fills tables. The caller attacks the host.
#
#       site1 (no device but lo)
#     +-------------------------------------------+
#     |  +----------------------+   +----------+  |
#     |  | c1   eth0 and others |   | bystander|  |       the second one is never named to the helper
#     |  +----------------------+   +----------+  |
#     +-------------------------------------------+

bats_require_minimum_version 1.5.0
load net

KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=

setup_file()
{
    has_backend || return 0
    install_helper
    one_site
    container bystander
    export bystander
    # From now on the module is loaded.
    if [ "$BACKEND" = kernel ]; then
        ip -n site1 link add wg-probe type wireguard
        ip -n site1 link delete wg-probe
    fi
}

setup()
{
    require_backend
    container c1
    BACKGROUND=()
}

teardown()
{
    clean_up
}

teardown_file()
{
    clean_up
}

# Runs a command in the container, in the background, until stop_all.
in_background()
{
    nsenter --net --target "$c1" -- "$@" >"$BATS_TEST_TMPDIR/background.${#BACKGROUND[@]}" 2>&1 3>&- &
    BACKGROUND+=("$!")
}

# Does operations of ip(8) in the container, over and over, in one process. Single ones may fail: storm OPERATION...
storm()
{
    # shellcheck disable=SC2016 # the inner shell's
    in_background bash -c 'exec ip -force -batch <(yes "$0") >/dev/null 2>&1' "$(printf '%s\n' "$@")"
}

stop_all()
{
    local pid
    for pid in "${BACKGROUND[@]}"; do
        ! is_own "$pid" || kill "$pid" 2>/dev/null || true
        wait "$pid" || true
    done
    BACKGROUND=()
}

# Does this many rounds of create, connect and destroy, as the application in one shell, for net 1 or the nets that
# follow. Prints how each ended, and the keys. A command that takes more than 20 seconds ends with 124.
rounds()
{
    app_at site1 sh -c '
        helper=$0 rounds=$1 container=$2 key=$3
        shift 3
        for round in $(seq "$rounds"); do
            for net; do
                timeout 20 "$helper" cwg_create "$container" "$net" 0 5001; echo "create $?"
                timeout 20 "$helper" cwg_connect "$container" "$net" 1 192.0.2.2:5002 "$key"; echo "connect $?"
                timeout 20 "$helper" cwg_destroy "$container" "$net" 0; echo "destroy $?"
            done
        done' "$HELPER" "$1" "$c1" "$KEY" "${@:2}" 2>"$BATS_TEST_TMPDIR/errors"
}

# Does rounds that all succeed.
assert_good_rounds()
{
    [ "$(grep -Ecx 'create 0|connect 0|destroy 0|[A-Za-z0-9+/]{43}=' <<<"$2")" = $((4 * $1)) ] ||
        fail "not $1 good rounds: $2 $(<"$BATS_TEST_TMPDIR/errors")"
}

# Prints a container's devices and routes. It starts one process only.
sketch_of()
{
    cat "/proc/$1/net/dev" "/proc/$1/net/fib_trie"
}

printable()
{
    ! LC_ALL=C grep -q '[^ -~]' <<<"$1" || fail "not printable: $(od -c <<<"$1" | head -n 40)"
}

# Prints the system calls of a create after pidfd_open(): the first of each important kind, or all.
calls_to_stop_at()
{
    at_syscall status --report 1 --stdout /dev/null -- "$HELPER" cwg_create "$c1" 1 0 5001 |
        awk -v every="${NAH_EVERY_CALL:-}" '
            inside && (every || index(" setns socket sendto write ", " " $2 " ") && !seen[$2]++) { print $1 }
            $2 == "pidfd_open" { inside = 1 }'
}

@test "a container is not touched when one of its processes gets the pid that a caller has named, at any moment" {
    local number numbers before taken
    before=$(sketch_of "$bystander")
    numbers=$(calls_to_stop_at)
    [ "$(wc -w <<<"$numbers")" -ge 4 ]
    for number in $numbers; do
        end_container "$c1"
        container c1
        taken=$BATS_TEST_TMPDIR/taken.$number
        # at-syscall stops the command here, kills the container's process, and gives its number to a process of the
        # bystander's.
        run at_syscall --timeout 60 stop "$number" --do "
            $TOOLS/pidrecycle --kill $c1 /proc/$bystander/ns/net 20 >$taken 2>&1 3>&- &
            i=0; until grep -q ready $taken; do i=\$((i + 1)); [ \$i -lt 200 ]; sleep 0.05; done" \
            -- "$HELPER" cwg_create "$c1" 1 0 5001
        echo "stopped at call $number: $status $output"
        [ "$status" -le 1 ]
        grep -q ready "$taken"
        [ "$before" = "$(sketch_of "$bystander")" ] || fail "the other container was changed"
    done
    kill -KILL "$c1"
    wait_for port_free site1 5001
}

@test "the helper refuses a process of the host, the caller's own network, and a descriptor of the host's network" {
    require_machines_network
    run --separate-stderr as_app "$HELPER" cwg_create $$ 1 0 5001
    assert_failure_with "that process is in the host's network namespace"
    if process_1_in_reach; then
        run --separate-stderr cwg site1 create 1 1 0 5001
        assert_failure_with "that process is in the host's network namespace"
    fi
    run --separate-stderr cwg site1 create fd:0 1 0 5001 </run/netns/site1
    assert_failure_with "that process is in the host's network namespace"
    run --separate-stderr cwg site1 create fd:0 1 0 5001 </proc/self/ns/net
    assert_failure_with "that process is in the host's network namespace"
}

# A process of the application's on the host can open its own namespace, and hand the descriptor to a process in a
# container.
@test "the helper refuses a descriptor of the host's network in a pid namespace whose process 1 is elsewhere" {
    require_machines_network
    local before
    before=$(of_the_machine 77 5001)
    run --separate-stderr at site1 unshare --pid --fork --mount-proc \
        setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env -- "$HELPER" cwg_create fd:0 77 0 5001 </proc/self/ns/net
    [ "$before" = "$(of_the_machine 77 5001)" ] ||
        { ip link delete wg-77-0; fail "a link was made in the host's namespace"; }
    assert_failure_with ""
}

# After a storm: accepts commands that SIGSEGV ended only as far as a fault of the kernel explains them. Linux 6.18
# sometimes faults while it lists links whose names change, and kills the process that asked. Then it also kills
# processes of linkdump, thousands of which ask in the same storm and run no code of this project. If linkdump reports
# no such end, the fault is the helper's.
only_the_kernels_faults()
{
    local faults=$1 report=$2
    [ "$faults" -gt 0 ] || return 0
    [ -z "${NAH_IN_VM:-}" ] || fail "$faults commands were ended by SIGSEGV"
    if [ "$faults" -gt 3 ] || ! grep -q '^dumps [0-9]* killed [1-9]' "$report"; then
        fail "$faults commands were ended by SIGSEGV, and of linkdump's processes: $(<"$report")"
    fi
}

@test "during storms of renamed and re-created devices no command crashes, and devices of other names stay" {
    local before ended pause=()
    mapfile -t pause < <(yes "address show" | head -n 200)
    inside "$c1" sh -c 'ip link add eth0 index 70 address 02:00:00:00:00:70 group 7 type "$DUMMY"
        ip link add eth1 index 71 address 02:00:00:00:00:71 group 7 type "$DUMMY"'
    before=$(inside "$c1" ip -o -details address show dev eth1; sketch_of "$bystander")
    storm "link set dev eth0 name wg-1-0" "link set dev wg-1-0 name eth0"
    storm "link property add dev eth1 altname wg-2-0" "link property del dev eth1 altname wg-2-0"
    storm "link add wg-3-0 index 77 type $OTHER_KIND" "${pause[@]:0:30}" "link delete dev wg-3-0" \
        "link add storm index 77 type $OTHER_KIND" "link delete dev storm" \
        "link add wg-3-0 index 77 type $DUMMY" "${pause[@]}" "link delete dev wg-3-0" \
        "link add storm index 77 type $DUMMY" "${pause[@]:0:5}" "link delete dev storm"
    in_background "$TOOLS/linkdump" 120
    ended=$(rounds 3 1 2 3)
    stop_all
    echo "$ended"; sort "$BATS_TEST_TMPDIR/errors" | uniq -c
    cat "$BATS_TEST_TMPDIR"/background.*
    [ "$(grep -Ecx "(create|connect|destroy) ([01]|139)" <<<"$ended")" = 27 ]
    [[ $(<"$BATS_TEST_TMPDIR/background.3") == "dumps "[1-9]*" killed "* ]]
    only_the_kernels_faults "$(grep -c ' 139$' <<<"$ended" || true)" "$BATS_TEST_TMPDIR/background.3"
    printable "$(<"$BATS_TEST_TMPDIR/errors")"
    inside "$c1" ip -o link show | grep '^70: ' >"$BATS_TEST_TMPDIR/eth0"
    grep -q 'state DOWN.* group 7 .*02:00:00:00:00:70' "$BATS_TEST_TMPDIR/eth0"
    inside "$c1" ip link property del dev eth1 altname wg-2-0 2>/dev/null || true
    [ "$before" = "$(inside "$c1" ip -o -details address show dev eth1; sketch_of "$bystander")" ]
}

# The storms reach this state only by chance.
@test "a device whose altname is the link's name is not taken for the link, and not removed or renamed" {
    local task before
    inside "$c1" sh -c 'ip link add eth0 type "$DUMMY" && ip link property add dev eth0 altname wg-1-0'
    for task in "create $c1 1 0 5001" "connect $c1 1 1 192.0.2.2:5002 $KEY" "destroy $c1 1 0"; do
        # shellcheck disable=SC2086 # words
        refused "" cwg site1 $task
    done
}

# This is the storms' attack at the one moment that counts.
# bats test_tags=kernel,only-6-1
@test "cwg_destroy doesn't remove a device that gets the link's name between look-up and removal" {
    local tracer=("$TOOLS/at-syscall" --uid "$APP_UID" --gid "$APP_GID" --timeout 60) number
    cwg site1 create "$c1" 1 0 5001
    number=$(at site1 "${tracer[@]}" status --report 1 -- "$HELPER" cwg_destroy "$c1" 1 0 |
        awk '$2 == "sendto" { number = $1 } END { print number }')
    cwg site1 create "$c1" 1 0 5001
    inside "$c1" ip link add eth0 type "$DUMMY"
    run at site1 "${tracer[@]}" stop "$number" --do "nsenter --net --target $c1 sh -ec '
        ip link set wg-1-0 down; ip link set wg-1-0 name moved; ip link property add dev eth0 altname wg-1-0'" \
        -- "$HELPER" cwg_destroy "$c1" 1 0
    [ "$status" = 0 ]
    has_device "$c1" eth0
    run has_device "$c1" moved
    [ "$status" = 1 ]
}

# The device goes at one of these moments: when the create looks it up or sets its key, before it sets the address and
# the flag "up", and when it takes the mark of unfinished links away.
# bats test_tags=kernel,only-6-1
@test "a create whose device root in the container takes away reports that" {
    local tracer=("$TOOLS/at-syscall" --uid "$APP_UID" --gid "$APP_GID" --timeout 60) number numbers which="2 4 -1"
    [ "$BACKEND" = kernel ] || which="-4 -3 -1"
    mapfile -t numbers < <(at site1 "${tracer[@]}" status --report 1 --stdout /dev/null -- \
        "$HELPER" cwg_create "$c1" 1 0 5001 | awk '$2 == "sendto" { print $1 }')
    cwg site1 destroy "$c1" 1 0
    [ "${#numbers[@]}" -ge 8 ]
    for number in $which; do
        number=${numbers[number]}
        run at site1 "${tracer[@]}" stop "$number" --stdout /dev/null \
            --do "nsenter --net --target $c1 ip link del wg-1-0" -- "$HELPER" cwg_create "$c1" 1 0 5001
        echo "stopped at call $number: $status $output"
        [ "$status" = 1 ]
        [[ $output == *"somebody in the container removed the device"* ]]
    done
    port_free site1 5001
}

# Says whether a process hears of events by netlink: its port there has its number.
is_subscribed()
{
    [ -n "$(awk -v pid="$1" '$3 == pid && $4 != "00000000"' "/proc/$1/net/netlink")" ]
}

# bats test_tags=kernel,only-6-1
@test "neither the site nor the machine's own network namespace ever sees a link's device" {
    local place watchers=() good seen=$BATS_TEST_TMPDIR/seen
    for place in /run/netns/site1 /proc/self/ns/net; do
        "$TOOLS/enter" --net "$place" -- ip -4 -o monitor link address >"$seen.${#watchers[@]}" 2>&1 3>&- &
        watchers+=("$!")
        wait_for is_subscribed "$!"
    done
    good=$(rounds 2 1)
    sleep 0.5
    kill "${watchers[@]}"
    [ ! -s "$seen.0" ] || fail "site1 saw: $(<"$seen.0")"
    # Other programs may make devices there.
    ! grep -E 'wg-1-0|netlink' "$seen.1" || fail "the machine's network namespace saw it"
    assert_good_rounds 2 "$good"
}

# Says whether a process in the container has a NETLINK_ROUTE socket. The kernel's own socket there has port 0.
has_route_socket()
{
    inside "$c1" cat /proc/net/netlink | grep -Eq '^[0-9a-f]+ +0 +[1-9]'
}

@test "netlink messages that root in a container forges don't reach the helper" {
    local good holder
    # First nlforge attacks while the helper waits for its turn, with its sockets open.
    flock "/proc/$c1/ns/net" sleep 60 3>&- &
    holder=$!
    cwg site1 create "$c1" 1 0 5001 >"$BATS_TEST_TMPDIR/key" 3>&- &
    wait_for has_route_socket
    inside "$c1" "$TOOLS/nlforge" 1 >"$BATS_TEST_TMPDIR/forged" || true
    kill "$holder"
    wait "$!"
    cat "$BATS_TEST_TMPDIR/forged"
    [ "$(<"$BATS_TEST_TMPDIR/key")" = "$(wg_of "$c1" wg-1-0 public-key)" ]
    grep -q '^listed: attempted [1-9][0-9]* accepted 0 refused [1-9]' "$BATS_TEST_TMPDIR/forged"
    cwg site1 destroy "$c1" 1 0
    # Then nlforge attacks all the time.
    in_background "$TOOLS/nlforge" 60
    good=$(rounds 2 1)
    stop_all
    cat "$BATS_TEST_TMPDIR"/background.*
    assert_good_rounds 2 "$good"
    grep -q '^listed: attempted [1-9][0-9]* accepted 0 refused [1-9]' "$BATS_TEST_TMPDIR/background.0"
}

@test "the helper works though another process has bound the netlink ports of the next thousand processes" {
    local good
    in_background "$TOOLS/nlforge" --squat 1000 60
    wait_for grep -q squatting "$BATS_TEST_TMPDIR/background.0"
    good=$(rounds 2 1)
    assert_good_rounds 2 "$good"
    stop_all
}

@test "a process that holds the lock of the container's namespace delays a command by two seconds, and no more" {
    local alone together
    alone=$(date +%s%N)
    assert_good_rounds 1 "$(rounds 1 1)"
    alone=$(($(date +%s%N) - alone))
    in_background flock "/proc/$c1/ns/net" sleep 60
    sleep 0.3
    together=$(date +%s%N)
    assert_good_rounds 1 "$(rounds 1 1)"
    together=$(($(date +%s%N) - together))
    echo "three commands: $alone ns; with the lock held: $together ns"
    # Each of the three commands waits two seconds. A busy machine takes longer.
    [ "$together" -gt $((alone + 1000000000)) ]
    [ "$together" -lt $((4 * alone + 12000000000)) ]
}

@test "commands work in a container with thousands of routes, many devices, and hundreds of alternative names" {
    local i name
    for i in {1..2000}; do
        echo "route add blackhole 172.16.$((i >> 8)).$((i & 255))"
    done >"$BATS_TEST_TMPDIR/routes"
    for i in {1..50}; do
        echo "link add many$i type $DUMMY"
    done >"$BATS_TEST_TMPDIR/devices"
    # 330 of these names make some 38 KiB, and each answer about the link has them.
    name=$(printf 'x%.0s' {1..110})
    for i in {1000..1329}; do
        echo "link property add dev wg-1-0 altname $name$i"
    done >"$BATS_TEST_TMPDIR/names"
    inside "$c1" sh -c 'ip -batch "$0/routes" && ip -batch "$0/devices"' "$BATS_TEST_TMPDIR"
    cwg site1 create "$c1" 1 0 5001
    inside "$c1" ip -batch "$BATS_TEST_TMPDIR/names"
    cwg site1 connect "$c1" 1 1 192.0.2.2:5002 "$KEY"
    [ "$(wg_of "$c1" wg-1-0 peers)" = "$KEY" ]
    cwg site1 destroy "$c1" 1 0
    run has_device "$c1" wg-1-0
    [ "$status" = 1 ]
}

@test "the helper prints only printable bytes, whatever its arguments contain" {
    local argument esc=$'\e[31m' arguments
    arguments=("$esc"$'1\n2' $'\x9b2J\u00e9\u202e' "$(printf 'A%.0s' {1..65536})" '%s%n' $'1\t')
    for argument in "${arguments[@]}"; do
        run --separate-stderr as_app sh -c '
            "$0" "$1"; "$0" cwg_create "$1" 1 0 1; "$0" cwg_create 1 "$1" 0 1; "$0" cwg_create 1 1 "$1" 1
            "$0" cwg_create 1 1 0 "$1"; "$0" cwg_create "fd:$1" 1 0 1; "$0" cwg_connect 1 1 0 "$1" A
            "$0" cwg_connect 1 1 0 192.0.2.1:1 "$1"; exec "$0" cwg_destroy 1 1 0 "$1"' "$HELPER" "$argument"
        [ "$status" = 1 ]
        [ -z "$output" ]
        [ "${#stderr_lines[@]}" -ge 9 ]
        [ "${#stderr}" -lt 8000 ] || fail "the argument is repeated"
        printable "$stderr"
    done
}

@test "the helper prints only printable bytes, whatever a container's devices are called" {
    local esc=$'\e[31m\x9b' task
    inside "$c1" ip link add "a$esc" type "$DUMMY"
    inside "$c1" ip link property add dev "a$esc" altname "b$esc$(printf '\x07%.0s' {1..100})"
    inside "$c1" ip link property add dev "a$esc" altname wg-1-0
    inside "$c1" ip link set "a$esc" alias "$esc" up
    inside "$c1" ip address add 10.0.0.4/31 dev "a$esc"
    for task in "create $c1 1 0 5001" "connect $c1 1 1 192.0.2.2:5002 $KEY" "destroy $c1 1 0" "create $c1 2 1 5001"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr cwg site1 $task
        echo "$task: $stderr"
        assert_failure_with ""
    done
}

# These are no attacks that fail: the kernel grants them to root in a container (GENL_UNS_ADMIN_PERM), as doc/threats.md
# says.
# bats test_tags=kernel,only-6-1
@test "root in a container can read a kernel link's private key and change its peer and port" {
    require_kernel
    cwg site1 create "$c1" 1 0 5001
    [ "$(wg_of "$c1" wg-1-0 private-key | wg pubkey)" = "$(wg_of "$c1" wg-1-0 public-key)" ]
    inside "$c1" wg set wg-1-0 listen-port 5009 peer "$KEY" allowed-ips 0.0.0.0/0
    run port_free site1 5009
    [ "$status" = 1 ]
}

# The port belongs to the host. To change it takes power over the namespace that the device was made from.
# bats test_tags=kernel,only-6-1
@test "root in a container with a user namespace can read the private key and change the peer, but not the port" {
    require_kernel
    local rootless key in
    container rootless --user --map-root-user
    in=(nsenter --user --net --target "$rootless" --)
    cwg site1 create "$rootless" 1 0 5001
    key=$("${in[@]}" wg show wg-1-0 private-key)
    [ "$(wg pubkey <<<"$key")" = "$(wg_of "$rootless" wg-1-0 public-key)" ]
    "${in[@]}" wg set wg-1-0 peer "$KEY" allowed-ips 0.0.0.0/0
    run "${in[@]}" wg set wg-1-0 listen-port 5009
    [ "$status" != 0 ]
    # Without CAP_NET_ADMIN in the container nothing can be read or changed.
    run --separate-stderr "${in[@]}" setpriv --bounding-set -net_admin --inh-caps=-all -- wg show wg-1-0 private-key
    [ "$status" != 0 ]
    [ -z "$output" ]
}

# A link that root in the container has renamed is the container's own affair from then on.
@test "the helper leaves a link alone that was renamed in the container, and it goes with the container" {
    cwg site1 create "$c1" 1 0 5001
    inside "$c1" sh -c 'ip link set wg-1-0 down && ip link set wg-1-0 name mine && ip link set mine up'
    refused "no such link" cwg site1 destroy "$c1" 1 0
    run port_free site1 5001
    [ "$status" = 1 ]
    end_container "$c1"
    wait_for port_free site1 5001
}
