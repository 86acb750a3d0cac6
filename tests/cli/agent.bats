#!/usr/bin/env bats
# What an agent tells: metrics, the journal, `cwg status`. Its engine knows no container, and nobody answers at the
# other site: no link is made.

bats_require_minimum_version 1.5.0
load cli

setup()
{
    STATE=$BATS_TEST_TMPDIR/s1 CWG=$ROOT/build/cwg REMEDY="runuser -u nobody -- cwg"
    mkdir -p "$BATS_TEST_TMPDIR/bin" "$STATE" "$BATS_TEST_TMPDIR/s2"
    ln -s "$(command -v sleep)" "$BATS_TEST_TMPDIR/bin/sleep"
    printf '#!/bin/sh\necho "Error: no such container" >&2\nexit 125\n' >"$BATS_TEST_TMPDIR/bin/podman"
    printf '#!/bin/sh\necho "ssh: nobody is there" >&2\nexit 255\n' >"$BATS_TEST_TMPDIR/bin/ssh"
    chmod +x "$BATS_TEST_TMPDIR"/bin/*
    export PATH=$BATS_TEST_TMPDIR/bin:/usr/bin:/bin XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
    unset JOURNAL_STREAM CWG_SSH
    KEY=$("$CWG" keys --state "$BATS_TEST_TMPDIR/s2" | awk '{ print $NF }')
    AGENT=
}

teardown()
{
    [ -z "$AGENT" ] || end_agent
}

# Declares a link, off or not: a site is reached by ssh.
declared()
{
    "$CWG" declare --state "$STATE" - >"$BATS_TEST_TMPDIR/declared" <<END
{"sites": [{"site":"s2","key":"$KEY","ssh":"cwg@site2.test"}],
 "links": [{"link":"web-db","net":7,"host":0,"container":"podman/web","site":"s2"},
           {"link":"mail","net":8,"host":1,"container":"podman/mail","site":"s2","off":true}]}
END
}

# Starts the agent, and waits until it has told of both links and of the site: agent [SETTING]
agent()
{
    echo "$*" >"$BATS_TEST_TMPDIR/conf"
    "$CWG" agent --config "$BATS_TEST_TMPDIR/conf" --site s1 --state "$STATE" 2>>"$BATS_TEST_TMPDIR/err" 3>&- &
    AGENT=$!
    wait_until told || fail "$(<"$BATS_TEST_TMPDIR/err")"
}

told()
{
    grep -qs "\"pid\":$AGENT," "$STATE/store/agent" && [ -e "$STATE/store/status/web-db.0" ] &&
        [ -e "$STATE/store/status/mail.1" ] && grep -q unreachable "$STATE/store/carrier/s2"
}

wait_until()
{
    local i
    for ((i = 0; i < 200; i++)); do
        ! "$@" || return 0
        sleep 0.05
    done
    return 1
}

end_agent()
{
    kill "-${1:-TERM}" "$AGENT"
    wait "$AGENT" || true
    AGENT=
}

# Asks the agent, and prints the answer with its head: ask ADDRESS-OF-SOCAT METHOD PATH
ask()
{
    printf '%s %s HTTP/1.0\r\n\r\n' "$2" "$3" | socat -t 5 - "$1"
}

# What the agent answers at a unix socket.
scrape()
{
    ask "UNIX-CONNECT:$BATS_TEST_TMPDIR/metrics" GET /metrics | sed '1,/^\r$/d'
}

# A sample's value: value 'NAME{LABELS}'
value()
{
    awk -v name="$1" 'substr($0, 1, length(name) + 1) == name " " { print $NF }' "$BATS_TEST_TMPDIR/scraped"
}

@test "--check says what cwg etcd would refuse" {
    (umask 077 && echo secret >"$BATS_TEST_TMPDIR/password")
    printf '%s\n' "site s1" "etcd https://etcd.test:2379" "etcd-user s1" \
        "etcd-password $BATS_TEST_TMPDIR/password" >"$BATS_TEST_TMPDIR/conf"
    run -0 "$CWG" agent --check --state "$STATE" --config "$BATS_TEST_TMPDIR/conf"
    [ -z "$output" ]
    sed -i s/https:/http:/ "$BATS_TEST_TMPDIR/conf"
    run -1 "$CWG" agent --check --state "$STATE" --config "$BATS_TEST_TMPDIR/conf"
    [ "$output" = "cwg: http://etcd.test:2379: a password needs https" ]
}

@test "--check says that the site's key can't be used, as the agent would" {
    run -0 "$CWG" agent --check --state "$STATE" --site s1
    "$CWG" keys --state "$STATE"
    run -0 "$CWG" agent --check --state "$STATE" --site s1
    chmod 0644 "$STATE/site.key"
    run -1 "$CWG" agent --check --state "$STATE" --site s1
    [ "$output" = "cwg: $STATE/site.key isn't a private key's file: it has to be yours alone (chmod 0600)" ]
    chmod 0600 "$STATE/site.key"
    echo garbage >"$STATE/site.key"
    run -1 "$CWG" agent --check --state "$STATE" --site s1
}

@test "--check tells root to be the user whose state it is" {
    [ "$(id -u)" = 0 ] || skip "needs root"
    "$CWG" keys --state "$STATE"
    chown -R nobody "$STATE"
    run -1 "$CWG" agent --check --state "$STATE" --site s1
    [ "$output" = "cwg: $STATE/store belongs to user nobody: run it as that user: $REMEDY agent --check" ]
}

# What is below the state's directory, with owners and times.
below()
{
    find "$STATE" -printf '%p %u %m %C@\n' | sort
}

@test "root writes nothing for an agent that is another user's" {
    local command before wrong="belongs to user nobody: run it as that user: $REMEDY ..."
    [ "$(id -u)" = 0 ] || skip "needs root"
    declared
    chown -R nobody "$STATE"
    before=$(below)
    for command in "declare -" "declare --check -" "forget web-db" "forget --site s2" keys "keys --new" \
        "agent --site s1" "inbox s2" "etcd --site s1"; do
        echo "etcd http://127.0.0.1:1" >"$BATS_TEST_TMPDIR/conf"
        case ${command%% *} in agent | etcd) command+=" --config $BATS_TEST_TMPDIR/conf" ;; esac
        # shellcheck disable=SC2086 # words
        run -1 timeout 20 "$CWG" $command --state "$STATE" <<<'{"links":[]}'
        [ "$output" = "cwg: $STATE/store $wrong" ] || fail "$command: $output"
    done
    [ "$(below)" = "$before" ] || fail "$(below)"
}

@test "root makes no store and no key for an agent that is another user's and hasn't begun yet" {
    local command before
    [ "$(id -u)" = 0 ] || skip "needs root"
    chown nobody "$STATE"
    before=$(below)
    for command in "declare -" "forget web-db" keys "agent --site s1"; do
        # shellcheck disable=SC2086 # words
        run -1 timeout 20 "$CWG" $command --state "$STATE" <<<'{"links":[]}'
        [ "$output" = "cwg: $STATE belongs to user nobody: run it as that user: $REMEDY ..." ]
    done
    [ "$(below)" = "$before" ] || fail "$(below)"
}

@test "a user writes nothing for the agent of another one, and for root's agent what root lets him write" {
    local as=(setpriv --reuid 64999 --regid 64999 --clear-groups -- env HOME=/ "$BATS_TEST_TMPDIR/cwg")
    [ "$(id -u)" = 0 ] || skip "needs root"
    cp "$CWG" "$BATS_TEST_TMPDIR/cwg"
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
    chmod 0777 "$STATE"
    chown nobody "$STATE"
    run -1 "${as[@]}" declare --state "$STATE" - <<<'{"links":[]}'
    [ "$output" = "cwg: $STATE belongs to user nobody: run it as that user: sudo -u nobody cwg ..." ] || fail "$output"
    [ -z "$(ls "$STATE")" ]
    chown 0 "$STATE"
    run "${as[@]}" forget --state "$STATE" web-db
    [ "$output" = "cwg: no link is declared by the name web-db" ] || fail "$output"
    [ "$(stat -c %u "$STATE/store")" = 64999 ]
}

@test "metrics: Prometheus reads all of them, promtool finds nothing to say, and they say what is so" {
    declared
    agent metrics "$BATS_TEST_TMPDIR/metrics"
    [ "$(stat -c %a "$BATS_TEST_TMPDIR/metrics")" = 660 ]
    wait_until looked_up_twice || fail "$(<"$BATS_TEST_TMPDIR/scraped")"
    run "$ROOT/tests/lib/promtool" "$ROOT/build/promtool" check metrics <"$BATS_TEST_TMPDIR/scraped"
    [ "$status" = 0 ] && [ -z "$output" ] || fail "$output"
    [ "$(value 'cwg_links{state="waiting for its container"}') $(value 'cwg_links{state="off"}')" = "1 1" ]
    [ "$(value 'cwg_links{state="connected"}') $(value 'cwg_carrier_up{site="s2"}')" = "0 0" ]
    [ "$(value 'cwg_link_state{link="mail",host="1",site="s2",state="off"}')" = 1 ]
    [ "$(value 'cwg_link_state{link="mail",host="1",site="s2",state="stale"}')" = 0 ]
    [ "$(value cwg_link_changes_total) $(value 'cwg_helper_tasks_total{result="success"}')" = "2 0" ]
    [ "$(value 'cwg_lookups_total{result="success"}')" = 0 ]
    [ $(($(date +%s) - $(value cwg_agent_start_time_seconds))) -lt 60 ]
    [ "$(value 'cwg_link_since_seconds{link="web-db",host="0",site="s2"}')" = \
        "$(told_of since "$STATE/store/status/web-db.0")" ]
    # The states are all that an end may be in.
    diff <(sed -n 's/^cwg_links{state="\(.*\)"}.*/\1/p' "$BATS_TEST_TMPDIR/scraped" | sort) \
        <(sed -n 's/^ *\[END_[A-Z_]*\] = "\(.*\)",/\1/p' "$ROOT/src/cwg/agent/end/decide.c" | sort)
    /usr/bin/python3 - "$BATS_TEST_TMPDIR/scraped" <<'END'
import sys
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(open(sys.argv[1]).read()))
assert len(families) >= 15 and all(family.documentation and family.type != "unknown" for family in families), families
samples = [(sample.name, *sorted(sample.labels.items())) for family in families for sample in family.samples]
assert len(set(samples)) == len(samples), samples
END
    end_agent
    [ ! -e "$BATS_TEST_TMPDIR/metrics" ]
}

looked_up_twice()
{
    scrape >"$BATS_TEST_TMPDIR/scraped" 2>/dev/null && [ "$(value 'cwg_lookups_total{result="failure"}')" -ge 3 ]
}

# A member of a record's body: told_of NAME FILE
told_of()
{
    /usr/bin/python3 -c 'import json, sys
print(json.loads(json.load(open(sys.argv[2]))["body"])[sys.argv[1]])' "$1" "$2"
}

@test "the manual has each metric by its name" {
    local name
    declared
    agent metrics "$BATS_TEST_TMPDIR/metrics"
    for name in $(scrape 2>/dev/null | sed -n 's/^# TYPE \([^ ]*\) .*/\1/p'); do
        grep -q "\*$name\*" "$ROOT/doc/cwg-agent.8.scd" || fail "no $name"
    done
}

@test "metrics: at a port of this machine alone; another path, method or place is refused" {
    local port=$((20000 + RANDOM % 10000)) place
    declared
    agent metrics "127.0.0.1:$port"
    [ "$(ask "TCP:127.0.0.1:$port" GET /metrics | grep -c '^cwg_build_info')" = 1 ]
    [[ $(ask "TCP:127.0.0.1:$port" GET /) == "HTTP/1.1 404 "* ]]
    [[ $(ask "TCP:127.0.0.1:$port" POST /metrics) == "HTTP/1.1 405 "* ]]
    for place in "0.0.0.0:$port" relative "192.0.2.1:$port"; do
        echo "metrics $place" >"$BATS_TEST_TMPDIR/other"
        run -1 --separate-stderr "$CWG" agent --config "$BATS_TEST_TMPDIR/other" --site s2
        [[ $stderr == "cwg: $BATS_TEST_TMPDIR/other:1: metrics takes the absolute path of a "* ]] || fail "$stderr"
    done
    echo "metrics 127.0.0.1:$port" >"$BATS_TEST_TMPDIR/other"
    run -1 --separate-stderr timeout 20 "$CWG" agent --config "$BATS_TEST_TMPDIR/other" --site s2 \
        --state "$BATS_TEST_TMPDIR/s2"
    [[ $stderr == "cwg: metrics: can't listen at 127.0.0.1:$port: Address already in use" ]] || fail "$stderr"
}

@test "the journal: one line for each change of a state and of the way to a site, and none for a look" {
    local err=$BATS_TEST_TMPDIR/err
    declared
    agent
    kill -HUP "$AGENT"
    sleep 2.5
    diff <(sort "$err") - <<'END'
cwg: link mail (podman/mail): off
cwg: link web-db (podman/web): waiting for its container: podman has no container web
cwg: site s2: unreachable: ssh: nobody is there
END
    # The one after it goes on. Only the way to the site is new to it.
    end_agent KILL
    agent
    sleep 1
    end_agent
    [ "$(wc -l <"$err")" = 4 ] || fail "$(<"$err")"
}

@test "the journal: with priorities, if standard error is the journal's" {
    local err=$BATS_TEST_TMPDIR/err
    declared
    : >"$err"
    JOURNAL_STREAM=$(stat -c %d:%i "$err") agent
    [ "$(grep -c '^<5>link ' "$err")" = 2 ] || fail "$(<"$err")"
    grep -qx '<4>site s2: unreachable: ssh: nobody is there' "$err" || fail "$(<"$err")"
}

@test "the journal: what is declared wrongly is said once, and again at SIGHUP" {
    local err=$BATS_TEST_TMPDIR/err
    declared
    echo '{"link":"bad"}' >"$STATE/store/want/bad.0"
    agent
    touch "$STATE/store/want/.x" && mv "$STATE/store/want/.x" "$STATE/store/want/worse.0"
    wait_until grep -q 'a declared link needs a name' "$err" || fail "$(<"$err")"
    [ "$(grep -c 'want/bad.0: ' "$err")" = 1 ] || fail "$(<"$err")"
    kill -HUP "$AGENT"
    wait_until said_twice || fail "$(<"$err")"
}

said_twice()
{
    [ "$(grep -c 'want/bad.0: ' "$BATS_TEST_TMPDIR/err")" = 2 ]
}

# The columns of a table's row that begins with a word, as one line: row WORD
row()
{
    "$CWG" status --state "$STATE" | tr -s ' ' | sed -n "s/^$1 //p"
}

@test "status: links, ways to other sites and the agent, while it runs; exit status 1 for an end that isn't there" {
    declared
    agent
    run -1 --separate-stderr "$CWG" status --state "$STATE"
    [ -z "$stderr" ] && [ "${#lines[@]}" = 6 ] || fail "$output$stderr"
    [[ ${lines[0]} =~ ^LINK\ +CONTAINER\ +ADDRESS\ +PEER\ +SITE\ +STATE\ +SINCE\ +REASON$ ]] || fail "$output"
    [[ $(row web-db) =~ ^(.*)\ [0-9]+s\ podman\ has\ no\ container\ web$ ]] || fail "$output"
    [ "${BASH_REMATCH[1]}" = "podman/web 10.0.0.14 10.0.0.15 s2 waiting for its container" ] || fail "$output"
    [[ $(row mail) =~ ^podman/mail\ 10.0.0.17\ 10.0.0.16\ s2\ off\ [0-9]+s$ ]] || fail "$output"
    [[ $(row s2) =~ ^ssh\ cwg@site2.test\ unreachable\ [0-9]+s\ s2:\ ssh:\ nobody\ is\ there$ ]] || fail "$output"
    [[ ${lines[5]} =~ ^The\ agent\ of\ site\ s1\ has\ run\ for\ [0-9]+s\.$ ]] || fail "$output"
    [[ $output != *" "$'\n'* ]] || fail "$output"
    # Another carrier, which tells by itself.
    echo '{"carrier":"etcd","state":"unreachable","since":1,"server":"https://e.test:2379","reason":"late"}' \
        >"$STATE/store/carrier/etcd"
    [[ $(row etcd) =~ ^etcd\ https://e.test:2379\ unreachable\ [0-9]+d\ [0-9]+h\ late$ ]] || fail "$(row etcd)"
    # By name, and by net.
    for name in mail 8; do
        run -0 "$CWG" status --state "$STATE" "$name"
        [[ $output == *mail*off* && $output != *web-db* ]] || fail "$output"
    done
    run -1 --separate-stderr "$CWG" status --state "$STATE" 9
    [[ $stderr == "cwg: no link of this name or net is declared here, or was joined by you" ]] || fail "$stderr"
}

@test "status: nothing is shown as connected that nobody tells of now" {
    declared
    agent
    # An agent without an engine and another site can't be brought to say so.
    sed -i "s/waiting for its container/connected/; s/since\\\\\":[0-9]*/since\\\\\":$(($(date +%s) - 7500))/" \
        "$STATE/store/status/web-db.0"
    [[ $(row web-db) == *" s2 connected 2h 5m "* ]] || fail "$(row web-db)"
    end_agent KILL
    run -1 "$CWG" status --state "$STATE"
    [[ $(row web-db) =~ \ s2\ no\ agent\ runs\ [0-9]+s\ it\ was:\ connected ]] || fail "$output"
    [[ $(row s2) =~ \ no\ agent\ runs\ [0-9]+s\ it\ was:\ unreachable ]] || fail "$output"
    [[ ${lines[-1]} =~ ^No\ agent\ runs\ here\.\ It\ was\ there\ last\ [0-9]+s\ ago: ]] || fail "$output"
    # One that hangs.
    agent
    sed -i "s/\"seen\":[0-9]*/\"seen\":$(($(date +%s) - 200))/" "$STATE/store/agent"
    [[ $(row mail) == *" s2 agent is silent 3m 2"*s" it was: off" ]] || fail "$(row mail)"
    run -1 "$CWG" status --state "$STATE"
    [[ ${lines[-1]} == "The agent of site s1 runs, and has told nothing for 3m 2"*s. ]] || fail "$output"
}

@test "status: of a declared link that no agent has seen, and of one that is declared wrongly" {
    declared
    run -1 "$CWG" status --state "$STATE"
    [[ $(row web-db) == "podman/web 10.0.0.14 10.0.0.15 s2 no agent runs - it was: not looked at yet" ]] ||
        fail "$(row web-db)"
    [[ ${lines[-1]} == "No agent runs here, and none has: start it by systemctl "*"enable --now "*"cwg-agent." ]] ||
        fail "$output"
    printf '{"link":"bad","net":-1}' >"$STATE/store/want/bad.0"
    [[ $(row bad) == *'bad: "net" has to be a number from 0 to 8388607' ]] || fail "$(row bad)"
    # Nothing that a terminal would take for something else.
    mkdir "$STATE/store/status"
    cat >"$STATE/store/status/mail.1" <<'END'
{"body":"{\"state\":\"off\\u001b[31m\",\"since\":1,\"reason\":\"a\\nb\"}"}
END
    [[ $(row mail) == *'it was: off?[31m: a?b' ]] || fail "$(row mail)"
}

# Holds a session for site s2, which says what the test writes into a pipe: call
call()
{
    mkfifo "$BATS_TEST_TMPDIR/line"
    SSH_CONNECTION="192.0.2.9 4711 192.0.2.1 22" "$CWG" inbox --state "$STATE" s2 \
        <"$BATS_TEST_TMPDIR/line" >/dev/null 3>&- &
    CALL=$!
    exec 9>"$BATS_TEST_TMPDIR/line"
}

@test "status: of a site that calls this one, whether it calls, from where, and since when; no agent is needed" {
    local file=$STATE/store/caller/s2
    "$CWG" declare --state "$STATE" - <<<"{\"sites\":[{\"site\":\"s2\",\"key\":\"$KEY\"}]}"
    # A caller that doesn't greet is none.
    run -1 "$CWG" inbox --state "$STATE" s2 <<<nonsense
    [ ! -e "$file" ]
    call
    wait_until test -e "$STATE/store/out/s2"
    [ "$(row s2)" = "inbox no link yet -" ] || fail "$(row s2)"
    echo '{"cwg-post":1}' >&9
    wait_until test -e "$file" || fail "no $file"
    [[ $(row s2) =~ ^inbox\ 192.0.2.9\ calls\ here\ [0-9]s$ ]] || fail "$(row s2)"
    # Since when: it began then, and was heard last then.
    sed -i "s/\"since\":[0-9]*/\"since\":$(($(date +%s) - 7500))/" "$file"
    sed -i "s/\"heard\":[0-9]*/\"heard\":$(($(date +%s) - 200))/" "$file"
    [[ $(row s2) == "inbox 192.0.2.9 calls here 2h 5m" ]] || fail "$(row s2)"
    kill -KILL "$CALL"
    wait "$CALL" || true
    [[ $(row s2) =~ ^inbox\ 192.0.2.9\ doesn\'t\ call\ 3m\ 2.s$ ]] || fail "$(row s2)"
    run -0 "$CWG" status --state "$STATE" --json
    python3 -c 'import json, sys
(site,) = json.loads(sys.argv[1])["sites"]
assert (site["site"], site["by"], site["at"]) == ("s2", "inbox", "192.0.2.9"), site
assert site["state"] == sys.argv[2], site' "$output" "doesn't call"
    # A site that isn't known any more, and doesn't call.
    rm "$STATE/store/site/s2"
    [ -z "$(row s2)" ]
    exec 9>&-
}

@test "status: a session that ends tells when the site was heard last" {
    "$CWG" declare --state "$STATE" - <<<"{\"sites\":[{\"site\":\"s2\",\"key\":\"$KEY\"}]}"
    call
    echo '{"cwg-post":1}' >&9
    wait_until test -e "$STATE/store/caller/s2"
    echo '{"site":"s2","since":1,"heard":1}' >"$STATE/store/caller/s2"
    sleep 1.1
    echo '{}' >&9
    exec 9>&-
    wait "$CALL"
    [[ $(row s2) =~ ^inbox\ 192.0.2.9\ doesn\'t\ call\ [0-9]s$ ]] || fail "$(row s2)"
}

# Asks `cwg serve` of a user whose agent there is, in a /var/lib of the test's own: served_as UID REQUEST [WANT]
served_as()
{
    printf '%s\n' '{"cwg":1}' "{\"do\":\"$2\"}" | unshare --mount --propagation private sh -c '
        mount -t tmpfs tests /var/lib && mkdir -m 0777 /var/lib/cwg
        [ "$3" = "" ] || { mkdir -p /var/lib/cwg/store/want && echo {} >"/var/lib/cwg/store/want/$3"; }
        exec setpriv --reuid "$1" --regid "$1" --clear-groups env HOME=/var/lib/cwg/none "$2" serve' \
        sh "$1" "$CWG" "${3:-}"
}

@test "who may not start the machine's agent is told who may" {
    [ "$(id -u)" = 0 ] || skip "needs root"
    local start="starts\{0,1\} it by systemctl enable --now cwg-helper.socket cwg-agent"
    served_as 0 who | grep "(on /var/lib/cwg): $start\""
    served_as 65534 who | grep "(on /var/lib/cwg): root $start\""
}

@test "doctor says how the machine's agent is started, and who starts it" {
    [ "$(id -u)" = 0 ] || skip "needs root"
    local remedy='it by systemctl enable --now cwg-helper.socket cwg-agent"}'
    [[ $(served_as 0 check x.0) == *"no agent runs here, though links are declared: start $remedy"* ]]
    [[ $(served_as 65534 check x.0) == *"no agent runs here, though links are declared: root starts $remedy"* ]]
}

# Declares the other site with these members, of which the first is its key: site_is KEY [MEMBERS [OPTION]]
site_is()
{
    "$CWG" declare --state "$STATE" ${3:+"$3"} - <<<"{\"sites\":[{\"site\":\"s2\",\"key\":\"$1\"${2:-}}]}"
}

@test "declare says what of a site is another than before" {
    local way=',"ssh":"cwg@site2.test"' other option
    mkdir "$BATS_TEST_TMPDIR/s3"
    other=$("$CWG" keys --state "$BATS_TEST_TMPDIR/s3" | awk '{ print $NF }')
    site_is "$KEY"
    run -0 site_is "$KEY" "$way"
    [ "${lines[0]}" = "site s2: ssh cwg@site2.test, and before none" ] || fail "$output"
    run -0 site_is "$KEY" "${way/site2/site3}"
    [ "${lines[0]}" = "site s2: ssh cwg@site3.test, and before cwg@site2.test" ] || fail "$output"
    for option in --check ""; do
        run -0 site_is "$other" "" "$option"
        [ "${lines[0]}" = \
            "site s2: another key; ssh cwg@site3.test taken away: this site doesn't call it any more" ] ||
            fail "$output"
    done
    run -0 site_is "$KEY"
    [ "${lines[0]}" = "site s2: another key" ] || fail "$output"
    echo spoiled >"$STATE/store/site/s2"
    run -0 site_is "$KEY"
    [ "${lines[0]}" = "site s2: changed" ] || fail "$output"
}

@test "declare takes neither this site's own key for another site, nor its name" {
    local own option before
    own=$("$CWG" keys --state "$STATE" | awk '{ print $NF }')
    declared
    echo '{"site":"s2"}' >"$STATE/store/self" # as an agent with this name does
    before=$(below)
    for option in --check ""; do
        run -1 site_is "$KEY" ',"ssh":"other"' "$option"
        [[ $output == "cwg: site s2: this site itself has that name, and another key: "* ]] || fail "$output"
    done
    echo '{"site":"s1"}' >"$STATE/store/self"
    for option in --check ""; do
        run -1 site_is "$own" "" "$option"
        [ "$output" = "cwg: site s2: that is this site's own key: call \`cwg keys\` at s2, not here" ] || fail "$output"
    done
    [ "$(below | grep -v /self)" = "$(grep -v /self <<<"$before")" ] || fail "$(below)"
}

# Runs a command as user 64999, whose home is HOME, in a /var/lib of its own. OWNER has /var/lib/cwg; "-": it isn't
# there: on_machine OWNER HOME COMMAND...
on_machine()
{
    [ -e "$BATS_TEST_TMPDIR/cwg" ] || cp "$CWG" "$BATS_TEST_TMPDIR/cwg"
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
    { cat /etc/passwd && echo "tested:x:64999:64999::$2:/bin/sh"; } >"$BATS_TEST_TMPDIR/passwd"
    unshare --mount --propagation private sh -c '
        mount --bind "$1/passwd" /etc/passwd && mount -t tmpfs -o mode=755 tests /var/lib || exit 99
        [ "$2" = - ] || install -d -m 0700 -o "$2" -g 65534 /var/lib/cwg
        cwg=$1/cwg && export HOME="$3" && unset XDG_STATE_HOME && shift 3
        exec setpriv --reuid 64999 --regid 64999 --clear-groups "$cwg" "$@"' sh "$BATS_TEST_TMPDIR" "$@"
}

one_link()
{
    printf '{"sites":[{"site":"s2","key":"%s"}],"links":[%s]}' "$KEY" \
        '{"link":"l","net":7,"host":0,"container":"web","site":"s2"}'
}

@test "declare and status say for whose agent, and how that one is started" {
    local home=$BATS_TEST_TMPDIR/home holder
    local own="declared: 1 link, 1 site, for your own agent ($home/.local/state/cwg/agent)"
    local start="start it by systemctl --user enable --now cwg-agent."
    [ "$(id -u)" = 0 ] || skip "needs root"
    install -d -o 64999 "$home"
    run -0 on_machine nobody "$home" declare - < <(one_link)
    [ "$(tail -n 3 <<<"$output")" = "$own
That agent doesn't run: $start
The machine's agent is another one: sudo -u cwg cwg declare - <FILE" ] || fail "$output"
    run on_machine nobody "$home" status
    [ "${lines[-1]}" = "No agent runs here, and none has: $start" ] || fail "$output"
    run -0 on_machine - "$home" declare - < <(one_link)
    [ "$output" = "$own"$'\n'"That agent doesn't run: $start" ] || fail "$output"
    # As an agent does.
    flock --exclusive "$home/.local/state/cwg/agent/store" sleep 20 3>&- &
    holder=$!
    wait_until eval '! flock --nonblock "$home/.local/state/cwg/agent/store" true'
    run -0 on_machine nobody "$home" declare --check - < <(one_link)
    kill "$(pgrep -P "$holder")"
    wait "$holder" || true
    [ "$output" = "${own/declared/in order}" ] || fail "$output"
    run -0 on_machine 64999 /var/lib/cwg declare - < <(one_link)
    [ "$(tail -n 2 <<<"$output")" = "declared: 1 link, 1 site, for the machine's agent
That agent doesn't run: root starts it by systemctl enable --now cwg-helper.socket cwg-agent." ] || fail "$output"
}

@test "before the first start of the machine's agent its user is told that root has to start it" {
    local command start="root starts it by systemctl enable --now cwg-helper.socket cwg-agent"
    [ "$(id -u)" = 0 ] || skip "needs root"
    for command in keys "declare -" "declare --check -" "forget l" "forget --site s2"; do
        # shellcheck disable=SC2086 # words
        run -1 --separate-stderr on_machine - /var/lib/cwg $command < <(one_link)
        [ "$stderr" = "cwg: no agent has run here yet (there is no /var/lib/cwg): $start" ] || fail "$command: $stderr"
        [ -z "$output" ] || fail "$command: $output"
    done
    # Whoever lives elsewhere makes a store of their own.
    install -d -o 64999 "$BATS_TEST_TMPDIR/home"
    run -0 on_machine - "$BATS_TEST_TMPDIR/home" declare - < <(one_link)
    chmod 0500 "$BATS_TEST_TMPDIR/home"
    run -1 on_machine - "$BATS_TEST_TMPDIR/home" declare --state "$BATS_TEST_TMPDIR/home/new" - < <(one_link)
    [ "$output" = "cwg: can't make $BATS_TEST_TMPDIR/home/new/store: No such file or directory" ] || fail "$output"
}

@test "status shows known sites without a link, and those that nobody has called yet" {
    local sites='{"site":"s2","key":"'$KEY'","ssh":"cwg@site2.test"},{"site":"s3","key":"'${KEY/?/A}'"}'
    local end='"net":7,"host":0,"container":"web"'
    "$CWG" declare --state "$STATE" - <<<"{\"sites\":[$sites]}"
    [ "$(row s2)" = "ssh cwg@site2.test no link yet -" ] || fail "$(row s2)"
    [ "$(row s3)" = "inbox no link yet -" ] || fail "$(row s3)"
    "$CWG" declare --state "$STATE" - <<<"{\"links\":[{\"link\":\"a\",$end,\"site\":\"s2\"},
        {\"link\":\"b\",${end/7/8},\"site\":\"s3\"}]}"
    [ "$(row s2)" = "ssh cwg@site2.test no agent runs - it was: not called yet" ] || fail "$(row s2)"
    [ "$(row s3)" = "inbox hasn't called yet -" ] || fail "$(row s3)"
    # Of these sites something is told already, or etcd leads to them, or it is this one itself.
    mkdir "$STATE/store/carrier"
    echo '{"carrier":"ssh","server":"cwg@site2.test","state":"reachable"}' >"$STATE/store/carrier/s2"
    echo '{"carrier":"etcd","server":"http://127.0.0.1:1","state":"reachable"}' >"$STATE/store/carrier/etcd"
    [ "$(row s2)" = "ssh cwg@site2.test no agent runs - it was: reachable" ] || fail "$(row s2)"
    [ -z "$(row s3)" ] || fail "$(row s3)"
    rm "$STATE/store/carrier/etcd"
    echo '{"site":"s3"}' >"$STATE/store/agent"
    [ -z "$(row s3)" ] || fail "$(row s3)"
}

@test "status says so where nothing is declared or joined" {
    run -0 "$CWG" status --state "$BATS_TEST_TMPDIR/none"
    [ "$output" = "You have joined nothing here, and no agent runs (on $BATS_TEST_TMPDIR/none)." ] || fail "$output"
}

@test "status changes nothing in a store, keeps no agent from starting, and needs no store" {
    local before holder
    declared
    before=$(find "$STATE" -printf '%p %T@ %C@\n')
    "$CWG" status --state "$STATE" >/dev/null || true
    [ "$(find "$STATE" -printf '%p %T@ %C@\n')" = "$before" ]
    # As a status does, but for longer.
    flock --shared "$STATE/store" sleep 0.4 3>&- &
    holder=$!
    sleep 0.05
    agent
    wait "$holder"
    run -1 --separate-stderr "$CWG" agent --site s1 --state "$STATE"
    [[ $stderr == "cwg: an agent runs already in this directory" ]] || fail "$stderr"
    end_agent
    run -0 --separate-stderr "$CWG" status --state "$BATS_TEST_TMPDIR/none"
    [ ! -e "$BATS_TEST_TMPDIR/none" ]
    [ -z "$stderr" ]
}

@test "status --json has all of the table, and the manual has each of its members" {
    declared
    agent
    run -1 --separate-stderr "$CWG" status --state "$STATE" --json
    python3 - "$output" "$ROOT/doc/cwg.1.scd" <<'END'
import json, sys
said = json.loads(sys.argv[1])
assert list(said) == ["agent", "declared", "sites", "joined"] and said["joined"] == [], said
assert said["agent"]["site"] == "s1" and said["agent"]["runs"], said
assert said["agent"]["started"] <= said["agent"]["seen"], said
mail, web = said["declared"]
since = web.pop("since")
assert since > 1000000000 and web == {
    "link": "web-db", "net": 7, "host": 0, "container": "podman/web", "declared_by": "store",
    "address": "10.0.0.14", "peer_address": "10.0.0.15", "site": "s2",
    "state": "waiting for its container", "last_state": None,
    "reason": "podman has no container web"}, web
(site,) = said["sites"]
assert (site["site"], site["by"], site["at"], site["state"]) == ("s2", "ssh", "cwg@site2.test", "unreachable"), site
manual = open(sys.argv[2]).read()
for member in (*said, *said["agent"], *mail, *site):
    assert f'"{member}":' in manual, member
END
    end_agent
    run -1 "$CWG" status --state "$STATE" --json
    python3 - "$output" <<'END'
import json, sys
said = json.loads(sys.argv[1])
assert not said["agent"]["runs"] and {link["state"] for link in said["declared"]} == {"no agent runs"}, said
assert {link["last_state"] for link in said["declared"]} == {"off", "waiting for its container"}, said
END
}

@test "status --watch shows declared links again and again" {
    declared
    agent
    timeout -s INT 5 "$CWG" status --state "$STATE" --watch >"$BATS_TEST_TMPDIR/watched" || true
    [ "$(grep -c '^web-db .*waiting for its container' "$BATS_TEST_TMPDIR/watched")" -ge 2 ] ||
        fail "$(<"$BATS_TEST_TMPDIR/watched")"
}

@test "no site can be called etcd, which has a line of its own beside the sites" {
    run -2 --separate-stderr "$CWG" agent --site etcd --state "$STATE"
    [ "$stderr" = "cwg: --site has to be a name: letters, digits, '_', '.' and '-', and not etcd" ] || fail "$stderr"
    echo "site etcd" >"$BATS_TEST_TMPDIR/conf"
    run -1 --separate-stderr "$CWG" agent --config "$BATS_TEST_TMPDIR/conf" --state "$STATE"
    [[ "$stderr" = *"/conf:1: site takes a name: letters, digits, '_', '.' and '-', and not etcd" ]] || fail "$stderr"
    run -1 --separate-stderr unshare --uts sh -c 'hostname etcd.example && exec "$0" "$@"' \
        "$CWG" agent --config /dev/null --state "$STATE"
    [[ "$stderr" = "cwg: the machine's name can't be a site's: "* ]] || fail "$stderr"
    run -1 --separate-stderr "$CWG" declare --state "$STATE" - <<<"{\"sites\":[{\"site\":\"etcd\",\"key\":\"$KEY\"}]}"
    [ "$stderr" = 'cwg: a site needs a name ("site"), and not etcd' ] || fail "$stderr"
    [ -z "$(find "$STATE" -name etcd)" ]
}
