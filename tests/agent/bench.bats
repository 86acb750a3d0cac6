#!/usr/bin/env bats
# The benchmarks of the agents run, in small: they say nothing of times here. `make bench-agent` and `make bench-fleet`
# measure.

bats_require_minimum_version 1.5.0

PROGRAMS=(build/variants/engine/net-admin-helper build/cwg-engine /var/lib/net-admin-helper-test/cwg-engine build/cwg)

@test "the benchmark of an agent connects all ends after a reboot, too, and sees them idle" {
    run scripts/apart tests/bench/agent both 2 2 1 "${PROGRAMS[@]}"
    echo "$output"
    [ "$status" = 0 ]
    [ "$(grep -c '^round .: 4 ends by one batch' <<<"$output")" = 2 ]
    [ "$(grep -c '^round .: 4 ends by the agent' <<<"$output")" = 2 ]
    grep -q '^idle for 1 s with [0-9]* looks, 0 of 4 ends not connected: agent' <<<"$output"
}

@test "the benchmark of a fleet connects all sites; a stop of etcd changes no link" {
    run scripts/apart tests/bench/fleet 3 1 1 0 "${PROGRAMS[@]}" "$(tests/agent/fetch-etcd)"
    echo "$output"
    [ "$status" = 0 ]
    grep -q '^cold start of 3 agents: .*, all 6 ends after' <<<"$output"
    grep -q 'changes of links by helpers 0, engines that ended or began 0, ends not connected 0;' <<<"$output"
    grep -q 'then a restart: [0-9.]* s$' <<<"$output"
}

@test "the benchmark of a fleet speaks TLS with etcd, and gives a password" {
    run scripts/apart tests/bench/fleet 3 1 1 1 "${PROGRAMS[@]}" "$(tests/agent/fetch-etcd)"
    echo "$output"
    [ "$status" = 0 ]
    grep -q 'etcd with TLS and passwords$' <<<"$output"
    grep -q 'changes of links by helpers 0, engines that ended or began 0, ends not connected 0;' <<<"$output"
}
