#!/usr/bin/env bats
# How long a declared link's packets have no answer when a container restarts: web pings db, which restarts ROUNDS times
# (20). The time is from the start of db's new process to web's first ping with an answer. NAH_CARRIER is what carries
# the sites' records: ssh, or etcd. `make bench-silence` runs it for both. ../agent/agent.bash draws the sites.

bats_require_minimum_version 1.5.0
load ../agent/agent

agents_of_the_file "${NAH_CARRIER:-ssh}"

# Microseconds.
now()
{
    echo "${EPOCHREALTIME/./}"
}

answers()
{
    inside "$web" ping -q -c 1 -W 0.05 10.0.0.15 >/dev/null 2>&1
}

@test "the silence after a restart, of ${NAH_CARRIER:-ssh}" {
    local begun round times=()
    declare_link web-db 7
    healed web-db 7
    for ((round = 0; round < ${ROUNDS:-20}; round++)); do
        stop_container s2 db
        begun=$(now)
        start_container s2 db
        until answers; do ((SECONDS < 600)) || fail "$(say_all)"; done
        times+=("$(($(now) - begun))")
        healed web-db 7
    done
    printf '%s\n' "${times[@]}" | sort -n | awk -v carrier="$CARRIER" '
        { time[NR] = $1 / 1e6 }
        END {
            middle = NR % 2 ? time[(NR + 1) / 2] : (time[NR / 2] + time[NR / 2 + 1]) / 2
            printf "%-5s %d restarts: median %.2f s, least %.2f s, most %.2f s\n", carrier, NR, middle, time[1],
                time[NR]
        }' >&3
}
