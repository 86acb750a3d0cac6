#!/usr/bin/env bats
# The programs in examples/: both sites' exchange in Python and bash, over several transports, and with a broken or
# hostile other site; and the metrics. net.bash has the picture; the sites also have IPv6, 2001:db8::1 and ::2.
#
# The sites live as long as this file, containers only as long as a test.

bats_require_minimum_version 1.5.0
load net

KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=
PRESHARED_KEY=DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDA=

setup_file()
{
    has_backend || return 0
    install_helper
    local bin task
    bin=$(dirname "$HELPER")
    for task in cwg_create cwg_connect cwg_destroy cwg_wait cwg_show cwg_list; do
        ln -sfn "$NAME" "$bin/$task"
    done
    # The application can read the examples there.
    cp -r "$ROOT/examples" "$BATS_FILE_TMPDIR/"
    chmod -R a+rX "$BATS_FILE_TMPDIR/examples"
    export EXAMPLES=$BATS_FILE_TMPDIR/examples PATH=$bin:$PATH
    export PYTHONPATH=$EXAMPLES PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=error
    two_sites
    ip -n site1 address add 2001:db8::1/64 dev v1 nodad
    ip -n site2 address add 2001:db8::2/64 dev v2 nodad
}

setup()
{
    require_backend
    container c1
    container c2
}

teardown()
{
    clean_up
    wait_for_silence site1 site2
}

teardown_file()
{
    clean_up
}

# Prints a site as exchange.py takes it. The application calls the site's helper in the site: site NUMBER PID [FIELD
# VALUE]..., each value in JSON.
site()
{
    local number=$1 fields
    fields="\"pid\": ${2}, \"command\": [\"ip\", \"netns\", \"exec\", \"site$number\", \"setpriv\", \"--reuid\",
        \"$APP_UID\", \"--regid\", \"$APP_GID\", \"--clear-groups\", \"--inh-caps=-all\", \"--\", \"env\", \"--\",
        \"$HELPER\"]"
    shift 2
    [[ " $* " == *' address '* ]] || fields+=", \"address\": \"192.0.2.$number\""
    [[ " $* " == *' net'* ]] || [ "$number" != 1 ] || fields+=', "net": 7'
    while [ $# -gt 0 ]; do
        fields+=", \"$1\": $2"
        shift 2
    done
    echo "{$fields}"
}

exchange()
{
    timeout 120 "$ROOT/tests/net/exchange.py" "$@"
}

# Prints a whole message of the other site: message KIND NET HOST ADDRESS PORT KEY, the address in JSON.
message()
{
    printf '{"cwg":1,"kind":"%s","net":%s,"host":%s,"address":%s,"port":%s,"key":"%s"}' "$@"
}

reaches()
{
    inside "$1" ping -c 1 -W 10 "$2"
}

# No container has a link, and no site has a socket.
nothing_left()
{
    local pid
    for pid in "$c1" "$c2"; do
        inside "$pid" sh -c '! grep -q wg- /proc/net/dev' || fail "a link is left in $pid"
    done
    no_sockets site1
    no_sockets site2
}

# A site whose other site misbehaves fails with this text, before or after it made its link, and leaves nothing.
fails_after_making()
{
    local text=$1
    shift
    run --separate-stderr exchange "$@"
    [ "$status" = 1 ] || fail "exit code $status; $output $stderr"
    [[ $stderr == *"$text"* ]] || fail "not in the message: '$text'; it says: $stderr"
    [ "$output" = "${SENT-sent}" ] || fail "it printed: $output"
    [ "${#stderr_lines[@]}" = 1 ] || fail "standard error isn't one line: $stderr"
    nothing_left
}

fails_before_making()
{
    SENT='' fails_after_making "$@"
}

listens_at()
{
    at "$1" ss -Hlnt | grep -q 4000
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

# Prints a block of examples/README.md: the Python of one site.
python_of()
{
    sed -n '/^```python/,/^```/p' "$EXAMPLES/README.md" | grep -v '^```' | awk -v part="$1" '
        /^import socket/ { n++ }
        /^ssh = / { n = 99 }
        n == part'
}

@test "cwg.py at both sites links two containers over a pair of sockets" {
    run -0 exchange both "$(site 1 "$c1" port 5101 wait null)" "$(site 2 "$c2" port 5102 wait null)"
    [ "${lines[*]}" = "7 0 5101 192.0.2.2:5102 7 1 5102 192.0.2.1:5101" ] ||
        [ "${lines[*]}" = "7 1 5102 192.0.2.1:5101 7 0 5101 192.0.2.2:5102" ]
    reaches "$c1" 10.0.0.15
}

@test "cwg.py at both sites waits until the link carries packets" {
    exchange both "$(site 1 "$c1" port 5101)" "$(site 2 "$c2" port 5102)"
    [ "$(wg_of "$c1" wg-7-0 latest-handshakes | cut -f 2)" != 0 ]
    [ "$(wg_of "$c2" wg-7-1 latest-handshakes | cut -f 2)" != 0 ]
}

@test "cwg.py lets the kernel choose the ports, and tells the other site its own" {
    exchange both "$(site 1 "$c1" wait null)" "$(site 2 "$c2" wait null)"
    reaches "$c1" 10.0.0.15
    [ "$(wg_of "$c1" wg-7-0 endpoints | cut -f 2)" = "192.0.2.2:$(wg_of "$c2" wg-7-1 listen-port)" ]
}

@test "cwg.py links by IPv6" {
    exchange both "$(site 1 "$c1" port 5101 wait null address '"2001:0db8:0::1"')" \
        "$(site 2 "$c2" port 5102 wait null address '"2001:db8::2"')"
    reaches "$c2" 10.0.0.14
    [ "$(wg_of "$c2" wg-7-1 endpoints | cut -f 2)" = '[2001:db8::1]:5101' ]
}

@test "cwg.py gives both ends a preshared key, and never as an argument" {
    local traced=$BATS_TEST_TMPDIR/traced
    exchange both "$(site 1 "$c1" port 5101 wait null preshared_key "\"$PRESHARED_KEY\"")" \
        "$(site 2 "$c2" port 5102 wait null preshared_key "\"$PRESHARED_KEY\"")"
    [ "$(wg_of "$c1" wg-7-0 preshared-keys | cut -f 2)" != '(none)' ]
    reaches "$c1" 10.0.0.15
    # This helper prints its arguments.
    cat >"$BATS_TEST_TMPDIR/helper" <<END
#!/bin/sh
echo "\$0 \$*" >>"$traced"
[ "\$1" != cwg_create ] || echo '{"listen_port":5000,"public_key":"$KEY"}'
END
    chmod +x "$BATS_TEST_TMPDIR/helper"
    python3 -c 'import sys, cwg
helper = cwg.Helper(sys.argv[1])
helper.create(1, 2, 0, 5000)
helper.connect(1, 2, 1, "192.0.2.2:5000", sys.argv[2], preshared_key=sys.argv[3], keepalive=5, mtu=1300)' \
        "$BATS_TEST_TMPDIR/helper" "$KEY" "$PRESHARED_KEY"
    grep -q 'cwg_connect 1 2 1 192.0.2.2:5000 .*--persistent-keepalive=5 --mtu=1300 .*--preshared-key-file=fd:' \
        "$traced"
    run ! grep -q DDDD "$traced"
}

@test "cwg.py with different preshared keys fails at both sites, and leaves nothing" {
    run -1 exchange both "$(site 1 "$c1" port 5101 wait 2 preshared_key "\"$PRESHARED_KEY\"")" \
        "$(site 2 "$c2" port 5102 wait 2 preshared_key "\"$KEY\"")"
    [[ $output == *"offer: net-admin-helper: no answer from 192.0.2.2:5102"* ]]
    [[ $output == *"answer: net-admin-helper: no answer from 192.0.2.1:5101"* ||
        $output == *"answer: net-admin-helper: the peer's handshakes arrive here"* ]]
    nothing_left
}

@test "cwg.py keeps the way open from a site behind a NAT" {
    exchange both "$(site 1 "$c1" port 5101 wait null)" "$(site 2 "$c2" port 5102 wait null address null)"
    [ "$(wg_of "$c1" wg-7-0 persistent-keepalive | cut -f 2)" = off ]
    [ "$(wg_of "$c2" wg-7-1 persistent-keepalive | cut -f 2)" = 25 ]
    reaches "$c2" 10.0.0.14
    reaches "$c1" 10.0.0.15
}

@test "cwg.py takes a descriptor of a container's namespace for the pid" {
    exec 7<"/proc/$c1/ns/net"
    python3 - "$HELPER" <<'PYTHON'
import os, sys, cwg
helper = cwg.Helper(["ip", "netns", "exec", "site1", sys.argv[1]])
os.set_inheritable(7, False)
created = helper.create("fd:7", 7, 0, 5101)
helper.connect("fd:7", 7, 1, "192.0.2.2:5102", "A" * 42 + "E=", preshared_key="A" * 43 + "=")
PYTHON
    has_device "$c1" wg-7-0
    exec 7<&-
}

@test "cwg.py doesn't link two sites that both don't know the other's address" {
    run ! exchange both "$(site 1 "$c1" port 5101 wait null address null)" \
        "$(site 2 "$c2" port 5102 wait null address null)"
    [[ $output == *"answer: neither site knows where the other one is"* ]]
    [[ $output == *"offer: the other site hung up"* ]]
    nothing_left
}

@test "cwg.py at site 1 removes its end when the other site fails or misbehaves" {
    local site
    site=$(site 1 "$c1" port 5101 wait null)
    fails_after_making "Failure: the other site hung up" offer "$site" "hang up"
    fails_after_making "timed out" offer "$site" "stay silent"
    fails_after_making interrupted offer "$site" interrupt
    fails_after_making "Failure: the other site's message is no line of JSON" offer "$site" garbage
    fails_after_making "another version" offer "$site" \
        "$(message answer 7 1 '"192.0.2.2"' 5102 "$KEY" | sed 's/"cwg":1/"cwg":2/')"
    fails_after_making "is no answer" offer "$site" "$(message offer 7 1 '"192.0.2.2"' 5102 "$KEY")"
    fails_after_making "about net 8 host 1" offer "$site" "$(message answer 8 1 '"192.0.2.2"' 5102 "$KEY")"
    fails_after_making "about net 7 host 0" offer "$site" "$(message answer 7 0 '"192.0.2.2"' 5102 "$KEY")"
    fails_after_making "this site's own" offer "$site" "$(message answer 7 1 '"192.0.2.2"' 5102 KEY)"
    fails_after_making "net-admin-helper: peer_endpoint: must not be an unspecified" offer "$site" \
        "$(message answer 7 1 '"0.0.0.0"' 5102 "$KEY")"
    fails_before_making "BrokenPipeError" offer "$site" refuse
}

@test "cwg.py at site 2 removes its end, or never makes it, when the other site fails or misbehaves" {
    local site
    site=$(site 2 "$c2" port 5102 wait null nets '[6, 7]')
    fails_before_making "Failure: the other site hung up" answer "$site" "hang up"
    fails_before_making "timed out" answer "$site" "stay silent"
    fails_before_making interrupted answer "$site" interrupt
    fails_before_making "no line of JSON" answer "$site" garbage
    fails_before_making "is no offer" answer "$site" "$(message answer 7 0 '"192.0.2.1"' 5101 "$KEY")"
    fails_before_making "offers net 8" answer "$site" "$(message offer 8 0 '"192.0.2.1"' 5101 "$KEY")"
    fails_before_making "must not be an unspecified" answer "$site" "$(message offer 7 0 '"224.0.0.1"' 5101 "$KEY")"
    SENT='' fails_after_making "net-admin-helper: " answer "$(site 2 "$c2" port 1 wait null)" \
        "$(message offer 7 0 '"192.0.2.1"' 5101 "$KEY")"
}

@test "cwg.py finds out by cwg_wait that nobody has the peer's key, and leaves nothing" {
    local failure="Failure: net-admin-helper: no answer from"
    fails_after_making "$failure 192.0.2.2:5102" offer "$(site 1 "$c1" port 5101 wait 2)" \
        "$(message answer 7 1 '"192.0.2.2"' 5102 "$KEY")"
    fails_after_making "$failure 192.0.2.1:5101" answer "$(site 2 "$c2" port 5102 wait 2)" \
        "$(message offer 7 0 '"192.0.2.1"' 5101 "$KEY")"
}

@test "cwg.py leaves a link that was there before a failed exchange" {
    local port
    cwg site1 create "$c1" 7 0 5101
    run ! exchange offer "$(site 1 "$c1" port 5103 wait null)" "hang up"
    [[ $output == *"exists already"* ]]
    has_device "$c1" wg-7-0
    for port in 0 5103; do
        run -1 bash_at site1 offer "$c1" 7 192.0.2.1 "$port" </dev/null
        [[ $output == *"exists already"* ]] || fail "$output"
        has_device "$c1" wg-7-0
    done
    no_sockets site2
}

@test "cwg.py tells failures apart by their codes, and lists the links of some nets" {
    python3 - "$HELPER" "$c1" <<'PYTHON'
import subprocess, sys, cwg
helper = cwg.Helper(["ip", "netns", "exec", "site1", sys.argv[1]])
pid = int(sys.argv[2])
ended = subprocess.Popen(["true"])
ended.wait()

def code(task, *arguments):
    try:
        task(*arguments)
    except cwg.Failure as failure:
        assert str(failure).startswith("net-admin-helper: "), failure
        return failure.code
    return "none"

helper.create(pid, 7, 0, 5101)
helper.create(pid, 9, 0, 5109)
assert code(helper.create, pid, 7, 0, 5102) == "exists"
assert code(helper.create, pid, 8, 0, 5101) == "port-in-use"
assert code(helper.show, pid, 10, 0) == "no-such-link"
assert code(helper.wait, pid, 7, 0, 1) == "not-connected"
assert code(helper.create, pid, 8388608, 0) == "usage"
assert code(helper.connect, pid, 10, 1, "192.0.2.2:5102", "A" * 42 + "E=") == "no-such-link"
assert code(helper.connect, pid, 7, 1, "192.0.2.1:5101", "A" * 42 + "E=") == "own-endpoint"
assert code(helper.destroy, pid, 10, 0) == "no-such-link"
assert code(helper.destroy_all, ended.pid) == "no-such-process"
assert code(helper.links, range(8388607, 8388608)) == "none"
assert [link["net"] for link in helper.links(range(8, 10)) if link["pid"] == pid] == [9]
PYTHON
}

@test "a link of cwg.py ends with its `with` block, also if the container has ended before" {
    python3 - "$HELPER" "$c1" <<'PYTHON'
import subprocess, sys, cwg
helper = cwg.Helper(["ip", "netns", "exec", "site1", sys.argv[1]])
other = cwg.Message("answer", 7, 1, "192.0.2.2", 5102, "A" * 42 + "E=")

def offer(pid):
    return cwg.offer(cwg.Site(pid, "192.0.2.1", 5101, wait=None, helper=helper),
                     cwg.Transport(lambda line: None, other.encode), 7)

def has_link(pid):
    with open(f"/proc/{pid}/net/dev") as devices:
        return "wg-7-0" in devices.read()

first = int(sys.argv[2])
with offer(first):
    assert has_link(first)
assert not has_link(first)
for waited_for in False, True:
    with subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE) as second:
        second.stdout.readline()
        with offer(second.pid):
            second.kill()
            if waited_for:
                second.wait()
            else:
                second.stdout.read()
with offer(first) as link:
    helper.destroy(first, 7, 0)
    try:
        link.destroy()
        sys.exit("a link that somebody else removed is no failure")
    except cwg.Failure as failure:
        assert "no link" in str(failure) or "no such link" in str(failure), failure
    helper.create(first, 7, 0, 5101)
PYTHON
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

@test "cwg.py at site 1 and link.sh at site 2 link their containers" {
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

@test "the Python of examples/README.md links two sites" {
    { echo "pid = $c1"; python_of 1; } >"$BATS_TEST_TMPDIR/site1.py"
    { echo "pid = $c2"; python_of 2; } >"$BATS_TEST_TMPDIR/site2.py"
    chmod 755 "$BATS_TEST_TMPDIR"
    app_at site2 python3 "$BATS_TEST_TMPDIR/site2.py" 3>&- &
    wait_for listens_at site2
    run -0 app_at site1 python3 "$BATS_TEST_TMPDIR/site1.py"
    [[ $output == "7 is there, to 192.0.2.2:"* ]]
    wait $!
    reaches "$c1" 10.0.0.15
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
