#!/usr/bin/env bats
# Agents whose records etcd carries: their child `cwg etcd` does it, and links heal over it. agent.bash draws the sites;
# etcd is at 192.0.2.1, and no site calls the other.

bats_require_minimum_version 1.5.0
load agent

agents_of_the_file

# Starts etcd, or starts it again.
start_store()
{
    ip netns exec site1 "$(tests/agent/fetch-etcd)/etcd" --data-dir "$BATS_TEST_TMPDIR/data" --log-level error \
        --listen-client-urls http://192.0.2.1:2379 --advertise-client-urls http://192.0.2.1:2379 \
        >/dev/null 2>&1 3>&- &
    STORE=$!
    CONTAINERS+=("$STORE")
}

# Both agents begin anew, with etcd, and the link of net 7 is declared.
over_etcd()
{
    local site
    echo "etcd http://192.0.2.1:2379" >"$WORLD/etcd.conf"
    chmod 0644 "$WORLD/etcd.conf"
    start_store
    for site in s1 s2; do
        end_agent "$site"
        start_agent "$site" --config "$WORLD/etcd.conf"
        declaration "$site" web-db 7 "$([ "$site" = s1 ] && echo web || echo db)" | sed 's/,"ssh":"s2"//' |
            of "$site" cwg declare --state "$(state_of_site "$site")" -
    done
}

# The pid of an agent's child for etcd.
courier_of()
{
    pgrep -P "${AGENTS[$1]}" -f "cwg etcd"
}

@test "a declared link comes up over etcd, and comes back when containers, the child and the agent begin anew" {
    local child
    over_etcd
    healed web-db 7 15
    restart_container s2 db
    healed web-db 7
    restart_container s1 web
    healed web-db 7
    child=$(courier_of s1)
    kill -KILL "$child"
    within 5 courier_of s1
    restart_container s1 web
    healed web-db 7
    # With the agent its child goes, however it ended.
    child=$(courier_of s2)
    end_agent s2 KILL
    within 5 eval "! kill -0 $child"
    start_agent s2 --config "$WORLD/etcd.conf"
    restart_container s2 db
    healed web-db 7
}

@test "etcd goes, and no link ends; what changed meanwhile heals once it is back" {
    over_etcd
    healed web-db 7 15
    note
    end_container "$STORE"
    within 10 grep -q unreachable "$(store_of s1)/carrier/etcd"
    untouched
    restart_container s2 db
    start_store
    healed web-db 7 20
}
