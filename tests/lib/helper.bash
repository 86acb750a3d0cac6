# Functions of all bats files: they install the program under test as `make install` does, and call it without
# privilege. Bats files source this file; $ROOT is the project's root.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
NAME=net-admin-helper
export TOOLS=$ROOT/build/tools

# By its trap for DEBUG, bats notes where each command stands. That takes a third of a processor's time in these tests,
# and more in a VM. Instead a command that fails, and only it, is noted. `bats --trace` keeps the trap. These are
# functions of bats' own.
if [ "${BATS_TRACE_LEVEL:-0}" = 0 ]; then
    bats_debug_trap()
    {
        trap - DEBUG
    }

    bats_error_trap()
    {
        bats_check_status_from_trap
        [ -n "$BATS_DEBUG_LAST_STACK_TRACE_IS_VALID" ] || bats_capture_stack_trace
        BATS_DEBUG_LAST_STACK_TRACE_IS_VALID=1
    }
fi

# This function of bats' starts date(1) twice a test.
get_mills_since_epoch()
{
    echo $((${EPOCHREALTIME/[^0-9]/} / 1000))
}

# The application has no name, no group but one, and no privilege. Within scripts/apart no other run of the tests has a
# process of this user.
APP_UID=${NAH_APP_UID:-61234}
APP_GID=61234

# Installs the program for the application's group, with its file capabilities, in a directory of the test file's own.
# Sets HELPER to it. Without an argument the program is $TESTED, or build/net-admin-helper.
install_helper()
{
    local program=${1:-${TESTED:-$ROOT/build/$NAME}} capabilities=${2:-cap_net_admin,cap_sys_admin,cap_sys_ptrace=p}
    local directory=${3:-$BATS_FILE_TMPDIR/bin}

    chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$(dirname "$BATS_RUN_TMPDIR")"
    mkdir -p "$directory"
    install -m 0750 -o root -g "$APP_GID" "$program" "$directory/$NAME"
    setcap "$capabilities" "$directory/$NAME"
    HELPER=$directory/$NAME
    export HELPER
}

# Installs the engine for the application's group, where the program of build/variants/engine looks for it. If the
# engine is the same the file stays: the helper knows running engines by their file. Each user has to be able to open
# TUN devices, as udev and scripts/apart have it. Without both, this function changes the machine's device.
install_engine()
{
    local path=/var/lib/net-admin-helper-test/cwg-engine
    mkdir -p "${path%/*}"
    install -m 0710 -o root -g "$APP_GID" "$ROOT/build/${NAH_PORT:+$NAH_PORT/}cwg-engine" "$path.new"
    if cmp -s "$path.new" "$path" && [ "$(stat -c '%a %g' "$path")" = "710 $APP_GID" ]; then
        rm "$path.new"
    else
        mv -f "$path.new" "$path"
    fi
    [ "$(stat -c %a /dev/net/tun)" = 666 ] || chmod 0666 /dev/net/tun
}

# Runs a command as the application. setpriv started by root still has its capabilities when it starts the next program.
# env has none, so the command is started by a process without capabilities.
as_app()
{
    setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- "$@"
}

# Says whether the tests run in the machine's own network namespace, which alone has this setting. In another namespace
# the helper takes the namespace for a container's, as it has to. A test that calls the helper on it there could change
# things that aren't the tests'.
in_machines_network()
{
    [ -e /proc/sys/net/core/netdev_budget ]
}

require_machines_network()
{
    in_machines_network && return
    [ -z "${NAH_IN_VM:-}" ] || fail "the tests don't run in the VM's own network namespace"
    skip "the tests run in a network namespace that isn't the machine's own"
}

fail()
{
    echo "$*" >&2
    return 1
}

# For use after `run --separate-stderr`. The program has failed as it has to: with exit code 1, nothing on standard
# output, and one printable line that contains the text.
assert_failure_with()
{
    [ "$status" = 1 ] || fail "exit code $status, not 1; stderr: $stderr"
    [ -z "$output" ] || fail "standard output isn't empty: $output"
    [ "${#stderr_lines[@]}" = 1 ] || fail "standard error isn't one line: $stderr"
    [[ $stderr == "$NAME: "*"$1"* ]] || fail "not in the message: '$1'; it says: $stderr"
    ! LC_ALL=C grep -q '[^ -~]' <<<"$stderr" || fail "not printable: $stderr"
}

# Does the same for a task that explains itself in several lines. The first line says what is wrong, and contains the
# first text. The others are indented and say what to check; each further text is in one of them:
# assert_failure_in_lines TEXT [TEXT...]
assert_failure_in_lines()
{
    local text
    [ "$status" = 1 ] || fail "exit code $status, not 1; stderr: $stderr"
    [ -z "$output" ] || fail "standard output isn't empty: $output"
    [[ ${stderr_lines[0]} == "$NAME: "*"$1"* ]] || fail "not in the first line: '$1'; it says: $stderr"
    [ "${#stderr_lines[@]}" = 1 ] || ! printf '%s\n' "${stderr_lines[@]:1}" | grep -qv '^  [^ ]' ||
        fail "not indented: $stderr"
    for text in "${@:2}"; do
        [[ $stderr == *$'\n  '*"$text"* ]] || fail "not in the lines that follow: '$text'; it says: $stderr"
    done
    [ "${#stderr_lines[@]}" = 1 ] || ! grep -n '.\{121\}' <<<"$stderr" || fail "a line is longer than 120 characters"
    ! LC_ALL=C grep -q '[^ -~]' <<<"$stderr" || fail "not printable: $stderr"
}

# For use after `run --separate-stderr` with --json. The program has failed with this code and this text. For people the
# text behind a "; " is in a line of its own.
assert_json_failure()
{
    [ "$status" = 1 ] || fail "exit code $status, not 1; stderr: $stderr"
    [[ $output == "{\"code\":\"$1\",\"message\":\""*"$2"*"\"}" ]] || fail "it says: $output"
    [[ ${stderr_lines[0]} == "$NAME: "*"${2%%;*}"* ]] || fail "not in the message: '$2'; it says: $stderr"
}

# For use after `run --separate-stderr`. The program has succeeded, and has printed only the expected text.
assert_success_with()
{
    [ "$status" = 0 ] || fail "exit code $status; stderr: $stderr"
    [ "$output" = "$1" ] || fail "standard output: '$output', not '$1'"
    [ -z "$stderr" ] || fail "standard error isn't empty: $stderr"
}

assert_success_with_key()
{
    [ "$status" = 0 ] || fail "exit code $status; stderr: $stderr"
    [[ $output =~ ^[A-Za-z0-9+/]{43}=$ ]] || fail "standard output is no key: '$output'"
    [ -z "$stderr" ] || fail "standard error isn't empty: $stderr"
}
