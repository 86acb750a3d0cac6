#!/usr/bin/env bats
# The form of the sources: the direction of includes, the place of privilege, the length of lines and functions.

bats_require_minimum_version 1.5.0
load sources

# The folders of src/, the lowest first. A file includes what is in its own folder, or in a folder of a lower line; and
# helper, engine and cwg know nothing of each other.
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
engine
cwg/base
cwg/name
cwg/container
cwg/machine
cwg/checkup
cwg/site
cwg/state
cwg/record
cwg/store
cwg/plugin
cwg/etcd/gateway
cwg/etcd/carry
cwg/etcd/fleet
cwg/agent/loop
cwg/agent/settings
cwg/agent/carrier cwg/agent/house
cwg/agent/end
cwg/agent/ends
cwg/agent/voice
cwg/agent
cwg/serve
cwg/join
cwg/command
cwg'

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
                (program_of(other) ~ /helper|engine|cwg/ && program_of(other) != program_of(own))) {
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

# A table's row can't be broken, wherever it begins.
@test "no line of a script or document is longer than 120 characters, and none of the project's ends in a space" {
    run grep -nE '^.{121}' "${scripts[@]}" "${parts[@]}" "${python[@]}" Makefile ./*.mk
    [ -z "$output" ]
    run grep -nE '^ *[^| ].{120}' "${documents[@]}"
    [ -z "$output" ]
    run git grep -nIE '[[:blank:]]$' -- . ':!LICENSE'
    [ -z "$output" ]
}

# bash goes on after a list of conditions of which not the last one has failed.
@test "no test joins two conditions by && alone, since bash overlooks that the first one fails" {
    git ls-files 'tests/*.bats' | xargs awk '
        /^@test / { within = 1 }
        /^}/ { within = 0 }
        { line = held $0; held = "" }
        line ~ /(&&|\|\||\\)$/ { held = line; next }
        within && line ~ /^ +\[.*\] +&& / && line !~ /\|\|/ { print FILENAME ": " line }' >"$BATS_TEST_TMPDIR/found"
    [ ! -s "$BATS_TEST_TMPDIR/found" ] || { cat "$BATS_TEST_TMPDIR/found"; false; }
}

@test "no function of the program is longer than a screen" {
    run awk 'FNR == 1 { start = 0 }
        /^\{/ { start = FNR }
        /^\}/ && start { if (FNR - start > 50) print FILENAME ":" start; start = 0 }' "${program[@]}"
    [ -z "$output" ]
}

@test "nothing that was built is among the project's files" {
    local built
    built=$(git ls-files -z | xargs -0 grep -lUP '^\x7fELF|^\x60\x0a|^!<arch>') || true
    [ -z "$built" ] || { echo "$built" | head >&2; return 1; }
}
