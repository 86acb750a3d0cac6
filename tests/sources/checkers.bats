#!/usr/bin/env bats
# Formatters and linters find nothing in the sources.

bats_require_minimum_version 1.5.0
load sources

@test "clang-format would change nothing" {
    clang-format --dry-run -Werror "${c_files[@]}"
}

# Runs clang-tidy on the program, with the checks of .clang-tidy, changed by an argument: tidy CHANGES
tidy()
{
    tests/sources/tidy "${program[@]}" -- \
        clang-tidy --quiet "--checks=$1" -- -std=gnu17 -D_GNU_SOURCE -Isrc -DVERSION='"0"' -DENGINE_PATH='"/engine"'
}

@test "clang-tidy finds nothing in the program" {
    tidy '-clang-analyzer-*'
}

# bats test_tags=slow
@test "clang's analyzer finds nothing in the program" {
    tidy ''
}

# What the test above rests on.
@test "of a checker that fails, or is ended by a signal, each file is told; what ends once is run again" {
    local file checker=$BATS_TEST_TMPDIR/checker
    # Ends in its way for a file of that name; `once` only the first time.
    cat >"$checker" <<'END'
#!/bin/sh
case $1 in
    bad) echo "bad: a fault"; exit 1 ;;
    crash) kill -SEGV $$ ;;
    once) [ -e "$0.once" ] || { : >"$0.once"; kill -SEGV $$; } ;;
esac
[ "$2 $3" = "-- -I" ] || exit 9
END
    chmod +x "$checker"
    tests/sources/tidy good fine -- "$checker" -- -I
    run tests/sources/tidy good once fine -- "$checker" -- -I
    [ "$status" = 0 ]
    [ "$output" = "$checker once: the first time it was ended by signal 11" ]
    run tests/sources/tidy good bad fine -- "$checker" -- -I
    [ "$status" = 1 ]
    [ "$output" = "bad: a fault" ]
    run tests/sources/tidy crash good -- "$checker" -- -I
    [ "$status" = 1 ]
    [[ $output == *"crash: the second time it was ended by signal 11"* ]]
}

@test "cppcheck finds nothing in the program" {
    cppcheck --quiet --error-exitcode=1 --enable=warning,style,performance,portability --std=c11 -Isrc \
        --suppress=missingIncludeSystem src
}

@test "shellcheck finds nothing in the scripts" {
    shellcheck -x "${scripts[@]}"
    shellcheck -x --shell=bash "${parts[@]}"
}

@test "pyflakes finds nothing in the Python" {
    [ ${#python[@]} -ge 8 ]
    pyflakes3 "${python[@]}"
}

# Python 3.9 is the oldest Python that the package is for.
@test "mypy finds nothing in the Python package and in the example that uses it, at its strictest" {
    MYPYPATH=python mypy --strict --python-version 3.9 --no-incremental --cache-dir=/dev/null python/cwg \
        examples/two_sites.py
}
