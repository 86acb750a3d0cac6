#!/usr/bin/env bats
# What compilers, linters and formatters say of the sources.

bats_require_minimum_version 1.5.0

setup()
{
    cd "$BATS_TEST_DIRNAME/../.." || return
    mapfile -t c_files < <(git ls-files '*.c' '*.h')
    mapfile -t program < <(git ls-files 'src/*.c')
    mapfile -t sources < <(git ls-files 'src/*.[ch]')
    mapfile -t scripts < <(git ls-files | xargs grep -lIE '^#!/(usr/)?bin/(env )?(bash|sh|bats)')
    mapfile -t python < <(git ls-files | xargs grep -lIE '^#!/usr/bin/(env )?python3|^from __future__')
    # What has no first line of its own because it is read by others.
    mapfile -t parts < <(git ls-files '*.bash')
    mapfile -t documents < <(git ls-files '*.md' '*.scd')
}

@test "gcc builds the program and the tests' tools without a warning" {
    make BUILD="$BATS_TEST_TMPDIR/build" CC=gcc CFLAGS='-O2 -g -Werror' build tools
}

@test "clang builds the program and the tests' tools without a warning" {
    make BUILD="$BATS_TEST_TMPDIR/build" CC=clang CFLAGS='-O2 -g -Werror' build tools
}

@test "clang-format would change nothing" {
    clang-format --dry-run -Werror "${c_files[@]}"
}

# The folders of src/, the lowest first. A file includes what is in its own folder, or in a folder of a lower line; and
# helper and engine know nothing of each other.
LAYERS='link
handover
helper/base
helper/confine
helper/netlink
helper/admin
helper/netns
helper/backend
helper/backend/kernel helper/backend/engine
helper/view
helper/command
helper
engine/io
engine/crypto
engine/packet
engine/protocol
engine/flow
engine/control
engine'

@test "includes go down, from folder to folder" {
    # shellcheck disable=SC2016 # awk's
    awk -v layers="$LAYERS" '
        BEGIN {
            for (i = split(layers, line, "\n"); i > 0; i--)
                for (j = split(line[i], folder, " "); j > 0; j--) rank[folder[j]] = i
        }
        function folder_of(path) { sub("/[^/]*$", "", path); return path }
        function program_of(path) { sub("/.*", "", path); return path }
        FNR == 1 { own = folder_of(substr(FILENAME, 5)) }
        /^#include "/ {
            other = folder_of($2); sub("^\"", "", other)
            if (!(own in rank) || !(other in rank) || (other != own && rank[other] >= rank[own]) ||
                (program_of(other) ~ /helper|engine/ && program_of(other) != program_of(own))) {
                print FILENAME " includes " $2; bad = 1
            }
        }
        END { exit bad }' "${sources[@]}"
}

# What an auditor reads first is all that there is to be read of it.
@test "a capability is effective in no file but confine/privileged.c" {
    run grep -lE 'privilege_(raise|lower)\(' "${sources[@]}"
    [ "$output" = $'src/helper/confine/privilege.c\nsrc/helper/confine/privilege.h\nsrc/helper/confine/privileged.c' ]
    run grep -nE 'SYS_capset|\<cap_set|privilege_(raise|lower)\(' src/helper/confine/privilege.c
    [ ${#lines[@]} = 3 ] || { echo "$output"; false; }
}

@test "doc/design.md says how much code each command brings into the privileged process" {
    tests/sources/privileged-lines --check doc/design.md
}

@test "clang-tidy finds nothing in the program" {
    tests/sources/tidy "${program[@]}" -- \
        clang-tidy --quiet -- -std=gnu17 -D_GNU_SOURCE -Isrc -DVERSION='"0"' -DENGINE_PATH='"/engine"'
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

@test "doc/dependencies.md names the packages that scripts/deps installs, and no other" {
    local words='(or|at|run|time|to|build|and|show|test|libc|libmnl0|-+)'
    sed -n '/^build=(/,/^missing()/p' scripts/deps | sed -e 's/#.*//' -e '/^[a-z]*=(\|^)\|()/d' |
        grep -oE '[^ ]+' | sort -u >"$BATS_TEST_TMPDIR/installed"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/installed")" -gt 40 ]
    sed -n 's/^|\([^|]*\)|.*/\1/p' doc/dependencies.md | grep -oE '[^ ,()]+' | grep -vxE "$words" | sort -u |
        diff "$BATS_TEST_TMPDIR/installed" -
}

# A table's row can't be broken, wherever it begins.
@test "no line of a script or document is longer than 120 characters, and none of the project's ends in a space" {
    run grep -nE '^.{121}' "${scripts[@]}" "${parts[@]}" "${python[@]}" Makefile ./*.mk
    [ -z "$output" ]
    run grep -nE '^ *[^| ].{120}' "${documents[@]}"
    [ -z "$output" ]
    run git grep -nIE '[[:blank:]]$' -- . ':!LICENSE'
    [ -z "$output" ]
}

@test "nothing that was built is among the project's files" {
    local built
    built=$(git ls-files -z | xargs -0 grep -lUP '^\x7fELF|^\x60\x0a|^!<arch>') || true
    [ -z "$built" ] || { echo "$built" | head >&2; return 1; }
}

@test "no function of the program is longer than a screen" {
    run awk 'FNR == 1 { start = 0 }
        /^\{/ { start = FNR }
        /^\}/ && start { if (FNR - start > 50) print FILENAME ":" start; start = 0 }' "${program[@]}"
    [ -z "$output" ]
}

@test "each man page is well-formed and reads without complaint" {
    local page
    make build
    for page in doc/*.[0-9].scd; do
        page=$(basename "$page" .scd)
        run bash -c "MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z build/$page 2>&1 >/dev/null"
        [ "$status" = 0 ]
        [ -z "$output" ]
    done
}

@test "the README's formula and its table of nets are right" {
    local line
    line=$(sed -n "s/^    \(printf '10\..*\)/\1/p" README.md)
    for net in 0 1 7 1024 32767 2100000 8388607; do
        for host in 0 1; do
            echo "$net $host $(net=$net host=$host bash -c "$line")"
        done
    done | python3 -c '
import ipaddress, sys
ten = int(ipaddress.ip_address("10.0.0.0"))
lines = [line.split() for line in sys.stdin]
assert len(lines) == 14
for net, host, address in lines:
    assert int(ipaddress.ip_address(address)) == ten + 2 * int(net) + int(host), (net, host, address)
# | 10.42.0.0/15 | 1376256-1441791 | who |; of a row "and up" the end is another.
tables = (line for line in open("README.md") if line.lstrip("|* ").startswith("10."))
rows = [[cell.strip(" *") for cell in line.split("|")] for line in tables]
assert len(rows) >= 5
for _, addresses, nets, *_ in rows:
    network = ipaddress.ip_network(addresses.split()[0])
    first, last = nets.split()[0].split("-")
    assert int(first) == (int(network[0]) - ten) // 2, (addresses, nets)
    assert " " in addresses or int(last) == (int(network[-1]) - ten) // 2, (addresses, nets)'
}

@test "every relative link in the documents leads somewhere" {
    local file target
    for file in $(git ls-files "*.md"); do
        while read -r target; do
            [ -e "$(dirname "$file")/$target" ] || { echo "$file: $target" >&2; return 1; }
        done < <(grep -oE '\]\([^)#:]+' "$file" | sed 's/^](//')
    done
}

# Whether a unit test's file has tests of these names: has_tests FILE NAME[, NAME]...
has_tests()
{
    local names name
    mapfile -t names <<<"${2//, /$'\n'}"
    for name in "${names[@]}"; do
        grep -qE -- "^TEST(_AS_ROOT)?\($name\)$" "$1" || return
    done
}

# The words of the table that has one for each of an enum: words_of PREFIX
words_of()
{
    git ls-files 'src/*.c' | xargs grep -ohE "\[$1_[A-Z_]+\] = \"[^\"]+\"" | cut -d '"' -f 2 | sort
}

# The first column of a table in a page of the manual, a word or several separated by commas: first_column PAGE HEADING
first_column()
{
    awk -v heading="|[ *$2*" '$0 == heading { inside = 1; next } inside && /^$/ { exit }
        inside && sub(/^\|  /, "") { gsub(/, /, "\n"); print }' "doc/$1" | sort
}

@test "the manual has each code that a failure may have, each state that a link may be in, and no other" {
    [ "$(words_of FAILURE | wc -l)" -gt 30 ]
    diff <(first_column net-admin-helper.8.scd code) <(words_of FAILURE)
    [ "$(words_of STATE | wc -l)" -ge 8 ]
    diff <(first_column cwg_show.8.scd state) <(words_of STATE)
}

@test "cwg_wait's page has the code of each cause that a wait may find" {
    # The codes by their names: FAILURE_NO_ROUTE is no-route.
    diff <(first_column cwg_wait.8.scd code) <({
        git ls-files 'src/*/diagnosis.c' | xargs sed -n '/codes\[CAUSES\]/,/^    };/p'
        echo FAILURE_NO_SUCH_LINK FAILURE_ENGINE_BUSY; } | grep -o 'FAILURE_[A-Z_]*' | sed 's/^FAILURE_//' |
        tr 'A-Z_' 'a-z-' | sort -u)
}

@test "each page about a command has examples, and the manual names each setting of a service that the example does" {
    local page setting settings
    for page in doc/*.[0-9].scd; do
        [ "$page" = doc/cwg-engine.8.scd ] || [ "$page" = doc/net-admin-helper-policy.5.scd ] ||
            sed -n '/^# EXAMPLES$/,$p' "$page" | grep -q '^\$ ' || { echo "$page" >&2; return 1; }
    done
    mapfile -t settings < <(sed -n '/^# ---- what it may have/,/^\[Install\]/p' examples/caller.service |
        grep -oE '\b[A-Z][A-Za-z]+=' | sort -u)
    [ ${#settings[@]} -gt 25 ]
    for setting in "${settings[@]}"; do
        grep -q "\b$setting" doc/net-admin-helper.8.scd || { echo "$setting" >&2; return 1; }
    done
}

# A row names a file of tests/net or tests/engine and a test, or the first of several; or a file with its folder, and
# perhaps the tests of it.
@test "every test that the ledger of threats names is there" {
    local row file name rows=0
    while IFS= read -r row; do
        file=${row%%: *} name=${row#*: }
        name=${name%, and *} name=${name%, and its other tests}
        rows=$((rows + 1))
        case $file in
            *\;*) [ -e "${file%%;*}" ] ;;
            */*) [ -e "$file" ] && { [ "$row" = "$file" ] || has_tests "$file" "$name"; } ;;
            *) [ "$name" = "all of it" ] && [ -e "tests/net/$file.bats" ] ||
                grep -qsF -- "@test \"$name" "tests/net/$file.bats" "tests/engine/$file.bats" ;;
        esac || { echo "no such test: $row" >&2; return 1; }
    done < <(sed '1,/^## The tests/d' doc/threats.md | awk -F' *\\| *' '$2 ~ /^[0-9]+$/ { print $3 }')
    [ "$rows" -gt 30 ]
}

# | link/key.c | key, preshared | net/links, cli/help | fuzz target, ... |
@test "tests/README.md has a row for each source file, and what a row names is there" {
    local row=() source name
    diff <(sed -n 's/^| \([a-z/_]*\.c\) |.*/src\/\1/p' tests/README.md | sort) <(git ls-files 'src/*.c' | sort)
    while IFS='|' read -ra row; do
        source=${row[1]// /}
        local files=()
        for name in ${row[2]//,/}; do files+=("unit/${name}_test.c"); done
        for name in ${row[3]//,/}; do files+=("$name.bats"); done
        for name in ${row[4]//,/}; do files+=("fuzz/${name}_fuzz.c"); done
        [ ${#files[@]} -gt 0 ] || { echo "$source: no test" >&2; return 1; }
        for name in "${files[@]}"; do
            [ -e "tests/$name" ] || { echo "$source: no tests/$name" >&2; return 1; }
        done
    done < <(grep '^| [a-z/_]*\.c |' tests/README.md)
}
