#!/usr/bin/env bats
# What config.h decides, and which of its mistakes end the build.
# shellcheck disable=SC2153 # $NAME is set in helper.bash

bats_require_minimum_version 1.5.0
load cli

setup()
{
    BUILD_DIR=$BATS_TEST_TMPDIR/build
    CONFIG_FILE=$BATS_TEST_TMPDIR/config.h
    PROGRAM=$BUILD_DIR/$NAME
}

# The symbols that an object or a program defines, one a line.
defined_symbols()
{
    nm --defined-only "$@" | awk 'NF == 3 { print $3 }' | sort -u
}

# The build ended with an error, and of all that was printed just one line is not make's; it contains the text.
assert_build_fails_with()
{
    local -a said
    mapfile -t said < <(grep -vE '^make(\[[0-9]+\])?: ' <<<"$output")
    [ "$status" != 0 ] || fail "it was built: $output"
    [ "${#said[@]}" = 1 ] || fail "not one line: $output"
    [[ ${said[0]} == *"$1"* ]] || fail "not in the message: '$1'; it says: $output"
    [ ! -e "$PROGRAM" ] || fail "there is a program"
}

# The build ended with an error, and one of the lines that the compiler printed contains the text.
assert_compiler_says()
{
    [ "$status" != 0 ] || fail "it was built: $output"
    [ "$(grep -c "error: .*$1" <<<"$output")" -ge 1 ] || fail "not in the compiler's errors: '$1': $output"
    [ ! -e "$PROGRAM" ] || fail "there is a program"
}

# A config.h with all tasks and this line.
config_with()
{
    config_without >/dev/null
    sed -i '/CWG_PREFIX/d' "$CONFIG_FILE"
    printf '%s\n' "$1" >>"$CONFIG_FILE"
}

@test "a task that isn't enabled is not in the program: no function, no table, no help, no name" {
    local -A source=([CREATE]=task_create [CONNECT]=task_connect [DELETE]=task_destroy)
    local task symbol program name base without word
    base=$(built "$(config_without)")
    for task in CREATE CONNECT DELETE; do
        echo "without $task"
        name=${source[$task]/task_/cwg_}
        without=$(built "$(config_without "$task")")
        program=$without/$NAME

        # All that its source file defines, but for names that other files use, too, as run() and prepare().
        find "$base/objects" -name '*.o' ! -name "${source[$task]}.o" -exec nm --defined-only '{}' + |
            awk 'NF == 3 { print $3 }' >"$BATS_TEST_TMPDIR/others"
        defined_symbols "$base"/objects/*/helper/command/"${source[$task]}.o" |
            grep -vxF -f "$BATS_TEST_TMPDIR/others" >"$BATS_TEST_TMPDIR/symbols"
        [ "$(wc -l <"$BATS_TEST_TMPDIR/symbols")" -ge 1 ]
        grep -qx "${source[$task]}" "$BATS_TEST_TMPDIR/symbols"
        while read -r symbol; do
            defined_symbols "$base/$NAME" | grep -qx "$symbol" || fail "$symbol is nowhere"
            ! defined_symbols "$program" | grep -qx "$symbol" || fail "$symbol is there"
        done <"$BATS_TEST_TMPDIR/symbols"
        [ -z "$(find "$without/objects" -name "${source[$task]}.o")" ] || fail "it is compiled"

        for word in --help --version; do
            run --separate-stderr "$base/$NAME" "$word"
            grep -qw -- "$name" <<<"$output" || fail "$name is nowhere: $output"
            run --separate-stderr "$program" "$word"
            [ "$status" = 0 ]
            ! grep -qw -- "$name" <<<"$output" || fail "$output"
        done
        [ "$(sed -n 's/^tasks: //p' <<<"$output" | wc -w)" = 6 ] || fail "$output"
        run --separate-stderr "$program" "$name" 1 7 0
        assert_failure_with "no such task; give one of: "
        run --separate-stderr "$program" "$name" --help
        assert_failure_with "no such task; give one of: "
        ln -s "$program" "$BATS_TEST_TMPDIR/$name"
        run --separate-stderr "$BATS_TEST_TMPDIR/$name" 1 7 0
        assert_failure_with "no such task; give one of: "
    done
}

@test "without cwg_create there is nothing that makes keys or devices, without cwg_connect nothing that sets peers" {
    local task symbol base without
    local -A symbols=(
        [CREATE]='kernel_make wgmsg_set_key wireguard_set_new_key engine_make launch_engine child_become_engine'
        [CONNECT]='kernel_join wgmsg_set_peer engine_join ctlmsg_set_peer'
    )
    base=$(built "$(config_without)")
    for task in CREATE CONNECT; do
        without=$(built "$(config_without "$task")")
        for symbol in ${symbols[$task]}; do
            nm "$base/$NAME" | grep -q " $symbol\b" || fail "$symbol is nowhere"
            ! nm "$without/$NAME" | grep -q " $symbol\b" || fail "$symbol is there without $task"
        done
    done
}

@test "the engine that isn't enabled is not in the program: it starts nothing, speaks to nothing, and says so" {
    local symbol with
    with=$(built "$(config_without)")/$NAME
    quick_build "$BUILD_DIR" "$(config_without ENGINE)"
    for symbol in engine_backend engine_make engine_remove launch_engine child_become_engine control_connect \
        alias_parse wireguard_look rtmsg_link_move; do
        nm "$with" | grep -q " $symbol\b" || fail "$symbol is nowhere"
        ! nm "$PROGRAM" | grep -q " $symbol\b" || fail "$symbol is there without the engine"
    done
    ! strings "$PROGRAM" | grep -iE 'cwg-engine|/libexec/' || fail "it knows of the engine"
    run --separate-stderr "$PROGRAM" --version
    [[ $output == *$'\nbackends: kernel WireGuard\n'* ]] || fail "$output"
    run --separate-stderr "$with" --version
    [[ $output == *$'\nbackends: kernel WireGuard, userspace engine\n'* ]] || fail "$output"
}

@test "the policy and the log that aren't enabled are not in the program: no code, no path, no text" {
    local setting symbol with
    local -A symbols=(
        [POLICY]='policy_read policy_check policy_own_containers rule_search network_parse owned_by'
        [AUDIT]='audit_open audit_send audit_public_key'
    )
    local -A path=([POLICY]=/etc/net-admin-helper/policy [AUDIT]=/dev/log)
    local -A word=([POLICY]=policy [AUDIT]=audit)
    with=$(built "$(WITH=$MORE config_without)")
    for setting in POLICY AUDIT; do
        echo "without $setting"
        quick_build "$BUILD_DIR" "$(WITH='POLICY AUDIT' config_without "$setting")"
        for symbol in ${symbols[$setting]}; do
            nm "$with/$NAME" | grep -q " $symbol\b" || fail "$symbol is nowhere"
            ! nm "$PROGRAM" | grep -q " $symbol\b" || fail "$symbol is there"
        done
        strings "$with/$NAME" | grep -q "${path[$setting]}" || fail "${path[$setting]} is nowhere"
        ! strings "$PROGRAM" | grep "${path[$setting]}" || fail "${path[$setting]} is there"
        # The classes of failures are the same in each program: their words stand alone.
        ! strings "$PROGRAM" | grep -vx "${word[$setting]}" | grep -w "${word[$setting]}" || fail "it knows the word"
        run --separate-stderr "$with/$NAME" --version
        [[ $output == *$'\n'"${word[$setting]}: ${path[$setting]}"$'\n'* ]] || fail "$output"
        run --separate-stderr "$PROGRAM" --version
        [[ $output != *"${word[$setting]}: "* ]] || fail "$output"
    done
}

@test "a policy's path is a full one, of characters that can be in a message, or ends the build with one line" {
    local value
    config_with '#define CWG_POLICY_PATH "/srv/a-b_c.d/policy"'
    echo '#define ENABLE_CWG_POLICY' >>"$CONFIG_FILE"
    quick_build "$BUILD_DIR" "$CONFIG_FILE"
    run --separate-stderr "$PROGRAM" --version
    [[ $output == *$'\npolicy: /srv/a-b_c.d/policy\n'* ]] || fail "$output"
    rm -r "$BUILD_DIR"
    for value in '""' '"policy"' '"./policy"' '"/etc/"' '"/etc/a b"' '"/etc/%s"' '"/e\tc"' /etc; do
        echo "path $value"
        config_with "#define CWG_POLICY_PATH $value"
        run quick_build "$BUILD_DIR" "$CONFIG_FILE"
        assert_build_fails_with "CWG_POLICY_PATH must be a file's full path"
    done
}

@test "CWG_PREFER_ENGINE puts the engine first, and makes no sense without it" {
    config_with '#define CWG_PREFER_ENGINE'
    quick_build "$BUILD_DIR" "$CONFIG_FILE"
    run --separate-stderr "$PROGRAM" --version
    [[ $output == *$'\nbackends: userspace engine, kernel WireGuard\n'* ]] || fail "$output"
    sed -i /ENABLE_CWG_ENGINE/d "$CONFIG_FILE"
    rm -r "$BUILD_DIR"
    run quick_build "$BUILD_DIR" "$CONFIG_FILE"
    assert_compiler_says "CWG_PREFER_ENGINE makes no sense without ENABLE_CWG_ENGINE"
}

@test "one task alone can be built" {
    quick_build "$BUILD_DIR" "$(config_without CREATE CONNECT)"
    run --separate-stderr "$PROGRAM"
    assert_failure_with "no task given; give one of: cwg_destroy $ALWAYS, or --help"
}

@test "no task enabled ends the build with the names of those that there are" {
    run quick_build "$BUILD_DIR" "$(config_without CREATE CONNECT DELETE)"
    assert_compiler_says "no task is enabled: define ENABLE_CWG_CREATE, _CONNECT or _DELETE"
}

@test "a prefix can have letters, digits, '_', '.' and '-', and up to 11 of them" {
    local prefix
    for prefix in a wgwgw Z9_.- eleven_char; do
        "$ROOT/scripts/check-config" gcc "$(PREFIX=$prefix config_without)"
    done
    prefix=eleven_c.-9
    quick_build "$BUILD_DIR" "$(PREFIX=$prefix config_without)"
    run --separate-stderr "$PROGRAM" --version
    [ "${lines[1]}" = "prefix: $prefix" ] || fail "$output"
}

@test "any other prefix ends the build with one line, whichever the compiler" {
    local prefix told
    told="$CONFIG_FILE: CWG_PREFIX must be 1 to 11 letters, digits, '_', '.' or '-' (1 to 5 for all nets)"
    for prefix in '' twelve_chars a/b / %d wg% 'w g' ' ' wg: ü wg€ 'w\tg' 'w\0g' 'w\"g' 'w\\g' '$(id)' 'w*'; do
        echo "prefix '$prefix'"
        config_with "#define CWG_PREFIX \"$prefix\""
        run quick_build "$BUILD_DIR" "$CONFIG_FILE"
        assert_build_fails_with "$told"
        run "$ROOT/scripts/check-config" clang "$CONFIG_FILE"
        assert_build_fails_with "$told"
    done
}

@test "a prefix that is no string ends the build with one line" {
    local compiler value
    for value in wg '' 7 '"wg' "'w'" '"w" "g"' '("wg")'; do
        config_with "#define CWG_PREFIX $value"
        for compiler in gcc clang; do
            echo "value $value, $compiler"
            run --separate-stderr "$ROOT/scripts/check-config" "$compiler" "$CONFIG_FILE"
            [ "$status" != 0 ]
            [[ $stderr == *"CWG_PREFIX must be 1 to 11 letters"* ]] || fail "$stderr"
        done
    done
    run quick_build "$BUILD_DIR" "$CONFIG_FILE"
    assert_build_fails_with "CWG_PREFIX must be 1 to 11 letters"
}

@test "a config.h that says nothing of prefix and limit gets wg and 256" {
    config_with ''
    quick_build "$BUILD_DIR" "$CONFIG_FILE"
    run --separate-stderr "$PROGRAM" --version
    [[ $output == *"prefix: wg"*"links per container: 256"* ]]
}

@test "ENABLE_CWG_DESTROY means the same as ENABLE_CWG_DELETE, to the byte" {
    local name
    for name in DELETE DESTROY; do
        printf '%s\n' '#define CWG_PREFIX "test"' "#define ENABLE_CWG_$name" >"$CONFIG_FILE"
        quick_build "$BUILD_DIR" "$CONFIG_FILE" LDFLAGS=-Wl,--build-id=none
        strip -o "$BATS_TEST_TMPDIR/$name" "$PROGRAM"
    done
    cmp "$BATS_TEST_TMPDIR/DELETE" "$BATS_TEST_TMPDIR/DESTROY"
    run --separate-stderr "$BATS_TEST_TMPDIR/DESTROY"
    assert_failure_with "give one of: cwg_destroy $ALWAYS, or --help"
}

@test "a config.h that still names the nine switches that have gone makes the same program, to the byte, unwarned" {
    local name
    printf '%s\n' '#define CWG_PREFIX "test"' '#define ENABLE_CWG_CREATE' >"$CONFIG_FILE"
    quick_build "$BUILD_DIR" "$CONFIG_FILE" CFLAGS='-O0 -Werror' LDFLAGS=-Wl,--build-id=none
    strip -o "$BATS_TEST_TMPDIR/without" "$PROGRAM"
    for name in SHOW LIST WAIT DESTROY_ALL JSON IPV6 NAT PRESHARED_KEY MTU; do
        echo "#define ENABLE_CWG_$name" >>"$CONFIG_FILE"
    done
    quick_build "$BUILD_DIR" "$CONFIG_FILE" CFLAGS='-O0 -Werror' LDFLAGS=-Wl,--build-id=none
    strip -o "$BATS_TEST_TMPDIR/with" "$PROGRAM"
    cmp "$BATS_TEST_TMPDIR/with" "$BATS_TEST_TMPDIR/without"
}

@test "both ENABLE_CWG_DESTROY and ENABLE_CWG_DELETE are no contradiction" {
    printf '%s\n' '#define ENABLE_CWG_DELETE' '#define ENABLE_CWG_DESTROY' >"$CONFIG_FILE"
    quick_build "$BUILD_DIR" "$CONFIG_FILE" CFLAGS='-O0 -Werror'
}

@test "an application's config.h with settings that aren't ours builds as it is, without a warning" {
    local compiler
    cat >"$CONFIG_FILE" <<'END'
#define CWG_PREFIX "mahiru"
#define ENABLE_CWG_CREATE
#define ENABLE_CWG_CONNECT
#define ENABLE_CWG_DESTROY
#define IP "/usr/sbin/ip"
#define WG "/usr/bin/wg"
#define CWG_IP "/usr/sbin/ip"
#define CWG_WG "/usr/bin/wg"
END
    for compiler in gcc clang; do
        quick_build "$BUILD_DIR" "$CONFIG_FILE" CC="$compiler" CFLAGS='-O0 -Werror'
        run --separate-stderr "$PROGRAM" --version
        [ "${lines[1]}" = "prefix: mahiru" ]
        [ "${lines[2]}" = "tasks: cwg_create cwg_connect cwg_destroy $ALWAYS" ]
    done
}

@test "a setting that doesn't exist ends the build with one line, which names the one that was meant" {
    local row name meant
    for row in CWG_OWN_CONTAINER_ONLY:CWG_OWN_CONTAINERS_ONLY CWG_PREFX:CWG_PREFIX ENABLE_CWG_POLCY:ENABLE_CWG_POLICY \
        ENABLE_CWG_ADUIT:ENABLE_CWG_AUDIT CWG_MAX_LINK:CWG_MAX_LINKS ENABLE_CWG_WIREGUARD: CWG_:; do
        name=${row%:*} meant=${row#*:}
        config_with "#define $name"
        run quick_build "$BUILD_DIR" "$CONFIG_FILE"
        assert_build_fails_with "$CONFIG_FILE: $name is no setting of this program"
        [[ -n $meant || $output != *"did you mean"* ]] || fail "$output"
        [[ -z $meant || $output == *"; did you mean $meant?"* ]] || fail "$output"
    done
    run "$ROOT/scripts/check-config" clang "$CONFIG_FILE"
    assert_build_fails_with "CWG_ is no setting of this program"
    # What was taken out again isn't there, and what is in a comment isn't either.
    config_with $'#define CWG_NO 1\n#undef CWG_NO\n/* #define CWG_NOR */\n// #define CWG_NEITHER'
    "$ROOT/scripts/check-config" gcc "$CONFIG_FILE"
}

@test "a switch that has a value, which doesn't turn it off, ends the build with one line" {
    local name
    for name in ENABLE_CWG_POLICY CWG_OWN_CONTAINERS_ONLY; do
        config_with "#define $name 0"
        run "$ROOT/scripts/check-config" gcc "$CONFIG_FILE"
        assert_build_fails_with "$CONFIG_FILE: $name is on because it is defined, and has a value: take out \"0\","
        config_with "#define $name 1"
        "$ROOT/scripts/check-config" gcc "$CONFIG_FILE"
    done
}

@test "a limit of no links, or less, ends the build" {
    local value
    for value in 0 -1 none; do
        config_with "#define CWG_MAX_LINKS $value"
        run quick_build "$BUILD_DIR" "$CONFIG_FILE"
        assert_compiler_says "CWG_MAX_LINKS must be at least 1"
    done
}

@test "a limit of one link can be built, and CWG_OWN_CONTAINERS_ONLY, and --version tells both" {
    config_with '#define CWG_MAX_LINKS 1'
    echo '#define CWG_OWN_CONTAINERS_ONLY' >>"$CONFIG_FILE"
    quick_build "$BUILD_DIR" "$CONFIG_FILE"
    run --separate-stderr "$PROGRAM" --version
    [[ $output == *"links per container: 1"* ]]
    [[ ${lines[-1]} == "containers: those in a user namespace of the caller's" ]]
}

@test "a config.h that is edited is built anew, one that is put back too, and otherwise nothing is" {
    quick_build "$BUILD_DIR" "$(PREFIX=one config_without)"
    sed -i s/one/two/ "$CONFIG_FILE"
    # The time that the file says it is from doesn't matter.
    touch -d '2001-01-01' "$CONFIG_FILE"
    quick_build "$BUILD_DIR" "$CONFIG_FILE"
    [[ $("$PROGRAM" --version) == *"prefix: two"* ]]
    sed -i s/two/one/ "$CONFIG_FILE"
    quick_build "$BUILD_DIR" "$CONFIG_FILE"
    [[ $("$PROGRAM" --version) == *"prefix: one"* ]]
    run clean_make BUILD="$BUILD_DIR" CONFIG="$CONFIG_FILE" CFLAGS=-O0 "$PROGRAM"
    [ "$status" = 0 ]
    [[ $output != *" -c "* && $output != *" -o "* ]] || fail "$output"
}

@test "a file that CONFIG names, and that isn't there, ends the build with one line that says so" {
    run quick_build "$BUILD_DIR" "$BATS_TEST_TMPDIR/nowhere.h"
    [ "$status" != 0 ]
    [ "${#lines[@]}" = 1 ] || fail "$output"
    [[ $output == *"there is no $BATS_TEST_TMPDIR/nowhere.h: CONFIG= names the file with the settings"* ]]
}

@test "the config.h that comes with the program enables all tasks" {
    quick_build "$BUILD_DIR" config.h
    run --separate-stderr "$PROGRAM" --version
    [ "${lines[2]}" = "tasks: cwg_create cwg_connect cwg_destroy $ALWAYS batch check-policy" ]
    [ "${lines[3]}" = "backends: kernel WireGuard, userspace engine" ]
}

@test "batch is in the program if it is enabled, and what starts engines for it if there are any" {
    local symbol with plain=$BATS_TEST_TMPDIR/plain
    with=$(built "$(WITH=$MORE config_without)")
    quick_build "$plain" "$(WITH=BATCH config_without ENGINE)"
    quick_build "$BUILD_DIR" "$(config_without)"
    for symbol in task_batch lines_next lines_split; do
        nm "$with/$NAME" | grep -q " $symbol\b" || fail "$symbol is nowhere"
        nm "$plain/$NAME" | grep -q " $symbol\b" || fail "$symbol needs an engine"
        ! nm "$PROGRAM" | grep -q " $symbol\b" || fail "$symbol is there"
    done
    for symbol in launcher_start launcher_ask engine_forget; do
        nm "$with/$NAME" | grep -q " $symbol\b" || fail "$symbol is nowhere"
        ! nm "$plain/$NAME" | grep -q " $symbol\b" || fail "$symbol is there without an engine"
        ! nm "$PROGRAM" | grep -q " $symbol\b" || fail "$symbol is there"
    done
    run --separate-stderr "$with/$NAME" --version
    [[ $output == *$'\ntasks: '*" batch"*$'\n'* ]] || fail "$output"
    run --separate-stderr "$PROGRAM" --help
    ! grep -qw batch <<<"$output" || fail "$output"
    run --separate-stderr "$PROGRAM" batch
    assert_failure_with "no such task; give one of: "
}
