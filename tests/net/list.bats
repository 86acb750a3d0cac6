#!/usr/bin/env bats
# cwg_list lists the links of all containers of a machine. Other tests' links may be there, too, so the tests look only
# at the rows of their own processes.
#
#       site1
#     +-----------------------------------------------------+
#     |  +----------------+    +----------+    +---------+  |
#     |  | c1: wg-7-0     |    | c2:      |    |   ...   |  |
#     |  |     wg-8-1 ... |    |   wg-7-1 |    |         |  |
#     |  +----------------+    +----------+    +---------+  |
#     +-----------------------------------------------------+

# shellcheck disable=SC2030,SC2031 # a test is a subshell, and nothing of it is meant to last
bats_require_minimum_version 1.5.0
load net

HEADER='PID      CONTAINER     LINK             BACKEND  PORT   HANDSHAKE  STATE'
KEY_A=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=
ID_A=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ID_B=fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210
STOPPED=()

setup_file()
{
    has_backend || return 0
    install_helper
    two_sites
    ip -n site1 link set lo up
    ip -n site1 address add 192.0.2.1/32 dev lo
}

setup()
{
    require_backend
    container c1
    container c2
}

teardown()
{
    local pid
    for pid in "${STOPPED[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    clean_up
    wait_for_silence site1
    [ -z "${CGROUP:-}" ] || wait_for find "$CGROUP" -depth -type d -exec rmdir {} +
}

teardown_file()
{
    clean_up
}

# Runs cwg_list as the application, with only the rows of these processes in $output: list_of PID...
list_of()
{
    # shellcheck disable=SC2086 # words
    run --separate-stderr cwg site1 list ${OPTIONS:-}
    [ "$status$stderr" = 0 ] || fail "$status: $stderr"
    output=$(awk -v pids=" $* " 'index(pids, " " $1 " ")' <<<"$output")
}

# Does the same with JSON, one link a line.
json_of()
{
    run --separate-stderr cwg site1 list --json
    [ "$status$stderr" = 0 ] || fail "$status: $stderr"
    [ "${#lines[@]}" = 1 ] || fail "not one line: $output"
    output=$(python3 -c '
import json, sys
for link in json.load(sys.stdin):
    if str(link["pid"]) in sys.argv[1:]:
        print(json.dumps(link))' "$@" <<<"$output")
}

# Prints a field of the one object that json_of() has left.
field()
{
    python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)[sys.argv[1]]))' "$1" <<<"$output"
}

engine_of()
{
    inside "$1" ip link show "$2" | sed -nE 's/^ *alias .*: engine, process ([0-9]+)$/\1/p'
}

# bats test_tags=kernel,only-6-1
@test "cwg_list prints a row for each link of each container, in order, with the link's state" {
    local key1 key2
    key1=$(cwg site1 create "$c1" 7 0 5101)
    key2=$(cwg site1 create "$c2" 7 1 5102)
    cwg site1 create "$c1" 5 1 5103
    run --separate-stderr cwg site1 list
    [ "${lines[0]}" = "$HEADER" ] || fail "$output"
    [ "$(grep -cF "$HEADER" <<<"$output")" = 1 ]
    list_of "$c1" "$c2"
    [ "$output" = "$(printf '%-7d  %-12s  %-15s  %-7s  %-5d  %-9s  %s\n' \
        "$c1" - wg-5-1 "$BACKEND" 5103 never "waiting for connect" \
        "$c1" - wg-7-0 "$BACKEND" 5101 never "waiting for connect" \
        "$c2" - wg-7-1 "$BACKEND" 5102 never "waiting for connect")" ] || fail "$output"
    cwg site1 connect "$c1" 7 1 192.0.2.1:5102 "$key2"
    cwg site1 connect "$c2" 7 0 192.0.2.1:5101 "$key1"
    list_of "$c2"
    [[ $output == *"  never      no handshake yet" ]] || fail "$output"
    cwg site1 wait "$c1" 7 0
    list_of "$c1"
    [[ ${output##*wg-7-0} =~ ^\ +"$BACKEND"\ +5101\ +[0-9]s\ +connected$ ]] || fail "$output"
}

@test "cwg_list --json tells what cwg_show tells, with process and container" {
    local key1
    key1=$(cwg site1 create "$c1" 7 0 5101)
    cwg site1 connect "$c1" 7 1 192.0.2.1:5102 "$KEY_A"
    cwg site1 list --json | "$ROOT/tests/lib/said.py" list
    json_of "$c1"
    [ "$(field pid)" = "$c1" ]
    [ "$(field container)" = null ]
    [ "$(field public_key)" = "\"$key1\"" ]
    [ "$(field state)" = '"no handshake yet"' ]
    [[ $output == "{\"pid\": $c1, \"container\": null, \"name\": \"wg-7-0\", \"net\": 7,"* ]]
    diff <(python3 -c '
import json, sys
link = json.load(sys.stdin)
del link["pid"], link["container"]
print([link])' <<<"$output") <(cwg site1 show "$c1" --json | python3 -c 'import json, sys; print(json.load(sys.stdin))')
}

@test "cwg_list --nets lists the links of one net, or of a range" {
    local net range
    for net in 7 8 9 10 100; do cwg site1 create "$c1" "$net" 0 $((5100 + net)) >/dev/null; done
    cwg site1 create "$c2" 9 1 5301
    while read -r range expected; do
        # shellcheck disable=SC2086 # words
        OPTIONS="--nets $range" list_of "$c1" "$c2"
        [ "$(awk '{ print $3 }' <<<"$output" | paste -sd ' ')" = "$expected" ] || fail "$range: $output"
    done <<'CASES'
8 wg-8-0
8-8 wg-8-0
8-10 wg-8-0 wg-9-0 wg-10-0 wg-9-1
11-99
0-7 wg-7-0
100-8388607 wg-100-0
CASES
    run --separate-stderr cwg site1 list --nets 8388000-8388001 --json
    assert_success_with "[]"
    run --separate-stderr cwg site1 list --nets 8-7
    [ "$status" = 1 ]
    [[ $stderr == "net-admin-helper: --nets: must be a net, or two"* ]]
}

# bats test_tags=glibc
@test "a cwg_list with too few descriptors fails, and doesn't pass for a whole list" {
    local number lists=0 failures=0
    cwg site1 create "$c1" 7 0 5101
    for number in {5..30}; do
        run --separate-stderr app_at site1 prlimit --nofile="$number:$number" "$HELPER" cwg_list
        if [ "$status" = 0 ]; then
            grep -q "^$c1 .* wg-7-0 " <<<"$output" || fail "$number descriptors: $output"
            lists=$((lists + 1))
        else
            [ "${#stderr_lines[@]}" = 1 ] || fail "$number descriptors: $stderr"
            [[ $stderr != *"the list is incomplete: "*"Too many open files"* ]] || failures=$((failures + 1))
        fi
    done
    [ "$lists" -gt 0 ]
    [ "$failures" -gt 0 ]
}

@test "without any link cwg_list prints nothing, and with --json an empty array" {
    # cwg_list runs in a pid namespace of its own. All processes there are in the site's network namespace.
    local alone=(unshare --pid --fork --mount-proc -- setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups
        --inh-caps=-all -- env --)
    run --separate-stderr at site1 "${alone[@]}" "$HELPER" cwg_list
    assert_success_with ""
    run --separate-stderr at site1 "${alone[@]}" "$HELPER" cwg_list --json
    assert_success_with "[]"
    # On a terminal cwg_list says that there is no link.
    at site1 /usr/bin/python3 - "${alone[@]}" "$HELPER" cwg_list <<'END'
import os, subprocess, sys, tty
master, slave = os.openpty()
tty.setraw(slave)
os.set_blocking(master, False)
subprocess.run(sys.argv[1:], check=True, stdin=subprocess.DEVNULL, stdout=slave)
assert os.read(master, 100) == b"no links\n"
END
}

@test "cwg_list lists a namespace with several processes once, by the lowest pid" {
    local i pids=("$c1") lowest
    for i in 1 2 3; do
        nsenter --net --target "$c1" -- sleep 60 3>&- &
        CONTAINERS+=($!)
        pids+=($!)
    done
    lowest=$(printf '%s\n' "${pids[@]}" | sort -n | head -n 1)
    cwg site1 create "$c1" 7 0 5101
    wait_for test "$(readlink "/proc/${pids[3]}/ns/net")" = "$(readlink "/proc/$c1/ns/net")"
    list_of "${pids[@]}"
    [ "$(wc -l <<<"$output")" = 1 ]
    [[ $output == "$lowest "* ]]
}

@test "cwg_list lists a namespace by the first process of its container, whatever that process's pid is" {
    local first ready=$BATS_TEST_TMPDIR/first
    cwg site1 create "$c1" 7 0 5101
    # One of the processes is the first of another pid namespace, and has a child that is the first of a third one.
    # shellcheck disable=SC2016 # the inner shell's
    nsenter --net --target "$c1" -- unshare --pid --fork -- unshare --pid --fork -- \
        sh -c 'echo >"$0"; exec sleep 60' "$ready" 3>&- &
    CONTAINERS+=($!)
    wait_for test -e "$ready"
    first=$(pgrep -P $!)
    STOPPED+=("$first" "$(pgrep -P "$first")")
    grep -qE '^NSpid:[[:blank:]]+[0-9]+[[:blank:]]+1$' "/proc/$first/status"
    list_of "$c1" "$!" "$first" "$(pgrep -P "$first")"
    [ "$(wc -l <<<"$output")" = 1 ]
    [[ $output == "$first "*"  wg-7-0 "* ]] || fail "$first: $output"
}

@test "cwg_list lists a namespace by another process when one ends while cwg_list looks at it" {
    local other killed=$BATS_TEST_TMPDIR/killed
    cwg site1 create "$c1" 7 0 5101
    nsenter --net --target "$c1" -- sleep 60 3>&- &
    other=$!
    CONTAINERS+=("$other")
    wait_for grep -qx sleep "/proc/$other/comm"
    run --separate-stderr at_syscall --timeout 100 each --do "
        [ \$CALL = pidfd_open ] && [ ! -e $killed ] || exit 0
        kill -KILL $c1 && : >$killed
        while grep -q '^State:.[^ZX]' /proc/$c1/status; do :; done" -- "$HELPER" cwg_list
    [ "$status" = 0 ] || fail "$status: $stderr"
    [ -e "$killed" ]
    grep -q "^$other .*  wg-7-0 " <<<"$output" || fail "$output"
}

@test "cwg_list reports a container with links that the helper has no power over" {
    cwg site1 create "$c1" 7 0 5101
    run --separate-stderr at site1 unshare --user --map-root-user -- "$HELPER" cwg_list
    [ "$status" = 1 ]
    [[ $stderr == *"the list is incomplete: process "*" is in a network namespace with links, and this program "* ]]
    # In a pid namespace of its own the helper sees only what it has power over.
    # shellcheck disable=SC2016 # the inner shell's
    run --separate-stderr at site1 unshare --user --map-root-user --net --pid --fork --mount-proc -- sh -c '
        unshare --net sh -c "ip link set lo up; echo; exec sleep 60" >"$1/ready" &
        until [ -s "$1/ready" ]; do sleep 0.1; done
        "$0" cwg_list; kill $!' "$HELPER" "$BATS_TEST_TMPDIR"
    assert_success_with ""
}

@test "cwg_list fails where the helper can't go back to the namespace that it was called in" {
    # The user namespace is new, and the network namespace is the site's: the helper may enter only the container.
    # shellcheck disable=SC2016 # the inner shell's
    run --separate-stderr at site1 unshare --user --map-root-user --pid --fork --mount-proc -- sh -c '
        unshare --net sh -c "ip tuntap add wg-7-0 mode tun; echo; exec sleep 60" >"$1/ready" &
        until [ -s "$1/ready" ]; do sleep 0.1; done
        "$0" cwg_list; status=$?; kill $!; exit $status' "$HELPER" "$BATS_TEST_TMPDIR"
    [ "$status" = 1 ] || fail "$status: $output"
    [[ $stderr == *"this program has no rights over the network namespace that it was started in"* ]] || fail "$stderr"
}

@test "cwg_list lists an unfinished link, and no devices of other names or kinds" {
    cwg site1 create "$c1" 7 0 5101
    inside "$c1" ip link set wg-7-0 group $((0x6e616821))
    add_of_our_kind "$c1" wg0
    add_of_our_kind "$c1" wg-7-2
    inside "$c1" ip link add wg-9-0 type "$DUMMY"
    inside "$c1" ip link property add dev wg-9-0 altname wg-10-0
    list_of "$c1"
    [ "$(wc -l <<<"$output")" = 1 ]
    [[ $output == *"  wg-7-0 "*"  unfinished" ]]
}

@test "cwg_list shows links in the host's network to root alone" {
    local at_home
    ip netns exec site1 sleep 60 3>&- &
    at_home=$!
    CONTAINERS+=("$at_home")
    wait_for grep -qx sleep "/proc/$at_home/comm"
    at site2 "$HELPER" cwg_create "$at_home" 7 0 5101 # no engine takes a link whose home is itself
    cwg site1 create "$c1" 8 0 5102
    run --separate-stderr cwg site1 list
    [ "$(awk '$1 == '"$c1" <<<"$output" | wc -l)" = 1 ]
    [ -z "$(awk '$1 == '"$at_home" <<<"$output")" ] || fail "$output"
    run --separate-stderr at site1 "$HELPER" cwg_list
    [ "$status" = 0 ]
    grep -q "^$at_home .*  wg-7-0  .*  5101  " <<<"$output" || fail "$output"
    at site1 "$HELPER" cwg_destroy "$at_home" 7 0
}

@test "with CWG_OWN_CONTAINERS_ONLY cwg_list shows the caller's own containers alone" {
    local mine theirs own=$BATS_FILE_TMPDIR/bin-own/$NAME
    [ -e "$own" ] || (install_helper "$ROOT/build/variants/own/$NAME" cap_net_admin,cap_sys_admin,cap_sys_ptrace=p \
        "$BATS_FILE_TMPDIR/bin-own")
    rootless_container mine "$APP_UID"
    rootless_container theirs $((APP_UID + 1))
    cwg site1 create "$c1" 1 0 5101
    cwg site1 create "$mine" 1 0 5102
    cwg site1 create "$theirs" 1 0 5103
    list_of "$c1" "$mine" "$theirs"
    [ "$(wc -l <<<"$output")" = 3 ]
    run --separate-stderr app_at site1 "$own" cwg_list
    [ "$status" = 0 ]
    [ -z "$stderr" ]
    [ "$(awk 'NR > 1 { print $1 }' <<<"$output")" = "$mine" ] || fail "$output"
    run --separate-stderr at site1 "$own" cwg_list
    [ "$(awk -v pids=" $c1 $mine $theirs " 'index(pids, " " $1 " ")' <<<"$output" | wc -l)" = 3 ]
}

# Runs cwg_list as the application, or as the user $2, where /proc is mounted with these options: list_where OPTIONS
# [UID]
list_where()
{
    # shellcheck disable=SC2016 # the inner shell's
    run --separate-stderr at site1 unshare --mount -- sh -c 'mount -t proc -o "$1" proc /proc
        exec setpriv --reuid "$2" --regid "$3" --clear-groups --inh-caps=-all -- env -- "$0" cwg_list $4' \
        "$HELPER" "$1" "${2:-$APP_UID}" "$APP_GID" "${3:-}"
}

@test "cwg_list finds processes that /proc hides from the caller" {
    local option
    cwg site1 create "$c1" 7 0 5101
    for option in hidepid=2 hidepid=4; do
        list_where "$option"
        [ "$status$stderr" = 0 ] || fail "$option: $status: $stderr"
        grep -q "^$c1 .*  wg-7-0 " <<<"$output" || fail "$option: $output"
    done
}

@test "where /proc shows only processes, cwg_list fails as any task does, except for root" {
    local option
    cwg site1 create "$c1" 7 0 5101
    for option in subset=pid subset=pid,hidepid=2; do
        list_where "$option"
        assert_failure_with "can't tell the machine's own network namespace from a container's: there is no "
        list_where "$option" "$APP_UID" --json
        [ "$status" = 1 ]
        python3 -c 'import json, sys; assert json.load(sys.stdin)["code"] == "not-permitted"' <<<"$output"
        list_where "$option" 0
        [ "$status$stderr" = 0 ] || fail "$option: $status: $stderr"
        grep -q "^$c1 .*  wg-7-0 " <<<"$output" || fail "$option: $output"
    done
}

# Says whether a process is in write() to its standard output.
writes()
{
    grep -q "^$WRITE 0x1 " "/proc/$1/syscall"
}

@test "a cwg_list whose output nobody reads keeps no container's namespace and no port" {
    local pid pipe=$BATS_TEST_TMPDIR/pipe net list
    for net in {1..20}; do cwg site1 create "$c1" "$net" 0 $((5100 + net)) >/dev/null; done
    mkfifo -m 666 "$pipe"
    chmod 755 "$BATS_TEST_TMPDIR"
    exec 8<>"$pipe"
    python3 -c 'import os
os.set_blocking(8, False)
try:
    while True: os.write(8, b"x" * 4096)
except BlockingIOError: os.set_blocking(8, True)'
    WRITE=$(python3 -c 'import os; print(dict(x86_64=1, aarch64=64)[os.uname().machine])')
    ip netns exec site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- \
        "$HELPER" cwg_list --json >"$pipe" 3>&- 8>&- &
    STOPPED+=($!)
    wait_for writes $!
    run ! port_free site1 5101
    end_container "$c1"
    wait_for port_free site1 5101
    wait_for port_free site1 5120
    writes $!
    exec 8>&-
}

@test "cwg_list fails when a container has more devices of the links' name than it lists" {
    local few=$BATS_FILE_TMPDIR/bin-few/$NAME i
    [ -e "$few" ] || (install_helper "$ROOT/build/variants/few/$NAME" cap_net_admin,cap_sys_admin,cap_sys_ptrace=p \
        "$BATS_FILE_TMPDIR/bin-few")
    cwg site1 create "$c2" 7 0 5101
    for ((i = 0; i < 66; i++)); do add_of_our_kind "$c1" "wg-$i-1"; done
    run --separate-stderr app_at site1 "$few" cwg_list
    [ "$status$stderr" = 0 ] || fail "$status: $stderr"
    add_of_our_kind "$c1" wg-66-1
    run --separate-stderr app_at site1 "$few" cwg_list
    [ "$status" = 1 ]
    [[ $stderr == *"the list is incomplete: the container of process $c1 has more links than the 66 that are"* ]]
    [ "$(grep -c "^$c1 " <<<"$output")" = 66 ] || fail "$output"
    grep -q "^$c2 .* wg-7-0 " <<<"$output" || fail "$output"
    # The links are one line of JSON. The reason why the list is incomplete is another.
    run --separate-stderr app_at site1 "$few" cwg_list --json
    [ "$status" = 1 ]
    [ "${#lines[@]}" = 2 ] || fail "$output"
    python3 -c 'import json, sys
links, failure = map(json.loads, sys.stdin)
assert len(links) >= 67 and failure["code"] == "incomplete", failure' <<<"$output"
    # In a batch the reason stands behind the links in the same line.
    run --separate-stderr app_at site1 "$few" batch - <<<"cwg_list"
    [ "$status" = 1 ]
    [ "${#lines[@]}" = 1 ] || fail "$output"
    [[ $output == "ok ["*"\"name\":\"wg-7-0\""*"}] error incomplete the list is incomplete: the container of process \
$c1 has more links than the 66 that are"* ]] || fail "$output"
}

@test "cwg_list doesn't list a process whose pid another process has got meanwhile" {
    local taken=$BATS_TEST_TMPDIR/taken
    cwg site1 create "$c1" 7 0 5101
    cwg site1 create "$c2" 8 0 5102
    run --separate-stderr at_syscall --timeout 100 each --do "
        [ \$CALL = pidfd_open ] && [ ! -e $taken ] || exit 0
        $TOOLS/pidrecycle --kill $c1 /proc/$c2/ns/net 20 >$taken 2>&1 3>&- &
        i=0; until grep -q ready $taken; do i=\$((i + 1)); [ \$i -lt 200 ]; sleep 0.05; done" -- "$HELPER" cwg_list
    [ "$status" = 0 ] || fail "$status: $stderr"
    grep -q ready "$taken"
    ! grep -q "^$c1 " <<<"$output" || fail "$output"
    grep -q "^$c2 .*  wg-8-0 " <<<"$output" || fail "$output"
    kill -KILL "$c1"
}

@test "cwg_list closes what it has opened of a container before the next one: few descriptors suffice" {
    local i pid pids=()
    for ((i = 0; i < 12; i++)); do
        container pid
        pids+=("$pid")
        cwg site1 create "$pid" 7 0 0 >/dev/null
    done
    run --separate-stderr app_at site1 prlimit --nofile=16 "$HELPER" cwg_list
    [ "$status" = 0 ] || fail "$status: $stderr"
    [ "$(awk -v pids=" ${pids[*]} " 'index(pids, " " $1 " ")' <<<"$output" | wc -l)" = 12 ] || fail "$output"
}

# bats test_tags=engine
@test "engines that don't answer are listed as such, and delay cwg_list by two seconds in each container" {
    [ "$BACKEND" = engine ] || skip "the kernel's have no process that could be stopped"
    local net
    for net in 1 2 3 4; do
        cwg site1 create "$c1" "$net" 0 0 >/dev/null
        STOPPED+=("$(engine_of "$c1" "wg-$net-0")")
    done
    cwg site1 create "$c2" 7 0 5101
    kill -STOP "${STOPPED[@]}"
    SECONDS=0
    list_of "$c1" "$c2"
    [ "$SECONDS" -le 4 ] || fail "it took $SECONDS seconds"
    [ "$(grep -c "^$c1 .*  -      -          engine lost$" <<<"$output")" = 4 ] || fail "$output"
    grep -q "^$c2 .*  5101   never      waiting for connect$" <<<"$output" || fail "$output"
}

@test "a cwg_list that can't write its result fails" {
    local option
    cwg site1 create "$c1" 7 0 5101
    for option in "" --json; do
        # shellcheck disable=SC2016,SC2086 # the inner shell's; a word or none
        run --separate-stderr app_at site1 bash -c '"$0" cwg_list "$@" >/dev/full' "$HELPER" $option
        assert_failure_with "can't write to standard output: No space left on device"
    done
}

# Makes a cgroup for a test, in a hierarchy of version 1 or 2. Sets CGROUP.
make_cgroup()
{
    local hierarchy
    for hierarchy in /sys/fs/cgroup/pids /sys/fs/cgroup /sys/fs/cgroup/unified; do
        [ ! -e "$hierarchy/cgroup.procs" ] || ! CGROUP=$(mktemp -d -p "$hierarchy" nah-test.XXXXXX 2>/dev/null) ||
            return 0
    done
    CGROUP=
    skip "no cgroup can be made here"
}

# Puts a process into a cgroup below $CGROUP.
put_into()
{
    mkdir -p "$CGROUP/$2"
    echo "$1" >"$CGROUP/$2/cgroup.procs"
}

@test "cwg_list knows a container by its cgroup's name, not by cgroups that the container has made inside" {
    local name
    make_cgroup
    cwg site1 create "$c1" 7 0 5101
    for name in "docker/$ID_A" "docker-$ID_A.scope" "libpod-$ID_A.scope/container" "cri-containerd-$ID_A.scope" \
        "kubepods/burstable/pod12/$ID_A" "docker-$ID_A.scope/docker-$ID_B.scope" "docker/$ID_A/$ID_B/x"; do
        put_into "$c1" "$name"
        list_of "$c1"
        [[ $output == "$c1 "*"  0123456789ab  wg-7-0 "* ]] || fail "$name: $output"
        json_of "$c1"
        [ "$(field container)" = "\"$ID_A\"" ]
    done
    # For container engines without ids cwg_list shows the cgroup's name.
    for name in machine.slice/machine-web\\x2d1.scope/payload machine.slice/systemd-nspawn@web-1.service \
        lxc.payload.web-1/init.scope lxc/web-1/docker/"$ID_A" lxc.payload/web-1/lxc.payload.mail; do
        put_into "$c1" "$name"
        list_of "$c1"
        [[ $output == "$c1 "*"  web-1         wg-7-0 "* ]] || fail "$name: $output"
        json_of "$c1"
        [ "$(field container)" = '"web-1"' ]
    done
    put_into "$c1" "lxc/a-name-of-more-than-12-characters"
    list_of "$c1"
    [[ $output == "$c1 "*"  a-name-of-more-than-12-characters  wg-7-0 "* ]] || fail "$output"
    for name in lxc/$'we\e[31mb' lxc/$'we\tb' lxc/$'we\rb' 'lxc/we b' 'lxc/we"b' 'lxc/we\b' $'lxc/w\303\251b' lxc/-web \
        machine-web.scope x/lxc.monitor.web "docker/${ID_A%f}" "docker/x$ID_A" "${ID_A^^}"; do
        put_into "$c1" "$name"
        list_of "$c1"
        [[ $output == "$c1 "*"  -             wg-7-0 "* ]] || fail "$name: $output"
        json_of "$c1"
        [ "$(field container)" = null ]
    done
}

@test "cwg_list changes nothing in containers" {
    cwg site1 create "$c1" 7 0 5101
    remember
    list_of "$c1"
    [ -n "$output" ]
    unchanged
}
