#!/usr/bin/env bats
# The helper's privileges at each of its system calls, for each kind of caller; and odd surroundings: closed and strange
# descriptors, an empty argument list, a poisoned environment.

bats_require_minimum_version 1.5.0
load net

KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=

setup_file()
{
    has_backend || return 0
    install_helper
    # This is the same program with all capabilities in its file, effective at once.
    install_helper "$TESTED" all=ep "$BATS_FILE_TMPDIR/all"
    export HELPER_WITH_ALL=$HELPER
    HELPER=$BATS_FILE_TMPDIR/bin/$NAME
    one_site
    ip -n site1 link add eth0 type "$DUMMY"
    container c1
    export c1
}

setup()
{
    require_backend
}

teardown()
{
    app_at site1 "$HELPER" cwg_destroy "$c1" 1 0 2>/dev/null || true
}

teardown_file()
{
    clean_up
}

# Runs at-syscall's status on a command, in the site, and checks every line: the rules of privilege.h from main()'s
# capget() and the capset() after it, and the sandbox from pidfd_open() on. Nothing is permitted any more at exit, and
# at the last write of a program that ends with an error. Before it enters the sandbox, a create that starts an engine
# makes a namespace for the engine, a device, and sockets with large buffers; a list looks at all processes.
census()
{
    local ending=$1 report=$BATS_TEST_TMPDIR/report engine=0 list=0 root=1
    shift
    [[ " $* " != *" --uid "* && " $* " != *" --reuid "* ]] || root=0
    [[ " $* " != *" cwg_list "* ]] || list=1
    [[ $BACKEND != engine || " $* " != *" cwg_create "* ]] || engine=1
    at site1 "$TOOLS/at-syscall" --timeout 60 --report 9 "$@" 9>"$report" >/dev/null 2>&1 || true
    awk -v ending="$ending" -v engine="$engine" -v list="$list" -v root="$root" '
        function wrong(what) { print "wrong: " what ": " $0; bad = 1 }
        BEGIN {
            none = "0000000000000000"; three = "0000000000281000"; ptrace = "0000000000080000"
            may["setns", "0000000000280000"] = may["setns", "0000000000200000"] = 1
            may["socket", "0000000000001000"] = 1
            # Root keeps CAP_NET_BIND_SERVICE, for ports.
            if (root) three = "0000000000281400"
            if (root) may["bind", "0000000000000400"] = may["sendto", "0000000000001400"] = 1
            if (root) starts["bind", "0000000000000400"] = 1
            may["statx", ptrace] = may["pidfd_getfd", ptrace] = 1
            may["ioctl", "0000000000001000"] = may["sendto", "0000000000001000"] = 1
            if (list) starts["getdents64", ptrace] = starts["openat", ptrace] = 1
            if (engine) starts["unshare", "0000000000200000"] = starts["setsockopt", "0000000000001000"] = 1
        }
        $2 ~ /[a-z]/ && $1 ~ /^[0-9]+$/ {
            split("", value)
            for (i = 3; i <= NF; i++) { split($i, pair, "="); value[pair[1]] = pair[2] }
            if (started) {
                if (value["CapInh"] != none || value["CapAmb"] != none) wrong("inheritable or ambient")
                if (value["CapPrm"] != three && value["CapPrm"] != none) wrong("permitted")
                if (ended && value["CapPrm"] != none) wrong("permitted again")
                if (value["CapPrm"] == none) ended = 1
                if ($2 != "capset" && value["CapEff"] != none && !(($2, value["CapEff"]) in may) &&
                    (inside || !(($2, value["CapEff"]) in starts))) wrong("effective")
                if ($2 == "clone") clones++
                if ($2 == "capset" && value["CapEff"] != none && value["CapEff"] != before) wrong("effective")
                before = value["CapEff"]
                if ($2 == "write" && ending == "failure" && !ended) wrong("a message with privileges")
                if ($2 == "write") writes++
                if ($2 == "exit_group" && !ended) wrong("privileges at the end")
                if ($2 == "pidfd_open") inside = 1
                if (inside && (value["NoNewPrivs"] != 1 || value["Seccomp"] != 2)) wrong("no sandbox")
            }
            if (asked) started = 1 # this line is the capset() after the capget()
            if ($2 == "capget") asked = 1
            last = $2
        }
        END {
            if (!inside || last != "exit_group") { print "the program was not seen to its end, but to " last; bad = 1 }
            if (ending != "silent" && writes < 1 || ending == "failure" && writes > 1) {
                print writes + 0 " writes"
                bad = 1
            }
            if (clones + 0 != engine) { print clones + 0 " processes started"; bad = 1 }
            exit bad
        }' "$report" || { cat "$report"; return 1; }
}

# Some machines are containers, or nearly, and hide capabilities even from root. A file can't have all capabilities
# there.
require_all_capabilities()
{
    setpriv --inh-caps=+all --ambient-caps=+all true 2>/dev/null && return
    [ -z "${NAH_IN_VM:-}" ] || fail "root hasn't all capabilities in the VM"
    skip "root hasn't all capabilities here"
}

# Prints everything in the site's namespace without counters.
state_of_site()
{
    at site1 sh -c 'ip -details address show; ip route show table all'
}

as=(--uid "$APP_UID" --gid "$APP_GID" status --)

# bats test_tags=kernel,only-6-1
@test "called by the application, the helper has at each system call the privileges it needs there, and no others" {
    census success "${as[@]}" "$HELPER" cwg_create "$c1" 1 0 5001
    census silent "${as[@]}" "$HELPER" cwg_connect "$c1" 1 1 192.0.2.2:5002 "$KEY"
    census success "${as[@]}" "$HELPER" cwg_show "$c1" --json
    census success "${as[@]}" "$HELPER" cwg_show "$c1" 1 0
    census silent "${as[@]}" "$HELPER" cwg_destroy "$c1" 1 0
    census failure "${as[@]}" "$HELPER" cwg_show "$c1" 1 0
    census failure "${as[@]}" "$HELPER" cwg_destroy "$c1" 1 0
    app_at site1 "$HELPER" cwg_create "$c1" 1 0 5001 >/dev/null
    census failure "${as[@]}" "$HELPER" cwg_wait "$c1" 1 0 0
    app_at site1 "$HELPER" cwg_connect "$c1" 1 1 192.0.2.2:5002 "$KEY"
    census failure "${as[@]}" "$HELPER" cwg_wait "$c1" 1 0 1
    census silent "${as[@]}" "$HELPER" cwg_list
    census silent "${as[@]}" "$HELPER" cwg_destroy_all "$c1"
    ! has_device "$c1" wg-1-0 || fail "a link is left"
}

@test "called by root, the helper has no more privileges than for the application" {
    census success status -- "$HELPER" cwg_create "$c1" 1 0 5001
    census failure status -- "$HELPER" cwg_create "$c1" 1 0 5001
}

# bats test_tags=kernel,only-6-1
@test "called with inheritable and ambient capabilities, the helper has no more privileges" {
    require_all_capabilities
    local user=(--exec 2 status -- setpriv --inh-caps=+all --ambient-caps=+all)
    census failure "${user[@]}" -- "$HELPER" cwg_destroy "$c1" 1 0
    census failure "${user[@]}" --reuid "$APP_UID" --regid "$APP_GID" --clear-groups -- "$HELPER" cwg_destroy "$c1" 1 0
}

# bats test_tags=kernel,only-6-1
@test "with all capabilities in its file, the helper has no more privileges" {
    require_all_capabilities
    census success "${as[@]}" "$HELPER_WITH_ALL" cwg_create "$c1" 1 0 5001
}

@test "traced by its caller, or under no_new_privs, the helper has no capability, and says so" {
    run --separate-stderr as_app "$TOOLS/at-syscall" --report 9 count -- "$HELPER" cwg_create "$c1" 1 0 5001 9>/dev/null
    assert_failure_with "the program lacks cap_"
    run --separate-stderr as_app setpriv --no-new-privs -- "$HELPER" cwg_create "$c1" 1 0 5001
    assert_failure_with "the program lacks cap_"
}

# bats test_tags=kernel,only-6-1
@test "called in a user namespace of the caller's, the helper has no power over other containers" {
    local before
    before=$(state_of "$c1")
    run as_app unshare --user --map-root-user --net -- "$HELPER" cwg_create "$c1" 1 0 5001
    [ "$status" = 1 ]
    [ "$before" = "$(state_of "$c1")" ]
}

# bats test_tags=glibc
@test "with any of the descriptors 0 to 2 closed the helper works, except for a key that it can't write" {
    local closed expected
    for closed in "" 1 2 3 12 13 23 123; do
        expected=0 status=0
        [[ $closed != *2* ]] || expected=1
        app_at site1 "${WEIRD_EXEC[@]}" "closed=$closed" "$HELPER" cwg_create "$c1" 1 0 5001 \
            >"$BATS_TEST_TMPDIR/key" 2>"$BATS_TEST_TMPDIR/error" || status=$?
        [ "$status" = "$expected" ] || fail "closed $closed: $status, not $expected"
        if [ "$status" = 0 ]; then
            grep -Eqx '[A-Za-z0-9+/]{43}=' "$BATS_TEST_TMPDIR/key"
            [ ! -s "$BATS_TEST_TMPDIR/error" ]
            cwg site1 destroy "$c1" 1 0
        fi
        ! has_device "$c1" wg-1-0 || fail "closed $closed: the device is there"
        [ ! -s "$BATS_TEST_TMPDIR/error" ] || grep -q "^$NAME: .*standard output" "$BATS_TEST_TMPDIR/error"
    done
}

# For a program with file capabilities glibc fills closed descriptors. Here root calls, and glibc doesn't.
@test "where descriptors 0 to 2 are closed, no file that the helper opens gets these numbers" {
    run at site1 "$TOOLS/at-syscall" --exec 2 exit --do "readlink /proc/\$PID/fd/[012] >$BATS_TEST_TMPDIR/standard" \
        -- "${WEIRD_EXEC[@]}" closed=123 "$HELPER" cwg_destroy "$c1" 1 0
    [ "$(xargs <"$BATS_TEST_TMPDIR/standard")" = "/ / /" ] || fail "0 to 2 are: $(xargs <"$BATS_TEST_TMPDIR/standard")"
}

@test "300 descriptors that the caller left open don't disturb the helper, and don't stay open in it" {
    local tracer=("$TOOLS/at-syscall" --uid "$APP_UID" --gid "$APP_GID") number most=10
    # For an engine there are more: its process, the socket by which it is started, its two sockets, a socket for its
    # device.
    [ "$BACKEND" = kernel ] || most=15
    number=$(at site1 "${tracer[@]}" status --stdout /dev/null --report 1 -- "$HELPER" cwg_create "$c1" 1 0 5001 |
        awk '$2 == "flock" && !number { number = $1 } END { print number }')
    cwg site1 destroy "$c1" 1 0
    run --separate-stderr at site1 "${tracer[@]}" --exec 2 stop "$number" \
        --do "ls /proc/\$PID/fd >$BATS_TEST_TMPDIR/open" -- \
        "${WEIRD_EXEC[@]}" many "$HELPER" cwg_create "$c1" 1 0 5001
    assert_success_with_key
    # These are open: 0 to 2, the log, the starting directory, the process, and three of its network namespace.
    [ "$(wc -l <"$BATS_TEST_TMPDIR/open")" -le "$most" ] || fail "open: $(xargs <"$BATS_TEST_TMPDIR/open")"
}

@test "a netlink socket as standard output gets no power from the helper" {
    local before
    wait_for sh -c '! ip -n site1 address show | grep -q tentative'
    before=$(state_of_site)
    run --separate-stderr app_at site1 "${WEIRD_EXEC[@]}" netlink "$HELPER" cwg_create "$c1" 1 0 5001
    assert_failure_with "or a socket that is neither UNIX nor IP"
    # Root may use any socket. To the kernel, the key is no message; but it was delivered, so the link is there.
    run --separate-stderr at site1 "${WEIRD_EXEC[@]}" netlink "$HELPER" cwg_create "$c1" 1 0 5001
    [ "$status" -le 1 ]
    [ -z "$output" ]
    [ "$before" = "$(state_of_site)" ]
    [ "$status" = 1 ] || has_device "$c1" wg-1-0
}

@test "without any argument, even its own name, the helper says how it is used" {
    run --separate-stderr as_app "${WEIRD_EXEC[@]}" noargv "$HELPER"
    assert_failure_with "no task given"
}

@test "a poisoned environment changes nothing for the helper, and makes it write no file" {
    local here=$BATS_TEST_TMPDIR/here expected poison=("${WEIRD_EXEC[@]}" poison)
    mkdir -m 777 "$here"
    cd "$here"
    expected=$(app_at site1 "$HELPER" --help)
    run --separate-stderr app_at site1 "${poison[@]}" "$HELPER" --help
    assert_success_with "$expected"
    run --separate-stderr app_at site1 "${poison[@]}" "$HELPER" cwg_create "$c1" 1 0 5001
    assert_success_with_key
    run --separate-stderr app_at site1 "${poison[@]}" "$HELPER" cwg_create "$c1" 1 0 5001
    assert_failure_with "the link wg-1-0 exists already"
    run --separate-stderr app_at site1 "${WEIRD_EXEC[@]}" blocked "$HELPER" cwg_destroy "$c1" 1 0
    assert_success_with ''
    [ -z "$(ls -A "$here")" ] || fail "there is now: $(ls -A "$here")"
}
