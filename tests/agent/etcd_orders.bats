#!/usr/bin/env bats
# An operator declares links for sites through etcd: what a site takes, and what it refuses. etcd.bash draws it.

bats_require_minimum_version 1.5.0
load etcd

etcd_of_the_file

# Prints the public key of a private one, as `cwg keys` prints it: public_of FILE
public_of()
{
    openssl pkey -in "$1" -pubout -outform DER | tail -c 32 | base64
}

# An operator with a key, and a stranger with another; both sites name the operator.
with_operator()
{
    local name
    for name in operator stranger key1 key2; do
        openssl genpkey -algorithm ed25519 -out "$T/$name.key"
        chmod 0600 "$T/$name.key"
    done
    printf 'etcd http://127.0.0.1:2379\n' >"$T/operator.conf"
    CONF="operator ada $(public_of "$T/operator.key")"
    export CONF
}

# Prints a file's link between the two sites: link_of LINK NET [MEMBERS]
link_of()
{
    printf '{"link":"%s","net":%s%s,"ends":[{"site":"site1","container":"podman/web"},{"site":"site2",
        "container":"db"}]}' "$1" "$2" "${3:-}"
}

# Declares links as an operator, and members of site2: declare_links LINKS [MEMBERS [NAME]]
declare_links()
{
    printf '{"sites":[{"site":"site1","key":"%s"},{"site":"site2","key":"%s"%s}],"links":[%s]}' \
        "$(public_of "$T/key1.key")" "$(public_of "$T/key2.key")" "${2:-}" "$1" |
        inside_etcd "$CWG" declare --etcd --config "$T/operator.conf" --operator-key "$T/${3:-operator}.key" -
}

# Declares as an operator: declare_link LINK NET [NAME [MEMBERS]]
declare_link()
{
    declare_links "$(link_of "$1" "$2" "${4:-}")" '' "${3:-operator}"
}

forget()
{
    inside_etcd "$CWG" forget --etcd --config "$T/operator.conf" --operator-key "$T/operator.key" "$@"
}

# Prints a member of a want: wanted SITE LINK.HOST MEMBER
wanted()
{
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$T/$1/store/want/$2" "$3"
}

# The want says that the end is to be removed: forgets SITE LINK.HOST
forgets()
{
    grep -q '"forget":true' "$T/$1/store/want/$2"
}

@test "what an operator declares comes to both sites, with the other site's key, and its end takes it away" {
    etcd_up
    with_operator
    run declare_link web-db 7
    [ "$output" = "declared: 1 link" ] || { echo "$output"; false; }
    both_carry
    within 5 [ -e "$T/site1/store/want/web-db.0" ]
    within 5 [ -e "$T/site2/store/want/web-db.1" ]
    [ "$(wanted site1 web-db.0 peer)" = "{'site': 'site2'}" ]
    [ "$(wanted site2 web-db.1 container)" = "{'engine': '', 'name': 'db'}" ]
    grep -qF "$(public_of "$T/key2.key")" "$T/site1/store/site/site2"
    grep -qF "$(public_of "$T/key1.key")" "$T/site2/store/site/site1"
    # A change, and the end.
    declare_link web-db 7 operator ',"mtu":1300'
    within 5 eval '[ "$(wanted site1 web-db.0 mtu)" = 1300 ]'
    forget web-db
    # An agent removes the ends first, and then the wants.
    within 5 forgets site1 web-db.0
    within 5 forgets site2 web-db.1
    run forget web-db
    [ "$status" = 1 ]
    [ "$output" = "cwg: no link is declared by the name web-db" ]
    # Name and net are free again.
    declare_link other 7
    declare_link web-db 8
    within 5 eval '! forgets site1 web-db.0'
}

@test "a net and a name are given once" {
    etcd_up
    with_operator
    declare_link web-db 7
    run declare_link other 7
    [ "$status" = 1 ]
    [ "$output" = "cwg: link other: net 7 is that of link web-db" ] || { echo "$output"; false; }
    run declare_link web-db 8
    [ "$output" = "cwg: link web-db is declared with another net or other sites: forget it first" ]
    [ "$(ctl get --prefix --keys-only /cwg/v1/net/)" = /cwg/v1/net/7 ]
    # The links before the one that etcd's records refuse stay.
    run declare_links "$(link_of first 9),$(link_of other 7),$(link_of last 11)"
    [ "$status" = 1 ]
    [[ $output == *"declared: 1 link"* && $output == *"cwg: link other: net 7 is that of link web-db"* ]] ||
        { echo "$output"; false; }
    [ "$(ctl get --prefix --keys-only /cwg/v1/net/ | xargs)" = "/cwg/v1/net/7 /cwg/v1/net/9" ]
}

# Nothing of these links and members of site2 is declared, and the message ends so: is_refused LINKS MEMBERS MESSAGE
is_refused()
{
    run declare_links "$1" "$2"
    [ "$status" = 1 ]
    [[ $output == "cwg: $3"* ]] || { echo "$output"; false; }
    [ -z "$(ctl get --prefix --keys-only /cwg/v1/)" ]
}

@test "a mistake anywhere in the file keeps all of its links out of etcd" {
    local good
    etcd_up
    with_operator
    good=$(link_of first 7)
    is_refused "$good,$(link_of second 8 ',"mut":1300')" '' 'link second: no member is called "mut" with --etcd'
    is_refused "$good,$(link_of second 8 ',"mtu":"1300"')" '' 'link second: "mtu" has to be 0, or a number from 576'
    is_refused "$good,$(link_of second 8388608)" '' 'link second: "net" has to be a number'
    is_refused "$good,$(link_of second 8 | sed s/site2/site3/)" '' 'link second: site site3 has to stand under "sites"'
    is_refused "$good" ',"ssh":"cwg@site2.example"' 'a site: no member is called "ssh" with --etcd'
    is_refused "$good,$(link_of first 8)" '' '"links" has first twice'
    is_refused "$good" "},{\"site\":\"site3\",\"key\":\"$(public_of "$T/key2.key")\"" \
        'sites site2 and site3 have one key'
    is_refused "$good" "},{\"site\":\"site2\",\"key\":\"$(public_of "$T/operator.key")\"" '"sites" has site2 twice'
    # Of a site that no link needs.
    is_refused "$good" '},{"site":"site3","key":"none"' 'site site3: "key" has to be its public key'
    is_refused "$good" "},{\"site\":\"site3\",\"kay\":\"\"" 'a site: no member is called "kay" with --etcd'
    declare_links "$good"
}

@test "a declaration that nobody signed, or a stranger, or for another site or link, is refused and said once" {
    local key value
    etcd_up
    with_operator
    both_carry
    declare_link web-db 7 stranger
    within 5 grep -q "want/web-db.0: it is signed by the key" "$T/site1.log"
    ctl del --prefix /cwg/v1/
    declare_link web-db 7
    within 5 [ -e "$T/site1/store/want/web-db.0" ]
    value=$(ctl get --print-value-only /cwg/v1/site/site1/want/web-db.0)
    in_etcd site/site2/want/web-db.0 "$value"
    within 5 grep -q "want/web-db.0: its signature" "$T/site2.log"
    in_etcd site/site1/want/other.0 "$value"
    within 5 grep -q "want/other.0: its signature" "$T/site1.log"
    in_etcd site/site1/want/plain.0 "$(cat "$T/site1/store/want/web-db.0")"
    within 5 grep -q "want/plain.0: it isn't a record" "$T/site1.log"
    value=$(ctl get --print-value-only /cwg/v1/site/site1/site/site2)
    in_etcd site/site1/site/site3 "$value"
    within 5 grep -q "site/site3: its signature" "$T/site1.log"
    # A site that is new here has etcd listed again.
    knows site1 site4
    in_etcd site/site1/in/site4/l.0 behind
    within 5 has site1 in/site4/l.0 behind
    put site2 out/site1/l.1 again
    within 5 has site1 in/site2/l.1 again
    [ "$(grep -c "want/other.0: its signature" "$T/site1.log")" = 1 ]
    in_etcd site/site1/want/later.0 "$value"
    within 5 grep -q "want/later.0: its signature" "$T/site1.log"
    [ "$(ls "$T/site1/store/want" "$T/site2/store/want" "$T/site1/store/site")" = "$(printf '%s\n' \
        "$T/site1/store/site:" site2 site4 "" "$T/site1/store/want:" web-db.0 "" "$T/site2/store/want:" web-db.1)" ]
}

@test "only a signed record ends a link: neither a deletion nor an older record, and none comes back" {
    local old
    etcd_up
    with_operator
    both_carry
    declare_link web-db 7
    within 5 [ -e "$T/site1/store/want/web-db.0" ]
    old=$(ctl get --print-value-only /cwg/v1/site/site1/want/web-db.0)
    ctl del --prefix /cwg/v1/site/site1/want/
    passes behind
    [ -e "$T/site1/store/want/web-db.0" ]
    end_carrier site1
    carry site1
    within 5 says site1 connected
    [ -e "$T/site1/store/want/web-db.0" ]
    forget web-db
    within 5 forgets site1 web-db.0
    in_etcd site/site1/want/web-db.0 "$old"
    put site2 out/site1/l.1 behind
    within 5 has site1 in/site2/l.1 behind
    forgets site1 web-db.0
}

@test "a site that is forgotten stays forgotten, whatever etcd still has, until an operator declares it anew" {
    local old
    etcd_up
    with_operator
    both_carry
    declare_link web-db 7
    within 5 [ -e "$T/site1/store/want/web-db.0" ]
    old=$(ctl get --print-value-only /cwg/v1/site/site1/site/site2)
    run "$CWG" forget --state "$T/site1" --site site2
    [ "$output" = "cwg: links with site site2 are declared: web-db" ] || { echo "$output"; false; }
    forget web-db
    within 5 forgets site1 web-db.0
    # What stands in etcd of a link that ended: its two ends, and the key of each site.
    [ "$(ctl get --prefix --keys-only /cwg/v1/ | grep -E '/(want|site/site.)/|/link/|/net/' | grep -v /agent)" = \
        "$(printf '%s\n' /cwg/v1/site/site{1/site/site2,1/want/web-db.0,2/site/site1,2/want/web-db.1})" ] ||
        { ctl get --prefix --keys-only /cwg/v1/; false; }
    rm "$T/site1/store/want/web-db.0" # as the agent does
    "$CWG" forget --state "$T/site1" --site site2
    [ ! -e "$T/site1/store/site/site2" ]
    [ -e "$T/site1/store/signed/site/site2" ]
    # By an event, and by a list.
    in_etcd site/site1/site/site2 "$old"
    put site2 out/site1/l.1 behind
    within 5 eval 'ctl get /cwg/v1/site/site1/in/site2/l.1 | grep -q behind'
    knows site1 site3
    in_etcd site/site1/in/site3/l.1 behind
    within 5 has site1 in/site3/l.1 behind
    [ ! -e "$T/site1/store/site/site2" ]
    end_carrier site1
    carry site1
    within 5 says site1 connected
    in_etcd site/site1/in/site3/l.1 again
    within 5 has site1 in/site3/l.1 again
    [ ! -e "$T/site1/store/site/site2" ]
    [ -z "$(ls "$T/site1/store/in/site2")" ]
    declare_link web-db 7
    within 5 [ -e "$T/site1/store/want/web-db.0" ]
    grep -qF "$(public_of "$T/key2.key")" "$T/site1/store/site/site2"
}

@test "without an operator in its configuration a site takes no declaration" {
    etcd_up
    with_operator
    CONF=
    both_carry
    declare_link web-db 7
    within 5 grep -q "want/web-db.0: no operator is configured" "$T/site1.log"
    [ ! -e "$T/site1/store/want" ]
}
