#!/usr/bin/env bats
# The plugins that engines of containers call: what they say to recorded requests, and what they leave for the agent.

bats_require_minimum_version 1.5.0
load cli

setup()
{
    CWG=$ROOT/build/cwg
}

@test "a plugin's kind that is missing or unknown is a wrong command line" {
    run --separate-stderr "$CWG" plugin
    [ "$status" = 2 ]
    [[ $stderr == "cwg: plugin needs a kind: "* ]] || fail "$stderr"
    run --separate-stderr "$CWG" plugin nonesuch
    [ "$status" = 2 ]
    [ "$stderr" = "cwg: no such kind of plugin" ]
}

@test "netavark: info says the versions of the plugin and of its protocol" {
    run --separate-stderr "$CWG" plugin netavark info
    assert_success_with "{\"version\":\"$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")\",\"api_version\":\"1.0.0\"}"
}
