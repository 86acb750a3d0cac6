#!/usr/bin/env bats
# What can be tested of privilege and targets on any kernel: that the program gets as far as it may with what it was
# given, and says what is missing. cwg_destroy of a link that isn't there is answered "no such link" only after all else
# went well.
# shellcheck disable=SC2153 # $NAME is set in helper.bash
# shellcheck disable=SC2030,SC2031 # $CONTAINERS is each test's own

bats_require_minimum_version 1.5.0
load cli
load ../net/net

setup_file()
{
    local built
    built=$(built "$(BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR config_without)")
    ln -s "$built" "$BATS_FILE_TMPDIR/all"
}

setup()
{
    install_helper "$BATS_FILE_TMPDIR/all/$NAME"
}

teardown()
{
    clean_up
}

# The highest pid there can be is one less.
NO_PID=4194304

# Runs the helper as the application, with a descriptor 7 that this shell has open on a file: with_fd FILE ARGUMENT...
with_fd()
{
    local file=$1
    shift
    as_app "$HELPER" "$@" 7<"$file"
}

@test "a caller without privilege gets into a container's network namespace" {
    container c1
    run --separate-stderr as_app "$HELPER" cwg_destroy "$c1" 7 0
    assert_failure_with "no such link: the container has none for net 7, host 0"
}

@test "and so it does with a container that has a user namespace of its own" {
    container c1 --user --map-root-user
    run --separate-stderr as_app "$HELPER" cwg_destroy "$c1" 7 0
    assert_failure_with "no such link: the container has none for net 7, host 0"
}

@test "a fourth capability of the file, as an application's image may have it, is no obstacle" {
    install_helper "$BATS_FILE_TMPDIR/all/$NAME" cap_ipc_lock,cap_net_admin,cap_sys_admin,cap_sys_ptrace=p \
        "$BATS_TEST_TMPDIR/bin"
    chmod 755 "$BATS_TEST_TMPDIR"
    container c1
    run --separate-stderr as_app "$HELPER" cwg_destroy "$c1" 7 0
    assert_failure_with "no such link"
}

@test "a caller without privilege is refused the network namespace that the helper runs in" {
    local task
    # A create that needs an engine looks for that first, and here is none: for that see tests/net/hostile.bats.
    for task in "cwg_destroy $BASHPID 7 0" \
        "cwg_connect $BASHPID 7 0 192.0.2.1:5101 xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="; do
        # shellcheck disable=SC2086 # the words of a command line
        run --separate-stderr as_app "$HELPER" $task
        assert_failure_with \
            "pid: that process is in the host's network namespace, not in a container's; give the pid of a process in"
    done
}

@test "a caller without privilege is refused the same when a descriptor names it" {
    run --separate-stderr with_fd /proc/self/ns/net cwg_destroy fd:7 7 0
    assert_failure_with "pid: that process is in the host's network namespace, not in a container's"
}

@test "a caller without privilege in a namespace of their own is refused the machine's" {
    require_machines_network
    container c1
    run --separate-stderr inside "$c1" setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all \
        env "$HELPER" cwg_destroy "$BASHPID" 7 0
    assert_failure_with "pid: that process is in the host's network namespace, not in a container's"
}

@test "a pid that no process has is answered so" {
    run --separate-stderr as_app "$HELPER" cwg_destroy "$NO_PID" 7 0
    assert_failure_with "pid: no such process: it has ended or never was; give the pid of a running process"
}

@test "the pid of a process that has ended is answered so, whether its parent has noticed or not" {
    container c1
    end_container "$c1"
    run --separate-stderr as_app "$HELPER" cwg_destroy "$c1" 7 0
    assert_failure_with "pid: no such process"

    # A sleep has no eye on its child, which ends when its parent is one.
    unshare --net sh -c 'until grep -q sleep "/proc/$$/comm"; do sleep 0.05; done & echo $! >"$0"; exec sleep 600' \
        "$BATS_TEST_TMPDIR/zombie" 3>&- &
    CONTAINERS+=($!)
    wait_for test -s "$BATS_TEST_TMPDIR/zombie"
    local zombie
    zombie=$(cat "$BATS_TEST_TMPDIR/zombie")
    wait_for grep -q '^State:.Z' "/proc/$zombie/status"
    run --separate-stderr as_app "$HELPER" cwg_destroy "$zombie" 7 0
    assert_failure_with "pid: no such process"
}

@test "the number of a thread that isn't its process's first is answered so" {
    python3 -c 'import threading, time
thread = threading.Thread(target=time.sleep, args=(600,), daemon=True)
thread.start()
print(thread.native_id, flush=True)
time.sleep(600)' >"$BATS_TEST_TMPDIR/thread" 3>&- &
    CONTAINERS+=($!)
    wait_for test -s "$BATS_TEST_TMPDIR/thread"
    run --separate-stderr as_app "$HELPER" cwg_destroy "$(cat "$BATS_TEST_TMPDIR/thread")" 7 0
    assert_failure_with "pid: no such process"
}

@test "a descriptor of a container's network namespace stands for it" {
    container c1
    run --separate-stderr with_fd "/proc/$c1/ns/net" cwg_destroy fd:7 7 0
    assert_failure_with "no such link: the container has none for net 7, host 0"
    # Even if it is standard input.
    run --separate-stderr bash -c '"$@" <"$0"' "/proc/$c1/ns/net" \
        setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all env "$HELPER" cwg_destroy fd:0 7 0
    assert_failure_with "no such link: the container has none for net 7, host 0"
}

@test "a descriptor of anything else is refused" {
    local file type
    local message="pid: the descriptor is not open on a network namespace; open one, such as /proc/<pid>/ns/net or"
    container c1
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    exec 6<>"$BATS_TEST_TMPDIR/pipe"
    for file in /etc/passwd /dev/null /dev/tty0 / "/proc/$c1" /proc/self/status "$BATS_TEST_TMPDIR/pipe"; do
        [ -e "$file" ] || continue
        echo "$file"
        run --separate-stderr with_fd "$file" cwg_destroy fd:7 7 0
        assert_failure_with "$message"
    done
    for type in user uts ipc mnt pid cgroup; do
        echo "namespace $type"
        run --separate-stderr with_fd "/proc/$c1/ns/$type" cwg_destroy fd:7 7 0
        assert_failure_with "$message"
    done
    exec 6>&-
}

@test "a descriptor that isn't open is refused" {
    local number
    for number in 0 7 1023 2147483647; do
        echo "fd:$number"
        run --separate-stderr bash -c '"$@" <&-' - \
            setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all \
            env "$HELPER" cwg_destroy "fd:$number" 7 0
        assert_failure_with "pid: the descriptor is not open on a network namespace"
    done
}

@test "a socket, a process descriptor and an O_PATH descriptor of a namespace are refused" {
    container c1
    local kind
    for kind in 'socket.socket().detach()' 'os.pidfd_open(int(sys.argv[2]))' \
        'os.open("/proc/%s/ns/net" % sys.argv[2], os.O_PATH)'; do
        echo "$kind"
        run --separate-stderr python3 - "$HELPER" "$c1" "$APP_UID" "$APP_GID" <<END
import os, socket, sys
kept = $kind
os.dup2(kept, 7, inheritable=True)
os.setgroups([]); os.setgid(int(sys.argv[4])); os.setuid(int(sys.argv[3]))
os.execv("/usr/bin/env", ["env", sys.argv[1], "cwg_destroy", "fd:7", "7", "0"])
END
        assert_failure_with "pid: the descriptor is not open on a network namespace"
    done
}

@test "installed without its capabilities it says how to install it" {
    chmod 755 "$BATS_TEST_TMPDIR"
    install -m 0755 "$BATS_FILE_TMPDIR/all/$NAME" "$BATS_TEST_TMPDIR/$NAME"
    run --separate-stderr as_app "$BATS_TEST_TMPDIR/$NAME" cwg_destroy "$NO_PID" 7 0
    assert_failure_with "the program lacks cap_"
    [[ $stderr == *"install it with \`make install\`, which does setcap"* ]]
    [[ $stderr == *"'cap_net_admin,cap_sys_admin,cap_sys_ptrace=p'"* ]]
}

@test "with one capability missing it names that one" {
    local capability all=cap_net_admin,cap_sys_admin,cap_sys_ptrace some
    chmod 755 "$BATS_TEST_TMPDIR"
    for capability in ${all//,/ }; do
        some=${all/$capability/cap_ipc_lock}
        install_helper "$BATS_FILE_TMPDIR/all/$NAME" "$some=p" "$BATS_TEST_TMPDIR/bin"
        run --separate-stderr as_app "$HELPER" cwg_destroy "$NO_PID" 7 0
        assert_failure_with "the program lacks $capability: install it with"
    done
}

@test "started under no_new_privs it says what is wrong" {
    run --separate-stderr setpriv --no-new-privs --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all \
        env "$HELPER" cwg_destroy "$NO_PID" 7 0
    assert_failure_with "the program lacks cap_"
    [[ $stderr == *": it was started under no_new_privs, where a program's file gives no cap"*NoNewPrivileges=* ]]
}

@test "with a bounding set that lacks one of its capabilities it says so" {
    local capability
    for capability in net_admin sys_admin sys_ptrace; do
        run --separate-stderr setpriv --bounding-set="-$capability" --reuid "$APP_UID" --regid "$APP_GID" \
            --clear-groups --inh-caps=-all env "$HELPER" cwg_destroy "$NO_PID" 7 0
        assert_failure_with "the program lacks cap_$capability: its caller's bounding set doesn't have it."
        [[ $stderr == *CapabilityBoundingSet=* ]]
    done
}

@test "on a file system without set-user-ID it says what is wrong" {
    run --separate-stderr unshare --mount bash -euc 'mount -o bind,nosuid "$0" "$0" 2>/dev/null ||
        { mount --bind "$0" "$0"; mount -o remount,bind,nosuid "$0"; }; "$@"' "$BATS_FILE_TMPDIR/bin" \
        setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all \
        env "$HELPER" cwg_destroy "$NO_PID" 7 0
    assert_failure_with "the program lacks cap_"
    [[ $stderr == *": it is on a file system that is mounted nosuid; install it on another, "* ]]
}

@test "on a kernel without WireGuard, and without an engine, it says so, and leaves nothing in the container" {
    ! unshare -n ip link add wg-probe type wireguard 2>/dev/null || skip "this kernel has WireGuard"
    [ ! -e /usr/local/libexec/net-admin-helper/cwg-engine ] || skip "an engine is installed here"
    container c1
    local before
    before=$(inside "$c1" ip -details address show)
    run --separate-stderr as_app "$HELPER" cwg_create "$c1" 7 0 5101
    assert_failure_with "this kernel has no WireGuard: load its module with \`modprobe wireguard\`, or install"
    [ "$before" = "$(inside "$c1" ip -details address show)" ]
}
