#!/usr/bin/env bats
# The helper writes a line into the machine's log for each change. Tests look at the line, and see that no command
# depends on the log. Everything is at one site. The site has a /dev of its own, where a program of the test stands for
# the journal.
#
#     +--------------- site1 ---------------+
#     |  +------ c1 ------+                 |
#     |  |                |     /dev/log    |
#     |  +----------------+                 |
#     +-------------------------------------+

bats_require_minimum_version 1.5.0
load net

KEY=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=
PRESHARED=bGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGw=

setup_file()
{
    has_backend || return 0
    install_helper
    one_site
    container c1
    export c1
    make_dev
}

setup()
{
    require_backend
    LINES=$BATS_TEST_TMPDIR/lines
    PID_FILE=$BATS_TEST_TMPDIR/pid
    LISTENER=
    rm -rf "$DEV/log"
    : >"$PID_FILE"
    chmod 777 "$BATS_TEST_TMPDIR"
    chmod 666 "$PID_FILE"
}

# shellcheck disable=SC2031
end_listener()
{
    [ -z "$LISTENER" ] || kill "$LISTENER"
    LISTENER=
}

teardown()
{
    local net
    end_listener
    for net in $(inside "$c1" wg show interfaces | tr ' ' '\n' | sed -n 's/^wg-\([0-9]*\)-0$/\1/p'); do
        at site1 "$HELPER" cwg_destroy "$c1" "$net" 0
    done
}

teardown_file()
{
    local node
    for node in "$DEV"/net/tun "$DEV"/[a-z]*; do
        umount "$node" 2>/dev/null || true
    done
    clean_up
}

# Makes a directory that a test mounts on /dev. It has the machine's own devices.
make_dev()
{
    local node
    export DEV=$BATS_FILE_TMPDIR/dev
    mkdir -p "$DEV/net"
    for node in null zero full random urandom tty; do
        : >"$DEV/$node"
        mount --bind "/dev/$node" "$DEV/$node"
    done
    ln -s /proc/self/fd "$DEV/fd"
    [ ! -e /dev/net/tun ] || { : >"$DEV/net/tun" && mount --bind /dev/net/tun "$DEV/net/tun"; }
}

# Listens at /dev/log, and writes each datagram down as a line. Of a datagram that isn't printable it writes that.
listen()
{
    python3 - "$DEV/log" "$LINES" 3>&- <<'END' &
import os, socket, sys
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
with open(sys.argv[2], "wb", buffering=0) as lines:
    while True:
        line = log.recv(65536)
        printable = all(32 <= byte < 127 for byte in line)
        lines.write((line if printable else b"not printable: " + repr(line).encode()) + b"\n")
END
    LISTENER=$!
    wait_for test -e "$LINES"
}

# Runs a task in the site with that /dev, as user $1, and writes the number of its process to $PID_FILE. After 20
# seconds, which are enough on a busy machine, the task is ended.
logged_as()
{
    local uid=$1
    shift
    # shellcheck disable=SC2016
    at site1 timeout -k 1 20 unshare --mount -- sh -c 'mount --rbind "$0" /dev && exec "$@"' "$DEV" \
        setpriv --reuid "$uid" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env PID_FILE="$PID_FILE" HELPER="$HELPER" sh -c 'echo $$ >"$PID_FILE"; exec "$HELPER" "$@"' sh "$@"
}

logged()
{
    logged_as "$APP_UID" "$@"
}

# The log has one line more than before. Behind priority and process the line says this; * stands for anything.
assert_line()
{
    local expected line
    expected="<$1>${NAME}[$(cat "$PID_FILE")]: user $2"
    COUNT=$((${COUNT:-0} + 1))
    wait_for has_lines "$COUNT"
    [ "$(wc -l <"$LINES")" = "$COUNT" ] || fail "not $COUNT lines: $(cat "$LINES")"
    line=$(tail -n 1 "$LINES")
    [ "$line" = "$expected" ] || fail "the line is '$line', not '$expected'"
}

assert_no_line()
{
    # Datagrams arrive in order: when this one has arrived, all before it have.
    python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"mark", sys.argv[1])' "$DEV/log"
    COUNT=$((${COUNT:-0} + 1))
    wait_for grep -qx mark "$LINES"
    [ "$(wc -l <"$LINES")" = "$COUNT" ] || fail "there is a line: $(cat "$LINES")"
    [ "$(tail -n 1 "$LINES")" = mark ]
}

net_of()
{
    echo "net:[$(stat -L -c %i "/proc/$1/ns/net")]"
}

@test "each change leaves a line in the log with the user, the link, the container and the result" {
    local where
    where="in $(net_of "$c1") (pid $c1)"
    listen
    run --separate-stderr logged cwg_create "$c1" 7 0 5007
    assert_success_with_key
    assert_line 86 "$APP_UID: cwg_create net 7 host 0 port 5007 $where: ok, public key $output"
    run --separate-stderr logged cwg_connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
    assert_success_with ""
    assert_line 86 "$APP_UID: cwg_connect net 7 host 1 peer 192.0.2.2:5102 key $KEY $where: ok"
    run --separate-stderr logged cwg_connect "$c1" 7 1 '[2001:db8::7]:5102' "$KEY"
    [ "$status" = 1 ] && [[ $stderr == *"no IPv6"* ]] ||
        assert_line 86 "$APP_UID: cwg_connect net 7 host 1 peer [2001:db8::7]:5102 key $KEY $where: ok"
    run --separate-stderr logged_as 0 cwg_destroy "$c1" 7 0
    assert_success_with ""
    assert_line 86 "0: cwg_destroy net 7 host 0 $where: ok"
    run --separate-stderr logged cwg_create fd:9 8 1 0 9<"/proc/$c1/ns/net"
    assert_success_with_key
    assert_line 86 "$APP_UID: cwg_create net 8 host 1 port 0 in $(net_of "$c1") (fd:9): ok, public key $output"
    logged cwg_destroy "$c1" 8 1
    assert_line 86 "$APP_UID: cwg_destroy net 8 host 1 $where: ok"
}

@test "the log line of a connect has its options, and says that there is a preshared key, but not the key" {
    local where word
    where="in $(net_of "$c1") (pid $c1)"
    listen
    logged cwg_create "$c1" 7 0 5007
    COUNT=1
    run --separate-stderr logged cwg_connect "$c1" 7 1 - "$KEY" --preshared-key-file - --persistent-keepalive 25 \
        --mtu 1300 <<<"$PRESHARED"
    assert_success_with ""
    assert_line 86 "$APP_UID: cwg_connect net 7 host 1 peer - key $KEY with a preshared key persistent-keepalive 25 \
mtu 1300 $where: ok"
    run --separate-stderr logged cwg_connect "$c1" 9 1 192.0.2.2:5102 "$KEY" --preshared-key-file - <<<"$PRESHARED"
    assert_line 84 "$APP_UID: cwg_connect net 9 host 1 peer 192.0.2.2:5102 key $KEY with a preshared key $where: \
failed: ${stderr#"$NAME: "}"
    # All words in the log that look like keys are public keys.
    while read -r word; do
        [ "$word" = "$KEY" ] || [ "$word" = "$(wg_of "$c1" wg-7-0 public-key)" ] || fail "a key: $word"
    done < <(grep -oE '[A-Za-z0-9+/]{43}=' "$LINES")
    run ! grep -qF "${PRESHARED:0:20}" "$LINES"
}

@test "the log line of a create has its options, and the public key of a link that was made" {
    local where key
    where="in $(net_of "$c1") (pid $c1)"
    listen
    run --separate-stderr logged cwg_create "$c1" 7 0 5007 --adopt
    assert_success_with_key
    key=$output
    assert_line 86 "$APP_UID: cwg_create net 7 host 0 port 5007 adopt $where: ok, public key $key"
    run --separate-stderr logged cwg_create "$c1" 7 0 5007 --adopt
    assert_success_with "$key"
    # The line has no key, because no key was made.
    assert_line 86 "$APP_UID: cwg_create net 7 host 0 port 5007 adopt $where: ok"
    run --separate-stderr logged cwg_create "$c1" 7 0 5007 --replace
    [ "$output" != "$key" ]
    assert_line 86 "$APP_UID: cwg_create net 7 host 0 port 5007 replace $where: ok, public key $output"
    run --separate-stderr logged cwg_create "$c1" 7 0 5008 --adopt
    [ "$status" = 1 ]
    assert_line 84 "$APP_UID: cwg_create net 7 host 0 port 5008 adopt $where: failed: ${stderr#"$NAME: "}"
    run --separate-stderr logged cwg_create "$c1" 8 1 5009 --allow-overlap --replace
    assert_success_with_key
    assert_line 86 "$APP_UID: cwg_create net 8 host 1 port 5009 replace allow-overlap $where: ok, public key $output"
    logged cwg_destroy "$c1" 8 1 --if-exists
    assert_line 86 "$APP_UID: cwg_destroy net 8 host 1 $where: ok"
}

@test "a command that is refused leaves a line in the log with the text that the caller gets" {
    local command where
    where="in $(net_of "$c1") (pid $c1)"
    listen
    run --separate-stderr logged cwg_create "$c1" 7 0 80
    assert_line 84 "$APP_UID: cwg_create net 7 host 0 port 80 (pid $c1): failed: ${stderr#"$NAME: "}"
    run --separate-stderr logged cwg_connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
    assert_failure_with "no link for net 7"
    assert_line 84 "$APP_UID: cwg_connect net 7 host 1 peer 192.0.2.2:5102 key $KEY $where: \
failed: ${stderr#"$NAME: "}"
    run --separate-stderr logged cwg_destroy "$c1" 7 0
    assert_failure_with "no such link"
    assert_line 84 "$APP_UID: cwg_destroy net 7 host 0 $where: failed: ${stderr#"$NAME: "}"
    # The helper found no namespace.
    run --separate-stderr logged cwg_destroy 4194304 7 0
    assert_line 84 "$APP_UID: cwg_destroy net 7 host 0 (pid 4194304): failed: ${stderr#"$NAME: "}"
    run --separate-stderr logged cwg_destroy fd:77 7 0
    assert_line 84 "$APP_UID: cwg_destroy net 7 host 0 (fd:77): failed: ${stderr#"$NAME: "}"
    if in_machines_network; then
        run --separate-stderr logged cwg_destroy 1 7 0
        assert_failure_with "pid: "
        assert_line 84 "$APP_UID: cwg_destroy net 7 host 0 (pid 1): failed: ${stderr#"$NAME: "}"
    fi
    run --separate-stderr logged cwg_connect "$c1" 7 1 192.0.2.2:5102 "$KEY" --preshared-key-file /nowhere
    assert_line 84 "$APP_UID: cwg_connect net 7 host 1 peer 192.0.2.2:5102 key $KEY with a preshared key (pid $c1): \
failed: ${stderr#"$NAME: "}"
    run ! grep -q 'not printable' "$LINES"
}

@test "when a create can't print the key, the log says that the create failed" {
    local code=0
    listen
    logged cwg_create "$c1" 9 0 5009 >/dev/full 2>"$BATS_TEST_TMPDIR/error" || code=$?
    [ "$code" = 1 ]
    assert_line 84 "$APP_UID: cwg_create net 9 host 0 port 5009 in $(net_of "$c1") (pid $c1): failed: $(
        sed "s/^$NAME: //" "$BATS_TEST_TMPDIR/error")"
}

@test "a syslog daemon accepts the helper's line unchanged" {
    local file=$BATS_TEST_TMPDIR/messages
    # shellcheck disable=SC2016
    unshare --mount -- sh -c 'mount --rbind "$0" /dev && exec busybox syslogd -n -O "$1"' "$DEV" "$file" 3>&- &
    # shellcheck disable=SC2030,SC2031
    LISTENER=$!
    wait_for test -S "$DEV/log"
    logged cwg_create "$c1" 7 0 5007
    wait_for grep -q " authpriv.info ${NAME}\[$(cat "$PID_FILE")\]: user $APP_UID: cwg_create net 7 host 0 " "$file"
    run logged cwg_create "$c1" 7 0 5007
    wait_for grep -q " authpriv.warn ${NAME}\[$(cat "$PID_FILE")\]: user $APP_UID: cwg_create .*: failed: " "$file"
}

@test "wrong arguments, --help and --version leave no line in the log" {
    listen
    run --separate-stderr logged cwg_create "$c1" 7 2 5007
    [ "$status" = 1 ]
    run --separate-stderr logged cwg_create --help
    run --separate-stderr logged --version
    [[ $output == *$'\naudit: /dev/log\n'* ]] || fail "$output"
    assert_no_line
}

@test "a command works as ever, and at once, where nobody listens at /dev/log or something else is there" {
    local what
    local -A prepare=(
        [nothing]=:
        [a file]='echo x >"$DEV/log"; chmod 666 "$DEV/log"'
        [a directory]='mkdir "$DEV/log"'
        [a pipe]='mkfifo -m 666 "$DEV/log"'
        [a link to nowhere]='ln -s nowhere "$DEV/log"'
        [a link to itself]='ln -s log "$DEV/log"'
        [a dead socket]='stand_in DGRAM "s.close()"'
        [a socket of streams]='stand_in STREAM "s.listen(0); time.sleep(600)"'
        [a socket of packets]='stand_in SEQPACKET "s.listen(0); time.sleep(600)"'
        [a socket that nobody may write to]='stand_in DGRAM "os.chmod(sys.argv[1], 0); time.sleep(600)"'
        [a full socket]='stand_in DGRAM "fill(); time.sleep(600)"'
    )
    for what in "${!prepare[@]}"; do
        echo "/dev/log is $what"
        eval "${prepare[$what]}"
        run --separate-stderr logged cwg_create "$c1" 7 0 5007
        assert_success_with_key
        run --separate-stderr logged cwg_destroy "$c1" 7 1
        assert_failure_with "no such link"
        run --separate-stderr logged cwg_destroy "$c1" 7 0
        assert_success_with ""
        end_listener
        rm -rf "$DEV/log"
    done
}

# Makes /dev/log a socket of a type, and does with it what $2 says.
stand_in()
{
    python3 - "$DEV/log" "$BATS_TEST_TMPDIR/ready" "$2" 3>&- <<END &
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_$1)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
def fill():
    c = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    c.setblocking(False)
    try:
        while True:
            c.sendto(b"x", sys.argv[1])
    except BlockingIOError:
        pass
first, _, rest = sys.argv[3].partition("; ")
exec(first)
open(sys.argv[2], "w").close()
exec(rest)
END
    LISTENER=$!
    wait_for test -e "$BATS_TEST_TMPDIR/ready"
    rm "$BATS_TEST_TMPDIR/ready"
    [[ $2 == *sleep* ]] || { wait "$LISTENER" && LISTENER=; }
}

more_lines_than()
{
    [ "$(wc -l <"$LINES")" -gt "$1" ]
}

@test "with too few descriptors for a log line the command fails, and changes nothing" {
    local number made=0 failed=0
    listen
    for ((number = 4; number <= 32 && made < 3; number++)); do
        COUNT=$(wc -l <"$LINES")
        if logged_with "$number" cwg_create "$c1" 7 0 5007 >/dev/null; then
            made=$((made + 1))
            wait_for more_lines_than "$COUNT"
            tail -n 1 "$LINES" | grep -q ': ok, public key ' || fail "$number: $(cat "$LINES")"
            logged cwg_destroy "$c1" 7 0
        else
            failed=$((failed + 1))
        fi
    done
    [ "$made" -gt 0 ] && [ "$failed" -gt 0 ] || fail "$made, $failed"
}

# Line number $1 says this behind priority and process.
assert_line_number()
{
    local line
    line=$(sed -n "$1p" "$LINES")
    [ "$line" = "<$2>${NAME}[$(cat "$PID_FILE")]: user $APP_UID: $3" ] || fail "line $1: $line"
}

@test "each line of a batch that asks for a change leaves a log line, with the key of its own link alone" {
    local where answer
    where="in $(net_of "$c1") (pid $c1)"
    listen
    run --separate-stderr logged batch < <(printf '%s\n' "cwg_create $c1 7 0 5007" "cwg_destroy $c1 9 0" \
        "cwg_connect $c1 7 1 192.0.2.2:5102 $KEY" "cwg_wait $c1 7 0 0" "nonsense" "cwg_destroy fd:0 7 0" \
        "cwg_destroy 4194304 7 0" "cwg_create $c1 8 0 0 --json" "cwg_destroy_all $c1")
    [ "${#lines[@]}" = 9 ] || fail "$output $stderr"
    wait_for grep -q cwg_destroy_all "$LINES"
    assert_line_number 1 86 "cwg_create net 7 host 0 port 5007 $where: ok, public key ${lines[0]#ok }"
    assert_line_number 2 84 "cwg_destroy net 9 host 0 $where: failed: ${lines[1]#error * }"
    assert_line_number 3 86 "cwg_connect net 7 host 1 peer 192.0.2.2:5102 key $KEY $where: ok"
    assert_line_number 4 84 "cwg_destroy net 7 host 0 (fd:0): failed: ${lines[5]#error * }"
    assert_line_number 5 84 "cwg_destroy net 7 host 0 (pid 4194304): failed: ${lines[6]#error * }"
    answer=${lines[7]#*public_key\":\"}
    assert_line_number 6 86 "cwg_create net 8 host 0 port 0 $where: ok, public key ${answer%%\"*}"
    assert_line_number 7 86 "cwg_destroy_all $where: ok"
    [ "$(wc -l <"$LINES")" = 7 ] || fail "$(cat "$LINES")"
}

@test "when a batch can't deliver its answer, the log has the create as failed, and all else that was done as done" {
    local code=0 line
    listen
    logged batch < <(echo "cwg_create $c1 9 0 5009") >/dev/full 2>"$BATS_TEST_TMPDIR/error" || code=$?
    [ "$code" = 1 ]
    wait_for grep -q . "$LINES"
    grep -q ": cwg_create net 9 host 0 port 5009 in .*: failed: can't write to standard output: " "$LINES" ||
        fail "$(cat "$LINES")"
    at site1 "$HELPER" cwg_create "$c1" 9 0 5009
    for line in "cwg_connect $c1 9 1 192.0.2.2:5102 $KEY" "cwg_destroy $c1 9 0" "cwg_destroy_all $c1"; do
        : >"$LINES"
        code=0
        logged batch < <(echo "$line") >/dev/full 2>"$BATS_TEST_TMPDIR/error" || code=$?
        [ "$code" = 1 ]
        wait_for grep -q . "$LINES"
        grep -q ": ${line%% *} .*: ok$" "$LINES" || fail "$(cat "$LINES")"
    done
    [ -z "$(inside "$c1" wg show interfaces)" ]
}

logged_with()
{
    local number=$1
    shift
    # shellcheck disable=SC2016
    at site1 unshare --mount -- sh -c 'mount --rbind "$0" /dev && exec "$@"' "$DEV" \
        setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env -- prlimit --nofile="$number:$number" "$HELPER" "$@" 3>&-
}

@test "the log doesn't name a caller of another user namespace by his number, whatever he mounts on /proc" {
    local who="a user of another user namespace" map
    listen
    run --separate-stderr logged cwg_destroy "$c1" 7 0
    assert_line 84 "$APP_UID: cwg_destroy net 7 host 0 in $(net_of "$c1") (pid $c1): failed: ${stderr#"$NAME: "}"
    for map in --map-root-user "--map-user=4321 --map-group=4321"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr elsewhere $map -- "$HELPER" cwg_destroy "$c1" 7 0
        assert_failure_with "this program has no rights over the network namespace that it was started in"
        assert_line_of "$who"
    done
    # The caller mounts something over the file that the helper reads: another map, a file of his own, another process's
    # map, another /proc.
    printf '         0          0 4294967295\n' >"$BATS_TEST_TMPDIR/map"
    chmod 644 "$BATS_TEST_TMPDIR/map"
    for map in "$BATS_TEST_TMPDIR/map" /proc/1/uid_map /proc/self/cmdline; do
        # shellcheck disable=SC2016
        run --separate-stderr elsewhere --map-root-user --mount -- sh -c \
            'mount --bind "$0" /proc/$$/uid_map && exec "$@"' "$map" "$HELPER" cwg_destroy "$c1" 7 0
        assert_failure_with "this program has no rights over the network namespace that it was started in"
        assert_line_of "an unknown user"
    done
    # shellcheck disable=SC2016
    run --separate-stderr elsewhere --map-root-user --mount -- sh -c 'mount -t tmpfs tmpfs /proc && mkdir /proc/self &&
        cp "$0" /proc/self/uid_map && exec "$@"' "$BATS_TEST_TMPDIR/map" "$HELPER" cwg_destroy "$c1" 7 0
    assert_line_of "an unknown user"
}

# Runs a command in a user namespace of the application's own, with the tests' /dev.
elsewhere()
{
    # shellcheck disable=SC2016
    at site1 unshare --mount -- sh -c 'mount --rbind "$0" /dev && exec "$@"' "$DEV" \
        setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- unshare --user "$@"
}

has_lines()
{
    [ "$(wc -l <"$LINES")" -ge "$1" ]
}

# The log has one line more, of this caller.
assert_line_of()
{
    local line
    COUNT=$((${COUNT:-0} + 1))
    wait_for has_lines "$COUNT"
    line=$(tail -n 1 "$LINES")
    [[ $line =~ ^'<84>'$NAME'['[0-9]+']: '"$1: cwg_destroy net 7 host 0 " ]] || fail "the line is '$line'"
}
