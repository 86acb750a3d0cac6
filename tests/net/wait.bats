#!/usr/bin/env bats
# cwg_wait: until the peer has answered, or for what reason it hasn't.
#
#             site1                                        site2
#     +---------------------------+              +---------------------------+
#     |       192.0.2.1 (v1) -----+-----veth-----+----- (v2) 192.0.2.2       |
#     |  +---------------------+  |              |              +--------+   |
#     |  | c1                  |  |              |              |   c2   |   |
#     |  | wg-7-0  elsewhere   |  |              |              | wg-7-1 |   |
#     |  +---------------------+  |              |              +--------+   |
#     +---------------------------+              +---------------------------+

# bats file_tags=only-6-12
bats_require_minimum_version 1.5.0
load net

KEY_A=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=
STOPPED=

setup_file()
{
    has_backend || return 0
    install_helper
    two_sites
}

setup()
{
    require_backend
    container c1
    container c2
}

teardown()
{
    [ -z "$STOPPED" ] || kill -CONT "$STOPPED" 2>/dev/null || true
    clean_up
    wait_for_silence site1 site2
}

teardown_file()
{
    clean_up
}

# What a look must not change in a container: all but counters.
kept()
{
    inside "$1" sh -c 'ip -details address show; ip route show table all; ip rule show
        for what in peers endpoints allowed-ips persistent-keepalive listen-port; do wg show all $what; done'
}

# How many packets a device in a container has sent.
sent_by()
{
    inside "$1" awk -v name="$2:" '$1 == name { print $11 }' /proc/net/dev
}

latest_handshake()
{
    wg_of "$1" "$2" latest-handshakes | cut -f 2
}

# cwg_wait as the application, which fails within some seconds, no later and no earlier:
# waits_in_vain TEXT FROM TO ARGUMENT...
waits_in_vain()
{
    local text=$1 from=$2 to=$3 before
    shift 3
    before=$(date +%s%N)
    run --separate-stderr cwg site1 wait "$@"
    took=$((($(date +%s%N) - before) / 1000000))
    assert_failure_with "$text"
    # In the VM each program takes its time.
    [ -z "${NAH_IN_VM:-}" ] || to=$((to + 5000))
    ((took >= from && took <= to)) || fail "it took $took ms, not $from to $to"
}

# Starts a cwg_wait in the background, which writes its exit code to a file when it ends.
start_waiting()
{
    { status=0; cwg site1 wait "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
        echo "$status" >"$BATS_TEST_TMPDIR/status"; } 3>&- &
    sleep 0.5
    [ ! -e "$BATS_TEST_TMPDIR/status" ] || fail "it didn't wait: $(<"$BATS_TEST_TMPDIR/err")"
}

# It ends with this code, and this text.
waited()
{
    wait_for test -s "$BATS_TEST_TMPDIR/status"
    [ "$(<"$BATS_TEST_TMPDIR/status")" = "$1" ] || fail "it ended with $(<"$BATS_TEST_TMPDIR/status")"
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
    [[ $(<"$BATS_TEST_TMPDIR/err") == *"$2"* ]] || fail "it says: $(<"$BATS_TEST_TMPDIR/err")"
    [ -n "$2" ] || [ ! -s "$BATS_TEST_TMPDIR/err" ]
}

@test "it makes the two ends shake hands, changes nothing else, and from then on succeeds at once" {
    local before1 before2
    link_up 7
    before1=$(kept "$c1") before2=$(kept "$c2")
    [ "$(latest_handshake "$c1" wg-7-0)" = 0 ]
    run --separate-stderr cwg site1 wait "$c1" 7 0 20
    assert_success_with ""
    [ "$(latest_handshake "$c1" wg-7-0)" -gt 0 ]
    [ "$before1" = "$(kept "$c1")" ]
    [ "$before2" = "$(kept "$c2")" ]
    run --separate-stderr cwg site1 wait "$c1" 7 0 0
    assert_success_with ""
    run --separate-stderr cwg site2 wait "$c2" 7 1 20
    assert_success_with ""
    run --separate-stderr cwg site1 wait "$c1" 7 0
    assert_success_with ""
}

@test "with 0 seconds it looks and sends nothing" {
    local sent took
    link_up 7
    sent=$(sent_by "$c1" wg-7-0)
    waits_in_vain "there was no handshake yet; give cwg_wait some seconds, in which it causes one" 0 3000 "$c1" 7 0 0
    [ "$(sent_by "$c1" wg-7-0)" = "$sent" ]
    sleep 1
    [ "$(latest_handshake "$c2" wg-7-1)" = 0 ]
}

@test "it waits for a connect on its own side, and on the other" {
    local key1 key2
    key1=$(cwg site1 create "$c1" 7 0 5101)
    key2=$(cwg site2 create "$c2" 7 1 5102)
    start_waiting "$c1" 7 0 30
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$key2"
    sleep 0.5
    [ ! -e "$BATS_TEST_TMPDIR/status" ]
    cwg site2 connect "$c2" 7 0 192.0.2.1:5101 "$key1"
    waited 0 ""
}

@test "a link without a peer" {
    local took
    cwg site1 create "$c1" 7 0 5101
    waits_in_vain "the link wg-7-0 has no peer yet; tell it with cwg_connect where that is" 900 2500 "$c1" 7 0 1
}

@test "a peer that isn't there, or doesn't know this link's key, or has another preshared key" {
    local key1 key2 took
    key1=$(cwg site1 create "$c1" 7 0 5101)
    key2=$(cwg site2 create "$c2" 7 1 5102)
    cwg site1 connect "$c1" 7 1 192.0.2.2:5103 "$key2"
    waits_in_vain "no answer from 192.0.2.2:5103; " 1900 3500 "$c1" 7 0 2
    [[ $stderr == *" that the peer's key is still $key2 "*"with this link's key $key1,"*"preshared key or none" ]]
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$key2"
    waits_in_vain "no answer from 192.0.2.2:5102; " 900 2500 "$c1" 7 0 1
    cwg site2 connect "$c2" 7 0 192.0.2.1:5101 "$key1" --preshared-key-file - <<<"$KEY_A"
    waits_in_vain "no answer from 192.0.2.2:5102; " 900 2500 "$c1" 7 0 1
}

@test "a peer whose endpoint isn't known has to begin" {
    local key1 key2 took
    key1=$(cwg site1 create "$c1" 7 0 5101)
    key2=$(cwg site2 create "$c2" 7 1 5102)
    cwg site1 connect "$c1" 7 1 - "$key2"
    waits_in_vain "the peer's endpoint isn't known, so that the peer has to send first" 900 2500 "$c1" 7 0 1
    [[ $stderr == *"this link's key $key1, and this machine's address and UDP port 5101, open in firewalls" ]]
    start_waiting "$c1" 7 0 30
    cwg site2 connect "$c2" 7 0 192.0.2.1:5101 "$key1"
    cwg site2 wait "$c2" 7 1 20
    waited 0 ""
}

@test "a link that was set down, and one that was never finished" {
    local took
    link_up 7
    inside "$c1" ip link set wg-7-0 down
    waits_in_vain "somebody in the container has set the link wg-7-0 down" 900 2500 "$c1" 7 0 1
    inside "$c1" ip link set wg-7-0 up
    inside "$c1" ip link set wg-7-0 group $((0x6e616821))
    waits_in_vain "the link wg-7-0 was never finished" 900 2500 "$c1" 7 0 1
}

@test "a link that isn't there is an error at once" {
    local took
    waits_in_vain "no such link: the container has none for net 7, host 0" 0 3000 "$c1" 7 0 20
    inside "$c1" ip link add wg-7-0 type "$DUMMY"
    waits_in_vain "no such link: the name stands for a device that is no link of ours" 0 3000 "$c1" 7 0 20
    # <host> is that of the end in this container, as with cwg_create.
    cwg site1 create "$c1" 8 0 5101
    waits_in_vain "no such link: the container has none for net 8, host 1" 0 3000 "$c1" 8 1 20
}

@test "a link that is removed while it is waited for is an error, even if it is made again" {
    local pid
    cwg site1 create "$c1" 7 0 5101
    start_waiting "$c1" 7 0 30
    cwg site1 destroy "$c1" 7 0
    waited 1 "the link for net 7, host 0 was removed in the meantime"
    cwg site1 create "$c1" 7 0 5101
    # No function in between: each of these becomes the next, so that the pid is the helper's in the end.
    ip netns exec site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env -- "$HELPER" cwg_wait "$c1" 7 0 30 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    pid=$!
    sleep 1
    kill -STOP "$pid"
    cwg site1 destroy "$c1" 7 0
    cwg site1 create "$c1" 7 0 5101
    kill -CONT "$pid"
    ! wait "$pid" || fail "it succeeded"
    grep -q "the link for net 7, host 0 was removed in the meantime" "$BATS_TEST_TMPDIR/err"
}

@test "a container that ends while it is waited for is an error" {
    cwg site1 create "$c1" 7 0 5101
    start_waiting "$c1" 7 0 30
    end_container "$c1"
    waited 1 "pid: the process ended in the meantime"
}

@test "wherever routes and rules of the container lead, the datagram leaves by the link, or not at all" {
    local how watcher
    link_up 7
    inside "$c1" ip link add elsewhere type "$DUMMY"
    inside "$c1" ip link set elsewhere up
    inside "$c1" ip address add 10.99.0.1/24 dev elsewhere
    inside "$c1" ip neighbour add 10.0.0.15 lladdr 02:00:00:00:00:01 dev elsewhere nud permanent
    nsenter --net --target "$c1" -- tcpdump -i elsewhere -n -l udp port 9 >"$BATS_TEST_TMPDIR/seen" \
        2>"$BATS_TEST_TMPDIR/dump" 3>&- &
    watcher=$!
    CONTAINERS+=("$watcher")
    wait_for grep -q listening "$BATS_TEST_TMPDIR/dump"
    for how in "route add 10.0.0.15/32 dev elsewhere" "rule add to 10.0.0.15 table 100" \
        "rule add to 10.0.0.15 unreachable" "route delete 10.0.0.14/31" \
        "address delete 10.0.0.14/31 dev wg-7-0" "address add 10.0.0.15/32 dev elsewhere"; do
        echo "$how"
        inside "$c1" ip route replace default dev elsewhere table 100
        # shellcheck disable=SC2086 # words
        inside "$c1" ip $how
        wait_without_session
    done
    kill "$watcher"
    wait "$watcher" || true
    ! grep -q . "$BATS_TEST_TMPDIR/seen" || fail "sent elsewhere: $(<"$BATS_TEST_TMPDIR/seen")"
}

# The two ends have no session, and then have one: each is told another peer in between.
wait_without_session()
{
    local key
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY_A"
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY2"
    [ "$(latest_handshake "$c1" wg-7-0)" = 0 ]
    run --separate-stderr cwg site1 wait "$c1" 7 0 20
    assert_success_with ""
}

# bats test_tags=engine
@test "an engine that doesn't answer, and one that can't be found, make it wait no longer than it was told" {
    [ "$BACKEND" = engine ] || skip "the kernel's have no process"
    local took
    link_up 7
    STOPPED=$(inside "$c1" ip link show wg-7-0 | sed -nE 's/^ *alias .*: engine, process ([0-9]+), .*/\1/p')
    kill -STOP "$STOPPED"
    waits_in_vain "the link wg-7-0: " 900 2000 "$c1" 7 0 1
    waits_in_vain "the link wg-7-0: " 2900 4000 "$c1" 7 0 3
    [[ $stderr == *"kill -CONT $STOPPED"* ]] || fail "$stderr"
    start_waiting "$c1" 7 0 30
    kill -CONT "$STOPPED"
    waited 0 ""
    inside "$c1" ip link set wg-7-0 alias none
    waits_in_vain "the link wg-7-0: " 900 2000 "$c1" 7 0 1
}
