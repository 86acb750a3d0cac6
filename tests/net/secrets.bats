#!/usr/bin/env bats
# What nobody may get hold of: the private key, and what the helper has open while it works.
#
#     at-syscall stops the helper, with the link made; root in the container c1 tells the key of the device; memscan
#     looks for it in the helper's memory, fdsteal reaches for its descriptors and for all else, as the same user.

bats_require_minimum_version 1.5.0
load net

setup_file()
{
    has_backend || return 0
    install_helper
    one_site
    container c1
    export c1
    export TRACER="$TOOLS/at-syscall --uid $APP_UID --gid $APP_GID --timeout 60"
    # For scripts at a stop: SCANNED gets the scan's last line, and its status is memscan's.
    export LOOK="nsenter --net --target $c1 wg show wg-1-0 private-key |
        $TOOLS/memscan \$PID - >>$BATS_FILE_TMPDIR/scans 2>&1"
}

setup()
{
    require_backend
    : >"$BATS_FILE_TMPDIR/scans"
}

teardown()
{
    app_at site1 "$HELPER" cwg_destroy "$c1" 1 0 2>/dev/null || true
}

teardown_file()
{
    clean_up
}

# The number of the last call of that name among those of a task that succeeds, whose output is a file: of a character
# device the program asks by one more call whether it is a terminal.
last_call()
{
    local name=$1
    shift
    # shellcheck disable=SC2086 # words
    at site1 $TRACER status --report 1 --stdout "$BATS_TEST_TMPDIR/output" -- "$HELPER" "$@" |
        awk -v name="$name" '$2 == name { number = $1 } END { print number; exit !number }'
}

# Runs a task, and a script where it stops: `stop N` or `exit`.
at_call()
{
    local where=$1 script=$2
    shift 2
    # shellcheck disable=SC2086 # words
    at site1 $TRACER $where --do "$script" -- "$HELPER" "$@"
}

# That many scans were made, of more than 100 KB each, and none found anything.
scanned()
{
    local scans=$BATS_FILE_TMPDIR/scans
    cat "$scans"
    [ "$(grep -c 'scanned [0-9]\{6,\} bytes, found 0$' "$scans")" -ge "$1" ] || fail "fewer than $1 scans"
    ! grep -v 'found 0$' "$scans" || fail "something was found"
}

# bats test_tags=kernel,only-6-1
@test "when a create writes the public key, and when it ends, the private key is not in its memory" {
    require_kernel
    local number
    number=$(last_call write cwg_create "$c1" 1 0 5001)
    app_at site1 "$HELPER" cwg_destroy "$c1" 1 0
    run --separate-stderr at_call "stop $number" "$LOOK" cwg_create "$c1" 1 0 5001
    assert_success_with_key
    app_at site1 "$HELPER" cwg_destroy "$c1" 1 0
    run --separate-stderr at_call exit "$LOOK" cwg_create "$c1" 1 0 5001
    assert_success_with_key
    scanned 2
}

# bats test_tags=kernel,only-6-1
@test "when a connect sets the peer, and when it ends, the private key is not in its memory" {
    require_kernel
    local number connect=(cwg_connect "$c1" 1 1 192.0.2.2:5002 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=)
    app_at site1 "$HELPER" cwg_create "$c1" 1 0 5001
    number=$(last_call sendto "${connect[@]}")
    run --separate-stderr at_call "stop $number" "$LOOK" "${connect[@]}"
    assert_success_with ''
    run --separate-stderr at_call exit "$LOOK" "${connect[@]}"
    assert_success_with ''
    scanned 2
}

# bats test_tags=kernel,only-6-1
@test "a preshared key is in the memory of a connect when it is sent, and not when it ends, however it ends" {
    local number psk own file scans=$BATS_FILE_TMPDIR/scans look
    local connect=(cwg_connect "$c1" 1 1 192.0.2.2:5002 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=)
    psk=$(wg genpsk)
    file=$BATS_TEST_TMPDIR/psk
    chmod 755 "$BATS_TEST_TMPDIR"
    echo "$psk" >"$file"
    chmod 644 "$file"
    look="$TOOLS/memscan \$PID - <$file >>$scans 2>&1"
    own=$(app_at site1 "$HELPER" cwg_create "$c1" 1 0 5001)
    # It is the last message that has it.
    number=$(last_call sendto "${connect[@]}" --preshared-key-file "$file")
    at_call "stop $number" "$look || :" "${connect[@]}" --preshared-key-file "$file"
    cat "$scans"
    grep -q 'found [1-9][0-9]*$' "$scans" || fail "it isn't there when it is sent"
    : >"$scans"
    run --separate-stderr at_call exit "$look" "${connect[@]}" --preshared-key-file "$file"
    assert_success_with ''
    # For the link's own key, for a link that isn't there, and for a file that goes wrong at its very end.
    run at_call exit "$look" "${connect[@]:0:5}" "$own" --preshared-key-file "$file"
    [ "$status" = 1 ]
    run at_call exit "$look" cwg_connect "$c1" 2 1 192.0.2.2:5002 "${connect[-1]}" --preshared-key-file "$file"
    [ "$status" = 1 ]
    printf '%s \n' "$psk" >"$file.wrong"
    run at_call exit "$look" "${connect[@]}" --preshared-key-file "$file.wrong"
    [ "$status" = 1 ]
    scanned 4
}

# bats test_tags=kernel,only-6-1
@test "when a show writes its result, and when it ends, neither the private nor the preshared key is in its memory" {
    local number psk scans=$BATS_FILE_TMPDIR/scans look=$LOOK
    psk=$(wg genpsk)
    app_at site1 "$HELPER" cwg_create "$c1" 1 0 5001
    app_at site1 "$HELPER" cwg_connect "$c1" 1 1 192.0.2.2:5002 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE= \
        --preshared-key-file - <<<"$psk"
    echo "$psk" >"$BATS_TEST_TMPDIR/psk"
    [ "$BACKEND" = kernel ] || look=:
    look+="; $TOOLS/memscan \$PID - <$BATS_TEST_TMPDIR/psk >>$scans 2>&1"
    number=$(last_call write cwg_show "$c1")
    at_call "stop $number" "$look" cwg_show "$c1" | grep -q '^  preshared key  *yes$'
    at_call exit "$look" cwg_show "$c1" --json | grep -q '"has_preshared_key":true'
    if [ "$BACKEND" = kernel ]; then scanned 4; else scanned 2; fi
}

@test "a preshared key is in no command line and no environment while a connect runs" {
    local number psk
    local connect=(cwg_connect "$c1" 1 1 192.0.2.2:5002 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=)
    psk=$(wg genpsk)
    app_at site1 "$HELPER" cwg_create "$c1" 1 0 5001
    number=$(last_call sendto "${connect[@]}")
    # The key is looked for by a pattern from a file, since its own would be found.
    echo "$psk" >"$BATS_TEST_TMPDIR/psk"
    at_call "stop $number" "grep -qsF -f $BATS_TEST_TMPDIR/psk /proc/[0-9]*/cmdline /proc/[0-9]*/environ ||
        echo none >>$BATS_FILE_TMPDIR/scans" "${connect[@]}" --preshared-key-file - <"$BATS_TEST_TMPDIR/psk"
    [ "$(cat "$BATS_FILE_TMPDIR/scans")" = none ]
}

# bats test_tags=kernel,only-6-1
@test "the scan finds a key where there is one" {
    local key
    key=$(wg genkey)
    sh -c 'sleep 30; :' sh "$key" 3>&- &
    run "$TOOLS/memscan" $! "$key"
    kill $!
    [ "$status" = 1 ]
    [[ $output == *" base64 bytes "* ]]
}

@test "no core can be dumped, and the memory of keys would be left out of one" {
    # A mapping that is written to has the flag "dd" (MADV_DONTDUMP); the limit holds in any case.
    run --separate-stderr at_call exit "
        grep -Eq '^Max core file size +0 +0 ' /proc/\$PID/limits &&
            grep -Eq '^VmFlags: rd wr .* dd( |\$)' /proc/\$PID/smaps &&
            echo fine >>$BATS_FILE_TMPDIR/scans" cwg_create "$c1" 1 0 5001
    assert_success_with_key
    [ "$(grep -cx fine "$BATS_FILE_TMPDIR/scans")" = 1 ]
}

@test "nothing of a running command can be read, traced or stolen by its own user" {
    run at site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env -- "$TOOLS/fdsteal" --repeat 4 --run "$HELPER" cwg_destroy "$c1" 1 0
    echo "$output"
    [ "$status" = 0 ]
    [[ ${lines[-1]} =~ ^targets\ 4\ .*\ attempts\ [1-9][0-9]+\ successes\ 0$ ]]
}

# An application that was given the capabilities themselves: the kernel doesn't protect such a process by itself, and
# when the helper has given them up at its end, its capabilities don't either.
@test "nor can it where the caller holds the capabilities, from the first step of main() to the end" {
    local all=+net_admin,+sys_admin,+sys_ptrace
    local user=(setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups)
    local command=("${user[@]}" --inh-caps="-all,$all" --ambient-caps="-all,$all" -- "$HELPER" cwg_destroy "$c1" 1 0)

    run at site1 "$TOOLS/at-syscall" --exec 2 --timeout 60 status -- "${command[@]}"
    awk '/^[0-9]+ prctl / { main = 1; next } / Dumpable=/ && (/ Dumpable=1$/ == main) { print; bad = 1 }
         END { exit bad || !main }' <<<"$output"

    app_at site1 "$HELPER" cwg_create "$c1" 1 0 5001
    run at site1 "$TOOLS/at-syscall" --exec 2 --timeout 60 exit \
        --do "${user[*]} --inh-caps=-all -- env -- $TOOLS/fdsteal \$PID 1" -- "${command[@]}"
    echo "$output"
    [ "$status" = 0 ]
    [[ $output =~ attempts\ [1-9][0-9]+\ successes\ 0$ ]]
}

@test "when its privileges are given up, nothing of its own is open any more" {
    run --separate-stderr at_call exit "ls /proc/\$PID/fd >$BATS_FILE_TMPDIR/scans" cwg_create "$c1" 1 0 5001
    assert_success_with_key
    [ "$(xargs <"$BATS_FILE_TMPDIR/scans")" = "0 1 2" ] || fail "open: $(xargs <"$BATS_FILE_TMPDIR/scans")"
}
