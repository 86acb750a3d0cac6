#!/usr/bin/env bats
# The Python package cwg: both sites' exchange, by a command for each task and by a batch, and with a broken or hostile
# other site. exchange.bash has the sites.

bats_require_minimum_version 1.5.0
load exchange

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

# Prints a block of doc/python.md: the Python of one site.
python_of()
{
    sed -n '/^```python/,/^```/p' "$ROOT/doc/python.md" | grep -v '^```' | awk -v part="$1" '
        /^import socket/ { n++ }
        /^ssh = / { n = 99 }
        n == part'
}

@test "the Python package at both sites links two containers over a pair of sockets" {
    run -0 exchange both "$(site 1 "$c1" port 5101 wait null)" "$(site 2 "$c2" port 5102 wait null)"
    [ "${lines[*]}" = "7 0 5101 192.0.2.2:5102 7 1 5102 192.0.2.1:5101" ] ||
        [ "${lines[*]}" = "7 1 5102 192.0.2.1:5101 7 0 5101 192.0.2.2:5102" ]
    reaches "$c1" 10.0.0.15
}

@test "the Python package at both sites waits until the link carries packets" {
    exchange both "$(site 1 "$c1" port 5101)" "$(site 2 "$c2" port 5102)"
    [ "$(wg_of "$c1" wg-7-0 latest-handshakes | cut -f 2)" != 0 ]
    [ "$(wg_of "$c2" wg-7-1 latest-handshakes | cut -f 2)" != 0 ]
}

@test "the Python package lets the kernel choose the ports, and tells the other site its own" {
    exchange both "$(site 1 "$c1" wait null)" "$(site 2 "$c2" wait null)"
    reaches "$c1" 10.0.0.15
    [ "$(wg_of "$c1" wg-7-0 endpoints | cut -f 2)" = "192.0.2.2:$(wg_of "$c2" wg-7-1 listen-port)" ]
}

@test "the Python package links by IPv6" {
    exchange both "$(site 1 "$c1" port 5101 wait null address '"2001:0db8:0::1"')" \
        "$(site 2 "$c2" port 5102 wait null address '"2001:db8::2"')"
    reaches "$c2" 10.0.0.14
    [ "$(wg_of "$c2" wg-7-1 endpoints | cut -f 2)" = '[2001:db8::1]:5101' ]
}

@test "the Python package gives both ends a preshared key, and never as an argument" {
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

@test "the Python package with different preshared keys fails at both sites, and leaves nothing" {
    run -1 exchange both "$(site 1 "$c1" port 5101 wait 2 preshared_key "\"$PRESHARED_KEY\"")" \
        "$(site 2 "$c2" port 5102 wait 2 preshared_key "\"$KEY\"")"
    [[ $output == *"offer: net-admin-helper: no answer from 192.0.2.2:5102"* ]]
    [[ $output == *"answer: net-admin-helper: no answer from 192.0.2.1:5101"* ||
        $output == *"answer: net-admin-helper: the peer's handshakes arrive here"* ]]
    nothing_left
}

@test "the Python package keeps the way open from a site behind a NAT" {
    exchange both "$(site 1 "$c1" port 5101 wait null)" "$(site 2 "$c2" port 5102 wait null address null)"
    [ "$(wg_of "$c1" wg-7-0 persistent-keepalive | cut -f 2)" = off ]
    [ "$(wg_of "$c2" wg-7-1 persistent-keepalive | cut -f 2)" = 25 ]
    reaches "$c2" 10.0.0.14
    reaches "$c1" 10.0.0.15
}

@test "the Python package takes a descriptor of a container's namespace for the pid" {
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

@test "the Python package doesn't link two sites that both don't know the other's address" {
    run ! exchange both "$(site 1 "$c1" port 5101 wait null address null)" \
        "$(site 2 "$c2" port 5102 wait null address null)"
    [[ $output == *"answer: neither site knows where the other one is"* ]]
    [[ $output == *"offer: the other site hung up"* ]]
    nothing_left
}

@test "the Python package at site 1 removes its end when the other site fails or misbehaves" {
    local site
    site=$(site 1 "$c1" port 5101 wait null)
    fails_after_making "BadMessage: the other site hung up" offer "$site" "hang up"
    fails_after_making "timed out" offer "$site" "stay silent"
    fails_after_making interrupted offer "$site" interrupt
    fails_after_making "BadMessage: the other site's message is no line of JSON" offer "$site" garbage
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

@test "the Python package at site 2 removes its end, or never makes it, when the other site fails or misbehaves" {
    local site
    site=$(site 2 "$c2" port 5102 wait null nets '[6, 7]')
    fails_before_making "BadMessage: the other site hung up" answer "$site" "hang up"
    fails_before_making "timed out" answer "$site" "stay silent"
    fails_before_making interrupted answer "$site" interrupt
    fails_before_making "no line of JSON" answer "$site" garbage
    fails_before_making "is no offer" answer "$site" "$(message answer 7 0 '"192.0.2.1"' 5101 "$KEY")"
    fails_before_making "offers net 8" answer "$site" "$(message offer 8 0 '"192.0.2.1"' 5101 "$KEY")"
    fails_before_making "must not be an unspecified" answer "$site" "$(message offer 7 0 '"224.0.0.1"' 5101 "$KEY")"
    SENT='' fails_after_making "net-admin-helper: " answer "$(site 2 "$c2" port 1 wait null)" \
        "$(message offer 7 0 '"192.0.2.1"' 5101 "$KEY")"
}

@test "the Python package finds out by cwg_wait that nobody has the peer's key, and leaves nothing" {
    local failure="Silent: net-admin-helper: no answer from"
    fails_after_making "$failure 192.0.2.2:5102" offer "$(site 1 "$c1" port 5101 wait 2)" \
        "$(message answer 7 1 '"192.0.2.2"' 5102 "$KEY")"
    fails_after_making "$failure 192.0.2.1:5101" answer "$(site 2 "$c2" port 5102 wait 2)" \
        "$(message offer 7 0 '"192.0.2.1"' 5101 "$KEY")"
}

@test "the Python package leaves a link that was there before a failed exchange" {
    cwg site1 create "$c1" 7 0 5101
    run ! exchange offer "$(site 1 "$c1" port 5103 wait null)" "hang up"
    [[ $output == *"exists already"* ]]
    has_device "$c1" wg-7-0
    no_sockets site2
}

@test "the Python package tells failures apart by their codes, and lists the links of some nets" {
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

@test "a Python link ends with the block of its with, also if the container has ended before" {
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

@test "the Python of doc/python.md links two sites" {
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

@test "the Python package over batches at both sites links two containers, and each batch ends" {
    exchange both "$(site 1 "$c1" port 5101 batch true)" "$(site 2 "$c2" batch true)"
    reaches "$c1" 10.0.0.15
    run ! pgrep -f "^$HELPER batch"
}

@test "the Python package over a batch with a preshared key, and over commands at the other site" {
    exchange both "$(site 1 "$c1" batch true preshared_key "\"$PRESHARED_KEY\"")" \
        "$(site 2 "$c2" preshared_key "\"$PRESHARED_KEY\"")"
    [ "$(wg_of "$c1" wg-7-0 preshared-keys | cut -f 2)" != '(none)' ]
    reaches "$c2" 10.0.0.14
}

@test "the Python package over a batch removes its end when the other site fails or misbehaves" {
    local site
    site=$(site 1 "$c1" port 5101 wait 2 batch true)
    fails_after_making "BadMessage: the other site hung up" offer "$site" "hang up"
    fails_after_making interrupted offer "$site" interrupt
    fails_after_making "Silent: net-admin-helper: no answer from 192.0.2.2:5102" offer "$site" \
        "$(message answer 7 1 '"192.0.2.2"' 5102 "$KEY")"
    SENT='' fails_after_making "PortNotPermitted: net-admin-helper: " answer "$(site 2 "$c2" port 1 batch true)" \
        "$(message offer 7 0 '"192.0.2.1"' 5101 "$KEY")"
}

@test "a Python batch with undo keeps the links that were committed, and no other, also if the program is killed" {
    local program='import os, signal, sys, cwg
pid = int(sys.argv[2])
batch = cwg.Batch(cwg.Helper(["ip", "netns", "exec", "site1", sys.argv[1]]), undo=True)
batch.create(pid, 7, 0)
batch.commit()
batch.create(pid, 8, 0)
assert [link["net"] for link in batch.show(pid)] == [7, 8]
try:
    batch.create(pid, 7, 0)
except cwg.failures.Exists as failure:
    assert str(failure).startswith("net-admin-helper: "), failure
os.kill(os.getpid(), signal.SIGKILL) if sys.argv[3] == "killed" else batch.close()'
    python3 -c "$program" "$HELPER" "$c1" closed
    has_device "$c1" wg-7-0
    run ! has_device "$c1" wg-8-0
    inside "$c1" ip link delete wg-7-0
    run -137 python3 -c "$program" "$HELPER" "$c1" killed
    wait_for lacks_device "$c1" wg-8-0
    has_device "$c1" wg-7-0
}

@test "a Python batch that is interrupted while it waits ends its process, and does the next task by another" {
    python3 - "$HELPER" "$c1" "$KEY" <<'PYTHON'
import signal, sys, cwg
pid = int(sys.argv[2])
batch = cwg.Batch(cwg.Helper(["ip", "netns", "exec", "site1", sys.argv[1]]))
batch.create(pid, 7, 0, 5101)
batch.connect(pid, 7, 1, "192.0.2.2:5102", sys.argv[3])

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
signal.alarm(1)
try:
    batch.wait(pid, 7, 0, 600)
    sys.exit("the wait has ended by itself")
except KeyboardInterrupt:
    pass
assert [link["name"] for link in batch.show(pid)] == ["wg-7-0"]
batch.destroy_all(pid)
batch.close()
PYTHON
    nothing_left
}
