# Faults that heal, whatever carries records between the sites: for heal.bats and etcd_agents.bats. agent.bash draws the
# sites.

load agent

# Containers restart: each of them, and both.
heals_restarts()
{
    declare_link web-db 7
    healed web-db 7
    restart_container s1 web
    healed web-db 7
    restart_container s2 db
    healed web-db 7
    stop_container s1 web
    stop_container s2 db
    within 10 says s1 web-db "waiting for its container"
    start_container s2 db
    start_container s1 web
    healed web-db 7
}

# Agents are killed, and end, and come back.
survives_agents()
{
    declare_link web-db 7
    healed web-db 7
    note
    end_agent s1 KILL
    start_agent s1
    end_agent s2 KILL
    start_agent s2
    within 10 has_started_anew s1
    end_agent s1
    end_agent s2
    pings 7
    start_agent s1
    start_agent s2
    sleep 2
    untouched
    pings 7
    says_up s1 web-db
}

# An agent that has looked at its ends has an open helper.
has_started_anew()
{
    pgrep -P "${AGENTS[$1]}" -f '^net-admin-helper batch'
}

# A container restarts while its agent is dead.
heals_restarts_without_agent()
{
    declare_link web-db 7
    healed web-db 7
    end_agent s1 KILL
    restart_container s1 web
    start_agent s1
    healed web-db 7
    end_agent s2 KILL
    restart_container s2 db
    restart_container s1 web
    start_agent s2
    healed web-db 7
}

# Both machines boot, with what carries records: at site 1 the agent is first, at site 2 the container.
heals_reboot()
{
    declare_link web-db 7
    healed web-db 7
    end_agent s1 KILL
    end_agent s2 KILL
    stop_container s1 web
    stop_container s2 db
    stop_carrier
    start_agent s1
    start_carrier
    start_container s1 web
    start_container s2 db
    start_agent s2
    healed web-db 7 20
}

# What carries records goes and comes back. A container restarts meanwhile.
heals_without_carrier()
{
    declare_link web-db 7
    healed web-db 7
    note
    stop_carrier
    sleep 2
    untouched
    pings 7
    restart_container s2 db
    start_carrier
    # The next call comes after a second, two, four ...
    healed web-db 7 30
}

# Both sites have new addresses at once.
heals_move()
{
    declare_link web-db 7
    healed web-db 7
    # Neither end can tell the other by a packet: both addresses are new at once. As a name server would, the
    # configuration of ssh has the new one; etcd has a name for each. What changes addresses sends SIGHUP.
    MOVED=1
    move 2 12
    kill -HUP "${AGENTS[s1]}" "${AGENTS[s2]}"
    restart_container s1 web
    healed web-db 7 60
}

# Site 2 is at 192.0.2.TO instead of 192.0.2.FROM, and site 1 one below: move FROM TO
move()
{
    local site
    for site in 1 2; do
        ip -n "site$site" address delete "192.0.2.$(($1 - 2 + site))/24" dev "v$site"
        ip -n "site$site" address add "192.0.2.$(($2 - 2 + site))/24" dev "v$site"
    done
    sed -i "s/HostName 192.0.2.$1\$/HostName 192.0.2.$2/" "$WORLD/home/alice/.ssh/config"
}

# After each test.
move_back()
{
    [ -z "${MOVED:-}" ] || move 12 2
}
