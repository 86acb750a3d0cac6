#!/usr/bin/env bats
# The programs in examples/: both sites' exchange in Python, bash and C, over several transports, and with a broken or
# hostile other site; and the metrics. exchange.bash has the sites.

bats_require_minimum_version 1.5.0
load exchange

# Runs the C example in a site: c_at SITE ARGUMENT...
c_at()
{
    app_at "$1" "$EXAMPLES/link" "${@:2}"
}

# The C example gets this line from the other site, fails with this text, and leaves nothing.
c_fails()
{
    local text=$1 told=$2
    shift 2
    run --separate-stderr c_at "$@" <<<"$told"
    [ "$status" = 1 ] || fail "exit code $status; $output $stderr"
    [[ ${stderr_lines[0]} == "link: $text"* ]] || fail "not the message: '$text'; it says: $stderr"
    nothing_left
}

# Runs link.sh in a site, with WAIT as CWG_WAIT: bash_at SITE ARGUMENT...
bash_at()
{
    app_at "$1" env "CWG_WAIT=${WAIT:--}" "$EXAMPLES/link.sh" "${@:2}"
}

# Runs link.sh at both sites, over a pair of pipes: bash_both "ARGUMENTS OF 1" "ARGUMENTS OF 2".
bash_both()
{
    local pipes=$BATS_TEST_TMPDIR/pipes site2
    mkdir -p "$pipes"
    [ -p "$pipes/there" ] || mkfifo "$pipes/there" "$pipes/back"
    # shellcheck disable=SC2086
    bash_at site2 answer $2 <"$pipes/there" >"$pipes/back" 3>&- &
    site2=$!
    # shellcheck disable=SC2086
    bash_at site1 offer $1 >"$pipes/there" <"$pipes/back" || { wait "$site2"; return 1; }
    wait "$site2"
}

# link.sh gets these lines from the other site, fails with this text, and leaves nothing.
bash_fails()
{
    local text=$1 told=$2
    shift 2
    run --separate-stderr bash_at "$@" <<<"$told"
    [ "$status" = 1 ] || fail "exit code $status; $output $stderr"
    [[ $stderr == *"$text"* ]] || fail "not in the message: '$text'; it says: $stderr"
    [ "${#stderr_lines[@]}" = 1 ] || [[ ${stderr_lines[1]} == Usage:* ]] || fail "it says more: $stderr"
    nothing_left
}

@test "two_sites.py links two sites over TCP" {
    printf '%s\n' "$PRESHARED_KEY" >"$BATS_TEST_TMPDIR/key"
    chmod 755 "$BATS_TEST_TMPDIR"
    app_at site2 "$EXAMPLES/two_sites.py" answer "$c2" 192.0.2.2 --listen 192.0.2.2:4000 \
        --preshared-key-file "$BATS_TEST_TMPDIR/key" >"$BATS_TEST_TMPDIR/answered" 3>&- &
    wait_for listens_at site2
    run -0 app_at site1 "$EXAMPLES/two_sites.py" offer "$c1" 192.0.2.1 --net 7 --connect 192.0.2.2:4000 --port 5101 \
        --preshared-key-file "$BATS_TEST_TMPDIR/key" --helper "$HELPER"
    [[ $output == "net 7 host 0 port 5101 peer 192.0.2.2:"* ]]
    wait $!
    grep -q '^net 7 host 1 port [1-9][0-9]* peer 192.0.2.1:5101$' "$BATS_TEST_TMPDIR/answered"
    reaches "$c1" 10.0.0.15
}

@test "link.sh at both sites links two containers over a pair of pipes" {
    bash_both "$c1 7 192.0.2.1 5101" "$c2 7 192.0.2.2 5102"
    reaches "$c1" 10.0.0.15
}

@test "link.sh takes ports of the kernel's choice, IPv6, a NAT and options, and waits for the link" {
    printf '%s\n' "$PRESHARED_KEY" >"$BATS_TEST_TMPDIR/key"
    chmod 755 "$BATS_TEST_TMPDIR"
    WAIT=30
    bash_both "$c1 7 2001:db8::1 0 --preshared-key-file $BATS_TEST_TMPDIR/key" \
        "$c2 7 - 0 --preshared-key-file $BATS_TEST_TMPDIR/key"
    [ "$(wg_of "$c2" wg-7-1 endpoints | cut -f 2)" = "[2001:db8::1]:$(wg_of "$c1" wg-7-0 listen-port)" ]
    [ "$(wg_of "$c2" wg-7-1 persistent-keepalive | cut -f 2)" = 25 ]
    [ "$(wg_of "$c1" wg-7-0 preshared-keys | cut -f 2)" != '(none)' ]
    reaches "$c1" 10.0.0.15
}

@test "the Python package at site 1 and link.sh at site 2 link their containers" {
    exchange bash "$(site 1 "$c1" port 5101 wait null)" ip netns exec site2 setpriv --reuid "$APP_UID" \
        --regid "$APP_GID" --clear-groups --inh-caps=-all -- env CWG_WAIT=- \
        "$EXAMPLES/link.sh" answer "$c2" 7 192.0.2.2 5102
    reaches "$c1" 10.0.0.15
}

@test "link.sh leaves nothing when the other site fails or misbehaves" {
    local line message="link.sh: the other site's line is not as it has to be"
    local site1=(site1 offer "$c1" 7 192.0.2.1 5101) site2=(site2 answer "$c2" 7 192.0.2.2 5102)
    for line in garbage '' '$(touch /pwned)' "$(message answer 7 1 '"192.0.2.2"' 5102 "$KEY") " \
        "$(message answer 7 1 '"192.0.2.2 -x"' 5102 "$KEY")" "$(message answer 7 1 '"192.0.2.2"' 05102 "$KEY")" \
        "$(message answer 7 1 '"$(id)"' 5102 "$KEY")" "$(message answer 7 1 '"192.0.2.2"' 5102 "${KEY%=}")" \
        "$(message answer 7 2 '"192.0.2.2"' 5102 "$KEY")" "$(message answer 7 '' '"192.0.2.2"' 5102 "$KEY")" \
        "$(message answer 7 1 '"192.0.2.2"' 5102 "$KEY" | sed 's/"cwg":1/"cwg":2/')" \
        "$(printf 'x%.0s' {1..100000})"; do
        bash_fails "$message" "$line" "${site1[@]}"
        bash_fails "$message" "$line" "${site2[@]}"
    done
    bash_fails "does the same part" "$(message offer 7 1 '"192.0.2.2"' 5102 "$KEY")" "${site1[@]}"
    bash_fails "net is 8" "$(message answer 8 1 '"192.0.2.2"' 5102 "$KEY")" "${site1[@]}"
    bash_fails "host is 0, too" "$(message answer 7 0 '"192.0.2.2"' 5102 "$KEY")" "${site1[@]}"
    bash_fails "neither site" "$(message answer 7 1 null 5102 "$KEY")" site1 offer "$c1" 7 - 5101
    bash_fails "net-admin-helper: peer_endpoint: must not be" "$(message answer 7 1 '"0.0.0.0"' 5102 "$KEY")" \
        "${site1[@]}"
    bash_fails "net-admin-helper: peer_endpoint: must not be" "$(message offer 7 0 '"0.0.0.0"' 5102 "$KEY")" \
        "${site2[@]}"
    bash_fails "net-admin-helper: port: " "$(message offer 7 0 '"192.0.2.1"' 5102 "$KEY")" \
        site2 answer "$c2" 7 192.0.2.2 1
    bash_fails "ADDRESS must be" "" site1 offer "$c1" 7 '192.0.2.1","x":"' 5101
    run ! bash_at site1 offer "$c1" 7 192.0.2.1 5101 </dev/null
    nothing_left
    # The other site reads nothing.
    message offer 7 0 '"192.0.2.1"' 5102 "$KEY" >"$BATS_TEST_TMPDIR/offer"
    echo >>"$BATS_TEST_TMPDIR/offer"
    run -1 bash -c "set -o pipefail; ip netns exec site2 '$EXAMPLES/link.sh' answer $c2 7 192.0.2.2 5102 \
        <'$BATS_TEST_TMPDIR/offer' | true"
    [[ $output == *"the other site hung up"* ]]
    nothing_left
}

@test "link.sh leaves a link that was there before" {
    local port
    cwg site1 create "$c1" 7 0 5101
    for port in 0 5103; do
        run -1 bash_at site1 offer "$c1" 7 192.0.2.1 "$port" </dev/null
        [[ $output == *"exists already"* ]] || fail "$output"
        has_device "$c1" wg-7-0
    done
}

@test "link.sh leaves nothing when a signal ends it while it waits for the other site" {
    local signal pid status pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
    exec 8<>"$pipe"
    for signal in TERM HUP; do
        ip netns exec site1 "$EXAMPLES/link.sh" offer "$c1" 7 192.0.2.1 5101 <"$pipe" >"$BATS_TEST_TMPDIR/sent" \
            3>&- 8>&- &
        pid=$!
        wait_for grep -q offer "$BATS_TEST_TMPDIR/sent"
        kill "-$signal" "$pid"
status=0
        wait "$pid" || status=$?
        [ "$status" = 1 ]
        nothing_left
        : >"$BATS_TEST_TMPDIR/sent"
    done
    exec 8>&-
}

@test "the C example at both sites links two containers, over a batch each, and the links stay" {
    local pipes=$BATS_TEST_TMPDIR/pipes site2
    mkdir "$pipes"
    mkfifo "$pipes/there" "$pipes/back"
    c_at site2 answer "$c2" 7 192.0.2.2 5102 <"$pipes/there" >"$pipes/back" 3>&- &
    site2=$!
    c_at site1 offer "$c1" 7 192.0.2.1 0 >"$pipes/there" <"$pipes/back"
    wait "$site2"
    reaches "$c1" 10.0.0.15
    [ "$(wg_of "$c2" wg-7-1 endpoints | cut -f 2)" = "192.0.2.1:$(wg_of "$c1" wg-7-0 listen-port)" ]
    run ! pgrep -f "^$NAME batch"
}

@test "the C example behind a NAT and the Python package link two containers by IPv6" {
    exchange bash "$(site 1 "$c1" port 5101 address '"2001:db8::1"')" ip netns exec site2 setpriv --reuid "$APP_UID" \
        --regid "$APP_GID" --clear-groups --inh-caps=-all -- "$EXAMPLES/link" answer "$c2" 7 - 0
    [ "$(wg_of "$c2" wg-7-1 endpoints | cut -f 2)" = '[2001:db8::1]:5101' ]
    [ "$(wg_of "$c2" wg-7-1 persistent-keepalive | cut -f 2)" = 25 ]
    reaches "$c1" 10.0.0.15
}

@test "link.sh at site 1 and the C example at site 2 link two containers" {
    WAIT=30
    at site1 socat EXEC:"$EXAMPLES/link.sh offer $c1 7 192.0.2.1 5101" \
        EXEC:"nsenter --net=/run/netns/site2 $EXAMPLES/link answer $c2 7 192.0.2.2 5102"
    reaches "$c2" 10.0.0.14
}

@test "the C example leaves nothing when the other site fails or misbehaves" {
    local line site1=(site1 offer "$c1" 7 192.0.2.1 5101) site2=(site2 answer "$c2" 7 192.0.2.2 5102)
    for line in garbage '' "$(printf 'x%.0s' {1..100000})" \
        "$(message answer 7 1 '"192.0.2.2"' 5102 "$KEY" | sed 's/}/,"x":1}/')" \
        "$(message answer 7 1 '"192.0.2.2"' 5102 "$KEY" | sed 's/"cwg":1/"cwg":2/')" \
        "$(message answer 7 1 '"192.0.2.2"' '"5102"' "$KEY")" \
        "$(message answer 1"$(printf '0%.0s' {1..99})" 1 null 5102 "$KEY")"; do
        c_fails "the other site's line is not as it has to be" "$line" "${site1[@]}"
        c_fails "the other site's line is not as it has to be" "$line" "${site2[@]}"
    done
    c_fails "the other site's address is none" "$(message answer 7 1 '"192.0.2.2 --mtu=9"' 5102 "$KEY")" "${site1[@]}"
    c_fails "the other site's address is none" "$(message answer 7 1 7 5102 "$KEY")" "${site1[@]}"
    c_fails "the other site's port or key is none" "$(message answer 7 1 null 5102 "${KEY/AE/\\nE}")" "${site1[@]}"
    c_fails "the other site's port or key is none" "$(message answer 7 1 null 4294972398 "$KEY")" "${site1[@]}"
    c_fails "the other site's line is about another end" "$(message offer 7 1 '"192.0.2.2"' 5102 "$KEY")" "${site1[@]}"
    c_fails "the other site's line is about another end" "$(message answer 4294967303 1 '"192.0.2.2"' 5102 "$KEY")" \
        "${site1[@]}"
    c_fails "net-admin-helper: error usage peer_endpoint: " "$(message offer 7 0 '"0.0.0.0"' 5101 "$KEY")" "${site2[@]}"
    c_fails "net-admin-helper: error port-not-permitted " "$(message offer 7 0 '"192.0.2.1"' 5101 "$KEY")" \
        site2 answer "$c2" 7 192.0.2.2 1
    c_fails "neither site knows" "$(message answer 7 1 null 5102 "$KEY")" site1 offer "$c1" 7 - 5101
}

@test "the C example leaves nothing when it is killed while it waits for the other site" {
    local pid pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
    exec 8<>"$pipe"
    ip netns exec site1 "$EXAMPLES/link" offer "$c1" 7 192.0.2.1 5101 <"$pipe" >"$BATS_TEST_TMPDIR/sent" 3>&- 8>&- &
    pid=$!
    wait_for grep -q offer "$BATS_TEST_TMPDIR/sent"
    has_device "$c1" wg-7-0
    kill -KILL "$pid"
    wait "$pid" || true
    wait_for lacks_device "$c1" wg-7-0
    exec 8>&-
}

@test "the bash line of examples/README.md links two sites" {
    # This ssh reaches the other site in another way.
    printf '#!/bin/sh\nsite=$1 program=$2\nshift 2\nexec nsenter --net=/run/netns/"$site" "%s/$program" "$@"\n' \
        "$EXAMPLES" >"$BATS_TEST_TMPDIR/ssh"
    chmod +x "$BATS_TEST_TMPDIR/ssh"
    cd "$EXAMPLES"
    grep '^    socat ' README.md | sed "s/ 4711 / $c1 /; s/ 815 / $c2 /" >"$BATS_TEST_TMPDIR/line"
    PATH=$BATS_TEST_TMPDIR:$PATH at site1 bash -eu "$BATS_TEST_TMPDIR/line"
    reaches "$c1" 10.0.0.15
}

@test "the metrics line of examples/README.md prints the metrics of the existing links" {
    link_up 7
    reaches "$c1" 10.0.0.15
    cp "$EXAMPLES/prometheus.py" "$BATS_TEST_TMPDIR/"
    cd "$BATS_TEST_TMPDIR"
    bash -eu -o pipefail <(grep '^    cwg_list ' "$EXAMPLES/README.md")
    # The line needs Debian's Python, which has Debian's package. Other tests' links may be there, too.
    cwg_list --json | /usr/bin/python3 -c 'import json, sys, time, prometheus
from prometheus_client.parser import text_string_to_metric_families
links = json.load(sys.stdin)
own = {link["name"]: labels for link, labels in zip(links, prometheus.labels_of(links))
       if link["pid"] in map(int, sys.argv[2:4])}
with open(sys.argv[1]) as file:
    samples = [sample for family in text_string_to_metric_families(file.read()) for sample in family.samples]

def value(name, device="wg-7-0", **labels):
    [sample] = [sample for sample in samples
                if sample.name == f"cwg_{name}" and sample.labels == {**own[device], **labels}]
    return sample.value

assert sorted(own) == ["wg-7-0", "wg-7-1"]
assert value("link_up") == value("link_peers") == value("link_up", "wg-7-1") == 1
assert value("link_mtu_bytes") == 1420
assert value("link_state", state="connected") == 1 and value("link_state", state="idle") == 0
assert abs(value("link_latest_handshake_timestamp_seconds") - time.time()) < 60
assert value("link_receive_packets_total") >= 1 and value("link_transmit_bytes_total") >= 84
assert value("link_info", address="10.0.0.14", backend=sys.argv[4]) == 1
' cwg.prom "$c1" "$c2" "$BACKEND"
}
