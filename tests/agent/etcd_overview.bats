#!/usr/bin/env bats
# `cwg status --etcd` from a machine that is no site, of two agents whose records etcd carries: with TLS, a user for
# each site, and one who may read alone. An operator declares. agent.bash draws the sites.

bats_require_minimum_version 1.5.0
load healing
load secure

agents_of_the_file secure_etcd

# Calls etcd as its administrator, before there are users as anybody.
ctl()
{
    # shellcheck disable=SC2086 # no word, or two
    ETCDCTL_API=3 ip netns exec site1 "$(tests/agent/fetch-etcd)/etcdctl" --endpoints https://192.0.2.1:2379 \
        --cacert "$T/ca.pem" --dial-timeout 5s --command-timeout 5s ${ROOT_USER:-} "$@"
}

start_secure_etcd()
{
    ip netns exec site1 "$(tests/agent/fetch-etcd)/etcd" --data-dir "$T/data" --log-level error \
        --cert-file "$T/server.pem" --key-file "$T/server.key" \
        --listen-client-urls https://192.0.2.1:2379 --advertise-client-urls https://192.0.2.1:2379 \
        >/dev/null 2>&1 3>&- &
    CONTAINERS+=("$!")
    wait_for ctl endpoint health
    ROOT_USER=
    add_users_to ctl s1 s2
    ROOT_USER="--user root:root-secret"
}

# Each user's settings, in a folder that its owner can read: configure NAME OWNER
configure()
{
    printf '%s-secret' "$1" >"$WORLD/etcd/$1.password"
    chown "$2" "$WORLD/etcd/$1.password"
    chmod 0600 "$WORLD/etcd/$1.password"
    printf 'etcd https://192.0.2.1:2379\netcd-ca %s\netcd-user %s\netcd-password %s\noperator ada %s\nstate %s\n' \
        "$WORLD/etcd/ca.pem" "$1" "$WORLD/etcd/$1.password" \
        "$(openssl pkey -in "$T/ada.key" -pubout -outform DER | tail -c 32 | base64)" \
        "${3:-$WORLD/nowhere}" >"$WORLD/etcd/$1.conf"
    chmod 0644 "$WORLD/etcd/$1.conf"
}

configure_etcd()
{
    T=$BATS_TEST_TMPDIR
    ROOT_USER=
    openssl genpkey -algorithm ed25519 -out "$T/ada.key"
    authority
    certificate server /O=server
    rm -rf "$WORLD/etcd"
    install -d -m 0755 "$WORLD/etcd"
    install -m 0644 "$T/ca.pem" "$WORLD/etcd/ca.pem"
    configure s1 "${UIDS[alice]}" "$(state_of_site s1)"
    configure s2 "${UIDS[erin]}" "$(state_of_site s2)"
    configure operator root
    configure reader root
}

# Each agent has settings of its own.
eval "$(declare -f start_agent | sed '1s/.*/start_agent_with()/')"
start_agent()
{
    AGENT_OPTIONS=(--config "$WORLD/etcd/$1.conf")
    start_agent_with "$@"
}

# Declares the link for both sites, as the operator.
declare_by_operator()
{
    printf '{"sites":[{"site":"s1","key":"%s"},{"site":"s2","key":"%s"}],"links":[{"link":"web-db","net":7,
        "ends":[{"site":"s1","container":"podman/web"},{"site":"s2","container":"podman/db"}]}]}' \
        "${KEYS[s1]}" "${KEYS[s2]}" | ip netns exec site1 "$WORLD/whole/cwg" declare --etcd \
        --config "$WORLD/etcd/operator.conf" --operator-key "$T/ada.key" -
}

# Shows all, or a link: overview [OPTION...] [LINK]
# shellcheck disable=SC2120 # without arguments, too
overview()
{
    ip netns exec site1 "$WORLD/whole/cwg" status --etcd --config "$WORLD/etcd/reader.conf" "$@"
}

# The row of a site says something: shows SITE WORDS
shows()
{
    # shellcheck disable=SC2119 # without arguments
    overview | tr -s ' ' | grep -q "^web-db $1 .*$2"
}

# Both ends work, and are shown so. A kernel's link says "in session" as well. It may be told 30 s after the last state.
both_shown()
{
    within 45 eval 'shows s1 " \(connected\|in session\) 20" && shows s2 " \(connected\|in session\) 20"'
}

@test "both ends are shown as their agents tell: connected, without a container, with a new key, stopped, dead" {
    declare_by_operator
    healed web-db 7 30
    both_shown
    run -0 overview
    [ "${#lines[@]}" = 3 ] || fail "$output"
    # A container goes, and comes back.
    stop_container s2 db
    within 45 shows s2 " waiting for its container 20"
    run -1 overview
    start_container s2 db
    healed web-db 7 30
    both_shown
    # A site gets another key: states are signed by it, and others follow it.
    of s2 cwg keys --new --state "$(state_of_site s2)"
    both_shown
    within 35 eval 'ctl get --print-value-only /cwg/v1/site/s2/status/web-db.1 | grep -q "$(new_id s2)"'
    both_shown
    # One agent ends, and gives its lease back; the link lives on.
    end_agent s1
    within 5 shows s1 " site is silent - it was: \(connected\|in session\)"
    pings
    run -1 overview
    start_agent s1
    both_shown
    # One is killed, and its child with it: the lease runs out.
    end_agent s2 KILL
    within 80 shows s2 " site is silent - it was: \(connected\|in session\)"
    within 5 shows s1 " \(connected\|in session\) 20"
}

# The id of a site's key, as it is now.
new_id()
{
    of "$1" cwg keys --state "$(state_of_site "$1")" | cut -d ' ' -f 2
}
