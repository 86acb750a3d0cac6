#!/usr/bin/env bats
# Agents whose records etcd carries: their child `cwg etcd` does it, and links heal over it as they do over ssh.
# agent.bash draws the sites.

bats_require_minimum_version 1.5.0
load healing

agents_of_the_file etcd

after_test()
{
    move_back
}

@test "over etcd a restart of either container, or of both, is healed" {
    heals_restarts
}

@test "over etcd agents that are killed, and come back, touch no link, and leave no process" {
    survives_agents
}

@test "over etcd a container that was restarted while its agent was dead is healed when the agent comes back" {
    heals_restarts_without_agent
}

@test "etcd goes, and no link ends; what changed meanwhile heals once it is back" {
    heals_without_carrier
}

@test "over etcd a site whose address has changed is reached at the new one" {
    heals_move
}

# What `cwg status` of site 1 says of etcd: reached STATE [WORDS]
reached()
{
    run of s1 cwg status --state "$(state_of_site s1)"
    grep -E "^etcd +etcd +http://192.0.2.1:2379 +$1 .*${2:-}" <<<"$output"
}

@test "etcd's settings that can't be used are in cwg status, with the reason, until they are mended" {
    local since
    within 10 reached connected
    end_agent s1
    printf 'etcd-user site-s1\netcd-password %s\n' "$WORLD/password" >>"$WORLD/etcd.conf"
    start_agent s1
    within 5 reached unreachable "cwg etcd ended: .*$WORLD/password: No such file"
    # It is so since the first time, and not since the last one.
    since=$(grep -o '"since":[0-9]*' "$(store_of s1)/carrier/etcd")
    wait_for lines_of_log 3 "$WORLD/password"
    grep -q "$since" "$(store_of s1)/carrier/etcd"
    configure_etcd
    within 20 reached connected
}

# The log of site 1's agent has so many lines with a text: lines_of_log COUNT TEXT
lines_of_log()
{
    [ "$(grep -cF "$2" "$WORLD/agent-s1.log")" -ge "$1" ]
}

# The pid of an agent's child for etcd.
courier_of()
{
    pgrep -P "${AGENTS[$1]}" -f "cwg etcd"
}

@test "a child for etcd that is killed comes back, and links heal; it ends with its agent, however that ended" {
    local child
    declare_link web-db 7
    healed web-db 7
    child=$(courier_of s1)
    kill -KILL "$child"
    within 5 courier_of s1
    restart_container s1 web
    healed web-db 7
    child=$(courier_of s2)
    end_agent s2 KILL
    within 5 eval "! kill -0 $child"
}

@test "a site that etcd doesn't hear any more loses no link, and changes none" {
    declare_link web-db 7
    healed web-db 7
    note
    # Its presence goes as with the end of its lease, and it can't have it again.
    at site1 iptables -w -A INPUT -s 192.0.2.2 -p tcp --dport 2379 -j DROP
    at site1 env ETCDCTL_API=3 "$(tests/agent/fetch-etcd)/etcdctl" --endpoints http://127.0.0.1:2379 \
        del /cwg/v1/site/s2/agent | grep -qx 1
    kill -HUP "${AGENTS[s1]}" "${AGENTS[s2]}"
    sleep 5
    untouched
    pings 7
    restart_container s2 db
    within 10 says s2 web-db connecting
    meet
    healed web-db 7 40
}
