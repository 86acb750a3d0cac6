#!/usr/bin/env bats
# cwg join between two machines, and on one. cwg.bash draws the machines.
#
#                 site3 (two tests alone: it calls)
#          198.51.100.2 |    | 203.0.113.2
#          198.51.100.1 |    | 203.0.113.1
#                   site1 -- site2

bats_require_minimum_version 1.5.0
load cwg

world_of_the_file

after_test()
{
    ip netns delete site3 2>/dev/null || true
}

# Adds site3, with a line of its own to both other sites.
third_site()
{
    ip netns add site3
    ip -n site3 -batch - <<END
link set lo up
link add w1 type veth peer name w3 netns site1
link add w2 type veth peer name w3 netns site2
address add 198.51.100.2/24 dev w1
address add 203.0.113.2/24 dev w2
link set w1 up
link set w2 up
END
    ip -n site1 address add 198.51.100.1/24 dev w3
    ip -n site1 link set w3 up
    ip -n site2 address add 203.0.113.1/24 dev w3
    ip -n site2 link set w3 up
}

@test "containers of two machines are joined by one command, and its three lines say how" {
    run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_joined
    local web="pid/$c1" db="site2:pid/$c2"
    [[ ${lines[0]} =~ ^"$web"\ +"wg-$NET-0"\ +10\.[0-9.]+\ +192\.0\.2\.1:[0-9]+$ ]] || fail "${lines[0]}"
    [[ ${lines[1]} =~ ^"$db"\ +"wg-$NET-1"\ +10\.[0-9.]+\ +192\.0\.2\.2:[0-9]+$ ]] || fail "${lines[1]}"
    [[ $NET -ge 1572864 && $NET -le 2621439 ]] || fail "net $NET is outside of 10.48.0.0 to 10.79.255.255"
}

@test "two containers of one machine are joined, and ssh has no part in it" {
    CWG_SSH=/bin/false run --separate-stderr cwg join "pid/$c1" "pid/$c2"
    assert_joined
    # Nor does a firewall of the machine's between them forget anything.
    [ "$(inside "$c1" wg show "wg-$NET-0" persistent-keepalive | cut -f2)" = off ]
}

@test "a join that can't be written is told with the way to undo it" {
    full() { cwg "$@" >/dev/full; }
    run --separate-stderr full join --net 77 "pid/$c1" "pid/$c2"
    assert_said 3 "the containers are joined, but that can't be written to standard output; cwg leave 77 undoes it"
    cwg leave 77
}

@test "what a person's ssh configuration has for logins of their own is in no join's way" {
    local config=$WORLD/home/alice/for-logins
    cat - "$WORLD/home/alice/.ssh/config" >"$config" <<END
Host site2
  RemoteCommand exec cat
  RequestTTY force
  PermitLocalCommand yes
  LocalCommand yes
  ExitOnForwardFailure yes
  LocalForward 203.0.113.9:5222 127.0.0.1:22
  ForwardAgent yes
END
    CWG_SSH="ssh -F $config" run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_joined
}

@test "a third machine joins containers of two others" {
    third_site
    run --separate-stderr as alice site3 cwg join "bob@198.51.100.1:pid/$c1" "203.0.113.1:pid/$c2"
    assert_joined
    [[ ${lines[0]} == *" 192.0.2.1:"* && ${lines[1]} == *" 192.0.2.2:"* ]] || fail "$output"
}

@test "both containers may be on one other machine" {
    run --separate-stderr cwg join "site2:pid/$c1" "site2:pid/$c2"
    assert_joined
}

@test "a machine is named by its IPv6 address in brackets, where there is no IPv4 at all" {
    ip -n site1 address flush dev v1
    ip -n site2 address flush dev v2
    give_ipv6
    run --separate-stderr cwg join "pid/$c1" "bob@[2001:db8::2]:pid/$c2"
    ip -n site1 address flush dev v1
    ip -n site2 address flush dev v2
    ip -n site1 address add 192.0.2.1/24 dev v1
    ip -n site2 address add 192.0.2.2/24 dev v2
    [ "$status" = 0 ] || fail "$stderr"
    [[ ${lines[0]} =~ \ \[2001:db8::1\]:[0-9]+$ && ${lines[1]} =~ ^\[2001:db8::2\]:pid/.*\ \[2001:db8::2\]:[0-9]+$ ]] ||
        fail "$output"
}

@test "a machine with more addresses than most isn't taken for one behind a NAT" {
    local i
    for i in {1..24}; do ip -n site2 address add "172.$((i + 17)).0.1/16" dev v2; done
    give_ipv6
    run --separate-stderr cwg join "pid/$c1" "bob@[2001:db8::2]:pid/$c2"
    ip -n site1 address flush dev v1
    ip -n site2 address flush dev v2
    ip -n site1 address add 192.0.2.1/24 dev v1
    ip -n site2 address add 192.0.2.2/24 dev v2
    [ "$status" = 0 ] || fail "$stderr"
    [[ $output != *NAT* ]] || fail "$output"
}

@test "a file of /run/netns is an end, too" {
    ip netns add red
    run --separate-stderr cwg join netns/red "site2:pid/$c2"
    [ "$status" = 0 ] || fail "$stderr"
    NET=${output##* }
    ip netns exec red ping -q -c 1 -W 5 "$(awk 'NR == 2 { print $3 }' <<<"$output")"
    run --separate-stderr cwg leave "$NET"
    assert_removed
    [ -z "$(ip netns exec red grep -o wg- /proc/net/dev)" ]
    no_links "$c2"
    ip netns delete red
}

@test "--json prints one object with both ends" {
    run --separate-stderr cwg join --json "pid/$c1" "site2:pid/$c2"
    [ "$status" = 0 ] || fail "$stderr"
    [ "${#lines[@]}" = 1 ]
    [ -z "$stderr" ]
    python3 - "$output" "$c1" "$c2" "$(inside "$c1" wg show all public-key | cut -f2)" <<'END'
import json, re, sys
said = json.loads(sys.argv[1])
net = said["net"]
assert set(said) == {"net", "already", "seconds", "ends"}, said
assert said["already"] is False and 0 < said["seconds"] < 30, said
first, second = said["ends"]
assert first == {
    "host": "", "engine": "pid", "container": sys.argv[2], "device": f"wg-{net}-0", "address": first["address"],
    "endpoint": first["endpoint"], "public_key": sys.argv[4], "state": None,
    "warning": first["warning"]}, first
assert second["host"] == "site2" and second["container"] == sys.argv[3] and second["device"] == f"wg-{net}-1", second
assert re.fullmatch(r"192\.0\.2\.1:\d+", first["endpoint"]) and re.fullmatch(r"192\.0\.2\.2:\d+", second["endpoint"])
assert re.fullmatch(r"10\.\d+\.\d+\.\d+", first["address"]) and first["address"] != second["address"]
END
}

@test "with --json a failure is an object, too" {
    run --separate-stderr cwg join --json "pid/$c1" "site2:pid/4194304"
    [ "$status" = 1 ]
    [[ $output == '{"error":{"code":"not-running","text":"site2: pid/4194304: process 4194304 isn'"'"'t there ('* ]] ||
        fail "$output"
    assert_json "$output"
    nothing_left
}

assert_json()
{
    python3 -c 'import json, sys; json.loads(sys.argv[1])' "$1"
}

@test "--net, --port and --mtu choose the net, both ports, and the devices' MTU" {
    run --separate-stderr cwg join --net 77 --port 5101,5102 --mtu 1300 "pid/$c1" "site2:pid/$c2"
    assert_joined
    [ "$NET" = 77 ]
    [[ ${lines[0]} == *" 10.0.0.154  192.0.2.1:5101" && ${lines[1]} == *" 10.0.0.155  192.0.2.2:5102" ]] ||
        [[ ${lines[0]} == *" 10.0.0.154 "*" 192.0.2.1:5101" && ${lines[1]} == *" 10.0.0.155 "*" 192.0.2.2:5102" ]] ||
        fail "$output"
    [[ $(inside "$c1" ip link show wg-77-0) == *" mtu 1300 "* ]]
    [[ $(inside "$c2" ip link show wg-77-1) == *" mtu 1300 "* ]]
}

@test "a port that is taken is a failure of that machine's, and nothing is left" {
    "$TOOLS/enter" --net /run/netns/site2 -- "$TOOLS/udpport" hold 5202 >"$BATS_TEST_TMPDIR/port" 3>&- &
    CONTAINERS+=("$!")
    # A look at the port would take the port for a moment, and from its holder, too.
    wait_for grep -q bound "$BATS_TEST_TMPDIR/port"
    run --separate-stderr cwg join --port 0,5202 "pid/$c1" "site2:pid/$c2"
    assert_said 1 "site2: port: "
    wait_for no_links
}

@test "--endpoint gives the address at which an end is looked for" {
    ip -n site2 address add 192.0.2.77/24 dev v2
    run --separate-stderr cwg join --endpoint -,192.0.2.77 "pid/$c1" "site2:pid/$c2"
    ip -n site2 address delete 192.0.2.77/24 dev v2
    [ "$status" = 0 ] || fail "$stderr"
    [[ ${lines[0]} == *" 192.0.2.1:"* && ${lines[1]} == *" 192.0.2.77:"* ]] || fail "$output"
}

@test "--psk sets a preshared key, which no command line, no output and no file shows" {
    local link key trace=$BATS_TEST_TMPDIR/trace
    run --separate-stderr cwg join --psk "pid/$c1" "site2:pid/$c2"
    assert_joined
    for link in "$c1 $NET 0" "$c2 $NET 1"; do
        # shellcheck disable=SC2086 # three arguments
        [[ $(as alice site1 net-admin-helper cwg_show $link --json) == *'"has_preshared_key":true'* ]] || fail "$link"
    done
    # Again, on one machine, with every command line of all processes, and all that they write.
    cwg leave "$NET"
    run --separate-stderr as_traced "$trace" cwg join --psk "pid/$c1" "pid/$c2"
    assert_joined
    key=$(grep -oE 'psk\\":\\"[A-Za-z0-9+/]{43}=' "$trace" | head -n 1)
    key=${key##*\"}
    [ "${#key}" = 44 ] || fail "no request with a key: $key"
    grep -q 'execve(.*"cwg_connect"' "$trace"
    ! grep 'execve(' "$trace" | grep -F "$key" || fail "in a command line"
    [[ $output$stderr != *"$key"* ]]
    ! grep -rF "$key" "$WORLD/home" || fail "in a file"
}

@test "a preshared key is in no cwg's memory any more when both ends have it" {
    local key process
    watch_messages request:commit
    cwg join --psk "pid/$c1" "site2:pid/$c2" >/dev/null &
    wait_for test -e "$HELD/held"
    key=$(grep -oE '"psk":"[A-Za-z0-9+/]{43}=' "$HELD/lines" | head -n 1)
    key=${key##*\"}
    [ "${#key}" = 44 ] || { release_message; fail "no request with a key"; }
    for process in "${UIDS[bob]} ^cwg serve" "${UIDS[alice]} ^/proc/self/exe serve" "${UIDS[alice]} ^cwg join"; do
        "$TOOLS/memscan" "$(pgrep -u "${process%% *}" -f "${process#* }")" - <<<"$key" >"$HELD/scan" || {
            release_message
            fail "$process: $(<"$HELD/scan")"
        }
    done
    release_message
    wait $!
}

# Runs a command as alice of site1. Notes all that comes of it: each command line, and each write. The engines that live
# on don't hold the command up.
as_traced()
{
    local trace=$1
    shift
    at site1 env -i HOME="$WORLD/home/alice" PATH="$WORLD/whole:/usr/bin" LC_ALL=C \
        strace -D -f -qq -s 4096 -e trace=execve,write -e signal=none -u alice -o "$trace" -- "$@" 3>&-
}

# Runs cwg join with 0 as the number at random that chooses the first net: 1572864, 10.48.0.0.
join_at_the_first_net()
{
    local trace=$BATS_TEST_TMPDIR/trace call
    at site1 env -i HOME="$WORLD/home/alice" PATH="$WORLD/whole:/usr/bin" \
        strace -qq -e trace=getrandom -e signal=none -u alice -o "$trace" -- cwg join "$@" >/dev/null 3>&- || return
    cwg leave "$@" >/dev/null
    call=$(grep '^getrandom' "$trace" | grep -n ', 4, 0)' | head -n 1 | cut -d: -f1)
    at site1 env -i HOME="$WORLD/home/alice" PATH="$WORLD/whole:/usr/bin" \
        strace -qq -e trace=getrandom -e signal=none -e inject=getrandom:poke_exit=@arg1=00000000:when="$call" \
        -u alice -o "$trace" -- cwg join "$@" 3>&-
}

@test "a net that overlaps a network of a container is passed over for another one" {
    run --separate-stderr join_at_the_first_net "pid/$c1" "site2:pid/$c2"
    assert_joined
    [ "$NET" = 1572864 ] || fail "the first net wasn't chosen: $NET"
    cwg leave "$NET"
    inside "$c2" ip address add 10.48.0.1/30 dev lo
    run --separate-stderr join_at_the_first_net "pid/$c1" "site2:pid/$c2"
    assert_joined
    [ "$NET" != 1572864 ]
}

@test "a net given by --net that overlaps in a container is a failure, and nothing is left" {
    inside "$c2" ip address add 10.0.0.155/30 dev lo
    run --separate-stderr cwg join --net 77 "pid/$c1" "site2:pid/$c2"
    assert_said 1 "site2: net: "
    [[ $stderr == *"overlap"* ]] || fail "$stderr"
    nothing_left
}

# Prints the devices of containers with their keys and their peers' keys.
keys_in()
{
    local pid
    for pid; do
        inside "$pid" wg show all public-key
        inside "$pid" wg show all peers
    done
}

@test "joining two joined containers again finds their link, from either side, and changes nothing" {
    local before
    run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_joined
    before=$(keys_in "$c1" "$c2")
    run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    [ "$status" = 0 ] && [ -z "$stderr" ] || fail "$status: $stderr"
    [[ ${lines[2]} == "joined already: connected, connected.  From pid/$c1: ping 10."*".  To undo: cwg leave $NET" ]] ||
        fail "$output"
    run --separate-stderr cwg join --json "site2:pid/$c2" "pid/$c1"
    [ "$status" = 0 ] && [[ $output == '{"net":'"$NET"',"already":true,'* ]] || fail "$status: $output"
    [ "$(keys_in "$c1" "$c2")" = "$before" ] || fail "the link changed"
}

@test "a link that is there already isn't taken for one of another net, or with a preshared key" {
    run --separate-stderr cwg join --net 77 "pid/$c1" "site2:pid/$c2"
    assert_joined
    run --separate-stderr cwg join --net 77 "pid/$c1" "site2:pid/$c2"
    [ "$status" = 0 ] || fail "$stderr"
    run --separate-stderr cwg join --net 78 "pid/$c1" "site2:pid/$c2"
    assert_said 1 \
        "the containers are joined by net 77 already: leave --net out, or remove that link first (cwg leave 77)"
    run --separate-stderr cwg join --psk "pid/$c1" "site2:pid/$c2"
    assert_said 1 "the containers are joined by net 77 already, without a preshared key: leave --psk out, or remove"
    cwg leave 77
    run --separate-stderr cwg join --psk "pid/$c1" "site2:pid/$c2"
    assert_joined
    run --separate-stderr cwg join --psk "pid/$c1" "site2:pid/$c2"
    [ "$status" = 0 ] && [[ $output == *"joined already"* ]] || fail "$output $stderr"
}

@test "two ends that are the same container are refused" {
    run --separate-stderr cwg join "site2:pid/$c1" "site2:pid/$c1"
    assert_said 1 "both ends are the same container; give two"
    ip netns add red
    run --separate-stderr cwg join netns/red netns/red
    ip netns delete red
    assert_said 1 "both ends are the same container; give two"
    nothing_left
}

@test "a container that ends while it is joined takes the link with it" {
    run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_joined
    end_container "$c2"
    wait_for_silence site2
    run --separate-stderr cwg leave "$NET"
    assert_removed "removed at pid/$c1; not found any more at site2:pid/$c2"
    no_links "$c1"
}
