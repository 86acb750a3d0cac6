#!/usr/bin/env bats
# Declared links come up, and come back: after a restart of a container, of an agent, of all. agent.bash draws the sites.

bats_require_minimum_version 1.5.0
load agent

agents_of_the_file

@test "a declared link comes up by itself, with one create and one connect at each site" {
    declare_link web-db 7
    healed web-db 7
    [ "$(changes cwg_create)" = 2 ]
    [ "$(changes cwg_connect)" = 2 ]
}

@test "a second agent says that one runs already, and ends; the first one goes on" {
    run --separate-stderr of s1 cwg agent --site s1 --state "$(state_of_site s1)"
    [ "$status" = 1 ] || fail "exit code $status: $output $stderr"
    [ "$stderr" = "cwg: an agent runs already in this directory" ] || fail "it says: $stderr"
    declare_link web-db 7
    healed web-db 7
}
