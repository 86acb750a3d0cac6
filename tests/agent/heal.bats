#!/usr/bin/env bats
# Declared links come up, and come back: after a restart of a container, of an agent, of all. agent.bash draws the
# sites.

bats_require_minimum_version 1.5.0
load healing

agents_of_the_file

@test "a declared link comes up by itself, with one create and one connect at each site" {
    declare_link web-db 7
    healed web-db 7
    [ "$(changes cwg_create)" = 2 ]
    [ "$(changes cwg_connect)" = 2 ]
}

@test "a restart of either container, or of both, is healed" {
    heals_restarts
}

@test "agents that are killed, and come back, touch no link, and leave no process" {
    survives_agents
}

@test "a container that was restarted while its agent was dead is healed when the agent comes back" {
    heals_restarts_without_agent
}

@test "after a reboot of both machines, with the agents first or the containers first, links come back" {
    heals_reboot
}

@test "an sshd that is away changes nothing, and when it is back, what changed meanwhile is healed" {
    heals_without_carrier
}

@test "a partition of 20 seconds changes no link" {
    declare_link web-db 7
    healed web-db 7
    note
    part
    sleep 20
    run ! pings 7
    untouched
    meet
    within 5 pings 7
    sleep 2
    untouched
}

@test "a site whose address has changed is reached at the new one" {
    heals_move
}

after_test()
{
    [ ! -e /run/netns/edge ] || ip netns delete edge
    move_back
    ! mountpoint -q "$(state_of_site s1)" || umount --lazy "$(state_of_site s1)"
}

# A namespace of `ip netns`. A process in it has the number that others know web by.
add_namespace()
{
    ip netns add edge
    ip -n edge link set lo up
    ip netns exec edge sleep 600 3>&- &
    web=$!
    CONTAINERS+=("$web")
    wait_for same_namespace
}

same_namespace()
{
    [ "$(stat -Lc %i "/proc/$web/ns/net")" = "$(stat -c %i /run/netns/edge)" ]
}

delete_namespace()
{
    ip netns delete edge
    end_container "$web"
}

@test "an end in a namespace of ip netns comes up, and comes up again in another one of the same name" {
    declaration s1 edge-db 7 netns/edge | of s1 cwg declare --state "$(state_of_site s1)" -
    declaration s2 edge-db 7 db | of s2 cwg declare --state "$(state_of_site s2)" -
    within 10 says s1 edge-db "waiting for its container"
    # `ip netns add` makes a file that nobody may read, and then the namespace over it.
    install -D -m 0 /dev/null /run/netns/edge
    within 10 grep -q "edge is no namespace" "$(store_of s1)/status/edge-db.0"
    says s1 edge-db "waiting for its container"
    rm /run/netns/edge
    add_namespace
    healed edge-db 7
    ! grep -q refused "$WORLD/agent-s1.log" || fail "$(say_all)"
    # The reason of a state doesn't outlive it.
    grep -q 'edge): creating$' "$WORLD/agent-s1.log"
    note
    end_agent s1 KILL
    start_agent s1
    sleep 2
    untouched
    delete_namespace
    within 10 says s1 edge-db "waiting for its container"
    add_namespace
    healed edge-db 7
    of s1 cwg forget --state "$(state_of_site s1)" edge-db
    within 15 no_links "$web"
}

# Writes a preshared key, for the agent of a site alone: write_secret SITE KEY
write_secret()
{
    local file=$WORLD/home/${OWNER[$1]}/agent/psk
    install -m 0600 -o "${UIDS[${OWNER[$1]}]}" /dev/null "$file"
    echo "$2" >"$file"
}

# Both ends have a preshared key, or have none: secrets true|false
secrets()
{
    local pid
    for pid in "$web" "$db"; do
        app_at site1 "$HELPER" cwg_show "$pid" --nets 7 --json | grep -q "\"has_preshared_key\":$1" || return
    done
}

# Declares the link of net 7 with a preshared key at each site.
declare_with_secret()
{
    local site
    for site in s1 s2; do
        declaration "$site" web-db 7 "$([ "$site" = s1 ] && echo web || echo db)" \
            ",\"psk\":\"$(state_of_site "$site")/psk\"" | of "$site" cwg declare --state "$(state_of_site "$site")" -
    done
}

@test "ends with a preshared key get it, and get it again after a restart; without the same one no packet passes" {
    local key
    key=$(openssl rand -base64 32)
    write_secret s1 "$key"
    write_secret s2 "$key"
    chmod 0644 "$(state_of_site s1)/psk"
    declare_with_secret
    within 10 says s1 web-db refused
    grep -q "alone may read" "$(store_of s1)/status/web-db.0"
    chmod 0600 "$(state_of_site s1)/psk"
    kill -HUP "${AGENTS[s1]}"
    healed web-db 7
    secrets true
    ! grep -rqF "$key" "$WORLD"/agent-s?.log "$(store_of s1)" "$(store_of s2)" "$AUDIT" || fail "the key is told"
    restart_container s1 web
    restart_container s2 db
    healed web-db 7
    secrets true
    write_secret s2 "$(openssl rand -base64 32)"
    restart_container s2 db
    within 10 secrets true
    sleep 6
    run ! pings 7
}

# The helper has done both ends' change since the last note(), and no more follow at once.
both_have_changed()
{
    within 15 eval '[ "$(changes)" -ge $((CHANGED + 2)) ]'
    sleep 2
    [ "$(changes)" = $((CHANGED + 2)) ] || fail "changes since: $(tail -n 5 "$AUDIT")"
}

@test "a preshared key that is written anew comes to the devices without a restart, and a link in use stays" {
    local key site
    key=$(openssl rand -base64 32)
    write_secret s1 "$key"
    write_secret s2 "$(openssl rand -base64 32)"
    declare_with_secret
    within 10 secrets true
    sleep 6
    run ! pings 7
    write_secret s2 "$key"
    healed web-db 7 60
    # Of a link in use, at once with a reload.
    key=$(openssl rand -base64 32)
    note
    for site in s1 s2; do
        write_secret "$site" "$key"
        kill -HUP "${AGENTS[$site]}"
    done
    both_have_changed
    same_link 7
    healed web-db 7
    # An agent that starts touches nothing.
    note
    end_agent s1 KILL
    start_agent s1
    sleep 2
    untouched
}

@test "a preshared key that is declared for a link in use is given to it, and the link stays" {
    local key
    declare_link web-db 7
    healed web-db 7
    secrets false
    note
    key=$(openssl rand -base64 32)
    write_secret s1 "$key"
    write_secret s2 "$key"
    declare_with_secret
    within 10 secrets true
    same_link 7
    pings 7
    healed web-db 7
}

@test "a link that is forgotten at one site ends there, and the other site waits; declared again, it comes back" {
    declaration s2 web-db 7 db | of s2 cwg declare --state "$(state_of_site s2)" -
    within 10 says s2 web-db "waiting for the other site"
    run -1 of s2 cwg status --state "$(state_of_site s2)"
    declare_link web-db 7
    healed web-db 7
    run -0 of s2 cwg status --state "$(state_of_site s2)"
    of s1 cwg forget --state "$(state_of_site s1)" web-db
    within 15 no_links "$web"
    within 15 test ! -e "$(store_of s1)/status/web-db.0"
    # A session lives on for three minutes; then packets pass no more.
    [ "$(links_in "$db")" = wg-7-1 ]
    [ "$(changes cwg_destroy)" = 1 ]
    declare_link web-db 7
    healed web-db 7
    of s1 cwg forget --state "$(state_of_site s1)" web-db
    of s2 cwg forget --state "$(state_of_site s2)" web-db
    within 15 no_links "$web" "$db"
    within 15 test ! -e "$(store_of s2)/status/web-db.1"
    run --separate-stderr of s1 cwg forget --state "$(state_of_site s1)" web-db
    assert_said 1 "no link is declared by the name web-db"
}

@test "a link that was forgotten while the agent was dead is removed when it comes back, at that site alone" {
    declare_link web-db 7
    healed web-db 7
    end_agent s1 KILL
    of s1 cwg forget --state "$(state_of_site s1)" web-db
    start_agent s1
    within 15 no_links "$web"
    [ "$(links_in "$db")" = wg-7-1 ]
}

@test "a link that is declared as off is removed at that site, and comes back when it is on" {
    declare_link web-db 7
    healed web-db 7
    declaration s1 web-db 7 web ',"off":true' | of s1 cwg declare --state "$(state_of_site s1)" -
    within 15 no_links "$web"
    within 5 says s1 web-db off
    declare_link web-db 7
    healed web-db 7
}

# Ends in namespaces that aren't there, whose number makes looks at each of the others rare: declare_absent NUMBER
declare_absent()
{
    python3 - "${KEYS[s2]}" "$1" <<'END' | of s1 cwg declare --state "$(state_of_site s1)" -
import json, sys
links = [{"link": f"absent{i}", "net": 2000 + i, "host": 0, "container": f"netns/absent{i}", "site": "s2",
          "off": True}
         for i in range(int(sys.argv[2]))]
json.dump({"sites": [{"site": "s2", "key": sys.argv[1], "ssh": "s2"}], "links": links}, sys.stdout)
END
}

has_device()
{
    inside "$web" ip link show wg-7-0
}

# 1,000 ends: a look at each is 75 to 225 seconds away.
# bats test_tags=kernel,only-6-1
@test "among many ends a kernel's link whose device has gone is noticed by its counters, and healed" {
    declare_absent 1000
    within 300 says s1 absent999 off
    declare_link web-db 7
    healed web-db 7 60
    sleep 5
    inside "$web" ip link delete wg-7-0
    within 90 has_device
    healed web-db 7 60
}

@test "a link that is idle is left alone" {
    declare_link web-db 7
    healed web-db 7
    note
    sleep 10
    untouched
}

@test "a link made by hand in the same containers stays, whatever happens to the declared one" {
    link_up 4
    declare_link web-db 7
    healed web-db 7
    inside "$web" ping -q -c 1 -W 5 10.0.0.9
    NOTED=$(ends_of 4)
    of s1 cwg forget --state "$(state_of_site s1)" web-db
    of s2 cwg forget --state "$(state_of_site s2)" web-db
    within 15 gone_but wg-4
    same_link 4
    inside "$web" ping -q -c 1 -W 5 10.0.0.9
}

# link_up of net.bash knows containers by c1 and c2.
link_up()
{
    local key1 key2
    key1=$(app_at site1 "$HELPER" cwg_create "$web" "$1" 0 5101)
    key2=$(app_at site2 "$HELPER" cwg_create "$db" "$1" 1 5102)
    app_at site2 "$HELPER" cwg_connect "$db" "$1" 0 192.0.2.1:5101 "$key1"
    app_at site1 "$HELPER" cwg_connect "$web" "$1" 1 192.0.2.2:5102 "$key2"
}

gone_but()
{
    [ "$(links_in "$web")" = "$1-0" ] && [ "$(links_in "$db")" = "$1-1" ]
}

@test "a spoiled store touches no link: a want, records and a status that are none" {
    local one two
    declare_link web-db 7
    healed web-db 7
    one=$(store_of s1) two=$(store_of s2)
    note
    spoil "$one/want/web-db.0" '{"link":"web-db","net":'
    spoil "$one/want/other.1" garbage
    spoil "$one/in/s2/web-db.1" garbage
    spoil "$one/out/s2/web-db.0" '{}'
    spoil "$one/status/web-db.0" garbage
    spoil "$two/in/s1/web-db.0" '{"v":1,"by":"0","body":"{}","sig":""}'
    spoil "$two/in/s1/unknown.0" garbage
    kill -HUP "${AGENTS[s1]}" "${AGENTS[s2]}"
    sleep 1
    untouched
    grep -q '^cwg: want/other.1: ' "$WORLD/agent-s1.log"
    # The agents that start with such a store touch nothing either.
    end_agent s1 KILL
    end_agent s2 KILL
    start_agent s1
    start_agent s2
    sleep 2
    untouched
    # When it is declared again, each later change heals as ever.
    rm "$one/want/other.1"
    declare_link web-db 7
    healed web-db 7 20
    restart_container s1 web
    restart_container s2 db
    healed web-db 7 20
}

# A spoiled file, with the owner of its directory: spoil PATH TEXT
spoil()
{
    echo "$2" >"${1%/*}/.spoiled"
    chown --reference "${1%/*}" "${1%/*}/.spoiled"
    mv -f "${1%/*}/.spoiled" "$1"
}

@test "a full disk, and one that can be read only, touch no link; with room again, what changed meanwhile is healed" {
    local state
    state=$(state_of_site s1)
    end_agent s1
    mount -t tmpfs -o "size=96k,mode=700,uid=${UIDS[alice]}" tests "$state"
    KEYS[s1]=$(of s1 cwg keys --state "$state" | cut -d " " -f 3)
    start_agent s1
    declare_link web-db 7
    healed web-db 7
    note
    dd if=/dev/zero of="$state/filling" bs=4k status=none || true
    run ! of s1 /bin/sh -c 'echo x >"$0"' "$state/more"
    end_agent s1
    start_agent s1
    sleep 1
    untouched
    restart_container s2 db
    restart_container s1 web
    sleep 1
    rm "$state/filling"
    healed web-db 7 20
    note
    mount -o remount,ro "$state"
    end_agent s1
    start_agent s1
    sleep 1
    untouched
    restart_container s1 web
    sleep 1
    mount -o remount,rw "$state"
    healed web-db 7 20
}

@test "the key that carries records can do nothing else" {
    local two
    two=$(store_of s2)
    run of s1 ssh s2 "echo x >$WORLD/home/erin/agent/made; cwg inbox s3" </dev/null
    [ "$output" = '{"cwg-post":1,"to":"s1"}' ] || fail "it says: $output"
    run of s1 ssh s2 "cwg inbox --state $WORLD/home/erin/elsewhere s1" </dev/null
    run of s1 ssh -o ExitOnForwardFailure=yes -W 127.0.0.1:22 s2 </dev/null
    [ "$status" != 0 ]
    [ ! -e "$WORLD/home/erin/agent/made" ]
    [ ! -e "$WORLD/home/erin/elsewhere" ]
    for path in ../../want/x.0 want/x.0 /etc/x .x ..; do
        run of s1 ssh s2 <<<'{"cwg-post":1}'$'\n{"path":"'"$path"'","record":"{}"}'
        [[ $output == *"cwg: s1: it sends something that is no record"* ]] || fail "$path: $output"
    done
    of s1 ssh s2 <<<'{"cwg-post":1}'$'\n{"path":"x.0","record":"{}"}' >/dev/null
    [ "$(cd "$two" && find want in out site -type f 2>/dev/null)" = in/s1/x.0 ] ||
        fail "in the store: $(find "$two" -type f)"
}

@test "an agent that starts for the first time makes its state directory, for its user alone" {
    local state=$WORLD/home/alice/agent/a/b
    run of s1 /usr/bin/timeout 1 cwg agent --site s1 --state "$state"
    [ "$(stat -c %a "$state" "$state/store" | paste -sd ' ')" = "700 700" ] || fail "it says: $output"
    of s1 cwg keys --state "$state"
}

@test "a second agent says that one runs already, and ends; the first one goes on" {
    run --separate-stderr of s1 cwg agent --site s1 --state "$(state_of_site s1)"
    [ "$status" = 1 ] || fail "exit code $status: $output $stderr"
    [ "$stderr" = "cwg: an agent runs already in this directory" ] || fail "it says: $stderr"
    declare_link web-db 7
    healed web-db 7
}
