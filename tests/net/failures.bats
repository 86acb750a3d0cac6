#!/usr/bin/env bats
# A command that fails says why in one line, and changes nothing. The caller has no privilege.
#
#                site1                                 site2
#     +---------------------------+          +---------------------------+
#     |      192.0.2.1 (v1) ------+---veth---+------ (v2) 192.0.2.2      |
#     |  +--------+               |          |  (nobody there)           |
#     |  |   c1   |               |          |                           |
#     |  +--------+               |          |                           |
#     +---------------------------+          +---------------------------+
#
# The sites live as long as this file, containers only as long as a test.

bats_require_minimum_version 1.5.0
load net
sites_of_the_file

# The key of some peer: 32 times the byte "k".
KEY=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=

setup()
{
    require_backend
    container c1
}

# Removes what a test has put into a site.
after_test()
{
    ip -n site1 link delete wg-1-0 2>/dev/null || true
}

# Starts a command in the background, and sets the variable $1 to its pid. clean_up ends the command.
background()
{
    local -n ret_background=$1
    shift
    "$@" 3>&- >/dev/null 2>&1 &
    ret_background=$!
    CONTAINERS+=("$ret_background")
}

# Makes a device d0 in $c1, and sets it up.
dummy()
{
    inside "$c1" ip link add d0 type "$DUMMY"
    inside "$c1" ip link set d0 up
}

# As refused(), for an argument that is wrong on any machine: the error also says how to call the task.
refused_argument()
{
    local text=$1
    shift
    run --separate-stderr cwg site1 "$@"
    [ "$status-$output" = 1- ] || fail "exit code $status, standard output '$output'"
    [[ ${stderr_lines[0]} == "$NAME: $text"* ]] || fail "$stderr"
}

# ---- the pid ----

@test "the helper refuses a pid that no process has" {
    refused "pid: no such process" cwg site1 create 4194304 1 0 5001
    refused "pid: no such process" cwg site1 connect 4194304 1 1 192.0.2.2:5002 "$KEY"
    refused "pid: no such process" cwg site1 destroy 4194304 1 0
}

@test "the helper refuses the pid of a process that has ended, and of a zombie" {
    local zombie parent
    container c3
    end_container "$c3"
    refused "pid: no such process" cwg site1 create "$c3" 1 0 5001

    # shellcheck disable=SC2016
    background parent unshare --net sh -c 'sh -c "echo \$\$" >"$0" & exec sleep 600' "$BATS_TEST_TMPDIR/zombie"
    wait_for grep -q . "$BATS_TEST_TMPDIR/zombie"
    zombie=$(cat "$BATS_TEST_TMPDIR/zombie")
    wait_for grep -q '^State:.*zombie' "/proc/$zombie/status"
    [ "$(awk '$1 == "PPid:" { print $2 }' "/proc/$zombie/status")" = "$parent" ]
    refused "pid: no such process" cwg site1 create "$zombie" 1 0 5001
    refused "pid: no such process" cwg site1 destroy "$zombie" 1 0
}

@test "the helper refuses the number of a thread that isn't its process's" {
    local process thread program
    program='
import threading, time
threading.Thread(target=time.sleep, args=(600,)).start()'
    background process unshare --net /usr/bin/python3 -S -c "$program"
    # One of the two tasks isn't the process.
    # shellcheck disable=SC2016
    wait_for sh -c '[ "$(ls "/proc/$0/task" | wc -l)" = 2 ]' "$process"
    # shellcheck disable=SC2010
    thread=$(ls "/proc/$process/task" | grep -vx "$process")
    refused "pid: no such process" cwg site1 create "$thread" 1 0 5001
    # The process itself can have links.
    run --separate-stderr cwg site1 create "$process" 1 0 5001
    assert_success_with_key
}

@test "the helper refuses a container that the caller's user namespace has no power over" {
    # The way back home is out of reach, too, and the helper tries that first.
    local text="this program has no rights over the network namespace that it was started in"
    refused "$text" at site1 unshare --user --map-root-user "$HELPER" cwg_create "$c1" 1 0 5001
    refused "$text" \
        app_at site1 unshare --user --map-root-user "$HELPER" cwg_create "$c1" 1 0 5001
}

@test "the helper says so when it couldn't return to the network namespace that it was started in" {
    # The container is in this user namespace. The site, which would have the UDP socket, isn't.
    # shellcheck disable=SC2016
    run --separate-stderr app_at site1 unshare --user --map-root-user sh -c '
        unshare --net sleep 600 >/dev/null 2>&1 &
        until grep -qx sleep "/proc/$!/comm"; do sleep 0.1; done
        status=0
        "$0" cwg_create "$!" 1 0 5001 --json || status=$?
        kill "$!"
        exit "$status"' "$HELPER"
    assert_json_failure not-permitted "this program has no rights over the network namespace that it was started in, \
where the link's UDP socket would be"
}

@test "the helper refuses the host's network namespace, whichever process names it" {
    local in_site host_like
    require_process_1
    require_machines_network
    refused "host's network namespace" cwg site1 create 1 1 0 5001
    refused "host's network namespace" cwg site1 connect 1 1 1 192.0.2.2:5002 "$KEY"
    refused "host's network namespace" cwg site1 destroy 1 1 0
    # The helper is called in the machine's own namespace, and acts on that.
    refused "host's network namespace" as_app "$HELPER" cwg_create "$$" 1 0 5001
    # shellcheck disable=SC2016
    refused "host's network namespace" app_at site1 sh -c '"$0" cwg_create "$$" 1 0 5001' "$HELPER"
    background in_site ip netns exec site1 sleep 600
    wait_for grep -qx sleep "/proc/$in_site/comm"
    refused "host's network namespace" cwg site1 create "$in_site" 1 0 5001
    # This process has all namespaces but the network of its own, as a container that is started with the host's
    # network.
    background host_like unshare --mount --uts --ipc --pid --cgroup --fork --kill-child sleep 600
    wait_for pgrep -P "$host_like"
    refused "host's network namespace" cwg site1 create "$(pgrep -P "$host_like")" 1 0 5001
}

@test "the helper refuses a descriptor of the host's network namespace" {
    require_process_1
    require_machines_network
    refused "host's network namespace" cwg site1 create fd:9 1 0 5001 9</run/netns/site1
    refused "host's network namespace" cwg site1 create fd:9 1 0 5001 9</proc/1/ns/net
    refused "host's network namespace" as_app "$HELPER" cwg_create fd:9 1 0 5001 9</proc/self/ns/net
}

@test "root may make links in every namespace, but engines not in the one that root calls the helper in" {
    local in_site
    background in_site ip netns exec site1 sleep 600
    wait_for grep -qx sleep "/proc/$in_site/comm"
    run --separate-stderr at site1 "$HELPER" cwg_create "$in_site" 1 0 5001
    if [ "$BACKEND" = engine ]; then
        assert_failure_with "pid: that process is in the network namespace that this program runs in; an engine's link"
        run --separate-stderr at site2 "$HELPER" cwg_create "$in_site" 1 0 5001
    fi
    assert_success_with_key
    [ "$(at site1 wg show wg-1-0 public-key)" = "$output" ]
    run --separate-stderr at site1 "$HELPER" cwg_destroy fd:9 1 0 9</run/netns/site1
    assert_success_with ""
    run --separate-stderr at site1 "$HELPER" cwg_create "$c1" 1 0 5001
    assert_success_with_key
}

@test "the helper refuses a descriptor that isn't open, or isn't a network namespace's" {
    local text="pid: the descriptor is not open on a network namespace"
    refused "$text" cwg site1 create fd:9 1 0 5001
    refused "$text" cwg site1 create fd:9 1 0 5001 9</dev/null
    refused "$text" cwg site1 create fd:9 1 0 5001 9<"/proc/$c1/ns/uts"
    refused "$text" cwg site1 create fd:0 1 0 5001 </dev/null
    refused "$text" cwg site1 create fd:1 1 0 5001
    refused "$text" cwg site1 create fd:2147483647 1 0 5001
    refused "$text" cwg site1 create fd:9 1 0 5001 9<"/proc/$c1"
    # The program's own first descriptor would get this number.
    refused "$text" at site1 sh -c 'exec 3>&-; exec "$@"' - "$HELPER" cwg_create fd:3 1 0 5001
}

# ---- links and names ----

@test "cwg_create refuses a link that exists already" {
    cwg site1 create "$c1" 1 0 5001
    refused "the link wg-1-0 exists already" cwg site1 create "$c1" 1 0 5003
    port_free site1 5003
}

@test "cwg_connect and cwg_destroy say that there is no such link" {
    cwg site1 create "$c1" 1 0 5001
    refused "no link for net 2" cwg site1 connect "$c1" 2 1 192.0.2.2:5002 "$KEY"
    refused "no such link: the container has none for net 1, host 1" cwg site1 destroy "$c1" 1 1
    refused "no such link: the container has none for net 2, host 0" cwg site1 destroy "$c1" 2 0
}

# bats test_tags=kernel,only-6-1
@test "an unfinished link can't be connected, but can be destroyed and made again" {
    add_of_our_kind "$c1" wg-1-0
    inside "$c1" ip link set wg-1-0 group 0x6e616821
    refused "the link wg-1-0 was never finished" cwg site1 connect "$c1" 1 1 192.0.2.2:5002 "$KEY"
    unchanged
    run --separate-stderr cwg site1 create "$c1" 1 0 5001
    assert_success_with_key
    [ "$(wg_of "$c1" wg-1-0 public-key)" = "$output" ]
    inside "$c1" ip link set wg-1-0 group 0x6e616821
    run --separate-stderr cwg site1 destroy "$c1" 1 0
    assert_success_with ""
}

# bats test_tags=kernel,only-6-1
@test "cwg_create doesn't replace a device of its own kind that is down but not marked as unfinished" {
    add_of_our_kind "$c1" wg-1-0
    refused "the link wg-1-0 exists already" cwg site1 create "$c1" 1 0 5001
    port_free site1 5001
}

@test "the helper refuses a link whose name a device of another kind has" {
    inside "$c1" ip link add wg-1-0 type "$DUMMY"
    refused "the name wg-1-0 is taken in this container" cwg site1 create "$c1" 1 0 5001
    refused "no such link: the device with the name of net 1, host 0 isn't a link" \
        cwg site1 destroy "$c1" 1 0
    refused "no link for net 1" cwg site1 connect "$c1" 1 1 192.0.2.2:5002 "$KEY"
}

@test "the helper refuses a link whose name is another device's alternative name" {
    inside "$c1" ip link add d0 type "$DUMMY"
    inside "$c1" ip link property add dev d0 altname wg-1-0
    refused "the name wg-1-0 is taken in this container" cwg site1 create "$c1" 1 0 5001
    refused "the device with the name of net 1, host 0 isn't a link" cwg site1 destroy "$c1" 1 0
    refused "no link for net 1" cwg site1 connect "$c1" 1 1 192.0.2.2:5002 "$KEY"
}

@test "the helper refuses a link whose name is another link's alternative name" {
    cwg site1 create "$c1" 2 0 5001
    inside "$c1" ip link property add dev wg-2-0 altname wg-1-0
    refused "the name wg-1-0 is taken in this container" cwg site1 create "$c1" 1 0 5003
    refused "the device with the name of net 1, host 0 isn't a link" cwg site1 destroy "$c1" 1 0
    refused "no link for net 1" cwg site1 connect "$c1" 1 1 192.0.2.2:5002 "$KEY"
}

# bats test_tags=kernel,only-6-1
@test "before Linux 6.15 cwg_create refuses a link whose name a device at the site has" {
    local major minor
    IFS=. read -r major minor _ < <(uname -r)
    ip -n site1 link add wg-1-0 type "$DUMMY"
    if [ $((major * 1000 + minor)) -lt 6015 ]; then
        refused "the network namespace that this was started in has a device wg-1-0" \
            cwg site1 create "$c1" 1 0 5001
    else
        run --separate-stderr cwg site1 create "$c1" 1 0 5001
        assert_success_with_key
    fi
    [ "$(ip -n site1 -oneline link show type "$DUMMY" | wc -l)" = 1 ]
}

# ---- the port ----

# Says whether a port is taken, without binding it: that could disturb its holder.
is_taken()
{
    [ -n "$(at site1 ss -Hlun "sport = :$1")" ]
}

# bats test_tags=kernel,only-6-1
@test "cwg_create refuses a UDP port that another socket has" {
    # shellcheck disable=SC2034
    local holder
    background holder ip netns exec site1 "$TOOLS/udpport" hold 5001
    wait_for is_taken 5001
    refused "port: UDP port 5001 is in use on this machine" cwg site1 create "$c1" 1 0 5001
    unchanged
    cwg site1 create "$c1" 2 0 5003
    refused "port: UDP port 5003 is in use on this machine" cwg site1 create "$c1" 1 0 5003
}

# ---- addresses ----

# `ip` puts something into $c1 by these arguments. cwg_create says in these words that it overlaps with net 1,
# 10.0.0.2/31. Then `ip` removes it again.
overlaps()
{
    local text=$1
    shift
    inside "$c1" ip "$1" add "${@:2}"
    refused "net: its addresses overlap with the container's own network: $text;" cwg site1 create "$c1" 1 0 5001
    inside "$c1" ip "$1" delete "${@:2}"
}

@test "cwg_create refuses a net whose addresses the container has already" {
    dummy
    inside "$c1" ip link add d1 type "$DUMMY"
    remember
    overlaps "a route to 10.0.0.2" address 10.0.0.2/31 dev d0
    overlaps "the address 10.0.0.3" address 10.0.0.3/8 dev d0
    overlaps "the address 10.0.0.3" address 10.0.0.3/24 dev d1
    overlaps "a route to 10.0.0.2" address 172.16.0.1 peer 10.0.0.2 dev d0
    # This /30 ends at the link's address: 10.0.0.3 is its broadcast address.
    overlaps "a route to 10.0.0.3" address 10.0.0.1/30 dev d0
    port_free site1 5001
}

@test "cwg_create refuses a net to whose addresses the container has a route already" {
    dummy
    remember
    overlaps "a route to 10.0.0.3" route 10.0.0.3/32 dev d0
    overlaps "a route to 10.0.0.2" route 10.0.0.2/31 dev d0
    overlaps "a route to 10.0.0.2" route blackhole 10.0.0.2/32
    overlaps "a route to 10.0.0.3" route 10.0.0.3/32 dev d0 table 77
    port_free site1 5001
}

@test "cwg_create refuses a net one of whose addresses is a gateway of the container's" {
    dummy
    remember
    overlaps "a gateway at 10.0.0.3" route 172.16.0.0/12 via 10.0.0.3 dev d0 onlink
    overlaps "a gateway at 10.0.0.2" route default via 10.0.0.2 dev d0 onlink table 77
}

@test "cwg_create refuses a net one of whose addresses is a gateway of a multipath route" {
    dummy
    inside "$c1" ip address add 172.16.0.1/24 dev d0
    remember
    overlaps "a gateway at 10.0.0.3" route 192.168.0.0/16 nexthop via 172.16.0.2 dev d0 \
        nexthop via 10.0.0.3 dev d0 onlink
}

@test "cwg_create accepts a net within a wider route by a gateway, and a net next to other addresses" {
    dummy
    inside "$c1" ip address add 10.0.0.4/31 dev d0
    inside "$c1" ip route add 10.0.0.0/8 via 10.0.0.5
    inside "$c1" ip route add default via 10.9.9.9 dev d0 onlink
    run --separate-stderr cwg site1 create "$c1" 1 0 5001
    assert_success_with_key
    run --separate-stderr cwg site1 create "$c1" 1 1 5003
    assert_success_with_key
}

# ---- keys and endpoints ----

# bats test_tags=kernel,only-6-1
@test "cwg_connect refuses a key that isn't one, and the link's own" {
    local key1
    key1=$(cwg site1 create "$c1" 1 0 5001)
    refused "peer_key: this is the link's own public key" cwg site1 connect "$c1" 1 1 192.0.2.2:5002 "$key1"
    refused_argument "peer_key: must not be all zeros" \
        connect "$c1" 1 1 192.0.2.2:5002 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
    [ -z "$(wg_of "$c1" wg-1-0 peers)" ]
}

@test "cwg_connect refuses an endpoint that no peer can have" {
    local address
    cwg site1 create "$c1" 1 0 5001
    for address in 224.0.0.1 239.255.255.255 255.255.255.255 0.0.0.0 0.1.2.3; do
        refused_argument "peer_endpoint: must not be an unspecified, multicast or broadcast address" \
            connect "$c1" 1 1 "$address:5002" "$KEY"
    done
    refused_argument "peer_endpoint: must be a.b.c.d:port" connect "$c1" 1 1 192.0.2.2:0 "$KEY"
    [ -z "$(wg_of "$c1" wg-1-0 peers)" ]
}

# ---- privileges ----

@test "the helper names each capability that its file lacks" {
    local all=(cap_net_admin cap_sys_admin cap_sys_ptrace) missing capability some
    for missing in "${all[@]}"; do
        some=
        for capability in "${all[@]}"; do
            [ "$capability" = "$missing" ] || some=$some,$capability
        done
        install_helper "$TESTED" "${some#,}=p" "$BATS_TEST_TMPDIR"
        chmod 755 "$BATS_TEST_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")"
        refused "the program lacks $missing" cwg site1 create "$c1" 1 0 5001
    done
    setcap -r "$HELPER"
    refused "the program lacks cap_sys_ptrace" cwg site1 create "$c1" 1 0 5001
}

@test "the helper under no_new_privs has no capabilities, and says so" {
    refused "it was started under no_new_privs" \
        app_at site1 setpriv --no-new-privs "$HELPER" cwg_create "$c1" 1 0 5001
}

# ---- what programs are told ----

# A task at site1 fails, and its JSON has this code: fails_as CODE TASK ARGUMENT...
fails_as()
{
    run --separate-stderr cwg site1 "${@:2}" --json
    [ "$status" = 1 ] || fail "${*:2}: $status $output"
    [[ $output == "{\"code\":\"$1\",\"message\":\""*"\"}" ]] || fail "${*:2}: $output $stderr"
}

@test "with --json each kind of failure has its code" {
    local key
    dummy
    inside "$c1" ip address add 10.0.0.6/31 dev d0
    inside "$c1" ip link add wg-2-0 type "$DUMMY"
    key=$(cwg site1 create "$c1" 1 0 5001)
    fails_as usage create "$c1" 1 2 5001
    fails_as usage connect "$c1" 1 1 192.0.2.2:0 "$KEY"
    fails_as usage create fd:9 1 0 5001 9</dev/null
    fails_as no-such-process create 4194304 1 0 5003
    fails_as no-such-process wait 4194304 1 0
    fails_as not-permitted create fd:9 5 0 5003 9</run/netns/site1
    fails_as exists create "$c1" 1 0 5003
    fails_as exists create "$c1" 1 0 5003 --adopt
    fails_as name-taken create "$c1" 2 0 5003
    fails_as overlap create "$c1" 3 0 5003
    fails_as port-in-use create "$c1" 4 0 5001
    fails_as port-not-permitted create "$c1" 4 0 80
    fails_as no-such-link connect "$c1" 4 1 192.0.2.2:5002 "$KEY"
    fails_as no-such-link destroy "$c1" 4 0
    fails_as no-such-link show "$c1" 4 0
    fails_as own-key connect "$c1" 1 1 192.0.2.2:5002 "$key"
    fails_as own-endpoint connect "$c1" 1 1 192.0.2.1:5001 "$KEY"
    fails_as not-connected wait "$c1" 1 0 0
    cwg site1 connect "$c1" 1 1 192.0.2.2:5002 "$KEY"
    fails_as other-end create "$c1" 1 1 5003
    fails_as silent wait "$c1" 1 0 0
    inside "$c1" ip link set wg-1-0 down
    fails_as down wait "$c1" 1 0 0
    fails_as down create "$c1" 1 0 0 --adopt
    inside "$c1" ip link set wg-1-0 group 0x6e616821
    fails_as unfinished connect "$c1" 1 1 192.0.2.2:5002 "$KEY"
    fails_as unfinished wait "$c1" 1 0 0
    port_free site1 5003
}

# ---- the container's end ----

# Prints the number of the first system call of a name, from the lines of `at-syscall status`.
number_of()
{
    local number
    number=$(awk -v name="$1" '$2 == name { print $1; exit }' "$BATS_TEST_TMPDIR/calls")
    [ -n "$number" ] || fail "the helper doesn't call $1"
    echo "$number"
}

# Runs a task at site1 in container c3, and kills c3 at the task's first call of a name. The task fails with the text,
# and leaves nothing.
ends_at()
{
    local call=$1 text=$2 action
    shift 2
    # shellcheck disable=SC2016
    action='kill -9 '$c3'; while grep -q "^State:.*[RSD] (" /proc/'$c3'/status 2>/dev/null; do :; done'
    run --separate-stderr at_syscall stop "$(number_of "$call")" --do "$action" -- "$HELPER" "$@"
    assert_failure_with "$text"
    wait_for port_free site1 5001
    end_container "$c3"
}

# bats test_tags=kernel,only-6-1
@test "a create fails and leaves nothing when its container ends during any of its steps" {
    local call inside="flock getrandom ppoll"
    [ "$BACKEND" = kernel ] || inside="flock ppoll"
    container c3
    at_syscall status -- "$HELPER" cwg_create "$c3" 1 0 5001 2>"$BATS_TEST_TMPDIR/calls"
    end_container "$c3"
    wait_for port_free site1 5001
    for call in pidfd_open setns; do
        container c3
        ends_at "$call" "pid: no such process" cwg_create "$c3" 1 0 5001
    done
    for call in $inside; do
        container c3
        ends_at "$call" "pid: the process ended in the meantime" cwg_create "$c3" 1 0 5001
    done
}

# bats test_tags=kernel,only-6-1
@test "a connect fails when its container ends during any of its steps" {
    container c3
    cwg site1 create "$c3" 1 0 5001
    at_syscall status -- "$HELPER" cwg_connect "$c3" 1 1 192.0.2.2:5002 "$KEY" 2>"$BATS_TEST_TMPDIR/calls"
    ends_at ppoll "pid: the process ended in the meantime" cwg_connect "$c3" 1 1 192.0.2.2:5002 "$KEY"
}

# ---- the way home ----

# If the command went on, it would act in the container's network with capabilities of this machine.
@test "a command that can't go home from a container ends at once, and says why" {
    local log=$BATS_TEST_TMPDIR/refused
    cwg site1 create "$c1" 1 0 5001
    run --separate-stderr at site1 "$TOOLS/refuse" --log "$log" way-home -- setpriv --reuid "$APP_UID" \
        --regid "$APP_GID" --clear-groups --inh-caps=-all -- "$HELPER" cwg_destroy "$c1" 1 0
    assert_failure_with "this program has no rights over the network namespace that it was started in"
    [ "$(wc -l <"$log")" = 1 ]
    has_device "$c1" wg-1-0
}

# ---- the result ----

# bats test_tags=glibc
@test "a create whose standard output is closed or full fails, and leaves nothing" {
    refused "can't write to standard output" \
        app_at site1 "${WEIRD_EXEC[@]}" closed=2 "$HELPER" cwg_create "$c1" 1 0 5001
    port_free site1 5001
    # shellcheck disable=SC2016
    refused "can't write to standard output: No space left" \
        app_at site1 sh -c '"$0" "$@" >/dev/full' "$HELPER" cwg_create "$c1" 1 0 5001
    port_free site1 5001
}

@test "a create whose standard output is a pipe without reader or a file at its size limit fails, and leaves nothing" {
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    # shellcheck disable=SC2094
    exec 5<>"$BATS_TEST_TMPDIR/pipe" 6>"$BATS_TEST_TMPDIR/pipe" 5>&-
    # shellcheck disable=SC2016
    refused "can't write to standard output: Broken pipe" \
        app_at site1 sh -c '"$0" "$@" >&6' "$HELPER" cwg_create "$c1" 1 0 5001
    exec 6>&-
    port_free site1 5001
    : >"$BATS_TEST_TMPDIR/file"
    exec 6>"$BATS_TEST_TMPDIR/file"
    # Standard error is a file, too, because bats reads it.
    # shellcheck disable=SC2016
    refused "can't write to standard output: File too large" \
        app_at site1 bash -o pipefail -c '"$0" "$@" 2>&1 >&6 | cat >&2' \
        prlimit --fsize=0 "$HELPER" cwg_create "$c1" 1 0 5001
    exec 6>&-
    port_free site1 5001
    [ ! -s "$BATS_TEST_TMPDIR/file" ]
}
