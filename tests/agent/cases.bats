#!/usr/bin/env bats
# What stands in the way of a declared link: names, addresses, ports, the policy, clocks. Nothing that works is touched;
# the agent says what is wrong, and heals once it is right. agent.bash draws the sites.

bats_require_minimum_version 1.5.0
load agent

agents_of_the_file

# The program that reads its policy where a test can write it.
TESTED=$ROOT/build/variants/policy/$NAME
POLICY=/var/lib/net-admin-helper-test/policy

after_test()
{
    rm -f "$POLICY" "$WORLD/whole/nerdctl"
}

# A reload makes agents try again at once what was refused.
reload()
{
    kill -HUP "${AGENTS[s1]}" "${AGENTS[s2]}"
}

# An end has a state, and its reason has a text: refused SITE LINK TEXT
refused()
{
    within 10 says "$1" "$2" refused
    grep -qF -- "$3" "$(store_of "$1")/status/$2.${NUMBER[$1]}" || fail "$(say_all)"
}

@test "a name that containers of two engines have is refused, and nothing is made, until one has it" {
    sed 's,/containers/,/nerdctl/,' "$WORLD/whole/podman" >"$WORLD/whole/nerdctl"
    chmod 0755 "$WORLD/whole/nerdctl"
    install -d -o "${UIDS[alice]}" "$WORLD/home/alice/nerdctl"
    container other
    echo "$other" >"$WORLD/home/alice/nerdctl/web"
    declaration s1 web-db 7 /web | sed 's,"/web","web",' |
        of s1 cwg declare --state "$(state_of_site s1)" -
    declaration s2 web-db 7 db | of s2 cwg declare --state "$(state_of_site s2)" -
    within 10 grep -q 'two containers are called web: ' "$(store_of s1)/status/web-db.0"
    [ "$(changes "user ${UIDS[alice]}")" = 0 ]
    rm "$WORLD/home/alice/nerdctl/web"
    reload
    healed web-db 7
}

@test "a container that gets another name keeps its link; the next one of the declared name gets one, too" {
    local containers=$WORLD/home/alice/containers
    declare_link web-db 7
    healed web-db 7
    note
    mv "$containers/web" "$containers/renamed"
    reload
    sleep 6
    untouched
    pings 7
    says_up s1 web-db
    end_container "$web"
    within 10 says s1 web-db "waiting for its container"
    mv "$containers/renamed" "$containers/.renamed"
    start_container s1 web
    healed web-db 7
}

@test "two containers in one namespace have a link each, and neither ends with the other's container" {
    local pid containers=$WORLD/home/alice/containers
    nsenter --net="/proc/$web/ns/net" sleep 600 3>&- >/dev/null 2>&1 &
    pid=$!
    CONTAINERS+=("$pid")
    echo "$pid" >"$containers/sidecar"
    declare_link web-db 7
    declare_link sidecar-db 8 sidecar db
    healed web-db 7
    healed sidecar-db 8
    note 8
    end_container "$pid"
    rm "$containers/sidecar"
    within 10 says s1 sidecar-db "waiting for its container"
    pings 7
    says_up s1 web-db
}

@test "a port that is taken, and an address that the container has already, are refused, and had later" {
    local holder
    "$TOOLS/enter" --net /run/netns/site1 -- socat -u UDP4-RECV:51999 OPEN:/dev/null 3>&- >/dev/null 2>&1 &
    holder=$!
    CONTAINERS+=("$holder")
    wait_for at site1 sh -c 'ss -Huln | grep -q :51999'
    declaration s1 web-db 7 web ',"port":51999' | of s1 cwg declare --state "$(state_of_site s1)" -
    declaration s2 web-db 7 db | of s2 cwg declare --state "$(state_of_site s2)" -
    refused s1 web-db 51999
    end_container "$holder"
    reload
    healed web-db 7
    note
    inside "$web" ip link add taken type veth peer name other
    inside "$web" ip address add 10.0.0.18/31 dev taken
    declare_link second 9
    refused s1 second 10.0.0.18
    same_link 7
    inside "$web" ip link delete taken
    reload
    healed second 9
    same_link 7
}

# Lets alice have these nets, and erin all: allow NETS
allow()
{
    printf 'user %s nets %s\nuser %s\n' "${UIDS[alice]}" "$1" "${UIDS[erin]}" >"$POLICY.new"
    chmod 0644 "$POLICY.new"
    mv "$POLICY.new" "$POLICY"
}

@test "a policy that forbids it refuses a new link and leaves one alone that is there, until it allows it" {
    local before
    declare_link web-db 7
    healed web-db 7
    note
    allow 7
    declare_link second 9
    refused s1 second "net 9 isn't among the nets"
    same_link 7
    before=$(changes cwg_destroy)
    allow 100-200
    reload
    refused s1 web-db "net 7 isn't among the nets"
    pings 7
    [ "$(changes cwg_destroy)" = "$before" ]
    allow 7-9
    reload
    healed web-db 7
    healed second 9
    same_link 7
}

@test "clocks that are an hour wrong, and jump, change nothing and hinder nothing" {
    local library
    library=$(dpkg -L libfaketime | grep '/libfaketime.so.1$')
    end_agent s1
    end_agent s2
    echo '-3600' >"$WORLD/clock"
    chmod 0644 "$WORLD/clock"
    AGENT_ENVIRONMENT=(LD_PRELOAD="$library" FAKETIME_TIMESTAMP_FILE="$WORLD/clock" FAKETIME_CACHE_DURATION=1
        FAKETIME_DONT_FAKE_MONOTONIC=1)
    start_agent s1
    AGENT_ENVIRONMENT=()
    start_agent s2
    declare_link web-db 7
    healed web-db 7
    note
    echo '+3600' >"$WORLD/clock"
    sleep 3
    reload
    sleep 3
    untouched
    restart_container s1 web
    healed web-db 7
    restart_container s2 db
    healed web-db 7
    # The next agent of that site, an hour or three before it was, is believed as well.
    end_agent s1
    AGENT_ENVIRONMENT=(LD_PRELOAD="$library" FAKETIME=-10800 FAKETIME_DONT_FAKE_MONOTONIC=1)
    start_agent s1
    restart_container s1 web
    healed web-db 7
}
