#!/usr/bin/env bats
# cwg_show and JSON for both backends. Tests for engines alone are in engine.bats.

bats_require_minimum_version 1.5.0
load net

SCHEMA="/usr/bin/python3 $ROOT/tests/lib/said.py"

setup_file()
{
    has_backend || return 0
    install_helper
    two_sites
    give_ipv6
}

setup()
{
    require_backend
    container c1
    container c2
}

teardown()
{
    local failed=false
    unchanged || failed=true
    for pid in "${CONTAINERS[@]}"; do end_container "$pid"; done
    CONTAINERS=()
    ip -n site2 address add 192.0.2.2/24 dev v2 2>/dev/null || true
    ip -n site2 address delete 192.0.2.22/24 dev v2 2>/dev/null || true
    wait_for_silence site1 site2 || failed=true
    ! $failed
}

teardown_file()
{
    clean_up
}

pings()
{
    inside "$1" ping -c "${3:-1}" -i 0.2 -W 5 "$2" >/dev/null
}

# Prints what JSON says of $c1, or $c2: each expression of `it` on a line: told SITE PID EXPRESSION...
told()
{
    local shown
    shown=$(cwg "$1" show "$2" --json)
    $SCHEMA show "${@:3}" <<<"$shown"
}

# Prints expressions for the one link of $c1, as words in one line. It doesn't check the schema: that takes a second in
# the VM.
told1()
{
    cwg site1 show "$c1" --json | python3 -c '
import json, sys
it = json.load(sys.stdin)
print(*(eval("it[0]" + expression) for expression in sys.argv[1:]))' "$@"
}

# Prints a line that cwg_show prints for a link of $c1, without its label: line_of LABEL
line_of()
{
    cwg site1 show "$c1" | sed -n "s/^  $1  *//p"
}

fits()
{
    ! grep -n '.\{101\}' || fail "a line is longer than 100 characters"
}

@test "cwg_show prints nothing for a container without links, and fails for a link that doesn't exist" {
    remember
    run --separate-stderr cwg site1 show "$c1"
    assert_success_with ""
    run --separate-stderr cwg site1 show "$c1" --json
    assert_success_with "[]"
    $SCHEMA show <<<"$output"
    refused "no such link: the container has none for net 7, host 0" cwg site1 show "$c1" 7 0
    run --separate-stderr cwg site1 show "$c1" 7 0 --json
    assert_json_failure no-such-link "no such link: the container has none for net 7, host 0"
    cwg site1 create "$c1" 7 1 5101
    BEFORE=
    refused "no such link" cwg site1 show "$c1" 7 0
    unchanged
    add_of_our_kind "$c2" wg-8-x
    inside "$c2" ip link add wg-8-0 type "$DUMMY"
    run --separate-stderr cwg site1 show "$c2"
    assert_success_with ""
    run --separate-stderr cwg site1 show "$c2" 8 0
    assert_failure_with "no such link: the device with the name of net 8, host 0 isn't a link"
}

# bats test_tags=kernel,only-6-12
@test "cwg_show shows a link from its creation to its traffic: waiting, without a handshake, connected" {
    local key1 key2 now
    key1=$(cwg site1 create "$c1" 7 0 5101)
    key2=$(cwg site2 create "$c2" 7 1 5102)
    [ "$(cwg site1 show "$c1" | head -n 1)" = "wg-7-0: waiting for connect" ]
    [ "$(line_of 'what to do')" = "run cwg_connect, with the public key of the other site" ]
    [ "$(line_of 'peer key')" = none ]
    [ "$(told1 '["name"]' '["net"]' '["host"]' '["address"]' '["backend"]' '["state"]' '["up"]' '["mtu"]')" = \
        "wg-7-0 7 0 10.0.0.14 $BACKEND waiting for connect True 1420" ]
    [ "$(told1 '["public_key"]' '["listen_port"]' '["peers"]' '["peer"]')" = "$key1 5101 0 None" ]

    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$key2"
    [ "$(cwg site1 show "$c1" | head -n 1)" = "wg-7-0: no handshake yet" ]
    [ "$(line_of 'latest handshake')" = never ]
    [ "$(told1 '["state"]' '["peer"]["public_key"]' '["peer"]["endpoint"]' '["peer"]["allowed_ips"]' \
        '["peer"]["latest_handshake"]' '["peer"]["latest_handshake_age"]' \
        '["peer"]["has_preshared_key"]' '["peer"]["persistent_keepalive"]')" = \
        "no handshake yet $key2 192.0.2.2:5102 ['10.0.0.15/32'] None None False 0" ]

    cwg site2 connect "$c2" 7 0 192.0.2.1:5101 "$key1"
    now=$(date +%s)
    pings "$c1" 10.0.0.15
    [ "$(cwg site1 show "$c1" 7 0 | head -n 1)" = "wg-7-0: connected" ]
    [ -z "$(line_of 'what to do')" ]
    [[ $(line_of 'latest handshake') =~ ^[0-9]+\ seconds?\ ago$ ]]
    # A kernel's link is called connected for 12 seconds, which a busy machine may take for two looks.
    [[ $(told1 '["state"]' '["peers"]') =~ ^(connected|in\ session)\ 1$ ]]
    [ $(($(told site1 "$c1" 'it[0]["peer"]["latest_handshake"]') - now)) -le 10 ]
    [[ $(told site2 "$c2" 'it[0]["state"]' 'it[0]["name"]' | paste -sd ' ') =~ ^(connected|in\ session)\ wg-7-1$ ]]
    cwg site1 show "$c1" | fits
}

@test "cwg_show says what to do when no route leads to the endpoint" {
    local route="no route leads from here to the endpoint: add one, or cwg_connect to another"
    cwg site1 create "$c1" 7 0 5101
    cwg site1 connect "$c1" 7 1 198.51.100.7:5102 "$(wg genkey | wg pubkey)"
    [ "$(cwg site1 show "$c1" | head -n 1)" = "wg-7-0: no handshake yet" ]
    [ "$(line_of 'what to do')" = "$route" ]
    cwg site1 show "$c1" | fits
    ip -n site1 route add 198.51.100.7 via 192.0.2.2
    [[ $(line_of 'what to do') == "check both keys and cwg_connects, the endpoint, "* ]]
    ip -n site1 route delete 198.51.100.7 via 192.0.2.2
    # A link that hears its peer is well, wherever routes lead by now.
    link_up 8 5103 5104
    pings "$c1" 10.0.0.17
    ip -n site1 route add unreachable 192.0.2.2
    run -0 cwg site1 show "$c1" 8 0
    [[ $output != *"no route"* ]] || fail "$output"
    ip -n site1 route delete unreachable 192.0.2.2
}

@test "cwg_show --nets shows only the links of these nets" {
    local net
    for net in 7 8 9; do cwg site1 create "$c1" "$net" 0 $((5100 + net)) >/dev/null; done
    [ "$(cwg site1 show "$c1" --nets 8-100 | grep -o '^wg-[0-9]*-0' | paste -sd ' ')" = "wg-8-0 wg-9-0" ]
    [ "$(cwg site1 show "$c1" --nets=7 --json | $SCHEMA show '[link["name"] for link in it]')" = "['wg-7-0']" ]
    run --separate-stderr cwg site1 show "$c1" --nets 10-11 --json
    assert_success_with "[]"
    refused "--nets: can't be given with a net and a host; leave it out, or these" cwg site1 show "$c1" 7 0 --nets 7
}

# Compares three counts of bytes and packets each way: cwg_show's as JSON, cwg_show's for people, and the device's.
told_counts()
{
    told1 '["received_bytes"]' '["received_packets"]' '["sent_bytes"]' '["sent_packets"]'
}

shown_counts()
{
    cwg site1 show "$c1" | sed -nE 's/^  (received|sent)  *([0-9]*) bytes, ([0-9]*) packets$/\2 \3/p' | paste -sd ' '
}

device_counts()
{
    inside "$c1" ip -json -stats link show wg-7-0 | /usr/bin/python3 -c '
import json, sys
stats = json.load(sys.stdin)[0]["stats64"]
print(*(stats[way][what] for way in ("rx", "tx") for what in ("bytes", "packets")))'
}

# A keepalive can come between two looks, at most once in ten seconds. Then the test looks again.
all_count_the_same()
{
    local told
    told=$(told_counts)
    [ "$(device_counts)" = "$told" ] && [ "$(shown_counts)" = "$told" ]
}

@test "cwg_show counts what the link's device counts" {
    link_up 7 5101 5102
    pings "$c1" 10.0.0.15 6
    all_count_the_same || all_count_the_same || all_count_the_same ||
        fail "told $(told_counts), shown $(shown_counts), the device $(device_counts)"
    # The counts include six echoes of 84 bytes each way.
    [ "$(told site1 "$c1" 'it[0]["received_packets"] >= 6 and it[0]["sent_packets"] >= 6' \
        'it[0]["received_bytes"] >= 504 and it[0]["sent_bytes"] >= 504' | uniq)" = True ]
}

# bats test_tags=kernel,only-6-12
@test "cwg_show tells of a preshared key by yes or no, and of a keepalive by its seconds" {
    local psk
    link_up 7
    [ "$(line_of 'preshared key'),$(line_of keepalive)" = no,off ]
    psk=$(wg genpsk)
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY2" --persistent-keepalive 25 --preshared-key-file - <<<"$psk"
    [ "$(line_of 'preshared key'),$(line_of keepalive)" = "yes,every 25 seconds" ]
    [ "$(told1 '["peer"]["has_preshared_key"]' '["peer"]["persistent_keepalive"]')" = "True 25" ]
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY2" --preshared-key-file - \
        <<<AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
    [ "$(told1 '["peer"]["has_preshared_key"]')" = False ]
    # cwg_show never shows the preshared key or the link's private key.
    cwg site1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY2" --preshared-key-file - <<<"$psk"
    { cwg site1 show "$c1"; cwg site1 show "$c1" --json; cwg site1 show "$c1" 7 0; } >"$BATS_TEST_TMPDIR/shown"
    ! grep -qF "$psk" "$BATS_TEST_TMPDIR/shown" || fail "the preshared key is shown"
    [ "$BACKEND" = engine ] || ! grep -qF "$(wg_of "$c1" wg-7-0 private-key)" "$BATS_TEST_TMPDIR/shown"
    [ "$(grep -oE '[A-Za-z0-9+/]{43}=' "$BATS_TEST_TMPDIR/shown" | sort -u)" = \
        "$(printf '%s\n' "$KEY1" "$KEY2" | sort)" ]
}

@test "cwg_show shows an endpoint where the peer has roamed to, an IPv6 endpoint, and an unknown one" {
    local key1 key2
    key2=$(cwg site2 create "$c2" 7 1 5102)
    key1=$(cwg site1 create "$c1" 7 0 5101)
    cwg site1 connect "$c1" 7 1 - "$key2"
    [ "$(line_of endpoint)" = "not known" ]
    [ "$(told1 '["peer"]["endpoint"]' '["state"]')" = "None no handshake yet" ]
    cwg site2 connect "$c2" 7 0 192.0.2.1:5101 "$key1"
    pings "$c2" 10.0.0.14
    [ "$(line_of endpoint)" = 192.0.2.2:5102 ]
    ip -n site2 address delete 192.0.2.2/24 dev v2
    ip -n site2 address add 192.0.2.22/24 dev v2
    pings "$c2" 10.0.0.14
    [ "$(line_of endpoint)" = 192.0.2.22:5102 ]
    [[ $(told1 '["peer"]["endpoint"]' '["state"]') =~ ^192\.0\.2\.22:5102\ (connected|in\ session)$ ]]
    # A packet from the peer would tell the link where the peer is.
    inside "$c2" ip link set wg-7-1 down
    cwg site1 connect "$c1" 7 1 '[2001:db8::2]:5102' "$key2"
    [ "$(told1 '["peer"]["endpoint"]')" = '[2001:db8::2]:5102' ]
    [ "$(line_of endpoint)" = '[2001:db8::2]:5102' ]
}

# cwg_connect takes no such address. But an end without another address sends from it.
# bats test_tags=kernel,only-6-12
@test "cwg_show shows a peer that has roamed to a link-local address, without a zone" {
    link_up 7
    ip -n site2 address delete 2001:db8::2/64 dev v2
    ip -n site2 address add fe80::22/64 dev v2 nodad
    ip -n site2 route add 2001:db8::1 dev v2
    cwg site2 connect "$c2" 7 0 '[2001:db8::1]:5101' "$KEY1"
    pings "$c2" 10.0.0.14
    ip -n site2 address add 2001:db8::2/64 dev v2 nodad
    ip -n site2 route delete 2001:db8::1 dev v2
    [[ $(told1 '["peer"]["endpoint"]' '["state"]') =~ ^\[fe80::.*\]:5102\ (connected|in\ session)$ ]]
    [[ $(line_of endpoint) =~ ^'[fe80::'[0-9a-f:]+']:5102'$ ]]
}

@test "with port 0 cwg_create and cwg_show tell the port that the kernel has chosen" {
    local made
    made=$(cwg site1 create "$c1" 7 0 0 --json)
    [ "$($SCHEMA create 'it["name"]' 'it["net"]' 'it["host"]' 'it["address"]' <<<"$made" | paste -sd ' ')" = \
        "wg-7-0 7 0 10.0.0.14" ]
    [ "$($SCHEMA create 'it["listen_port"]' <<<"$made")" = \
        "$(at site1 ss -Hlun | sed -E 's/.*:([0-9]+) .*/\1/' | sort -u)" ]
    [ "$($SCHEMA create 'it["listen_port"]' 'it["public_key"]' <<<"$made" | paste -sd ' ')" = \
        "$(told1 '["listen_port"]' '["public_key"]')" ]
    made=$(cwg site2 create --json "$c2" 8388607 1 5102)
    [ "$($SCHEMA create 'it["name"]' 'it["address"]' 'it["listen_port"]' <<<"$made" | paste -sd ' ')" = \
        "wg-8388607-1 10.255.255.255 5102" ]
}

@test "a create that can't write its JSON leaves nothing" {
    remember
    run --separate-stderr at site1 sh -c 'exec "$@" >/dev/full' - setpriv --reuid "$APP_UID" --regid "$APP_GID" \
        --clear-groups --inh-caps=-all -- env -- "$HELPER" cwg_create "$c1" 7 0 0 --json
    assert_failure_with "can't write to standard output"
}

@test "cwg_show says of a link that it was set down, or is unfinished" {
    local calls
    link_up 7
    pings "$c1" 10.0.0.15
    inside "$c1" ip link set wg-7-0 down
    [ "$(told1 '["state"]' '["up"]')" = "down False" ]
    [[ $(line_of 'what to do') == "it was set down in the container"* ]]
    inside "$c1" ip link set wg-7-0 up
    [ "$(told1 '["up"]')" = True ]
    # The create is killed at its last step, before the mark of unfinished links is taken away.
    calls=$(at_syscall --stdout /dev/null --report 1 status -- \
        "$HELPER" cwg_create "$c2" 9 0 5109 | awk '$2 == "sendto" { last = $1 } END { print last }')
    cwg site1 destroy "$c2" 9 0
    run at_syscall --stdout /dev/null kill "$calls" -- "$HELPER" cwg_create "$c2" 9 0 5109
    [ "$status" = 137 ]
    [ "$(told site1 "$c2" 'it[1]["state"]' 'it[1]["name"]' | paste -sd ' ')" = "unfinished wg-9-0" ]
    cwg site1 show "$c2" 9 0 | grep -q '^  what to do  *its cwg_create is running or was killed: run it again'
}

# bats test_tags=kernel,only-6-12
@test "cwg_show says that a link has lost its port when the network of its UDP socket has gone" {
    require_kernel
    ip netns add site3
    ip netns exec site3 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- \
        "$HELPER" cwg_create "$c1" 7 0 5101
    [ "$(told1 '["state"]')" = "waiting for connect" ]
    ip netns delete site3
    for _ in {1..50}; do
        [ "$(told1 '["state"]')" != "port lost" ] || break
        sleep 0.1
    done
    [ "$(told1 '["state"]' '["up"]')" = "port lost True" ]
    [[ $(line_of 'what to do') == "the network namespace that it sent from is gone"* ]]
}

# The limits have unit tests: tests/unit/status_test.c.
# bats test_tags=engine
@test "cwg_show calls a link idle that has nothing to send, and silent when its packets get no answer" {
    require_engine
    link_up 7
    pings "$c1" 10.0.0.15
    [ "$(told1 '["state"]' '["peer"]["unanswered_age"]')" = "connected None" ]
    [ "$(told1 '["engine_pid"]')" = \
        "$(inside "$c1" ip link show wg-7-0 | sed -nE 's/^ *alias .*: engine, process ([0-9]+).*/\1/p')" ]
    [ "$(told1 '["netns"]')" = "$(readlink "/proc/$c1/ns/net" | tr -dc 0-9)" ]
    sleep 31
    [ "$(told1 '["state"]' '["peer"]["unanswered_age"]')" = "idle None" ]
    [[ $(line_of 'what to do') == "nothing came from the peer lately: "* ]]
    pings "$c1" 10.0.0.15
    [ "$(told1 '["state"]')" = connected ]
    end_container "$c2"
    wait_for no_sockets site2
    ! pings "$c1" 10.0.0.15 || fail "it is there"
    sleep 8
    [ "$(told1 '["state"]')" = silent ]
    [ "$(told site1 "$c1" 'it[0]["peer"]["unanswered_age"] >= 12' 'it[0]["peer"]["latest_received_age"] >= 12' |
        uniq)" = True ]
    [[ $(line_of 'what to do') == "the peer owes an answer: "* ]]
    [[ $(line_of 'unanswered for') =~ ^1[2-9]\ seconds$ ]]
}

# A process on the path can hold an initiation back for as long as it likes. The engine has to accept it afterwards.
# bats test_tags=engine
@test "an initiation that was held back doesn't make cwg_show call a peer connected that has gone" {
    require_engine
    KEY1=$(cwg site1 create "$c1" 7 0 5101)
    KEY2=$(cwg site2 create "$c2" 7 1 5102)
    withhold_between 192.0.2.1 5101 1 there
    cwg site1 connect "$c1" 7 1 - "$KEY2"
    cwg site2 connect "$c2" 7 0 192.0.2.1:5111 "$KEY1"
    pings "$c2" 10.0.0.14
    [ "$(told1 '["state"]')" = connected ]
    begin_to_withhold
    # The other end forgets the session, and so begins a new one.
    cwg site2 connect "$c2" 7 0 192.0.2.1:5111 "$(wg genkey | wg pubkey)"
    cwg site2 connect "$c2" 7 0 192.0.2.1:5111 "$KEY1" --persistent-keepalive 25
    has_withheld
    end_container "$c2"
    wait_for no_sockets site2
    ! pings "$c1" 10.0.0.15 || fail "it is there"
    sleep 8
    [ "$(told1 '["state"]')" = silent ]
    release_withheld
    # The engine has accepted the initiation: it has counted and answered it.
    [ "$(told1 '["state"]')" = silent ]
    told site1 "$c1" 'it[0]["peer"]["unanswered_age"] >= 12' 'it[0]["peer"]["latest_received_age"] >= 12' |
        uniq | grep -qx True
}

# bats test_tags=kernel,only-6-12
@test "for a kernel's link cwg_show goes by handshakes and the machine's clock: in session, and then idle" {
    [ -n "${NAH_IN_VM:-}" ] || skip "it sets the machine's clock forward"
    require_kernel
    link_up 7
    pings "$c1" 10.0.0.15
    [ "$(told1 '["state"]')" = connected ]
    date -s "+100 seconds"
    [ "$(told1 '["state"]')" = "in session" ]
    date -s "+100 seconds"
    [ "$(told1 '["state"]')" = idle ]
    told site1 "$c1" 'it[0]["peer"]["latest_handshake_age"] >= 200' | grep -qx True
    [[ $(line_of 'latest handshake') == "3 minutes "* ]]
    date -s "-400 seconds"
    [ "$(told1 '["state"]' '["peer"]["latest_handshake_age"]')" = "idle None" ]
    [[ $(line_of 'latest handshake') == "in the future of the machine's clock" ]]
    [[ $(line_of 'what to do') == "the machine's clock was set back since: "* ]]
    date -s "+200 seconds"
}

@test "on a terminal cwg_show says that there is no link; it holds nothing of the container while it writes" {
    local shows
    at site1 /usr/bin/python3 - "$HELPER" "$c1" "$APP_UID" "$APP_GID" <<'END'
import os, subprocess, sys, tty
helper, container, uid, gid = sys.argv[1:]
master, slave = os.openpty()
tty.setraw(slave)
subprocess.run(["setpriv", "--reuid", uid, "--regid", gid, "--clear-groups", "--inh-caps=-all", "--", "env", "--",
                helper, "cwg_show", container], check=True, stdout=slave)
assert os.read(master, 100) == b"no links\n"
END
    cwg site1 create "$c1" 7 0 5101
    # The pipe is full.
    mkfifo "$BATS_TEST_TMPDIR/full"
    exec 8<>"$BATS_TEST_TMPDIR/full"
    head -c 65536 /dev/zero >&8
    ip netns exec site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env -- "$HELPER" cwg_show "$c1" >&8 3>&- &
    shows=$!
    wait_for grep -qx net-admin-helpe "/proc/$shows/comm"
    sleep 1
    ! readlink "/proc/$shows/fd/"* | grep -F "[$(readlink "/proc/$c1/ns/net" | tr -dc 0-9)]" || fail "it is held"
    end_container "$c1"
    wait_for port_free site1 5101
    kill "$shows"
    exec 8>&-
}

@test "in a batch cwg_show answers in one line of JSON, however long" {
    local i
    link_up 7
    for i in {100..119}; do
        cwg site1 create "$c1" "$i" 0 0 >/dev/null
    done
    printf '%s\n' "cwg_show $c1" "cwg_show $c1 7 0" "cwg_show $c1 8 0" | at site1 setpriv --reuid "$APP_UID" \
        --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- "$HELPER" batch >"$BATS_TEST_TMPDIR/said" || true
    [ "$(wc -l <"$BATS_TEST_TMPDIR/said")" = 3 ]
    sed -n '1s/^ok //p' "$BATS_TEST_TMPDIR/said" | $SCHEMA show 'len(it)' | grep -qx 21
    sed -n '2s/^ok //p' "$BATS_TEST_TMPDIR/said" | $SCHEMA show 'it[0]["name"]' | grep -qx wg-7-0
    sed -n 3p "$BATS_TEST_TMPDIR/said" | grep -qx "error no-such-link no such link: .*"
}

@test "cwg_show fails when a container has more devices of the links' name than it shows, after these" {
    local few=$BATS_FILE_TMPDIR/bin-few/$NAME i
    local reason="the list is incomplete: the container has more links than these 66"
    [ -e "$few" ] || (install_helper "$ROOT/build/variants/few/$NAME" cap_net_admin,cap_sys_admin,cap_sys_ptrace=p \
        "$BATS_FILE_TMPDIR/bin-few")
    for ((i = 0; i < 67; i++)); do add_of_our_kind "$c1" "wg-$i-1"; done
    run --separate-stderr app_at site1 "$few" cwg_show "$c1"
    [ "$status" = 1 ]
    [ "$(grep -c '^wg-[0-9]*-1: down$' <<<"$output")" = 66 ] || fail "$output"
    [[ $stderr == *"$reason"* ]] || fail "$stderr"
    # The links are whole JSON in a line of their own. The reason of the failure is another line.
    run --separate-stderr app_at site1 "$few" cwg_show "$c1" --json
    [ "$status" = 1 ]
    [ "${#lines[@]}" = 2 ] || fail "$output"
    $SCHEMA show 'len(it)' <<<"${lines[0]}" | grep -qx 66
    $SCHEMA failure 'it["code"]' <<<"${lines[1]}" | grep -qx incomplete
    run --separate-stderr app_at site1 "$few" batch - <<<"cwg_show $c1"
    [[ ${#lines[@]} = 1 && $output == "ok ["*"}] error incomplete $reason"* ]] || fail "$output"
}

@test "cwg_show prints links in order of net and host, with a blank line between two" {
    cwg site1 create "$c1" 70 0 5101
    cwg site1 create "$c1" 8 1 5102
    cwg site1 create "$c1" 8 0 5103
    cwg site1 create "$c1" 7 1 5104
    [ "$(told site1 "$c1" '" ".join(link["name"] for link in it)')" = "wg-7-1 wg-8-0 wg-8-1 wg-70-0" ]
    [ "$(cwg site1 show "$c1" | sed -n 's/^\(wg[^:]*\):.*/\1/p' | paste -sd ' ')" = "wg-7-1 wg-8-0 wg-8-1 wg-70-0" ]
    [ "$(cwg site1 show "$c1" | grep -c '^$')" = 3 ]
    [ "$(cwg site1 show "$c1" 8 1 | head -n 1)" = "wg-8-1: waiting for connect" ]
    cwg site1 show "$c1" 8 1 --json | $SCHEMA show 'len(it)' 'it[0]["name"]' | paste -sd ' ' | grep -qx '1 wg-8-1'
    # A descriptor does as well as a pid.
    [ "$(at site1 bash -c 'exec 9<"/proc/$1/ns/net"; exec "$2" cwg_show fd:9 7 1' - "$c1" "$HELPER")" = \
        "$(cwg site1 show "$c1" 7 1)" ]
}

# bats test_tags=kernel,only-6-12
@test "cwg_show counts peers and networks that root in the container has added, and cuts their list short" {
    require_kernel
    link_up 7
    # shellcheck disable=SC2046 # words
    inside "$c1" wg set wg-7-0 $(for i in {0..40}; do
        printf 'peer %s allowed-ips %s ' "$(wg genkey | wg pubkey)" "10.1.$i.0/24"
    done) peer "$KEY2" allowed-ips "$(seq -s, -f '10.2.%g.0/24' 0 250),$(seq -s, -f '2001:db8:%g::/48' 1 900)"
    [ "$(told1 '["peers"]' '["peer"]["public_key"]')" = "42 $KEY2" ]
    told site1 "$c1" 'len(it[0]["peer"]["allowed_ips"])' 'it[0]["peer"]["more_allowed_ips"]' |
        paste -sd ' ' | grep -qx "16 True"
    cwg site1 show "$c1" | fits
    cwg site1 show "$c1" | grep -q 'the first of 42 peers: somebody else added the others'
}

@test "many cwg_show at once need no lock of the container, and change nothing" {
    local pids=()
    link_up 7
    remember
    hold_lock "$c1"
    local i
    at_syscall --stdout /dev/null --report 1 status -- \
        "$HELPER" cwg_show "$c1" | awk '{ print $2 }' >"$BATS_TEST_TMPDIR/calls"
    grep -qx recvmsg "$BATS_TEST_TMPDIR/calls"
    ! grep -xE 'flock|bind' "$BATS_TEST_TMPDIR/calls" || fail "it takes its turn"
    for i in {1..8}; do
        cwg site1 show "$c1" --json >"$BATS_TEST_TMPDIR/shown.$i" 3>&- &
        pids+=($!)
    done
    wait "${pids[@]}"
    for i in {1..8}; do
        cmp "$BATS_TEST_TMPDIR/shown.1" "$BATS_TEST_TMPDIR/shown.$i"
    done
    $SCHEMA show 'it[0]["peers"]' <"$BATS_TEST_TMPDIR/shown.1" | grep -qx 1
}

@test "cwg_show refuses a pid that no process has, and a process in the caller's own namespace" {
    run --separate-stderr cwg site1 show 4194303
    assert_failure_with "pid: no such process"
    # shellcheck disable=SC2016 # the other shell's
    run --separate-stderr app_at site1 sh -c '"$0" cwg_show "$$"' "$HELPER"
    assert_failure_with "pid: "
}

@test "cwg_show refuses the host's network namespace" {
    require_machines_network
    run --separate-stderr cwg site1 show "$BASHPID"
    assert_failure_with "pid: "
    run --separate-stderr cwg site1 show "$$" --json
    assert_json_failure not-permitted "pid: "
}
