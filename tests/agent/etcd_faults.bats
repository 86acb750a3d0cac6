#!/usr/bin/env bats
# What `cwg etcd` does when etcd fails, or is another one than before. etcd.bash draws it.

bats_require_minimum_version 1.5.0
load etcd
load secure

etcd_of_the_file

@test "an etcd that ends and comes back: what was told meanwhile passes, in its last state only" {
    local i
    etcd_up
    both_carry
    etcd_down
    for i in {1..20}; do put site1 out/site2/l.0 "$i"; done
    within 10 says site1 unreachable
    within 10 says site2 unreachable
    etcd_up
    within 10 has site2 in/site1/l.0 20
    within 10 says site1 connected
    [ "$(ctl get /cwg/v1/site/site2/in/site1/l.0 --write-out json | grep -o '"version":[0-9]*')" = '"version":1' ]
}

@test "etcd is away at the start: it is told so, and all passes once it comes" {
    put site1 out/site2/l.0 early
    carry site1
    within 5 says site1 unreachable
    grep -q "since" "$T/site1/store/carrier/etcd"
    carry site2
    etcd_up
    within 10 has site2 in/site1/l.0 early
}

# Prints the revision that etcd has.
revision()
{
    ctl get / --write-out json | sed 's/.*"revision":\([0-9]*\).*/\1/'
}

# Puts a value so many times, each in a revision of its own: put_many TIMES KEY
put_many()
{
    local body
    body="{\"key\":\"$(printf %s "$2" | base64 --wrap 0)\",\"value\":\"eA==\"}"
    inside_etcd curl --silent --fail --max-time 60 --output /dev/null --data "$body" \
        "http://127.0.0.1:2379/v3/kv/put?[1-$1]"
}

# TCP says nothing of it: the kernel of the machine answers.
@test "an etcd that is stopped and answers nothing is left within half a minute, and found again" {
    etcd_up
    both_carry
    freeze "${MEMBERS[one]}"
    put site1 out/site2/l.0 told
    within 12 says site1 unreachable # the put has got no answer
    within 35 says site2 unreachable # it had nothing to say
    kill -CONT "${MEMBERS[one]}"
    within 30 has site2 in/site1/l.0 told
}

# Only the watch's connection is dead: calls go on.
@test "a watch that is silent is noticed by the beat that doesn't come, and what it missed is listed" {
    local port
    etcd_up
    both_carry
    passes before
    # The older of the connections that site2 has is its call's, the younger its watch's.
    port=$(inside_etcd ss -Htnp state established "dport = 2379" | grep "pid=${CARRIERS[site2]}," |
        sed 's/.*fd=\([0-9]*\).*/\1 &/' | sort -n | tail -n 1 | awk '{ sub(".*:", "", $4); print $4 }')
    inside_etcd iptables -A INPUT -p tcp --dport "$port" -j DROP
    put site1 out/site2/l.0 missed
    run ! within 5 has site2 in/site1/l.0 missed
    within 70 has site2 in/site1/l.0 missed
    grep -q "the watch is silent" "$T/site2.log"
}

# What a watch tells waits in buffers while nobody reads it. What comes behind these etcd looks up later, in a store
# that has lost it by then.
# Puts a line at site1, while the watch of site2 falls behind a compaction: compacted_past LINE
compacted_past()
{
    freeze "${CARRIERS[site2]}"
    for _ in {1..15}; do ctl put /cwg/v1/site/site2/big <"$T/big"; done
    put_many 300 /cwg/v1/site/site2/small
    ctl del --prefix /cwg/v1/site/site2/big
    put site1 out/site2/l.0 "$1"
    within 10 eval 'ctl get /cwg/v1/site/site2/in/site1/l.0 | grep -q '"$1"
    ctl compact "$(revision)"
    kill -CONT "${CARRIERS[site2]}"
}

# Debian 12's etcd may lose a watch's events at a compaction, and says nothing of it (etcd-io/etcd, pull request 17555).
# Then the next list has them, in a quarter of an hour at most. Here it is another compaction's turn.
@test "a watch that is behind a compaction is told so, and lists anew" {
    local round
    etcd_up
    both_carry
    passes before
    head -c 1000000 /dev/zero | tr '\0' x >"$T/big"
    for round in {1..8}; do
        compacted_past "later$round"
        within 15 grep -q "the watch is behind a compaction" "$T/site2.log" || continue
        break
    done
    grep -q "the watch is behind a compaction" "$T/site2.log"
    within 10 has site2 in/site1/l.0 "later$round"
}

@test "a full store: it is told, reading goes on, and all passes once there is room" {
    etcd_up one 2379 --quota-backend-bytes 16777216
    both_carry
    passes before
    in_etcd site/site1/in/site3/l.0 early
    head -c 1000000 /dev/zero | tr '\0' x >"$T/big"
    for _ in {1..20}; do ctl put /other <"$T/big" || break; done
    put site1 out/site2/l.0 waiting
    within 10 says site1 full
    # Nothing new can be put: what was there before is read by a site that listens to one more site now.
    knows site1 site3
    within 5 has site1 in/site3/l.0 early
    says site1 full
    ctl del /other || true
    ctl compact "$(revision)"
    ctl defrag
    ctl alarm disarm
    within 20 has site2 in/site1/l.0 waiting
    within 5 says site1 connected
}

# As after a machine was lost: what was put since the backup is put again.
@test "a restored backup: all is told anew, and an older record replaces none" {
    local i old='{"by":"a","body":"{\"serial\":7}"}' new='{"by":"a","body":"{\"serial\":8}"}'
    etcd_up
    both_carry
    passes "$old"
    ctl snapshot save "$T/backup"
    passes "$new"
    # So much is lost that what others write after the restoration doesn't hide it.
    for i in {1..12}; do
        put site1 out/site2/m.0 "later $i"
        within 5 has site2 in/site1/m.0 "later $i"
    done
    etcd_down
    rm -rf "$T/one.data"
    inside_etcd "$ETCD_DIR/etcdctl" snapshot restore "$T/backup" --name one --data-dir "$T/one.data" \
        --initial-cluster one=http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380
    # As long as site 1 is away, site 2 finds the older record.
    freeze "${CARRIERS[site1]}"
    etcd_up
    within 10 grep -q "all is told again" "$T/site2.log"
    ctl get /cwg/v1/site/site2/in/site1/l.0 | grep -q 7
    has site2 in/site1/l.0 "$new"
    kill -CONT "${CARRIERS[site1]}"
    within 10 eval 'ctl get /cwg/v1/site/site2/in/site1/m.0 | grep -q later'
    within 10 eval 'ctl get /cwg/v1/site/site2/in/site1/l.0 | grep -q 8'
    grep -q "all is told again" "$T/site1.log"
    has site2 in/site1/l.0 "$new"
}

# Starts three members, and names them all to who calls.
three_members()
{
    CLUSTER=a=http://127.0.0.1:2380,b=http://127.0.0.1:2390,c=http://127.0.0.1:2400
    URLS="http://127.0.0.1:2379 http://127.0.0.1:2389 http://127.0.0.1:2399"
    CTL="--endpoints 127.0.0.1:2379,127.0.0.1:2389,127.0.0.1:2399"
    start_etcd a 2379
    start_etcd b 2389
    start_etcd c 2399
    within 20 ctl endpoint health
}

# Prints the name of the leader.
leader()
{
    local port
    port=$(ctl endpoint status --write-out simple | grep ', true,' | sed 's/.*:\([0-9]*\),.*/\1/')
    case $port in 2379) echo a ;; 2389) echo b ;; 2399) echo c ;; esac
}

# Prints the name of the member that a carrier speaks with.
member_of()
{
    local port
    port=$(sed 's/.*"server":"[^"]*:\([0-9]*\)".*/\1/' "$T/$1/store/carrier/etcd")
    case $port in 2379) echo a ;; 2389) echo b ;; 2399) echo c ;; esac
}

@test "three members: the one in use dies, and the leader; with a minority nothing passes, and then all does" {
    local member
    three_members
    both_carry
    passes one
    member=$(member_of site1)
    etcd_down "$member"
    passes two 20
    start_etcd "$member" "$(case $member in a) echo 2379 ;; b) echo 2389 ;; *) echo 2399 ;; esac)"
    within 20 eval '[ "$(ctl endpoint health 2>&1 | grep -c "is healthy")" = 3 ]'
    member=$(leader)
    etcd_down "$member"
    passes three 20
    # Site 2's watch is at a member that answers, and has no leader any more.
    member=$(printf '%s\n' "${!MEMBERS[@]}" | grep -vx "$(member_of site2)")
    freeze "${MEMBERS[$member]}"
    put site1 out/site2/l.0 four
    within 20 says site2 unreachable
    # A call that came just then ends by a timeout, and that is told first.
    grep -qE "the watch ended: .*no leader|request timed out" "$T/site2.log"
    within 60 says site1 unreachable
    has site2 in/site1/l.0 three
    kill -CONT "${MEMBERS[$member]}"
    within 65 has site2 in/site1/l.0 four
}

@test "users and passwords: lost tokens are had again, and a key that isn't allowed holds up no other" {
    local password=$T/password
    printf secret1 >"$password"
    chmod 0600 "$password"
    etcd_up
    CTL_ROOT="--endpoints http://127.0.0.1:2379 --user root:secret0"
    ctl user add root:secret0
    ctl user add site1:secret1
    ctl user add site2:secret1
    for site in 1 2; do
        ctl role add "site$site"
        ctl role grant-permission "site$site" --prefix=true readwrite "/cwg/v1/site/site$site/"
        ctl user grant-role "site$site" "site$site"
    done
    ctl role grant-permission site1 --prefix=true write /cwg/v1/site/site2/in/site1/
    ctl user grant-role root root
    ctl auth enable
    CTL=$CTL_ROOT
    CONF="etcd-user site1"$'\n'"etcd-password $password" carry site1
    CONF="etcd-user site2"$'\n'"etcd-password $password" carry site2
    within 10 says site1 connected
    passes one
    # Both are put in one transaction.
    end_carrier site1
    put site1 out/site3/l.0 forbidden
    put site1 out/site2/m.0 allowed
    CONF="etcd-user site1"$'\n'"etcd-password $password" carry site1
    within 10 has site2 in/site1/m.0 allowed
    within 10 says site1 refused
    grep -q "permission denied to etcd-user site1, to write /cwg/v1/site/site3/in/site1/l.0" \
        "$T/site1/store/carrier/etcd"
    passes two
    # A signal has it try again at once.
    sleep 8
    ctl role grant-permission site1 --prefix=true write /cwg/v1/site/site3/in/site1/
    kill -HUP "${CARRIERS[site1]}"
    within 5 says site1 connected
    [ "$(ctl get --print-value-only /cwg/v1/site/site3/in/site1/l.0)" = forbidden ]
    etcd_down
    etcd_up
    passes three 15
}

# How many calls etcd was asked for since its start, all or those of a name: calls [NAME]
calls()
{
    inside_etcd curl --silent --max-time 5 http://127.0.0.1:2379/metrics |
        awk -v name="\"${1:-}" '/^grpc_server_started_total\{/ && index($0, name) { count += $2 }
            END { print count + 0 }'
}

@test "a token that is still good is used on: an etcd that answers again is asked for no login" {
    local before
    printf secret1 >"$T/password"
    chmod 0600 "$T/password"
    etcd_up
    ctl user add root:secret0
    ctl user add site1:secret1
    ctl role add site1
    ctl role grant-permission site1 --prefix=true readwrite /cwg/v1/
    ctl user grant-role root root
    ctl user grant-role site1 site1
    ctl auth enable
    CONF="etcd-user site1"$'\n'"etcd-password $T/password" carry site1
    within 10 says site1 connected
    before=$(calls Authenticate)
    [ "$before" -gt 0 ]
    freeze "${MEMBERS[one]}"
    within 45 says site1 unreachable
    kill -CONT "${MEMBERS[one]}"
    within 70 says site1 connected
    [ "$(calls Authenticate)" -eq "$before" ]
}

@test "a wrong password, and a user that is missing, are told, and nothing is asked all the time" {
    local before
    etcd_up
    ctl user add root:secret0
    ctl user grant-role root root
    ctl auth enable
    printf wrong >"$T/password"
    chmod 0600 "$T/password"
    CONF="etcd-user site1"$'\n'"etcd-password $T/password" carry site1
    within 5 says site1 unreachable
    grep -q "authentication failed" "$T/site1/store/carrier/etcd"
    carry site2
    within 5 says site2 unreachable
    grep -q "user name is empty" "$T/site2/store/carrier/etcd"
    before=$(calls)
    sleep 7
    [ "$(calls Authenticate)" -ge 2 ]
    [ $(($(calls) - before)) -ge 2 ]
    [ $(($(calls) - before)) -le 20 ]
    grep -q "(etcd-user site1, and the password in $T/password)" "$T/site1/store/carrier/etcd"
    # The file is read at each login.
    CTL="--endpoints http://127.0.0.1:2379 --user root:secret0"
    ctl user add site1:secret1
    ctl role add site1
    ctl role grant-permission site1 --prefix=true readwrite /cwg/v1/
    ctl user grant-role site1 site1
    printf secret1 >"$T/password"
    kill -HUP "${CARRIERS[site1]}"
    within 5 says site1 connected
    ctl user passwd site1 --interactive=false <<<secret2
    put site1 out/site2/l.0 later
    within 10 says site1 unreachable
    printf secret2 >"$T/password"
    within 30 says site1 connected
    [ "$(grep -c "authentication failed" "$T/site1.log")" = 2 ]
}

@test "two machines that are one site: the second publishes nothing and says whose it is, until --takeover" {
    etcd_up
    both_carry
    passes one
    STATE=copy carry site1
    within 5 says copy another-machine
    grep -q "$(uname -n | cut -c 1-64) is site site1 as well" "$T/copy.log"
    put copy out/site2/l.0 "from the copy"
    put site1 out/site2/m.0 behind
    within 5 has site2 in/site1/m.0 behind
    has site2 in/site1/l.0 one
    end_carrier copy
    STATE=copy carry site1 --takeover
    within 5 has site2 in/site1/l.0 "from the copy"
    within 5 says site1 another-machine
    put site1 out/site2/l.0 "from the first"
    put copy out/site2/m.0 "behind that"
    within 5 has site2 in/site1/m.0 "behind that"
    has site2 in/site1/l.0 "from the copy"
    # The copy ends, and begins without the option: it is the site. Then it ends, and the first one is, and tells all.
    end_carrier copy
    STATE=copy carry site1
    put copy out/site2/n.0 again
    within 5 has site2 in/site1/n.0 again
    says site1 another-machine
    end_carrier copy
    within 5 has site2 in/site1/l.0 "from the first"
    within 5 has site2 in/site1/m.0 behind # which it had told before, and the copy has told since
}

@test "a second carrier in the same directory ends, and says why" {
    etcd_up
    both_carry
    run inside_etcd timeout 20 "$CWG" etcd --config "$T/site1.conf" --site site1 --state "$T/site1"
    [ "$status" = 1 ]
    [ "$output" = "cwg: cwg etcd runs already in $T/site1" ]
    passes one
}

@test "a lease that has ended is had again, and nothing else that was told went with it" {
    local lease
    etcd_up
    both_carry
    passes one
    lease=$(ctl get /cwg/v1/site/site1/agent --write-out json | sed 's/.*"lease":\([0-9]*\).*/\1/')
    put site1 status/l.0 '{"state":"connected"}'
    within 5 eval 'ctl get /cwg/v1/site/site1/status/l.0 | grep -q connected'
    freeze "${CARRIERS[site1]}"
    ctl lease revoke "$(printf %x "$lease")"
    [ "$(ctl get --prefix --keys-only /cwg/v1/site/ | grep -c .)" = 3 ] # site 2's own, a record and a state
    kill -CONT "${CARRIERS[site1]}"
    within 5 eval 'ctl get /cwg/v1/site/site1/agent | grep -q boot'
    passes two
    [ "$(ctl get /cwg/v1/site/site2/in/site1/l.0 --print-value-only)" = two ]
}

@test "TLS: a certificate without CN passes; none, one with a CN, and another authority's server are told" {
    authority
    certificate server /CN=server
    certificate client /O=site1
    certificate named /CN=site1
    export URLS=https://127.0.0.1:2379
    SCHEME=https
    CTL="--endpoints $URLS --cacert $T/ca.pem --cert $T/client.pem --key $T/client.key"
    etcd_up one 2379 --cert-file "$T/server.pem" --key-file "$T/server.key" --trusted-ca-file "$T/ca.pem" \
        --client-cert-auth
    printf secret >"$T/password"
    chmod 0600 "$T/password"
    ctl user add root:secret
    ctl user grant-role root root
    ctl auth enable
    local user="etcd-user root"$'\n'"etcd-password $T/password"$'\n'"etcd-ca $T/ca.pem"
    CONF=$user$'\n'"etcd-cert $T/client.pem"$'\n'"etcd-key $T/client.key" both_carry
    passes secretly
    end_carrier site1
    CONF=$user$'\n'"etcd-cert $T/named.pem"$'\n'"etcd-key $T/named.key" STATE=named carry site1
    within 5 eval 'grep -q "CommonName of client" "$T/named/store/carrier/etcd"'
    CONF="etcd-ca $T/ca.pem" STATE=bare carry site1
    within 5 says bare unreachable
    CONF="etcd-cert $T/client.pem"$'\n'"etcd-key $T/client.key" STATE=system carry site1
    within 5 eval 'grep -q "certificate.*(etcd-ca is the system.s)" "$T/system/store/carrier/etcd"'
    # The authority's file is read for each connection.
    cp "$T/named.pem" "$T/other.pem"
    CONF=${user/ca.pem/other.pem}$'\n'"etcd-cert $T/client.pem"$'\n'"etcd-key $T/client.key" STATE=mended carry site2
    within 5 eval 'grep -q "certificate.*(etcd-ca is $T/other.pem)" "$T/mended/store/carrier/etcd"'
    cat "$T/ca.pem" >"$T/other.pem"
    kill -HUP "${CARRIERS[mended]}"
    within 5 eval 'says mended "\(connected\|another-machine\)"'
}
