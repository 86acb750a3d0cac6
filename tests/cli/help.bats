#!/usr/bin/env bats
# What the program says of itself, and what it says to a command line that is wrong. Nothing here needs a privilege.
# shellcheck disable=SC2153,SC2030,SC2031 # $NAME is set in helper.bash; each test may have its own PROGRAM

bats_require_minimum_version 1.5.0
load cli

KEY=xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=

setup_file()
{
    local built
    built=$(built "$(BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR config_without)")
    ln -s "$built" "$BATS_FILE_TMPDIR/all"
}

setup()
{
    PROGRAM=$BATS_FILE_TMPDIR/all/$NAME
    # How each task is used, but for its options.
    declare -gA SYNOPSIS=(
        [cwg_create]='cwg_create <pid> <net> <host> <port>'
        [cwg_connect]='cwg_connect <pid> <net> <host> <peer_endpoint> <peer_key>'
        [cwg_destroy]='cwg_destroy <pid> <net> <host>'
        [cwg_show]='cwg_show <pid> [<net> <host>]'
        [cwg_list]='cwg_list'
        [cwg_wait]='cwg_wait <pid> <net> <host> [<seconds>]'
        [cwg_destroy_all]='cwg_destroy_all <pid>'
    )
    # How the message on each argument begins. What is told of it, by what it looks like, is in tests/unit.
    declare -gA MESSAGE=(
        [pid]='pid: must ' [net]='net: must ' [host]='host: must ' [port]='port: must '
        [peer_endpoint]='peer_endpoint: must ' [peer_key]='peer_key: must '
        [no_peer]='peer_endpoint: must not be an unspecified, multicast or broadcast address; give the address of'
        [zero_key]='peer_key: must not be all zeros; give what cwg_create printed'
    )
}

# Says where in a table we are, for the case that it fails there.
row()
{
    echo "row: $(printf '%q ' "$@" | cut -c 1-300)"
}

assert_silent_failure()
{
    [ "$status" = 1 ]
    [ -z "$output$stderr" ]
}

# One row of a table: which message is due for which command line.
refused()
{
    local message=$1
    shift
    row "$message" "$@"
    run --separate-stderr "$PROGRAM" "$@"
    assert_refused_with "${MESSAGE[$message]}" "${SYNOPSIS[$1]}"
}

# The synopsis of a task in $output, that of the whole program's help, as one line without its options. Lines that go on
# with it are between its first one and that of its summary, which has another indentation.
synopsis_in_help()
{
    sed -n "/^  $NAME $1\( \|\$\)/,/^      [^ ]/p" <<<"$output" | sed '$d' | bare_synopsis
}

# The same for what isn't about the value of an argument.
refused_with()
{
    local text=$1
    shift
    row "$text" "$@"
    run --separate-stderr "$PROGRAM" "$@"
    assert_refused_with "$text" "${SYNOPSIS[$1]}"
}

@test "--help and -h show the synopsis of each task, and how to ask on" {
    local option task
    for option in --help -h; do
        run --separate-stderr "$PROGRAM" "$option"
        [ "$status" = 0 ]
        [ -z "$stderr" ]
        for task in "${!SYNOPSIS[@]}"; do
            [ "$(synopsis_in_help "$task")" = "$NAME ${SYNOPSIS[$task]}" ] ||
                fail "not in the help: ${SYNOPSIS[$task]}: $output"
        done
        [ "$(grep -c " $NAME cwg_" <<<"$output")" = 7 ] || fail "not seven tasks: $output"
        [[ $output == *"$NAME <task> --help"* && $output == *"Exit code: 0 for success, 1 for failure"* ]]
    done
}

@test "--help of a task shows its synopsis, then each of its arguments with its range" {
    local option task argument
    for task in "${!SYNOPSIS[@]}"; do
        for option in --help -h; do
            run --separate-stderr "$PROGRAM" "$task" "$option"
            [ "$status" = 0 ]
            [ -z "$stderr" ]
            [ "$(sed '/^$/,$d' <<<"$output" | bare_synopsis)" = "$NAME ${SYNOPSIS[$task]}" ] || fail "$output"
            while read -r argument; do
                grep -q "^  $argument: ." <<<"$output" || fail "$task --help says nothing of $argument"
            done < <(grep -o '<[a-z_]*>' <<<"${SYNOPSIS[$task]}")
            [ "$(grep -c '^  <' <<<"$output")" = "$(grep -o '<' <<<"${SYNOPSIS[$task]}" | wc -l)" ]
        done
    done
    run --separate-stderr "$PROGRAM" cwg_create --help
    grep -q '<pid>: .*1-4194304' <<<"$output"
    grep -q '<net>: .*0-8388607' <<<"$output"
    grep -q '<host>: .*0 or 1' <<<"$output"
}

@test "no line of help, or of a synopsis below a failure, is wider than 80 columns" {
    local task
    PROGRAM=$(built "$(WITH=$MORE config_without)")/$NAME
    for task in "" "${!SYNOPSIS[@]}" batch; do
        # shellcheck disable=SC2086 # a word or none
        run --separate-stderr "$PROGRAM" $task --help
        [ "$status" = 0 ]
        ! grep -E '^.{81}' <<<"$output" || fail "$task"
        [ -n "$task" ] || continue
        run --separate-stderr "$PROGRAM" "$task" --no-such-option
        ! tail -n +2 <<<"$stderr" | grep -E '^.{81}' || fail "$task"
        [ "$task" != cwg_connect ] || [ "${#stderr_lines[@]}" -ge 3 ] || fail "it fits one line: $stderr"
    done
}

@test "the help on cwg_create names the device with the prefix that was built in" {
    run --separate-stderr "$PROGRAM" cwg_create --help
    [[ $output == *"test-<net>-<host>"* ]]
}

@test "--version and -V show the version, the prefix, the tasks and the limits" {
    local option
    for option in --version -V; do
        run --separate-stderr "$PROGRAM" "$option"
        assert_success_with "$NAME $(sed -n 's/^VERSION := //p' "$ROOT/Makefile")
prefix: test
tasks: cwg_create cwg_connect cwg_destroy $ALWAYS
backends: kernel WireGuard, userspace engine
links per container: 256
containers: all"
    done
}

@test "help and version are there for a caller without privilege, too" {
    install_helper "$PROGRAM"
    run --separate-stderr as_app "$HELPER" --help
    assert_success_with "$("$PROGRAM" --help)"
    run --separate-stderr as_app "$HELPER" --version
    assert_success_with "$("$PROGRAM" --version)"
}

@test "called by the name of a task it does that task" {
    local task
    for task in "${!SYNOPSIS[@]}"; do
        ln -s "$PROGRAM" "$BATS_TEST_TMPDIR/$task"
        run --separate-stderr "$BATS_TEST_TMPDIR/$task" --help
        assert_success_with "$("$PROGRAM" "$task" --help)"
        run --separate-stderr env PATH="$BATS_TEST_TMPDIR:$PATH" "$task" --no-such-option
        assert_refused_with "no such option; $task takes " "${SYNOPSIS[$task]}"
        run --separate-stderr "$BATS_TEST_TMPDIR/$task" --version
        assert_success_with "$("$PROGRAM" --version)"
    done
}

@test "called by the name of a task it takes that name for no argument" {
    ln -s "$PROGRAM" "$BATS_TEST_TMPDIR/cwg_destroy"
    run --separate-stderr "$BATS_TEST_TMPDIR/cwg_destroy" cwg_destroy 1 7 0
    assert_refused_with "${MESSAGE[pid]}" "${SYNOPSIS[cwg_destroy]}"
}

@test "called by any other name it is the program" {
    local name
    for name in helper cwg_createx cwg_creat; do
        ln -s "$PROGRAM" "$BATS_TEST_TMPDIR/$name"
        run --separate-stderr "$BATS_TEST_TMPDIR/$name" cwg_destroy --help
        assert_success_with "$("$PROGRAM" cwg_destroy --help)"
    done
}

@test "without an argument it lists what may be given, in one line" {
    run --separate-stderr "$PROGRAM"
    assert_failure_with "no task given; give one of: cwg_create cwg_connect cwg_destroy $ALWAYS, or --help"
}

@test "a task that doesn't exist is answered with those that do, in one line" {
    local task
    for task in CWG_CREATE cwg_creat 'cwg_create ' '' help --create -- - $'\e[31m' '%s%n'; do
        row "$task"
        run --separate-stderr "$PROGRAM" "$task" 1 7 0 5101
        assert_failure_with "no such task; give one of: cwg_create cwg_connect cwg_destroy $ALWAYS, or --help"
    done
}

# What is wrong of an argument by itself, tests/unit/command_lines.c tells.
@test "a wrong argument is refused, and a key isn't repeated" {
    local endpoint key
    refused pid cwg_create 0 7 0 5101
    refused pid cwg_create fd:-1 7 0 5101
    refused pid cwg_create $'1\e[2J' 7 0 5101
    refused pid cwg_connect 1a 7 0 192.0.2.1:5101 "$KEY"
    refused pid cwg_destroy 1,2 7 0
    refused net cwg_create 1 8388608 0 5101
    refused net cwg_connect 1 4294967303 0 192.0.2.1:5101 "$KEY"
    refused net cwg_destroy 1 '7 ' 0
    refused host cwg_create 1 7 2 5101
    refused host cwg_connect 1 7 4294967296 192.0.2.1:5101 "$KEY"
    refused host cwg_destroy 1 7 a
    refused port cwg_create 1 7 0 65536
    for endpoint in '' 192.0.2.1:0 localhost:5101 '[::1]' ::1:5101 1922222222.0.2.1:5101; do
        refused peer_endpoint cwg_connect 1 7 0 "$endpoint" "$KEY"
    done
    refused no_peer cwg_connect 1 7 0 224.0.0.1:5101 "$KEY"
    for key in "${KEY%=}" " $KEY" "${KEY/g=/h=}" "$KEY$KEY"; do
        refused peer_key cwg_connect 1 7 0 192.0.2.1:5101 "$key"
        [[ $stderr != *"$key"* ]]
    done
    refused zero_key cwg_connect 1 7 0 192.0.2.1:5101 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
}

@test "an argument that is missing is asked for, with its range, and arguments that are too many are refused" {
    refused_with 'pid: missing; give a process in the container, 1-4194304' cwg_create
    refused_with 'port: missing; give a UDP port of this machine, 0-65535' cwg_create 1 7 0
    refused_with 'peer_endpoint: missing; give a.b.c.d:port or [IPv6]:port, port 1-65535' cwg_connect 1 7 0
    refused_with 'too many arguments: 4, where cwg_destroy takes 3; leave out the rest' cwg_destroy 1 7 0 x
    refused_with 'host: missing; give which of its ends, 0 or 1' cwg_destroy 1 7
}

# Each option in a synopsis has a line of its own below, and is among those that an unknown one is answered with.
@test "help shows each task's options, and what is wrong with them is told with the synopsis" {
    local option task names
    declare -A due=(
        [cwg_create]='--json'
        [cwg_connect]='--preshared-key-file <file>|--persistent-keepalive <seconds>|--mtu <bytes>|--json'
        [cwg_destroy]='--if-exists|--json'
        [cwg_destroy_all]='--if-exists|--json'
        [cwg_wait]='--alive|--json'
        [cwg_show]='--json|--nets <nets>'
        [cwg_list]='--json|--nets <nets>'
    )
    for task in "${!SYNOPSIS[@]}"; do
        run --separate-stderr "$PROGRAM" "$task" --help
        [ "$status" = 0 ]
        sed '/^$/,$d' <<<"$output" | grep -oE -- '--[^]]*' >"$BATS_TEST_TMPDIR/options" || true
        while read -r option; do
            [ -z "$option" ] || grep -Fqx -- "$option" "$BATS_TEST_TMPDIR/options" || fail "no $option: $output"
        done < <(tr '|' '\n' <<<"${due[$task]:-}")
        while read -r option; do
            grep -qF -- "  $option: " <<<"$output" || fail "nothing about $option: $output"
        done <"$BATS_TEST_TMPDIR/options"
        names=$(cut -d ' ' -f 1 "$BATS_TEST_TMPDIR/options" | paste -s -d ' ')
        names=${names:-none}
        refused_with "no such option; $task takes $names" "$task" --fwmark 1
    done
    refused_with '--mtu: has no value; give <bytes>: ' cwg_connect 1 7 0 192.0.2.1:5101 "$KEY" --mtu
    refused_with '--mtu: given twice; leave one out' cwg_connect --mtu=1280 1 7 0 192.0.2.1:5101 "$KEY" --mtu 1280
    refused_with '--mtu: must be a decimal number of bytes from 576 to 65455' \
        cwg_connect 1 7 0 192.0.2.1:5101 "$KEY" --mtu 100
    refused_with 'peer_endpoint: missing; give a.b.c.d:port or [IPv6]:port, port 1-65535, or - if it' cwg_connect 1 7 0
}

@test "cwg_list, cwg_wait and cwg_destroy_all tell what is wrong with their arguments" {
    refused pid cwg_wait 0 7 0
    refused_with 'seconds: must be a decimal number from 0 to 3600, without leading zeros; leave it out for 30' \
        cwg_wait 1 7 0 3601
    refused_with 'net: missing; give ' cwg_wait 1
    refused pid cwg_destroy_all x
    refused_with 'too many arguments: 2, where cwg_destroy_all takes 1; leave out the rest' cwg_destroy_all 1 7
    refused_with 'host: missing; give which of its ends, 0 or 1' cwg_destroy 1 7
    refused_with 'too many arguments: 1, where cwg_list takes 0; leave out the rest' cwg_list 1
    refused_with 'no such option; cwg_list takes --json' cwg_list --all
    refused_with '--json: takes no value; leave it out' cwg_list --json=1
}

@test "an argument of 100000 characters is refused like any other" {
    local long
    long=$(printf '1%.0s' {1..100000})
    refused pid cwg_create "$long" 7 0 5101
    refused peer_endpoint cwg_connect 1 7 0 "$long" "$KEY"
    refused peer_key cwg_connect 1 7 0 192.0.2.1:5101 "$long"
}

@test "what can't be written is a failure that is told: a full device, a closed output, a pipe without a reader" {
    local option
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    for option in --help --version; do
        run --separate-stderr bash -c '"$0" "$1" >/dev/full' "$PROGRAM" "$option"
        assert_failure_with "can't write to standard output: No space left on device"
        run --separate-stderr bash -c '"$0" "$1" >&-' "$PROGRAM" "$option"
        assert_failure_with "can't write to standard output: Bad file descriptor"
        run --separate-stderr bash -c '"$0" "$1" </dev/null >/dev/null >&0' "$PROGRAM" "$option"
        assert_failure_with "can't write to standard output: Bad file descriptor"
        # The reader goes away before the program starts.
        run --separate-stderr bash -c 'exec 4<>"$2" 5>"$2" 4<&-; "$0" "$1" >&5' \
            "$PROGRAM" "$option" "$BATS_TEST_TMPDIR/pipe"
        assert_failure_with "can't write to standard output: Broken pipe"
    done
}

@test "a failure is one by its exit code even if it can't be told" {
    run --separate-stderr bash -c '"$0" cwg_create x 2>&-' "$PROGRAM"
    assert_silent_failure
    run --separate-stderr bash -c '"$0" cwg_create x 2>/dev/full' "$PROGRAM"
    assert_silent_failure
    run --separate-stderr bash -c '"$0" --help <&- >&- 2>&-' "$PROGRAM"
    assert_silent_failure
}

@test "language and other variables of the environment change nothing" {
    run --separate-stderr env LC_ALL=de_DE.UTF-8 LANGUAGE=de POSIXLY_CORRECT=1 COLUMNS=20 TZ=/etc/passwd \
        "$PROGRAM" --help
    assert_success_with "$(env -i "$PROGRAM" --help)"
}

# In the synopsis of its page, and each explained below.
@test "each task's page in the manual has the options that --help lists, and no other" {
    local PROGRAM=$ROOT/build/$NAME task page options part found
    for task in "${!SYNOPSIS[@]}" batch; do
        page=$ROOT/doc/$task.8.scd
        [ "$task" != batch ] || page=$ROOT/doc/$NAME-batch.8.scd
        options=$("$PROGRAM" "$task" --help | grep -oE '^  --[a-z-]+' | tr -d ' ' | sort)
        for part in SYNOPSIS OPTIONS; do
            found=$(sed -n "/^# $part/,/^# [^OS]/p" "$page" | grep -oE '(^|\[|\| )\*--[a-z-]+' | tr -d '[|* ' | sort)
            [ "$found" = "$options" ] || fail "$part of $page has other options than: $options"
        done
    done
}

@test "batch tells how it is used, and what is wrong with its arguments" {
    local option
    PROGRAM=$(built "$(WITH=$MORE config_without)")/$NAME
    SYNOPSIS[batch]='batch [<file>]'
    run --separate-stderr "$PROGRAM" --help
    [ "$(synopsis_in_help batch)" = "$NAME ${SYNOPSIS[batch]}" ] || fail "$output"
    for option in --help -h; do
        run --separate-stderr "$PROGRAM" batch "$option"
        [ "$status" = 0 ]
        [ "${lines[0]}" = "Usage: $NAME batch [<file>] [--undo] [--answered]" ]
        grep -q '^  <file>: .*standard input' <<<"$output" || fail "$output"
    done
    refused_with 'file: must not be empty; leave it out' batch ''
    refused_with 'too many arguments: 2, where batch takes 1; leave out the rest' batch a b
}
