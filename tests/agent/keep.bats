#!/usr/bin/env bats
# cwg join --keep: what was joined is kept by the agents of both machines, and left by both.

bats_require_minimum_version 1.5.0
load agent
agents_of_the_file

# alice's own key lets her in as erin, with any command, at "there". Both agents are where cwg looks for them.
before_agents()
{
    local user
    cat "$WORLD/key.pub" >>"$WORLD/agent_keys"
    grep -q '^Host there' "$WORLD/home/alice/.ssh/config" ||
        sed -i "1i Host there\n  HostName 192.0.2.2\n  User erin\n  IdentityFile $WORLD/home/alice/.ssh/id_ed25519\n  \
IdentitiesOnly yes\n  ControlPath none" "$WORLD/home/alice/.ssh/config"
    for user in alice erin; do
        install -d -o "${UIDS[$user]}" -g "$APP_GID" "$WORLD/home/$user"/{.local,.local/state,.local/state/cwg}
        ln -sfn "$WORLD/home/$user/agent" "$WORLD/home/$user/.local/state/cwg/agent"
    done
}

after_test()
{
    rm -rf "$WORLD/home"/{alice,erin}/.local
}

# Joins web and db, and sets net to the link's.
join_kept()
{
    before_agents
    run -0 --separate-stderr of s1 cwg join --json --keep web there:db
    net=$(jq .net <<<"$output")
}

@test "a link that is kept is adopted as it is: not one change, and not one packet lost" {
    before_agents
    run -0 of s1 cwg join --json web there:db
    net=$(jq .net <<<"$output")
    note "$net"
    inside "$web" ping -q -i 0.01 -c 300 "$(jq -r '.ends[1].address' <<<"$output")" >"$BATS_TEST_TMPDIR/ping" 3>&- &
    CONTAINERS+=("$!")
    join_kept
    [ "$(jq -r .kept <<<"$output")" = web-db ]
    within 10 says s1 web-db connected
    within 10 says s2 web-db connected
    wait "${CONTAINERS[-1]}"
    grep -q '300 packets transmitted, 300 received' "$BATS_TEST_TMPDIR/ping"
    untouched "$net"
}

@test "a kept link comes back after a restart, and leave ends it at both machines" {
    join_kept
    within 10 says s2 web-db connected
    restart_container s2 db
    within 15 inside "$web" ping -q -c 1 -W 0.3 "$(jq -r '.ends[1].address' <<<"$output")"
    within 10 says s2 web-db connected
    # Both ends, though one has another key than the one that was joined.
    run -0 of s1 cwg status --json
    [ "$(jq -c '[.joined[0].ends[].link.name]' <<<"$output")" = "[\"wg-$net-0\",\"wg-$net-1\"]" ] || fail "$output"
    run -0 of s1 cwg leave "$net"
    sleep 1
    within 5 test ! -e "$(store_of s1)/status/web-db.0"
    within 5 test ! -e "$(store_of s2)/status/web-db.1"
    [ ! -e "$(store_of s1)/want/web-db.0" ]
    [ ! -e "$(store_of s2)/want/web-db.1" ]
    within 5 no_links
}

no_links()
{
    ! inside "$web" ip -o link 2>/dev/null | grep -q wg- && ! inside "$db" ip -o link 2>/dev/null | grep -q wg-
}

@test "without an agent at one of the machines nothing is made, and one line says what to do" {
    before_agents
    end_agent s2
    run -1 --separate-stderr of s1 cwg join --keep web there:db
    [[ "$stderr" = "cwg: there: no agent runs here (on "*"): start it by systemctl"*" enable --now "*cwg-agent ]]
    [ "$(changes)" = 0 ]
    [ -z "$(ls "$(store_of s1)/want")" ]
}

@test "in the store of another user's agent nothing is kept, and nothing is made" {
    local store
    before_agents
    store=$(store_of s2)
    chown nobody "$store"
    chmod 0777 "$store"
    run -1 --separate-stderr of s1 cwg join --keep web there:db
    chown "${UIDS[erin]}" "$store"
    chmod 0700 "$store"
    [[ "$stderr" = "cwg: there: "*"/store belongs to user nobody: run it as that user: sudo -u nobody cwg ..." ]] ||
        fail "$stderr"
    [ "$(changes)" = 0 ]
    [ -z "$(ls "$(store_of s1)/want")$(ls "$store/want")" ]
}

@test "what can't be written at one machine is kept at neither, and the link is undone" {
    before_agents
    mv "$(store_of s2)/want" "$(store_of s2)/want.away"
    touch "$(store_of s2)/want"
    run -1 --separate-stderr of s1 cwg join --keep web there:db
    [[ "$stderr" = *want* ]]
    rm "$(store_of s2)/want"
    mv "$(store_of s2)/want.away" "$(store_of s2)/want"
    within 5 no_links
    within 5 no_wants
    [ -z "$(ls "$(store_of s1)/site")" ]
}

# Kills the other machine's `cwg serve`: there is one.
kill_serve()
{
    local pid
    pid=$(pgrep -u "${UIDS[erin]}" -f "^cwg serve")
    kill -KILL "$pid"
}

# Joins by --keep, up to a message, and kills the other machine's `cwg serve` there. Sets $status and $stderr as run
# does: killed_at MESSAGE
killed_at()
{
    local join
    watch_messages "$1"
    as alice site1 /usr/bin/env CWG_SSH="$CWG_SSH" cwg join --keep web there:db >"$HELD/out" 2>"$HELD/err" 3>&- &
    join=$!
    CONTAINERS+=("$join")
    wait_for test -e "$HELD/held"
    [ -e "$(store_of s2)/want/web-db.1" ] || [ "$1" = request:keep ]
    kill_serve
    release_message
    status=0
    wait "$join" || status=$?
    stderr=$(<"$HELD/err")
}

no_wants()
{
    [ -z "$(find "$(store_of s1)/want" "$(store_of s2)/want" -type f)" ]
}

@test "the other machine's cwg that is killed while a link is to be kept leaves no link, and nothing that is kept" {
    local message
    before_agents
    for message in request:keep answer:keep request:commit answer:commit; do
        echo "killed at $message" >&2
        killed_at "$message"
        if [ "$status" = 0 ]; then # it had done all
            [ "$message" = answer:commit ]
            within 10 says s1 web-db connected
            of s1 cwg leave web there:db
        else
            [ "$status" = 1 ] || fail "$message: $status $stderr"
        fi
        within 10 no_wants
        within 5 no_links
    done
}

@test "a link that was there is left as it was if the other machine's cwg is killed while it is to be kept" {
    local message
    before_agents
    run -0 of s1 cwg join --json web there:db
    net=$(jq .net <<<"$output")
    note "$net"
    for message in request:keep answer:keep request:commit; do
        echo "killed at $message" >&2
        killed_at "$message"
        [ "$status" = 1 ] || fail "$message: $status $stderr"
        within 10 no_wants
        untouched "$net"
    done
    # One that was kept before stays kept.
    join_kept
    within 10 says s1 web-db connected
    within 10 says s2 web-db connected
    killed_at answer:keep
    [ "$status" = 1 ] || fail "$status $stderr"
    sleep 1
    says s1 web-db connected
    says s2 web-db connected
    untouched "$net"
    run ! grep -q forget "$(store_of s1)/want/web-db.0" "$(store_of s2)/want/web-db.1"
}

@test "a link that was there, and is kept at one machine alone, has a remedy" {
    before_agents
    run -0 of s1 cwg join --json web there:db
    net=$(jq .net <<<"$output")
    lost_at answer:keep
    [ "$status" = 3 ]
    grep -F "cwg: the end of net $net in there:db may be kept; there, \`cwg forget web-db\` ends that" "$HELD/err"
    [ -e "$(store_of s2)/want/web-db.1" ]
    within 10 test ! -e "$(store_of s1)/want/web-db.0"
    of s2 sh -c "$(sed -n 's/.*there, `\(.*\)` ends.*/\1/p' "$HELD/err")"
    within 10 no_wants
}

# The same as killed_at, but nobody logs in at the other machine anew: lost_at MESSAGE
lost_at()
{
    watch_messages "$1"
    as alice site1 /usr/bin/env CWG_SSH="$CWG_SSH" cwg join --keep web there:db >"$HELD/out" 2>"$HELD/err" 3>&- &
    CONTAINERS+=("$!")
    wait_for test -e "$HELD/held"
    mv "$WORLD/agent_keys" "$WORLD/agent_keys.away"
    kill_serve
    release_message
    status=0
    wait "${CONTAINERS[-1]}" || status=$?
    mv "$WORLD/agent_keys.away" "$WORLD/agent_keys"
}

@test "what is left of a kept link where the other machine isn't reached again has a remedy that lasts" {
    before_agents
    lost_at answer:keep
    [ "$status" = 3 ]
    grep -F "there, \`cwg forget web-db; net-admin-helper cwg_destroy " "$HELD/err"
    [ -e "$(store_of s2)/want/web-db.1" ]
    within 10 test ! -e "$(store_of s1)/want/web-db.0"
    of s2 sh -c "$(sed -n 's/.*there, `\(.*\)` removes.*/\1/p' "$HELD/err")"
    within 10 no_wants
    within 5 no_links
}

@test "a machine that knows the site by another key is an error that says so" {
    before_agents
    declaration s2 other 99 elsewhere | sed "s#\"key\":\"[^\"]*\"#\"key\":\"$(head -c 32 /dev/urandom | base64)\"#" |
        of s2 cwg declare --state "$(state_of_site s2)" -
    run -1 --separate-stderr of s1 cwg join --keep web there:db
    [[ "$stderr" = *"site s1 is known here by another key"* ]]
    within 5 no_links
    [ -z "$(ls "$(store_of s1)/want")" ]
}

@test "two ends on one machine are kept, too" {
    before_agents
    start_container s1 cache
    run -0 of s1 cwg join --keep=both web cache
    [[ "$output" = *"Kept as both."* ]]
    within 10 grep -q connected "$(store_of s1)/status/both.0"
    within 10 grep -q connected "$(store_of s1)/status/both.1"
    restart_container s1 cache
    within 15 inside "$web" ping -q -c 1 -W 0.3 "$(sed 's/.*\\"peer_address\\":\\"\([^"\\]*\)\\".*/\1/' \
        "$(store_of s1)/status/both.0")"
}

@test "a pid, a preshared key, a third machine and a name that is none can't be kept" {
    before_agents
    run -2 of s1 cwg join --keep pid/1 there:db
    [[ "$output" = *"a pid ends with its process"* ]]
    run -2 of s1 cwg join --keep --psk web there:db
    run -2 of s1 cwg join --keep there:db site3:web
    run -2 of s1 cwg join --keep=a/b web there:db
    [ "$(changes)" = 0 ]
}

key_of()
{
    of "$1" cwg keys --state "$(state_of_site "$1")" | cut -d ' ' -f 3
}

# Site 2 knows this key of site 1.
knows()
{
    grep -qF "$1" "$(store_of s2)/site/s1"
}

@test "a new key is taken over by the other site, once, and a restart heals with it; no packet is lost" {
    local old
    declare_link web-db 7
    healed web-db 7
    note
    old=$(key_of s1)
    of s1 cwg keys --new --state "$(state_of_site s1)"
    [ "$(key_of s1)" != "$old" ]
    run of s1 cwg status --state "$(state_of_site s1)"
    [[ "$output" = *"old key is kept, too: cwg keys --drop-old"* ]]
    within 10 knows "$(key_of s1)"
    sleep 1
    untouched
    restart_container s1 web
    healed web-db 7
    # The old one can't take the site back.
    run -1 of s1 cwg keys --new --state "$(state_of_site s1)"
    [[ "$output" = *"--drop-old"* ]]
    of s1 cwg keys --drop-old --state "$(state_of_site s1)"
    run of s1 cwg status --state "$(state_of_site s1)"
    [[ "$output" != *"old key"* ]]
    of s1 cwg keys --new --state "$(state_of_site s1)"
    within 10 knows "$(key_of s1)"
    restart_container s2 db
    healed web-db 7
}

@test "a key that changes while no agent runs is told by the next one" {
    declare_link web-db 7
    healed web-db 7
    end_agent s1 KILL
    of s1 cwg keys --new --state "$(state_of_site s1)"
    rm -f "$(store_of s1)/out/s2/key"
    start_agent s1
    within 10 knows "$(key_of s1)"
    restart_container s1 web
    healed web-db 7
}

@test "declare says what is new or changed, writes nothing with --check, and says nothing the second time" {
    declare_here() { declaration s1 web-db "$1" web | of s1 cwg declare --state "$(state_of_site s1)" "${@:2}" -; }
    run -0 declare_here 7 --check
    [ "$output" = $'site s2: new\nlink web-db, host 0: new\nin order: 1 link, 1 site' ]
    [ -z "$(ls "$(store_of s1)/want")$(ls "$(store_of s1)/site")" ]
    run -0 declare_here 7
    [ "$output" = $'site s2: new\nlink web-db, host 0: new\ndeclared: 1 link, 1 site' ]
    run -0 declare_here 7
    [ "$output" = 'declared: 1 link, 1 site' ]
    run -0 declare_here 8
    [ "$output" = $'link web-db, host 0: changed\ndeclared: 1 link, 1 site' ]
}
