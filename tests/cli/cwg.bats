#!/usr/bin/env bats
# What cwg says of itself, and what it says to a command line that is wrong. Nothing here makes a link or asks another
# machine.

bats_require_minimum_version 1.5.0
load cli

setup()
{
    CWG=$ROOT/build/cwg
    # A command line that is wrongly taken for a right one finds no engine, no helper and no state.
    PATH=/usr/bin:/bin XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
    export XDG_STATE_HOME
}

# The commands that --help lists.
commands()
{
    "$CWG" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'
}

# A wrong command line: exit status 2, one line that begins so, and nothing else: wrong TEXT ARGUMENT...
wrong()
{
    local text=$1
    shift
    echo "row: $*" | cut -c 1-200
    run --separate-stderr "$CWG" "$@"
    [ "$status" = 2 ] || fail "exit status $status; $stderr"
    [ -z "$output" ] || fail "it says on standard output: $output"
    [ "${#stderr_lines[@]}" = 1 ] || fail "not one line: $stderr"
    [[ $stderr == "cwg: $text"* ]] || fail "not '$text': $stderr"
    ! LC_ALL=C grep -q '[^ -~]' <<<"$stderr" || fail "not printable: $stderr"
    [ ! -e "$XDG_STATE_HOME" ] || fail "it has written state"
}

@test "--help and -h show each command with its arguments, on standard output, within 80 columns" {
    local option command
    for option in --help -h help; do
        run --separate-stderr "$CWG" "$option"
        [ "$status" = 0 ]
        [ -z "$stderr" ]
        for command in join leave status doctor ps pid; do
            grep -q "^  $command  *[^ ].* [a-z]" <<<"$output" || fail "no $command: $output"
        done
        # Only cwg itself calls this one.
        ! grep -q '^  serve' <<<"$output" || fail "$output"
        [[ $output == *"[[USER@]HOST:][ENGINE/]NAME"*"podman, docker, "*"netns"*"cwg COMMAND --help"* ]] ||
            fail "$output"
        ! grep -E '^.{81}' <<<"$output" || fail "too wide"
    done
}

@test "--help of a command, wherever it stands, and help with the command say the same, and do nothing else" {
    local command
    for command in $(commands); do
        run --separate-stderr "$CWG" "$command" --help
        [ "$status" = 0 ]
        [ -z "$stderr" ]
        [[ ${lines[0]} == "usage: cwg $command"* ]] || fail "$output"
        ! grep -E '^.{81}' <<<"$output" || fail "too wide"
        [ "$output" = "$("$CWG" help "$command")" ]
        [ "$output" = "$("$CWG" "$command" -h)" ]
        [ "$output" = "$("$CWG" "$command" web --help)" ]
        [ "$output" = "$("$CWG" "$command" --no-such-option --help)" ]
    done
}

@test "--version and -V show the version, on standard output" {
    local option
    for option in --version -V; do
        run --separate-stderr "$CWG" "$option"
        assert_success_with "cwg $(sed -n 's/^VERSION := //p' "$ROOT/Makefile")"
    done
}

# A page's text without marks for bold and underlined, and without the escapes of scdoc.
plain()
{
    sed -E 's/(\*|\b_|_\b)//g; s/\+\+$//; s/\\//g'
}

@test "the manual's SYNOPSIS has each command as --help has it" {
    local command usage synopsis
    synopsis=$(sed -n '/^# SYNOPSIS/,/^# DESCRIPTION/p' "$ROOT/doc/cwg.1.scd" | plain | tr '[:lower:]' '[:upper:]')
    for command in $(commands); do
        usage=$("$CWG" "$command" --help | sed -n '1s/^usage: //p' | tr '[:lower:]' '[:upper:]')
        grep -qxF -- "$usage" <<<"$synopsis" || fail "no '$usage': $synopsis"
        grep -q "^\*$command\*" "$ROOT/doc/cwg.1.scd" || fail "COMMANDS says nothing of $command"
    done
    [ "$(grep -c '^CWG [A-Z]' <<<"$synopsis")" = "$(($(commands | wc -l) + 1))" ] ||
        fail "it has other commands than --help, and help: $synopsis"
}

@test "the manual's OPTIONS has each command's options as --help has them, and no other" {
    local command
    for command in $(commands); do
        diff <("$CWG" "$command" --help | sed -nE 's/^  (--[a-z-]+)(\[=NAME\]| [^ ]+)? .*/\1\2/p' |
                sed 's/[ [].*/ VALUE/') \
            <(sed -n "/^## cwg $command\$/,/^#/p" "$ROOT/doc/cwg.1.scd" | grep -E '^\*--' | plain |
                sed 's/[ [].*/ VALUE/') ||
            fail "of $command"
    done
}

@test "no command, or one that doesn't exist, is told in one line" {
    local command
    wrong "give a command; cwg --help shows all"
    for command in nonsense JOIN joi joinn '' ' join' - -- --join $'\e[31m' $'join\n' '%s%n' ../cwg; do
        wrong "no such command; cwg --help shows all" "$command"
    done
    wrong "no such command; cwg --help shows all" help nonsense
}

@test "join: wrong ends are refused, and the text says which end and how an end is written" {
    local end
    wrong "join takes two ends, each [[USER@]HOST:][ENGINE/]NAME" join
    wrong "join takes two ends, each [[USER@]HOST:][ENGINE/]NAME" join web
    wrong "join takes two ends, each [[USER@]HOST:][ENGINE/]NAME" join web db third
    # shellcheck disable=SC2016 # nobody is to expand them
    for end in '' : / web: podman/ podman/web/x -web site2:-web -site2:web 'site2 x:web' 'site2;reboot:web' \
        '$(reboot):web' '`reboot`:web' 'a@b@site2:web' '@site2:web' 'we b' $'web\n' $'we\e[2Jb' ../web "web'" \
        "$(printf 'a%.0s' {1..300})"; do
        wrong "the first END" join -- "$end" db
        wrong "the second END" join -- web "$end"
    done
    wrong "the first END: -oProxyCommand=x:b: HOST must be a host's name or address, or USER@HOST; " \
        join -- -oProxyCommand=x:b db
    wrong "the second END: site2:: NAME must be a container's name or id: " join web site2:
    wrong "the second END: 2001:db8::1:b: NAME must be a container's name or id: " join web 2001:db8::1:b
    wrong "the second END: /b: ENGINE must be one of those that cwg --help shows" join web /b
}

@test "join: wrong values of options are refused before anything is asked" {
    local value
    for value in '' 8388608 -1 07 7x 1.5 4294967303; do
        wrong "--net: must be a number from 0 to 8388607" join --net "$value" a b
    done
    for value in '' 65536 1,2,3 -1 ',' '1,' 01; do wrong "--port: must be a UDP port" join "--port=$value" a b; done
    for value in '' site2 192.0.2.256 1,2 fe80::1%eth0 0.0.0.0 224.0.0.1 192.0.2.1,192.0.2.2,192.0.2.3 192.0.2.1:7; do
        wrong "--endpoint: must be an IP address" join "--endpoint=$value" a b
    done
    for value in '' 0 3 1,2 x; do wrong "--nat: must be 1 or 2" join "--nat=$value" a b; done
    for value in '' 575 65456 x 1280b; do
        wrong "--mtu: must be a number of bytes from 576 to 65455" join "--mtu=$value" a b
    done
    wrong "join: an option lacks its value; cwg join --help shows all" join a b --net
    for value in --nonsense -x --psk=1 --n; do
        wrong "join: no such option, or one that takes no value; cwg join --help shows all" join "$value" a b
    done
}

@test "leave: anything but a net or two ends is refused" {
    local net
    wrong "leave takes a net, or two ends" leave
    wrong "leave takes a net, or two ends" leave 7 a b
    for net in web 8388608 07 ''; do wrong "NET must be a number from 0 to 8388607" leave "$net"; done
    wrong "leave: no such option, or one that takes no value; cwg leave --help shows all" leave --forget=7
    wrong "leave takes a net, or two ends" leave --forget
    wrong "the first END" leave / b
    wrong "the second END" leave a /
}

@test "status, doctor, ps, pid and serve: wrong arguments are refused" {
    wrong "status takes one link, by its name or net, or none" status 7 8
    wrong "LINK must be the name of a declared link, or a net from 0 to 8388607" status -- -web
    wrong "status: no such option" status --nonsense
    wrong "status: no such option" status --json=1
    wrong "--json, --watch, --names: exclude each other" status --json --watch
    wrong "HOST must be a host's name or address" doctor -- -oProxyCommand=x
    wrong "HOST must be a host's name or address" doctor 'site2;reboot'
    wrong "doctor: no such option" doctor --nonsense
    wrong "ps takes no arguments" ps web
    wrong "ps takes no option but --names" ps --json
    wrong "pid takes one argument: [ENGINE/]NAME" pid
    wrong "pid takes one argument: [ENGINE/]NAME" pid a b
    wrong "NAME" pid a/b/c
    wrong "pid knows the containers of this machine alone: leave HOST out" pid site2:web
    wrong "serve takes no arguments: cwg calls it at the other machine" serve x
}

@test "what can't be written is a failure that is told" {
    local option
    for option in --help --version "help join" status "pid pid/1"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr bash -c '"$0" "$@" >/dev/full' "$CWG" $option
        [ "$status" = 1 ]
        [ "$stderr" = "cwg: can't write to standard output" ] || fail "$stderr"
    done
}

@test "each command line of cwg's in the README, the manual, the demo and the examples is a right one" {
    local line count=0 words
    mkdir "$BATS_TEST_TMPDIR/empty"
    while read -r line; do
        line=${line%%#*}
        read -r -a words <<<"${line//\\$/}"
        [[ " join leave status ps pid doctor " == *" ${words[1]} "* ]] || fail "$line"
        count=$((count + 1))
        # No engine, no ssh and no helper is there to be found.
        run env -i PATH="$BATS_TEST_TMPDIR/empty" HOME="$BATS_TEST_TMPDIR" "$CWG" "${words[@]:1}"
        [ "$status" != 2 ] || fail "$line: $output"
    done < <(cd "$ROOT" && grep -hoE "(^    |^#     |[$] |=/usr/local/bin/|'site1\\$' )cwg [a-z].*" \
        README.md doc/cwg.1.scd demo/nine-steps demo/picture examples/* | sed 's/.*cwg /cwg /; s/ |.*//')
    [ "$count" -ge 10 ] || fail "only $count"
}

@test "serve says every two seconds that it works on a request, and never in the middle of a line" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\nsleep 2.7\nexit 125\n' >"$BATS_TEST_TMPDIR/bin/podman"
    printf '#!/bin/sh\nexec cat >/dev/null\n' >"$BATS_TEST_TMPDIR/bin/$NAME"
    chmod +x "$BATS_TEST_TMPDIR"/bin/*
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
    run --separate-stderr "$CWG" serve <<<$'{"cwg":1}\n{"do":"look","engine":"podman","name":"x"}\n{"do":"clock"}'
    [ "$status$stderr" = 0 ] && [ "${#lines[@]}" = 4 ] || fail "$status $stderr $output"
    [[ ${lines[0]} == '{"cwg":1,'* && ${lines[1]} == '{"busy":true}' && ${lines[2]} == '{"error":'* &&
        ${lines[3]} == '{"clock":'* ]] || fail "$output"
}

# What was joined, as a file has it: remember NET END END, each end HOST:ENGINE/NAME
remember()
{
    local net=$1 ends=() end
    shift
    for end; do
        ends+=("$(printf '{"host":"%s","engine":"podman","name":"%s","device":"wg-%d-0"}' \
            "${end%%:*}" "${end##*/}" "$net")")
    done
    mkdir -p "$XDG_STATE_HOME/cwg"
    printf '{"version":1,"net":%d,"joined":1,"ends":[%s,%s]}\n' "$net" "${ends[@]}" >"$XDG_STATE_HOME/cwg/$net.json"
}

@test "leave by ends forgets each link of theirs, if containers were started again and joined anew, and no other" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    # An engine without containers, and a helper with nothing to do.
    printf '#!/bin/sh\necho "Error: no such container" >&2\nexit 125\n' >"$BATS_TEST_TMPDIR/bin/podman"
    printf '#!/bin/sh\nexec cat >/dev/null\n' >"$BATS_TEST_TMPDIR/bin/$NAME"
    chmod +x "$BATS_TEST_TMPDIR"/bin/*
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
    remember 7 :podman/web :podman/db
    remember 8 :podman/web :podman/mail
    remember 1572871 :podman/db :podman/web
    run --separate-stderr "$CWG" leave web podman/db
    [ "$status" = 0 ] || fail "$status: $stderr"
    [ "$(ls "$XDG_STATE_HOME/cwg")" = 8.json ]
    run --separate-stderr "$CWG" leave web db
    [ "$status" = 1 ]
    [[ $stderr == "cwg: no such link was joined by you on this machine; cwg status "* ]] || fail "$stderr"
    # One that can't be read is told, and the others go.
    remember 9 :podman/web :podman/mail
    echo nonsense >"$XDG_STATE_HOME/cwg/8.json"
    run --separate-stderr "$CWG" leave web mail
    [ "$status" = 1 ]
    [[ $stderr == "cwg: what was remembered of net 8 can't be read: remove "* ]] || fail "$stderr"
    [ "$(ls "$XDG_STATE_HOME/cwg")" = 8.json ]
}
