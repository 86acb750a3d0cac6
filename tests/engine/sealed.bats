#!/usr/bin/env bats
# Everything that a running engine has, and who can get at it: descriptors, memory, control socket, device. The caller's
# other processes run as the same user. Root in the container has power over the device.
#
#          w-1                                        the engine's own (scratch) namespace
#     +-------------------------------------+        +---------------------------+
#     |  192.0.2.1 (v1) - - veth            |        |  control socket           |
#     |  +--------+    cwg-engine ----------+--------+  "@cwg-engine"            |
#     |  |   c1   |    port 5101            |        +---------------------------+
#     |  +--------+ wg-7-0                  |
#     |  the caller, uid 61234              |
#     +-------------------------------------+

bats_require_minimum_version 1.5.0
load engine

KEY=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=

setup_file()
{
    prepare_engine
}

setup()
{
    world w
    container c1
}

teardown()
{
    end_test
    clean_up
}

# Makes a link in $c1. Sets ENGINE and KEY1.
link()
{
    KEY1=$(cwg w-1 create "$c1" 7 0 "$PORT1")
    ENGINE=$(engine_of "$c1" wg-7-0)
}

# Prints the kind of an engine's descriptor, in a word or two.
descriptor()
{
    local target inode
    target=$(readlink "/proc/$ENGINE/fd/$1")
    inode=${target//[^0-9]/}
    case $target in
        socket:*)
            if on w-1 grep -q " $inode " /proc/net/udp; then
                echo "udp4"
            elif on w-1 grep -q " $inode " /proc/net/udp6; then
                echo "udp6"
            else
                nsenter --net="/proc/$ENGINE/ns/net" \
                    sed -nE "s/.* $inode (@cwg-engine)$/unix \1/p" /proc/net/unix
            fi
            ;;
        *) stat -Lc '%F %t:%T' "/proc/$ENGINE/fd/$1" ;;
    esac
}

# Prints the number and the kind of each descriptor of the engine.
descriptors()
{
    local number
    for number in "/proc/$ENGINE/fd/"*; do
        echo "${number##*/} $(descriptor "${number##*/}")"
    done
}

# Whether the engine has as many descriptors: it closes the one by which its starter was told a little later.
has_descriptors()
{
    [ "$(find "/proc/$ENGINE/fd" -type l | wc -l)" = "$1" ]
}

@test "an engine has exactly these seven descriptors" {
    local found
    link
    wait_for has_descriptors 7
    found=$(descriptors)
    [ "$found" = '0 character special file 1:3
1 character special file 1:3
2 character special file 1:3
3 character special file a:c8
4 udp4
5 udp6
7 unix @cwg-engine' ] || fail "$found"
    # 1:3 is /dev/null, and a:c8 /dev/net/tun. They are the same after a command of the helper's.
    cwg w-1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
    wait_for has_descriptors 7
}

@test "an engine has no privilege, no file system and no namespaces but its own" {
    local status namespace
    link
    status=$(cat "/proc/$ENGINE/status")
    [ "$(grep -cE '^Cap(Inh|Prm|Eff|Amb):\s0{16}$' <<<"$status")" = 4 ] || fail "$status"
    grep -qx $'NoNewPrivs:\t1' <<<"$status"
    grep -qx $'Seccomp:\t2' <<<"$status"
    grep -qx $'Threads:\t1' <<<"$status"
    grep -qxE "Uid:(\s$APP_UID){4}" <<<"$status"
    grep -qxE "Gid:(\s$APP_GID){4}" <<<"$status"
    grep -qxE 'Groups:\s*' <<<"$status"
    # The engine isn't dumpable: the files in /proc/PID are root's.
    [ "$(stat -c %u "/proc/$ENGINE/mem")" = 0 ]
    [ -z "$(ls -A "/proc/$ENGINE/root/")" ]
    [ "$(readlink "/proc/$ENGINE/cwd")" = / ]
    [ "$(wc -l <"/proc/$ENGINE/mountinfo")" = 1 ]
    [ "$(wc -c <"/proc/$ENGINE/environ")" = 0 ]
    [ "$(tr '\0' ' ' <"/proc/$ENGINE/cmdline")" = 'cwg-engine ' ]
    for namespace in "/proc/$c1/ns/net" /run/netns/w-1 /proc/1/ns/net; do
        [ "$(stat -Lc %i "/proc/$ENGINE/ns/net")" != "$(stat -Lc %i "$namespace")" ] || fail "$namespace"
    done
    [ "$(stat -Lc %i "/proc/$ENGINE/ns/mnt")" != "$(stat -Lc %i /proc/self/ns/mnt)" ]
    grep -qE '^Max core file size +0 +0 ' "/proc/$ENGINE/limits"
    grep -qE '^Max file size +0 +0 ' "/proc/$ENGINE/limits"
    grep -qE '^Max open files +32 +32 ' "/proc/$ENGINE/limits"
    # The engine has no memory that is both writable and executable.
    ! grep -E '^[0-9a-f-]+ .wx' "/proc/$ENGINE/maps" || fail "writable code"
}

@test "an engine starts under the caller's low limits, and soft limits don't end it" {
    local soft=$((1 << 30)) hard=$((1 << 40))
    engine_link w prlimit --nofile=30:30 --cpu=10:1000 "--as=$soft:$hard" "--data=$soft:$hard" --
    cat "/proc/$ENGINE/limits"
    grep -qE '^Max open files +30 +30 ' "/proc/$ENGINE/limits"
    grep -qE '^Max cpu time +1000 +1000 ' "/proc/$ENGINE/limits"
    grep -qE "^Max address space +$hard +$hard " "/proc/$ENGINE/limits"
    grep -qE "^Max data size +$hard +$hard " "/proc/$ENGINE/limits"
    cwg w-1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
}

@test "the engine's own user can't trace it, read it, or steal its descriptors" {
    link
    run on w-1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env -- "$TOOLS/fdsteal" "$ENGINE" 1
    echo "$output"
    [ "$status" = 0 ]
    [[ $output =~ attempts\ [1-9][0-9]+\ successes\ 0$ ]]
    run on w-1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env -- "$TOOLS/memscan" "$ENGINE" "$KEY"
    [ "$status" = 2 ]
}

# The engine is a child of the helper until the helper ends. The test stops the helper at one of its last calls, when
# the engine has only just begun, and later. Each time it attacks the engine for a second.
@test "the engine's own user gets nothing of an engine from its start on, while the helper still works" {
    local calls n report=$BATS_TEST_TMPDIR/steal
    local tracer=(on w-1 "$TOOLS/at-syscall" --uid "$APP_UID" --gid "$APP_GID" --stdout /dev/null --report 1)
    local create=("$HELPER" cwg_create "$c1" 7 0 "$PORT1")
    local attack="victim=\$(cat /proc/\$PID/task/\$PID/children)
        [ -z \"\$victim\" ] || setpriv --reuid $APP_UID --regid $APP_GID --clear-groups --inh-caps=-all -- \
            env -- $TOOLS/fdsteal \$victim 1 >>$report"
    calls=$("${tracer[@]}" count -- "${create[@]}" | tail -n 1)
    cwg w-1 destroy "$c1" 7 0
    for n in 5 20 35 50; do
        "${tracer[@]}" stop "$((calls - n))" --do "$attack" -- "${create[@]}"
        cwg w-1 destroy "$c1" 7 0
    done
    cat "$report"
    [ "$(grep -cE '^targets 1 .* attempts [1-9][0-9]+ successes 0$' "$report")" -ge 2 ]
    ! grep -E '^targets .* successes [1-9]' "$report" || fail "it was got at"
}

@test "an engine has a preshared key in its memory only as long as it has the peer" {
    local key
    link
    key=$(wg genpsk)
    "$CTL" "$ENGINE" set "public_key=$KEY" endpoint=192.0.2.2:5102 "preshared_key=$key"
    run "$TOOLS/memscan" "$ENGINE" "$key"
    [ "$status" = 1 ] || fail "it isn't there: $output"
    "$CTL" "$ENGINE" forget
    run "$TOOLS/memscan" "$ENGINE" "$key"
    [ "$status" = 0 ] || fail "$output"
}

@test "an engine's control socket tells nobody a private or preshared key" {
    local answer
    link
    "$CTL" "$ENGINE" set "public_key=$KEY" "preshared_key=$(wg genpsk)"
    answer=$("$CTL" "$ENGINE" get)
    grep -qx has_preshared_key=true <<<"$answer"
    ! grep -E '^(private|preshared)_key=' <<<"$answer" || fail "$answer"
}

# Runs a command, then connects to the name on which the engine listens: reach COMMAND...
reach()
{
    "$@" python3 -c '
import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
    control.connect("\0cwg-engine")'
}

@test "the caller can't reach an engine's control socket" {
    link
    reach nsenter --net="/proc/$ENGINE/ns/net" # root can reach it
    run reach app_at w-1
    [ "$status" != 0 ]
    [[ $output == *refused* ]] || fail "$output"
    run reach inside "$c1"
    [[ $output == *refused* ]] || fail "$output"
    run as_app nsenter --net="/proc/$ENGINE/ns/net" true
    [ "$status" != 0 ]
    run as_app cat "/proc/$ENGINE/ns/net"
    [[ $output == *'ermission denied'* ]] || fail "$output"
}

@test "clients that connect to an engine and never speak don't keep the helper out" {
    local n
    link
    for n in 3 4 20; do
        background "$CTL" "$ENGINE" hold "$n" >"$BATS_TEST_TMPDIR/held.$n"
        wait_for grep -qx "$n" "$BATS_TEST_TMPDIR/held.$n"
    done
    for n in 1 2 3 4 5; do
        cwg w-1 connect "$c1" 7 1 "192.0.2.2:510$n" "$KEY"
        [ "$(of_engine endpoint)" = "192.0.2.2:510$n" ]
    done
    [ "$(find "/proc/$ENGINE/fd" -type l | wc -l)" -le 15 ]
}

@test "nonsense on an engine's control socket changes nothing, and doesn't end the engine" {
    link
    cwg w-1 connect "$c1" 7 1 192.0.2.2:5102 "$KEY"
    nsenter --net="/proc/$ENGINE/ns/net" python3 -c '
import os, random, socket, sys
random.seed(1)
good = b"set=1\npublic_key=" + b"6b" * 32 + b"\nendpoint=192.0.2.9:9\nallowed_ip=0.0.0.0/0\n\n"
for number in range(500):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
        control.settimeout(5)
        control.connect("\0cwg-engine")
        text = bytearray(good)
        for _ in range(1 + number % 4):
            at = random.randrange(len(text))
            text[at] = random.choice(b"\0\n=x\xff")
        message = [bytes(text), os.urandom(number * 20), good[:-1], b"", good * 60][number % 5]
        if message == good:
            continue
        control.send(message)
        control.recv(8192)' || fail "it doesn't answer"
    lives "$ENGINE"
    [ "$(of_engine endpoint)" = 192.0.2.2:5102 ]
    [ "$(of_engine allowed_ip)" = "$IP2/32" ]
}

# An engine can't make files, and the helper makes none. Here both run as a user of this test's own. No other process
# makes files as this user.
@test "a helper and an engine that are killed at any moment leave nothing in the file system" {
    local n mounts APP_UID=$((2000000000 + RANDOM * 1024 + RANDOM % 1024))
    mounts=$(grep -c nr_inodes=1, /proc/mounts || true)
    link
    kill -KILL "$ENGINE"
    for n in 40 80 120; do
        run on w-1 "$TOOLS/at-syscall" --uid "$APP_UID" --gid "$APP_GID" --stdout /dev/null kill "$n" -- \
            "$HELPER" cwg_create "$c1" 7 0 "$PORT1"
    done
    wait_for port_free w-1 "$PORT1"
    # Other users' files may come and go meanwhile.
    output=$(find /tmp /run /var/tmp /dev/shm -xdev -user "$APP_UID" 2>/dev/null || true)
    [ -z "$output" ] || fail "$output"
    [ "$(grep -c nr_inodes=1, /proc/mounts || true)" = "$mounts" ] || fail "a mount is left"
}
