#!/usr/bin/env bats
# cwg forget --site: a site is known no more, and an agent that runs takes that at once. agent.bash draws the sites.

bats_require_minimum_version 1.5.0
load agent
agents_of_the_file

# Another name by which alice's ssh reaches site 2.
make_way()
{
    grep -q '^Host way2' "$WORLD/home/alice/.ssh/config" ||
        sed -i "1i Host way2\n  HostName 192.0.2.2\n  User erin\n  IdentityFile $WORLD/home/alice/.ssh/other\n  \
IdentitiesOnly yes\n  ControlPath none" "$WORLD/home/alice/.ssh/config"
}

forget()
{
    of "$1" cwg forget --state "$(state_of_site "$1")" "${@:2}"
}

# Declares site 2 at site 1, with further members: know_s2 [MEMBERS]
know_s2()
{
    printf '{"sites":[{"site":"s2","key":"%s"%s}]}' "${KEYS[s2]}" "${1:-}" |
        of s1 cwg declare --state "$(state_of_site s1)" -
}

# The session that the agent of site 1 keeps: its words, a line each session.
sessions()
{
    pgrep -P "${AGENTS[s1]}" -ax ssh || true
}

reaches_by()
{
    grep -q "\"host\":\"$1\",\"state\":\"reachable\"" "$(store_of s1)/carrier/s2" && [[ $(sessions) = *" $1 "* ]] &&
        [ "$(sessions | wc -l)" = 1 ]
}

calls_nobody()
{
    [ -z "$(sessions)" ] && [ ! -e "$(store_of s1)/carrier/s2" ]
}

# Nothing of another site is left in a store: nothing_of SITE STORE
nothing_of()
{
    local store
    store=$(store_of "$2")
    [ -z "$(find "$store/site/$1" "$store/in/$1" "$store/out/$1" "$store"/{carrier,caller}/"$1" -type f 2>/dev/null)" ]
}

# At site 2 nobody carries records for site 1.
no_inbox()
{
    ! pgrep -u "${UIDS[erin]}" -f "^cwg inbox" >/dev/null
}

# Does status give a reason for a site's end: reason SITE TEXT
reason()
{
    of "$1" cwg status --state "$(state_of_site "$1")" | grep -qF "$2"
}

no_wants()
{
    [ -z "$(find "$(store_of s1)/want" "$(store_of s2)/want" -type f)" ]
}

@test "a site with declared links isn't forgotten, and the links are named" {
    declare_link web-db 7
    declare_link mail-db 8
    healed web-db 7
    note
    run -1 forget s1 --site s2
    [ "$output" = "cwg: links with site s2 are declared: mail-db, web-db" ]
    end_agent s1
    forget s1 web-db mail-db
    run -1 forget s1 --site s2
    [[ "$output" = *"web-db (which the agent has to remove yet)" ]]
    run -1 forget s1 --site s3
    [ "$output" = "cwg: no site is known by the name s3" ]
    run -2 forget s1 --site s2 web-db
    same_link 7
    [ -e "$(store_of s1)/site/s2" ]
}

@test "a site that is forgotten isn't called any more, nothing of it is left, and it can be declared anew" {
    declare_link web-db 7
    healed web-db 7
    forget s1 web-db
    forget s2 web-db
    within 10 no_wants
    reaches_by s2
    run -1 no_inbox
    forget s1 --site s2
    within 5 calls_nobody
    nothing_of s2 s1
    # The other end of the session has gone, too, and with it what it might have written.
    within 5 no_inbox
    forget s2 --site s1
    nothing_of s1 s2
    run -1 forget s1 --site s2
    kill -0 "${AGENTS[s1]}"
    declare_link web-db 7
    healed web-db 7
}

@test "a site that is declared anew with another way is called by that way, and one without a way isn't called" {
    make_way
    declare_link web-db 7
    healed web-db 7
    note
    know_s2 ',"ssh":"way2"'
    within 10 reaches_by way2
    know_s2
    within 5 calls_nobody
    know_s2 ',"ssh":"s2"'
    within 10 reaches_by s2
    same_link 7
    restart_container s1 web
    healed web-db 7
}

# Site 2 has what site 1 tells of its end.
has_heard()
{
    cmp "$(store_of s1)/out/s2/web-db.0" "$(store_of s2)/in/s1/web-db.0"
}

@test "an end that is forgotten while the other site isn't reached is told there by the agent that starts next" {
    declare_link web-db 7
    healed web-db 7
    stop_carrier
    forget s1 web-db
    within 10 test ! -e "$(store_of s1)/want/web-db.0"
    end_agent s1
    run ! has_heard
    start_agent s1
    start_carrier
    within 20 has_heard
    # Both have told that they have no end: nothing is left that one of them would be told.
    forget s2 web-db
    within 10 no_wants
    within 10 no_records
}

no_records()
{
    [ -z "$(find "$(store_of s1)"/{in,out}/s2 "$(store_of s2)"/{in,out}/s1 -name 'web-db.*')" ]
}

@test "an end of an engine that isn't installed is forgotten, and its name and net are free again" {
    declaration s1 web-db 7 docker/web | of s1 cwg declare --state "$(state_of_site s1)" -
    within 10 says s1 web-db refused
    run -0 of s1 cwg forget --state "$(state_of_site s1)" web-db
    within 15 test ! -e "$(store_of s1)/status/web-db.0"
    within 5 no_wants
    grep -q "link web-db (docker/web): off: docker isn't installed" "$WORLD/agent-s1.log"
    declare_link web-db 7
    healed web-db 7
}

@test "two sites that declare the same end, or two nets, are told so at both" {
    declaration s1 web-db 7 web | of s1 cwg declare --state "$(state_of_site s1)" -
    declaration s2 web-db 7 db | sed 's/"host": *1/"host": 0/' | of s2 cwg declare --state "$(state_of_site s2)" -
    within 20 reason s1 "site s2 declares host 0 of it, too"
    within 20 reason s2 "site s1 declares host 0 of it, too"
    of s2 cwg forget --state "$(state_of_site s2)" web-db
    within 15 test ! -e "$(store_of s2)/status/web-db.0"
    grep -qF "waiting for the other site: site s2 declares host 0 of it, too" "$WORLD/agent-s1.log"
    declaration s2 web-db 8 db | of s2 cwg declare --state "$(state_of_site s2)" -
    within 20 reason s1 "site s2 declares it with net 8, and this site with 7"
    within 20 reason s2 "site s1 declares it with net 7, and this site with 8"
    declaration s2 web-db 7 db | of s2 cwg declare --state "$(state_of_site s2)" -
    healed web-db 7
}
