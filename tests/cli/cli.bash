# What the tests of the command line and of the build share. Sourced by bats files.

load ../lib/helper

# make, with nothing that an outer make or a shell has set.
clean_make()
{
    env -u MAKEFLAGS -u MAKEOVERRIDES -u MFLAGS -u MAKELEVEL -u CC -u CFLAGS -u CPPFLAGS -u LDFLAGS -u PREFIX \
        -u BINDIR -u MANDIR -u LIBEXECDIR -u ENGINE_PATH -u GROUP -u DESTDIR -u CONFIG -u BUILD -u SHARED \
        make --no-print-directory -C "$ROOT" "$@"
}

# The tasks that are in each program, and what config_without() leaves out unless told, as config.h has it.
ALWAYS="cwg_show cwg_list cwg_wait cwg_destroy_all"
MORE="BATCH POLICY AUDIT"

# Writes a config.h of all tasks, the engine, and what is in $WITH, but those given, with the prefix $PREFIX or "test";
# prints its path.
config_without()
{
    local file=$BATS_TEST_TMPDIR/config.h task
    {
        echo "#define CWG_PREFIX \"${PREFIX:-test}\""
        for task in CREATE CONNECT DELETE ENGINE ${WITH:-}; do
            [[ " $* " == *" $task "* ]] || echo "#define ENABLE_CWG_$task"
        done
    } >"$file"
    echo "$file"
}

# Where quick builds have the objects that no setting changes.
SHARED=$ROOT/build/quick

# Builds the program alone, quickly: BUILD CONFIG [ARGUMENT...]. Nothing is optimized, so that each
# function is there. One test at a time, since they share objects.
quick_build()
{
    local build=$1 config=$2
    shift 2
    mkdir -p "$SHARED"
    {
        flock 9
        clean_make -j2 -s BUILD="$build" SHARED="$SHARED" CONFIG="$config" CFLAGS=-O0 "$@" "$build/$NAME"
    } 9>"$SHARED/lock"
}

# The same, but once for all tests with the same config.h: prints the directory of the build, which nobody may change.
built()
{
    local build
    build=$BATS_RUN_TMPDIR/built/$(sha256sum <"$1" | cut -c 1-16)
    if [ ! -e "$build/$NAME" ]; then
        mkdir -p "$build"
        cp "$1" "$build/config.h"
        quick_build "$build" "$build/config.h" >&2
    fi
    echo "$build"
}

# A task's synopsis as one line, its options cut off: reads what was printed, with or without "Usage: ".
bare_synopsis()
{
    tr -s ' \n' ' ' | sed -E 's/^ ?(Usage: )?//; s/ $//; s/( \[--[a-z-]+( <[a-z_]+>)?\])*$//'
}

# After `run --separate-stderr` (and not in a condition, where bash goes on after a failure): it failed with one line
# that begins so, then the synopsis of a task, with whatever options it has, and nothing else.
assert_refused_with()
{
    local text=$1 synopsis=$2
    [ "$status" = 1 ] || fail "exit code $status, not 1; stderr: $stderr"
    [ -z "$output" ] || fail "standard output isn't empty: $output"
    [[ ${stderr_lines[0]} == "$NAME: $text"* ]] || fail "it doesn't begin with '$text': $stderr"
    [[ ${stderr_lines[1]} == "Usage: $NAME "* ]] || fail "no synopsis: $stderr"
    [ "$(tail -n +2 <<<"$stderr" | bare_synopsis)" = "$NAME $synopsis" ] || fail "no synopsis '$synopsis': $stderr"
    ! LC_ALL=C grep -q '[^ -~]' <<<"$stderr" || fail "not printable: $stderr"
}
