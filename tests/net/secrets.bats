#!/usr/bin/env bats
# Nobody may get the private key, or what the helper has open while it works.
#
# at-syscall stops the helper after it has made the link. Root in the container c1 reads the device's key. memscan
# looks for the key in the helper's memory. fdsteal, as the same user, reaches for the helper's descriptors and
# everything else.

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
    # For scripts that at-syscall runs at a stop: memscan's last line goes to SCANNED, and its status is this command's.
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

# Prints the number of a successful task's last call of a name. The output is a file: for a character device the program
# makes one more call, to ask whether it is a terminal.
last_call()
{
    local name=$1
    shift
    # shellcheck disable=SC2086 # words
    at site1 $TRACER status --report 1 --stdout "$BATS_TEST_TMPDIR/output" -- "$HELPER" "$@" |
        awk -v name="$name" '$2 == name { number = $1 } END { print number; exit !number }'
}

# Runs a task, and a script where the task stops: `stop N` or `exit`.
at_call()
{
    local where=$1 script=$2
    shift 2
    # shellcheck disable=SC2086 # words
    at site1 $TRACER $where --do "$script" -- "$HELPER" "$@"
}

# There were that many scans, of more than 100 KB each, and no scan found anything.
scanned()
{
    local scans=$BATS_FILE_TMPDIR/scans
    cat "$scans"
    [ "$(grep -c 'scanned [0-9]\{6,\} bytes, found 0$' "$scans")" -ge "$1" ] || fail "fewer than $1 scans"
    ! grep -v 'found 0$' "$scans" || fail "something was found"
}

# bats test_tags=kernel,only-6-1
@test "a create has no private key in its memory when it writes the public key, and when it ends" {
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
@test "a connect has no private key in its memory when it sets the peer, and when it ends" {
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
@test "a connect has the preshared key in its memory when it sends it, and never when it ends, however it ends" {
    local number psk own file scans=$BATS_FILE_TMPDIR/scans look
    local connect=(cwg_connect "$c1" 1 1 192.0.2.2:5002 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=)
    psk=$(wg genpsk)
    file=$BATS_TEST_TMPDIR/psk
    chmod 755 "$BATS_TEST_TMPDIR"
    echo "$psk" >"$file"
    chmod 644 "$file"
    look="$TOOLS/memscan \$PID - <$file >>$scans 2>&1"
    own=$(app_at site1 "$HELPER" cwg_create "$c1" 1 0 5001)
    # The last message has the key.
    number=$(last_call sendto "${connect[@]}" --preshared-key-file "$file")
    at_call "stop $number" "$look || :" "${connect[@]}" --preshared-key-file "$file"
    cat "$scans"
    grep -q 'found [1-9][0-9]*$' "$scans" || fail "it isn't there when it is sent"
    : >"$scans"
    run --separate-stderr at_call exit "$look" "${connect[@]}" --preshared-key-file "$file"
    assert_success_with ''
    # The connect fails by the link's own key, by a missing link, and by a file that is wrong at its very end.
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
@test "a show has no private and no preshared key in its memory when it writes its result, and when it ends" {
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
    # grep reads the key from a file: in grep's own arguments the key would be found.
    echo "$psk" >"$BATS_TEST_TMPDIR/psk"
    at_call "stop $number" "grep -qsF -f $BATS_TEST_TMPDIR/psk /proc/[0-9]*/cmdline /proc/[0-9]*/environ ||
        echo none >>$BATS_FILE_TMPDIR/scans" "${connect[@]}" --preshared-key-file - <"$BATS_TEST_TMPDIR/psk"
    [ "$(cat "$BATS_FILE_TMPDIR/scans")" = none ]
}

# bats test_tags=kernel,only-6-1
@test "the memory scan finds a key where there is one" {
    local key
    key=$(wg genkey)
    sh -c 'sleep 30; :' sh "$key" 3>&- &
    run "$TOOLS/memscan" $! "$key"
    kill $!
    [ "$status" = 1 ]
    [[ $output == *" base64 bytes "* ]]
}

@test "no core of the helper can be dumped, and a core would leave out the memory of keys" {
    # The memory of keys has the flag "dd" (MADV_DONTDUMP). The limit of cores holds in any case.
    run --separate-stderr at_call exit "
        grep -Eq '^Max core file size +0 +0 ' /proc/\$PID/limits &&
            grep -Eq '^VmFlags: rd wr .* dd( |\$)' /proc/\$PID/smaps &&
            echo fine >>$BATS_FILE_TMPDIR/scans" cwg_create "$c1" 1 0 5001
    assert_success_with_key
    [ "$(grep -cx fine "$BATS_FILE_TMPDIR/scans")" = 1 ]
}

@test "the helper's own user can't read, trace or steal anything of a running command" {
    run at site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        env -- "$TOOLS/fdsteal" --repeat 4 --run "$HELPER" cwg_destroy "$c1" 1 0
    echo "$output"
    [ "$status" = 0 ]
    [[ ${lines[-1]} =~ ^targets\ 4\ .*\ attempts\ [1-9][0-9]+\ successes\ 0$ ]]
}

# This application has the capabilities itself. So the kernel doesn't protect the helper's process from it; nor do the
# helper's capabilities, once the helper has given them up.
@test "a caller with the capabilities can't read, trace or steal anything of a command, from main() to its end" {
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

@test "when the helper has given up its privileges, it has no descriptor of its own open" {
    run --separate-stderr at_call exit "ls /proc/\$PID/fd >$BATS_FILE_TMPDIR/scans" cwg_create "$c1" 1 0 5001
    assert_success_with_key
    [ "$(xargs <"$BATS_FILE_TMPDIR/scans")" = "0 1 2" ] || fail "open: $(xargs <"$BATS_FILE_TMPDIR/scans")"
}
