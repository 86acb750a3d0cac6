#!/usr/bin/env bats
# `cwg status --etcd`: what it shows of links whose sites tell etcd, and what it doesn't believe. etcd.bash draws it. No
# agent runs: the test signs what sites tell, and holds their stores' locks. etcd_overview.bats has agents.

bats_require_minimum_version 1.5.0
load etcd
load secure

etcd_of_the_file

# Prints the public key of a private one: public_of FILE
public_of()
{
    openssl pkey -in "$1" -pubout -outform DER | tail -c 32 | base64
}

# Prints a record: record KEY-FILE SITE PATH BODY
record()
{
    local by signature
    by=$(openssl pkey -in "$1" -pubout -outform DER | tail -c 32 | sha256sum | cut -c 1-16)
    printf 'cwg1\0%s\0%s\0%s' "$2" "$3" "$4" >"$T/bytes"
    signature=$(openssl pkeyutl -sign -rawin -inkey "$1" -in "$T/bytes" | base64 -w 0)
    python3 -c 'import json, sys
print(json.dumps({"v": 1, "by": sys.argv[1], "body": sys.argv[2], "sig": sys.argv[3]}))' "$by" "$4" "$signature"
}

# Prints what a site tells of an end: told SITE HOST STATE [KEY-FILE [SERIAL [LINK]]]
told()
{
    local other=site2
    [ "$1" != site2 ] || other=site1
    record "${4:-$T/$1.key}" operators "status/${6:-web-db}.$2" "$(printf '{"link":"%s","net":7,"host":%s,
        "container":"podman/web","site":"%s","state":"%s","since":1795729867,"reason":"","serial":%s}' \
        "${6:-web-db}" "$2" "$other" "$3" "${5:-7}" | tr -d '\n ' | sed 's/insession/in session/')"
}

# The keys of an operator and of both sites; the operator's configuration; both ends are declared.
with_fleet()
{
    local name
    for name in ada site1 site2 eve; do
        openssl genpkey -algorithm ed25519 -out "$T/$name.key"
        chmod 0600 "$T/$name.key"
    done
    printf 'etcd http://127.0.0.1:2379\noperator ada %s\nstate %s\n' "$(public_of "$T/ada.key")" "$T/nowhere" \
        >"$T/operator.conf"
    printf '{"sites":[{"site":"site1","key":"%s"},{"site":"site2","key":"%s"}],"links":[{"link":"web-db","net":7,
        "ends":[{"site":"site1","container":"podman/web"},{"site":"site2","container":"db"}]}]}' \
        "$(public_of "$T/site1.key")" "$(public_of "$T/site2.key")" |
        inside_etcd "$CWG" declare --etcd --config "$T/operator.conf" --operator-key "$T/ada.key" -
    # Their agents tell, and hold the stores.
    for name in site1 site2; do
        mkdir -p "$T/$name/store"
        put "$name" agent "{\"site\":\"$name\",\"started\":1,\"seen\":$(date +%s)}"
        flock --no-fork "$T/$name/store" sleep 300 3>&- &
        MEMBERS["$name"]=$!
    done
}

# Shows all, or a link: overview [OPTION...] [LINK]
# shellcheck disable=SC2120 # without arguments, too
overview()
{
    inside_etcd "$CWG" status --etcd --config "$T/operator.conf" "$@"
}

# The row of a site, as one line without the link: row SITE
row()
{
    # shellcheck disable=SC2119 # without arguments
    overview | tr -s ' ' | sed -n "s/^web-db $1 //p"
}

# Puts a state into etcd: states SITE HOST TOLD...
states()
{
    in_etcd "site/$1/status/web-db.$2" "$(told "$@")"
}

@test "both ends of a link, as their sites have signed it; exit status 0 only if all that was declared is well" {
    etcd_up
    with_fleet
    run -1 overview
    [ "${#lines[@]}" = 3 ] || { echo "$output"; false; }
    [ "$(row site1)" = "podman/web 10.0.0.14 site2 not told yet - nobody is at etcd for its site" ]
    both_carry
    [ "$(row site2)" = "db 10.0.0.15 site1 not told yet -" ]
    put site1 status/web-db.0 "$(told site1 0 connected)"
    put site2 status/web-db.1 "$(told site2 1 insession)"
    within 5 eval '[[ $(row site1) == *connected* && $(row site2) == *session* ]]'
    run -0 --separate-stderr overview
    [ -z "$stderr" ]
    [ "$(head -n 1 <<<"$output" | tr -s ' ')" = \
        "LINK SITE CONTAINER ADDRESS PEER'S SITE STATE SINCE (ITS CLOCK, UTC) REASON" ]
    [ "$(row site1)" = "podman/web 10.0.0.14 site2 connected 2026-11-26 21:51:07" ] || { row site1; false; }
    [ "$(row site2)" = "podman/web 10.0.0.15 site1 in session 2026-11-26 21:51:07" ]
    for name in web-db 7; do
        run -0 overview "$name"
        [ "${#lines[@]}" = 3 ]
    done
    run -1 overview 8
    [ "$output" = "cwg: etcd has no link of this name or net" ]
    put site2 status/web-db.1 "$(told site2 1 refused "" 8)"
    within 31 eval '[[ $(row site2) == *refused* ]]'
    run -1 overview
}

@test "a state that somebody made up, moved from another link or end, or changed isn't believed; an older one is" {
    local old
    etcd_up
    with_fleet
    in_etcd site/site1/agent '{"told":true}' # one that carries would tell its own states again
    old=$(told site1 0 connected "" 5)
    states site1 0 refused "" 6
    [[ $(row site1) == *" refused 2026"* ]]
    in_etcd site/site1/status/web-db.0 '{"link":"web-db","net":7,"host":0,"state":"connected","since":1}'
    [ "$(row site1)" = "podman/web 10.0.0.14 site2 not believed - status/web-db.0: it isn't a record" ]
    states site1 0 connected "$T/eve.key"
    [[ $(row site1) == *" not believed - status/web-db.0: it is signed by the key"* ]]
    states site1 0 connected "$T/site2.key"
    [[ $(row site1) == *" not believed - "* ]]
    in_etcd site/site1/status/web-db.0 "$(told site1 0 connected "" 7 other)"
    [[ $(row site1) == *" not believed - status/web-db.0: its signature isn't that of"* ]]
    in_etcd site/site1/status/web-db.0 "$(told site1 1 connected)"
    [[ $(row site1) == *" not believed - status/web-db.0: its signature isn't that of"* ]]
    in_etcd site/site1/status/web-db.0 "${old/connected/refused  }"
    [[ $(row site1) == *" not believed - status/web-db.0: its signature isn't that of"* ]]
    in_etcd site/site1/status/web-db.0 "$(printf 'x%.0s' {1..5000})"
    [[ $(row site1) == *" not believed - status/web-db.0: it isn't a record"* ]]
    # etcd can bring what the site said before: doc/threats.md.
    in_etcd site/site1/status/web-db.0 "$old"
    [[ $(row site1) == *" connected 2026"* ]]
}

@test "a site that no operator has declared isn't believed, unless this machine's store knows it" {
    etcd_up
    with_fleet
    in_etcd site/site3/agent '{"told":true}'
    openssl genpkey -algorithm ed25519 -out "$T/site3.key"
    in_etcd site/site3/status/far.0 "$(told site3 0 connected "" 7 far)"
    run -1 overview far
    [[ $output == *"not believed"*"no operator here has signed a key of site site3"* ]] || { echo "$output"; false; }
    # Who may write to etcd signs nothing.
    in_etcd site/site2/site/site3 "$(record "$T/eve.key" site2 site/site3 \
        "{\"site\":\"site3\",\"key\":\"$(public_of "$T/site3.key")\",\"serial\":9}")"
    run -1 overview far
    [[ $output == *"not believed"* ]]
    "$CWG" declare --state "$T/here" - <<<"{\"sites\":[{\"site\":\"site3\",\"key\":\"$(public_of "$T/site3.key")\"}]}"
    run -0 overview --state "$T/here" far
    [[ $output == *"far"*"site3"*"10.0.0.14"*connected* ]] || { echo "$output"; false; }
    # Without operators nothing that they declared counts, and that is said.
    sed -i /operator/d "$T/operator.conf"
    run -0 --separate-stderr overview --state "$T/here"
    [ "$stderr" = "cwg: 2 declarations in etcd count for nothing: no operator of this configuration has signed them" ]
}

@test "a site's new key is followed, of which the old one tells" {
    etcd_up
    with_fleet
    in_etcd site/site1/agent '{"told":true}'
    openssl genpkey -algorithm ed25519 -out "$T/fresh.key"
    states site1 0 connected "$T/fresh.key"
    [[ $(row site1) == *" not believed - "* ]]
    in_etcd site/site2/in/site1/key "$(record "$T/eve.key" site2 key \
        "{\"serial\":9,\"key\":\"$(public_of "$T/fresh.key")\"}")"
    [[ $(row site1) == *" not believed - "* ]]
    in_etcd site/site2/in/site1/key "$(record "$T/site1.key" site2 key \
        "{\"serial\":9,\"key\":\"$(public_of "$T/fresh.key")\"}")"
    [[ $(row site1) == *" connected 2026"* ]]
    states site1 0 connected
    [[ $(row site1) == *" not believed - "* ]]
}

@test "a site that goes is silent at once if it says so, and after a minute if not; one whose agent hangs tells that" {
    etcd_up
    with_fleet
    both_carry
    put site1 status/web-db.0 "$(told site1 0 connected)"
    put site2 status/web-db.1 "$(told site2 1 connected)"
    within 5 overview
    end_carrier site1
    [ "$(row site1)" = "podman/web 10.0.0.14 site2 site is silent - it was: connected" ]
    run -1 overview
    [[ $(row site2) == *" connected 2026"* ]]
    # The agent hangs: its carrier says so at its next beat, which is the first one here.
    put site1 agent "{\"site\":\"site1\",\"started\":1,\"seen\":$(($(date +%s) - 200))}"
    carry site1
    within 5 eval '[ "$(row site1)" = "podman/web 10.0.0.14 site2 agent is silent - it was: connected" ]'
    # Nobody holds the store: no agent runs.
    end_carrier site1
    put site1 agent "{\"site\":\"site1\",\"started\":1,\"seen\":$(date +%s)}"
    carry site1
    within 5 eval '[[ $(row site1) == *" connected 2026"* ]]'
    end_carrier site1
    kill "${MEMBERS[site1]}"
    carry site1
    within 5 eval '[[ $(row site1) == *" agent is silent - it was: connected" ]]'
    kill -KILL "${CARRIERS[site2]}"
    [[ $(row site2) == *" connected 2026"* ]]
    within 80 eval '[[ $(row site2) == *" site1 site is silent - it was: connected" ]]'
}

@test "who may read all sites alone is enough; who may not, and an etcd that isn't there, are told in one line" {
    local name
    etcd_up
    with_fleet
    add_users_to ctl site1 site2
    CTL="--endpoints http://127.0.0.1:2379 --user root:root-secret"
    for name in reader nobody site1; do
        printf '%s-secret' "$name" >"$T/$name.password"
        chmod 0600 "$T/$name.password"
        { cat "$T/operator.conf"; printf 'etcd-user %s\netcd-password %s\n' "$name" "$T/$name.password"; } \
            >"$T/$name.conf"
    done
    run -1 inside_etcd "$CWG" status --etcd --config "$T/reader.conf"
    [ "${#lines[@]}" = 3 ] || { echo "$output"; false; }
    for name in nobody site1; do
        run -1 --separate-stderr inside_etcd "$CWG" status --etcd --config "$T/$name.conf"
        [ -z "$output" ]
        [ "$stderr" = "cwg: http://127.0.0.1:2379: etcdserver: permission denied to etcd-user $name" ] ||
            { echo "$stderr"; false; }
    done
    run -1 --separate-stderr overview
    [ "$stderr" = "cwg: http://127.0.0.1:2379: etcdserver: user name is empty" ] || { echo "$stderr"; false; }
    # The second server answers.
    sed -i 's|^etcd .*|etcd http://127.0.0.1:9 http://127.0.0.1:2379|' "$T/reader.conf"
    run -1 --separate-stderr inside_etcd "$CWG" status --etcd --config "$T/reader.conf"
    [ "${#lines[@]}" = 3 ]
    [ -z "$stderr" ]
    etcd_down
    run -1 --separate-stderr inside_etcd "$CWG" status --etcd --config "$T/reader.conf"
    [ -z "$output" ] && [[ $stderr == "cwg: http://127.0.0.1:2379: "* && $stderr != *$'\n'* ]] ||
        { echo "$stderr"; false; }
}

@test "--json has all of the table, the manual has each member, and no word of etcd's gets to a terminal" {
    etcd_up
    with_fleet
    in_etcd site/site1/agent '{"told":true}'
    in_etcd site/site1/status/web-db.0 "$(record "$T/site1.key" operators status/web-db.0 \
        '{"net":7,"site":"site2","state":"off\u001b[31m","since":1,"reason":"a\nb","serial":1}')"
    [ "$(row site1)" = "podman/web 10.0.0.14 site2 off?[31m 1970-01-01 00:00:01 a?b" ] || { row site1; false; }
    run -1 overview --json
    python3 - "$output" doc/cwg.1.scd <<'END'
import json, sys
said = json.loads(sys.argv[1])
assert list(said) == ["ends"], said
one, other = said["ends"]
assert one == {"link": "web-db", "net": 7, "host": 0, "site": "site1", "container": "podman/web", "declared": True,
    "address": "10.0.0.14", "peer_address": "10.0.0.15", "peer_site": "site2", "state": "off?[31m",
    "last_state": None, "since": 1, "reason": "a?b"}, one
assert (other["host"], other["site"], other["state"], other["since"]) == (1, "site2", "not told yet", None), other
manual = open(sys.argv[2]).read()
for member in (*said, *one):
    assert f'"{member}":' in manual, member
END
}

@test "it can't be watched, and names are asked of nobody" {
    local option
    for option in --watch --names; do
        run -2 "$CWG" status --etcd "$option"
        [ "$output" = "cwg: --etcd shows all ends once: not with --watch or --names" ]
    done
    run -2 "$CWG" status --config "$T/none"
    [ "$output" = "cwg: --config is for --etcd" ]
    run -1 "$CWG" status --etcd --config /dev/null
    [ "$output" = "cwg: no server of etcd is given: it needs a line \`etcd URL\` in cwg.conf, or --config FILE" ]
}

# An etcd of which the list of ends has no end. Each list that begins is a line in its log.
endless_etcd()
{
    ip netns exec etcd python3 - >"$T/endless.log" 3>&- <<'END' &
import base64, http.server, json

def packed(number):
    key = base64.b64encode(b"/cwg/v1/site/s/status/l%07d.0" % number).decode()
    return '{"key":"%s","mod_revision":"1"}' % key

class Server(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        rest = base64.b64decode(asked["key"]).partition(b"/status/l")[2]
        if not rest:
            print(self.headers["Host"], flush=True)
        first = int(rest[:7]) + 1 if rest else 0
        answer = '{"header":{"revision":"9","cluster_id":"1"},"more":true,"kvs":[%s]}' % ",".join(
            packed(number) for number in range(first, first + 50000))
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *words):
        pass

http.server.HTTPServer(("127.0.0.1", 2379), Server).serve_forever()
END
    MEMBERS[endless]=$!
}

@test "an etcd with more ends than can be shown is told, and no other server is asked for the same" {
    endless_etcd
    within 10 inside_etcd bash -c '>/dev/tcp/127.0.0.1/2379'
    printf 'etcd http://127.0.0.1:2379 http://localhost:2379\nstate %s\n' "$T/nowhere" >"$T/operator.conf"
    run -1 --separate-stderr overview
    [ -z "$output" ] && [ "$stderr" = "cwg: etcd has more of links than can be shown: over 256 MiB" ] ||
        { echo "$stderr"; false; }
    [ "$(cat "$T/endless.log")" = 127.0.0.1:2379 ] || { cat "$T/endless.log"; false; }
}

# Expects a value in etcd: in_etcd_is KEY VALUE
in_etcd_is()
{
    [ "$(ctl get --print-value-only "/cwg/v1/$1")" = "$2" ]
}

# How often a key was put since it is there: version_of KEY
version_of()
{
    ctl get "/cwg/v1/$1" --write-out json | grep -o '"version":[0-9]*'
}

@test "a site whose state somebody else has changed tells its own again, at once, but not all the time" {
    local own key=site/site1/status/web-db.0
    etcd_up
    with_fleet
    own=$(told site1 0 connected)
    put site1 status/web-db.0 "$own"
    carry site1
    within 5 in_etcd_is $key "$own"
    within 5 says site1 connected
    [ "$(version_of $key)" = '"version":1' ]
    states site1 0 connected "$T/eve.key"
    within 5 in_etcd_is $key "$own"
    [ "$(version_of $key)" = '"version":3' ]
    [[ $(row site1) == *" connected 2026"* ]]
    # Nobody makes it write all the time: the next one waits until a state is told again.
    in_etcd $key forged
    put site1 out/site2/l.0 behind
    within 5 in_etcd_is site/site2/in/site1/l.0 behind
    in_etcd_is $key forged
    within 35 in_etcd_is $key "$own"
    # Nor does one last of an end that the site doesn't have.
    in_etcd site/site1/status/far.0 "$own"
    within 5 in_etcd_is site/site1/status/far.0 ""
}

@test "a state that somebody has deleted, or that isn't text, is told again" {
    local own key=site/site1/status/web-db.0
    etcd_up
    with_fleet
    own=$(told site1 0 connected)
    put site1 status/web-db.0 "$own"
    put site1 status/db-web.0 "$own"
    carry site1
    within 5 in_etcd_is $key "$own"
    ctl del "/cwg/v1/$key"
    within 5 in_etcd_is $key "$own"
    in_etcd site/site1/status/db-web.0 $'two\nlines'
    within 5 in_etcd_is site/site1/status/db-web.0 "$own"
}

# etcd has no state of an end: untold KEY
untold()
{
    [ -z "$(ctl get "/cwg/v1/site/$1")" ]
}

@test "an end that is none any more goes from etcd at once, and one that comes again is told half a minute later" {
    etcd_up
    with_fleet
    both_carry
    put site1 status/web-db.0 "$(told site1 0 connected)"
    within 5 eval '[[ $(row site1) == *" connected 2026"* ]]'
    put site1 status/web-db.0 "$(told site1 0 off "" 8)"
    rm "$T/site1/store/status/web-db.0"
    within 5 untold site1/status/web-db.0
    # Who makes and removes it all the time writes no more often than who changes it.
    put site1 status/web-db.0 "$(told site1 0 connected "" 9)"
    run ! within 5 eval '[[ $(row site1) == *" connected 2026"* ]]'
    within 30 eval '[[ $(row site1) == *" connected 2026"* ]]'
}

@test "a state that somebody has deleted while its site had no connection is told again" {
    etcd_up
    with_fleet
    both_carry
    put site1 status/web-db.0 "$(told site1 0 connected)"
    within 5 eval '[[ $(row site1) == *" connected 2026"* ]]'
    kill -STOP "${CARRIERS[site1]}"
    etcd_down
    etcd_up
    ctl del /cwg/v1/site/site1/status/web-db.0
    ctl compact "$(ctl get / --write-out json | sed 's/.*"revision":\([0-9]*\).*/\1/')"
    kill -CONT "${CARRIERS[site1]}"
    within 40 eval '[[ $(row site1) == *" connected 2026"* ]]'
}

# Fills etcd's store, of 16 MiB.
fill_etcd()
{
    head -c 1000000 /dev/zero | tr '\0' x >"$T/big"
    for _ in {1..20}; do ctl put /other <"$T/big" || break; done
}

empty_etcd()
{
    local revision
    ctl del /other
    revision=$(ctl get / --write-out json | sed 's/.*"revision":\([0-9]*\).*/\1/')
    ctl compact "$revision"
    ctl defrag
    ctl alarm disarm
}

@test "a full etcd: a site whose state it doesn't take is silent, one with nothing new isn't, unless its agent hangs" {
    etcd_up one 2379 --quota-backend-bytes 16777216
    with_fleet
    both_carry
    put site1 status/web-db.0 "$(told site1 0 connected)"
    put site2 status/web-db.1 "$(told site2 1 connected)"
    within 5 overview
    fill_etcd
    put site1 status/web-db.0 "$(told site1 0 refused "" 8)"
    within 40 eval '[ "$(row site1)" = "podman/web 10.0.0.14 site2 site is silent - it was: connected" ]'
    says site1 full
    # Its beat finds no room either. What etcd has of it is true.
    within 65 says site2 full
    [[ $(row site2) == *" connected 2026"* ]]
    put site2 agent "{\"site\":\"site2\",\"started\":1,\"seen\":$(($(date +%s) - 200))}"
    within 65 eval '[[ $(row site2) == *" site is silent - it was: connected" ]]'
    empty_etcd
    for name in site1 site2; do put "$name" agent "{\"site\":\"$name\",\"started\":1,\"seen\":$(date +%s)}"; done
    within 30 eval '[[ $(row site1) == *" refused 2026"* && $(row site2) == *" connected 2026"* ]]'
    within 5 says site1 connected
    says site2 connected
}

@test "a site that etcd forbids to tell a state is unconfirmed as long as it is, and tells the other sites all" {
    etcd_up
    printf secret1 >"$T/password"
    chmod 0600 "$T/password"
    with_fleet
    ctl user add root:secret1
    ctl user add site1:secret1
    ctl role add site1
    ctl role grant-permission site1 --prefix=true readwrite /cwg/v1/
    ctl user grant-role site1 site1
    ctl user grant-role root root
    ctl auth enable
    CTL="--endpoints http://127.0.0.1:2379 --user root:secret1"
    printf 'etcd-user root\netcd-password %s\n' "$T/password" >>"$T/operator.conf"
    put site1 status/web-db.0 "$(told site1 0 connected)"
    CONF="etcd-user site1"$'\n'"etcd-password $T/password" carry site1
    within 10 eval '[[ $(row site1) == *" connected 2026"* ]]'
    ctl role grant-permission site1 --prefix=true read /cwg/v1/
    ctl role grant-permission site1 readwrite /cwg/v1/site/site1/agent
    ctl role grant-permission site1 --prefix=true readwrite /cwg/v1/site/site2/in/site1/
    put site1 status/web-db.0 "$(told site1 0 refused "" 8)"
    within 40 eval '[ "$(row site1)" = "podman/web 10.0.0.14 site2 unconfirmed - it was: connected" ]'
    run -1 overview
    says site1 refused
    put site1 out/site2/l.0 passes
    within 5 eval '[ "$(ctl get --print-value-only /cwg/v1/site/site2/in/site1/l.0)" = passes ]'
    # It is so again as etcd has it: that is noticed at the time of the next attempt.
    put site1 status/web-db.0 "$(told site1 0 connected)"
    within 35 eval '[[ $(row site1) == *" connected 2026"* ]]'
    within 5 says site1 connected
}
