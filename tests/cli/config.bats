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

# Which features are in which of the programs that most tests look at. Each is left out at least twice, in different
# company.
declare -gA FEATURES=(
    [all]='CREATE CONNECT DELETE ENGINE BATCH POLICY AUDIT'
    [maker]='CREATE ENGINE AUDIT'
    [joiner]='CONNECT ENGINE BATCH'
    [kernel]='CREATE CONNECT DELETE BATCH POLICY'
    [remover]='DELETE'
)

# What else their files say.
declare -gA MORE_SETTINGS=(
    [all]='#define CWG_POLICY_PATH "/srv/a-b_c.d/policy"'
    [maker]=$'#define CWG_PREFER_ENGINE\n#define CWG_MAX_LINKS 1\n#define CWG_OWN_CONTAINERS_ONLY'
    [kernel]='#define CWG_PREFIX "eleven_c.-9"'
)

# Builds one of these, once for all tests, and prints its path.
program()
{
    local feature build
    {
        for feature in ${FEATURES[$1]}; do echo "#define ENABLE_CWG_$feature"; done
        echo "${MORE_SETTINGS[$1]:-}"
    } >"$CONFIG_FILE"
    build=$(built "$CONFIG_FILE")
    echo "$build/$NAME"
}

# Whether all of these features are in one of the programs: has PROGRAM FEATURE...
has()
{
    local feature
    for feature in "${@:2}"; do [[ " ${FEATURES[$1]} " == *" $feature "* ]] || return; done
}

# What a program defines, one symbol a line.
defined_symbols()
{
    nm --defined-only "$@" | awk 'NF == 3 { print $3 }' | sort -u
}

@test "the code of a feature is in the programs that have it, and in no others" {
    local row which features symbol program symbols
    local -a rows=(
        'CREATE: task_create kernel_make wgmsg_set_key'
        'CREATE ENGINE: engine_make launch_close launch_engine child_become_engine rtmsg_link_move'
        'CONNECT: task_connect kernel_join wgmsg_set_peer'
        'CONNECT ENGINE: engine_join ctlmsg_set_peer'
        'DELETE: task_destroy'
        'ENGINE: engine_backend engine_remove control_connect alias_parse kernel_available'
        'BATCH: task_batch lines_next lines_split'
        'BATCH CREATE ENGINE: launcher_start launcher_ask'
        'POLICY: policy_read policy_check policy_own_containers rule_search'
        'AUDIT: audit_open audit_send'
    )
    for which in "${!FEATURES[@]}"; do
        program=$(program "$which")
        symbols=$(defined_symbols "$program")
        for row in "${rows[@]}"; do
            for symbol in ${row#*: }; do
                # shellcheck disable=SC2086 # the features are words
                if has "$which" ${row%%: *}; then
                    grep -qx "$symbol" <<<"$symbols" || fail "$symbol isn't in $which, which has ${row%%: *}"
                else
                    ! grep -qx "$symbol" <<<"$symbols" || fail "$symbol is in $which, which lacks ${row%%: *}"
                fi
            done
        done
    done
}

@test "a task that isn't enabled is not in the program: no function, no help, no name" {
    local task which program name base word
    local -A source=([CREATE]=task_create [CONNECT]=task_connect [DELETE]=task_destroy)
    base=$(dirname "$(program all)")
    for task in "${!source[@]}"; do
        name=${source[$task]/task_/cwg_}
        # All that its source file defines, but for names that other files use, too, as run() and prepare().
        find "$base/objects" "$base/programs" "$SHARED/plain" -name '*.o' ! -name "${source[$task]}.o" \
            -exec nm --defined-only '{}' + |
            awk 'NF == 3 { print $3 }' >"$BATS_TEST_TMPDIR/others"
        defined_symbols "$base"/objects/*/helper/command/"${source[$task]}.o" |
            grep -vxF -f "$BATS_TEST_TMPDIR/others" >"$BATS_TEST_TMPDIR/symbols"
        grep -qx "${source[$task]}" "$BATS_TEST_TMPDIR/symbols"
        for which in "${!FEATURES[@]}"; do
            echo "$task in $which"
            program=$(program "$which")
            if has "$which" "$task"; then
                [ -z "$(defined_symbols "$program" | comm -13 - "$BATS_TEST_TMPDIR/symbols")" ]
                for word in --help --version; do "$program" "$word" | grep -qw -- "$name"; done
                continue
            fi
            [ -z "$(defined_symbols "$program" | comm -12 - "$BATS_TEST_TMPDIR/symbols")" ]
            [ -z "$(find "${program%/*}/objects" -name "${source[$task]}.o")" ] || fail "it is compiled"
            for word in --help --version; do
                run --separate-stderr "$program" "$word"
                [ "$status" = 0 ]
                ! grep -qw -- "$name" <<<"$output" || fail "$output"
            done
            for word in 1 --help; do
                run --separate-stderr "$program" "$name" "$word" 7 0
                assert_failure_with "no such task; give one of: "
            done
            ln -sf "$program" "$BATS_TEST_TMPDIR/$name"
            run --separate-stderr "$BATS_TEST_TMPDIR/$name" 1 7 0
            assert_failure_with "no such task; give one of: "
        done
    done
}

@test "engine, policy and log that aren't enabled are not in the program: no path, no text" {
    local which program
    for which in "${!FEATURES[@]}"; do
        echo "$which"
        program=$(program "$which")
        strings "$program" >"$BATS_TEST_TMPDIR/strings"
        # The classes of failures are the same in each program: their words stand alone.
        grep -vxE 'policy|audit' "$BATS_TEST_TMPDIR/strings" >"$BATS_TEST_TMPDIR/texts"
        run --separate-stderr "$program" --version
        if has "$which" ENGINE; then
            grep -q /libexec/ "$BATS_TEST_TMPDIR/strings"
        else
            ! grep -iE 'cwg-engine|/libexec/' "$BATS_TEST_TMPDIR/strings" || fail "it knows of the engine"
            [[ $output == *$'\nbackends: kernel WireGuard\n'* ]] || fail "$output"
        fi
        if has "$which" POLICY; then
            grep -qE '/policy$' "$BATS_TEST_TMPDIR/strings"
            [[ $output == *$'\npolicy: /'* ]] || fail "$output"
        else
            ! grep -wE 'policy' "$BATS_TEST_TMPDIR/texts" || fail "it knows the word"
            [[ $output != *"policy: "* ]] || fail "$output"
        fi
        if has "$which" AUDIT; then
            [[ $output == *$'\naudit: /dev/log\n'* ]] || fail "$output"
        else
            ! grep -wE 'audit|/dev/log' "$BATS_TEST_TMPDIR/texts" || fail "it knows the word"
            [[ $output != *"audit: "* ]] || fail "$output"
        fi
    done
}

@test "a policy's path is a full one, of characters that can be in a message, or ends the build with one line" {
    local value
    run --separate-stderr "$(program all)" --version
    [[ $output == *$'\npolicy: /srv/a-b_c.d/policy\n'* ]] || fail "$output"
    run --separate-stderr "$(program kernel)" --version
    [[ $output == *$'\npolicy: /etc/net-admin-helper/policy\n'* ]] || fail "$output"
    for value in '""' '"policy"' '"./policy"' '"/etc/"' '"/etc/a b"' '"/etc/%s"' '"/e\tc"' /etc; do
        echo "path $value"
        config_with "#define CWG_POLICY_PATH $value"
        run "$ROOT/scripts/check-config" gcc "$CONFIG_FILE"
        assert_build_fails_with "CWG_POLICY_PATH must be a file's full path"
    done
}

@test "CWG_PREFER_ENGINE puts the engine first, and makes no sense without it" {
    run --separate-stderr "$(program all)" --version
    [[ $output == *$'\nbackends: kernel WireGuard, userspace engine\n'* ]] || fail "$output"
    run --separate-stderr "$(program maker)" --version
    [[ $output == *$'\nbackends: userspace engine, kernel WireGuard\n'* ]] || fail "$output"
    config_with '#define CWG_PREFER_ENGINE'
    sed -i /ENABLE_CWG_ENGINE/d "$CONFIG_FILE"
    run quick_build "$BUILD_DIR" "$CONFIG_FILE"
    assert_compiler_says "CWG_PREFER_ENGINE makes no sense without ENABLE_CWG_ENGINE"
}

@test "one task alone can be built, by a config.h that says nothing of prefix and limit: they are wg and 256" {
    run --separate-stderr "$(program remover)"
    assert_failure_with "no task given; give one of: cwg_destroy $ALWAYS, or --help"
    run --separate-stderr "$(program remover)" --version
    [ "${lines[1]}" = "prefix: wg" ] || fail "$output"
    [[ $output == *"links per container: 256"* ]] || fail "$output"
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
    run --separate-stderr "$(program kernel)" --version
    [ "${lines[1]}" = "prefix: eleven_c.-9" ] || fail "$output"
}

@test "any other prefix ends the build with one line, whichever the compiler" {
    local prefix told compiler
    told="$CONFIG_FILE: CWG_PREFIX must be 1 to 11 letters, digits, '_', '.' or '-' (1 to 5 for all nets)"
    for prefix in '' twelve_chars a/b / %d wg% 'w g' ' ' wg: ü wg€ 'w\tg' 'w\0g' 'w\"g' 'w\\g' '$(id)' 'w*'; do
        config_with "#define CWG_PREFIX \"$prefix\""
        for compiler in gcc clang; do
            echo "prefix '$prefix', $compiler"
            run "$ROOT/scripts/check-config" "$compiler" "$CONFIG_FILE"
            assert_build_fails_with "$told"
        done
    done
    run quick_build "$BUILD_DIR" "$CONFIG_FILE"
    assert_build_fails_with "$told"
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

# What an application of before has: another name for a task, switches that are always on now, and settings of its own.
@test "an application's own config.h makes the same program, to the byte, and without a warning" {
    local name
    {
        for name in DELETE DESTROY SHOW LIST WAIT DESTROY_ALL JSON IPV6 NAT PRESHARED_KEY MTU; do
            echo "#define ENABLE_CWG_$name"
        done
        printf '#define %s "/usr/bin/wg"\n' IP WG CWG_IP CWG_WG
    } >"$CONFIG_FILE"
    quick_build "$BUILD_DIR" "$CONFIG_FILE" CFLAGS='-O0 -Werror' CC=clang
    run --separate-stderr "$PROGRAM" --version
    [ "${lines[2]}" = "tasks: cwg_destroy $ALWAYS" ] || fail "$output"
    sed -i /_DELETE/d "$CONFIG_FILE"
    # CC may be several words, such as "ccache gcc".
    quick_build "$BUILD_DIR" "$CONFIG_FILE" CFLAGS='-O0 -Werror' CC='env gcc'
    strip -o "$BATS_TEST_TMPDIR/old" -R .note.gnu.build-id "$PROGRAM"
    strip -o "$BATS_TEST_TMPDIR/new" -R .note.gnu.build-id "$(program remover)"
    cmp "$BATS_TEST_TMPDIR/old" "$BATS_TEST_TMPDIR/new"
}

@test "a setting that doesn't exist ends the build with one line, which names the one that was meant" {
    local row name meant
    for row in CWG_OWN_CONTAINER_ONLY:CWG_OWN_CONTAINERS_ONLY CWG_PREFX:CWG_PREFIX ENABLE_CWG_POLCY:ENABLE_CWG_POLICY \
        ENABLE_CWG_ADUIT:ENABLE_CWG_AUDIT CWG_MAX_LINK:CWG_MAX_LINKS ENABLE_CWG_WIREGUARD: CWG_:; do
        name=${row%:*} meant=${row#*:}
        config_with "#define $name"
        run "$ROOT/scripts/check-config" gcc "$CONFIG_FILE"
        assert_build_fails_with "$CONFIG_FILE: $name is no setting of this program"
        [[ -n $meant || $output != *"did you mean"* ]] || fail "$output"
        [[ -z $meant || $output == *"; did you mean $meant?"* ]] || fail "$output"
    done
    run quick_build "$BUILD_DIR" "$CONFIG_FILE"
    assert_build_fails_with "CWG_ is no setting of this program"
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
    local which
    run --separate-stderr "$(program maker)" --version
    [[ $output == *"links per container: 1"$'\n'* ]] || fail "$output"
    [[ ${lines[-1]} == "containers: those in a user namespace of the caller's" ]] || fail "$output"
    # A policy may limit callers to their own containers, too.
    for which in maker kernel; do defined_symbols "$(program "$which")" | grep -qx owned_by; done
    for which in joiner remover; do ! defined_symbols "$(program "$which")" | grep -x owned_by || fail "$which"; done
}

@test "a config.h that is edited is built anew, one that is put back too, and otherwise nothing is" {
    quick_build "$BUILD_DIR" "$(PREFIX=one config_without CREATE CONNECT ENGINE)"
    sed -i s/one/two/ "$CONFIG_FILE"
    # The time that the file says it is from doesn't matter.
    touch -d '2001-01-01' "$CONFIG_FILE"
    quick_build "$BUILD_DIR" "$CONFIG_FILE"
    [[ $("$PROGRAM" --version) == *"prefix: two"* ]]
    sed -i s/two/one/ "$CONFIG_FILE"
    quick_build "$BUILD_DIR" "$CONFIG_FILE"
    [[ $("$PROGRAM" --version) == *"prefix: one"* ]]
    run clean_make BUILD="$BUILD_DIR" SHARED="$SHARED" CONFIG="$CONFIG_FILE" CFLAGS=-O0 "$PROGRAM"
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
