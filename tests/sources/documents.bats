#!/usr/bin/env bats
# The documents agree with the program: tables, links, names of tests, man pages.

bats_require_minimum_version 1.5.0
load sources

@test "doc/design.md says how much code each command brings into the privileged process" {
    tests/sources/privileged-lines --check doc/design.md
}

@test "doc/dependencies.md names the packages that scripts/deps installs, and no other" {
    local words='(or|at|run|time|to|build|and|show|test|libc|libmnl0|libjansson4|libcurl4|-+)'
    sed -n '/^build=(/,/^missing()/p' scripts/deps | sed -e 's/#.*//' -e '/^[a-z]*=(\|^)\|()/d' |
        grep -oE '[^ ]+' | sort -u >"$BATS_TEST_TMPDIR/installed"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/installed")" -gt 40 ]
    sed -n 's/^|\([^|]*\)|.*/\1/p' doc/dependencies.md | grep -oE '[^ ,()]+' | grep -vxE "$words" | sort -u |
        diff "$BATS_TEST_TMPDIR/installed" -
}

@test "scripts/deps says so if no package is missing, and else installs those" {
    local bin=$BATS_TEST_TMPDIR/bin
    mkdir "$bin"
    # The machine has all packages but $LACKS.
    printf '#!/bin/sh\n[ "$4" = "$LACKS" ] || echo installed\n' >"$bin/dpkg-query"
    printf '#!/bin/sh\necho "$*" >>"%s/asked"\n' "$BATS_TEST_TMPDIR" >"$bin/apt-get"
    printf '#!/bin/sh\necho 0\n' >"$bin/id"
    chmod +x "$bin"/*
    run env PATH="$bin:$PATH" scripts/deps build
    [ "$status" = 0 ]
    [ "$output" = $'Looking which of 10 Debian packages are missing ...\nNone.' ]
    [ ! -e "$BATS_TEST_TMPDIR/asked" ]
    run env PATH="$bin:$PATH" LACKS=scdoc scripts/deps build
    [ "$status" = 0 ]
    [ "${lines[1]}" = "Installing: scdoc ..." ]
    [ "$(cat "$BATS_TEST_TMPDIR/asked")" = "install -qq -y --no-install-recommends scdoc" ]
}

# cwg shows an end as it was given, without USER@, and an address for each.
@test "README and cwg(1) show the same join, with the names of its ends as cwg prints them" {
    local shown ends
    shown=$(sed -n '/^    \$ cwg join /,/^$/s/^    //p' README.md)
    [ "$(wc -l <<<"$shown")" = 4 ]
    [ "$shown" = "$(sed -n '/^\$ cwg join /,/^```/p' doc/cwg.1.scd | grep -v '^```')" ]
    read -r -a ends < <(sed -n '1s/^\$ cwg join //p' <<<"$shown")
    [ "$(sed -n '2,3s/ .*//p' <<<"$shown")" = "$(printf '%s\n' "${ends[@]#*@}")" ]
}

@test "each man page is well-formed and reads without complaint" {
    local page
    make build
    # scdoc drops a backslash that isn't written twice.
    run ! grep -nE '(^|[^\\])\\$' doc/*.scd
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

@test "cwg-links(5) has each member that a file of cwg declare may have, and no other" {
    local members
    members=$(sed -n '/known\[\] =\|of_[a-z]*\[\] =/,/;/p; /lists\[\] =/p' src/cwg/store/form.c |
        grep -oE '"[a-z]+"' | tr -d '"' | sort -u)
    [ "$(wc -l <<<"$members")" -ge 14 ]
    diff <(grep -vxE 'sites|links|ends' <<<"$members") \
        <(sed -n 's/^\*\([a-z]*\)\*$/\1/p' doc/cwg-links.5.scd | sort -u)
    for members in _sites_ _links_ '\*ends\*'; do grep -q -- "$members" doc/cwg-links.5.scd; done
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
        git ls-files 'src/*/diagnosis.c' | xargs grep -oh 'FAILURE_[A-Z_]*' | grep -vx FAILURE_SYSTEM
        printf '%s\n' FAILURE_NO_SUCH_LINK FAILURE_ENGINE_BUSY; } | sed 's/^FAILURE_//' |
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

# A row names a file of tests/net, tests/engine, tests/cwg or tests/agent and a test, or the first of several; or a file
# with its folder, and perhaps the tests of it.
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
                grep -qsF -- "@test \"$name" "tests/net/$file.bats" "tests/engine/$file.bats" \
                    "tests/cwg/$file.bats" "tests/agent/$file.bats" ;;
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
