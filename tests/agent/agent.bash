# Two sites with an agent each, for the tests of declared links. Bats files source this file.
#
#         site1                                        site2
#     +-----------------------------+              +-----------------------------+
#     |  alice: cwg agent, site s1  |              |  erin: cwg agent, site s2   |
#     |  ssh s2 cwg inbox s1 -------+-----veth-----+- sshd: cwg inbox, and no    |
#     |  192.0.2.1 (v1)             |              |  other command    192.0.2.2 |
#     |    +---------+              |              |               +---------+   |
#     |    |   web   |              |              |               |   db    |   |
#     |    | wg-7-0  |              |              |               | wg-7-1  |   |
#     +----+---------+--------------+              +---------------+---------+---+
#
# Where a file asks for etcd, site 1 has the server, each agent's `cwg etcd` speaks with it, and nobody uses ssh.
#
# alice and erin have no privilege, and call the helper. Their `podman` is a program of the tests that tells of the
# containers that start_container started: the real one takes a second for each start, and is in containers.bats. The
# helper's log of changes is read at a /dev/log of the file's own.

load ../cwg/cwg
load ../lib/within

declare -gA UIDS GIDS PIDS AGENTS=()
UIDS[erin]=$((APP_UID + 400000000)) GIDS[erin]=$APP_GID
declare -gA OWNER=([s1]=alice [s2]=erin) PLACE=([s1]=site1 [s2]=site2) NUMBER=([s1]=0 [s2]=1)
AUDIT=$WORLD/audit

# What carries records between the sites, ssh or etcd; and agents' options and environment.
CARRIER=ssh AGENT_OPTIONS=() AGENT_ENVIRONMENT=()

# cwg.bash's is alice's of site1.
unset -f cwg

# The state directory of a site.
state_of_site()
{
    echo "$WORLD/home/${OWNER[$1]}/agent"
}

store_of()
{
    echo "$WORLD/home/${OWNER[$1]}/agent/store"
}

# Runs a command as a site's user: of SITE COMMAND...
of()
{
    as "${OWNER[$1]}" "${PLACE[$1]}" "${@:2}"
}

# Prints what agents and stores tell, for who looks at a failed test.
say_all()
{
    local site
    for site in s1 s2; do
        echo "--- $site"
        tail -n 20 "$WORLD/agent-$site.log" || true
        tail -n +1 "$(store_of "$site")"/status/* || true
    done 2>/dev/null
    echo "--- log"
    tail -n 20 "$AUDIT"
}

# Covers /dev with one that has what the programs need, and a program of the test for the journal.
make_dev()
{
    local dev=$WORLD/dev name number
    [ -n "${NAH_APART:-}${NAH_IN_VM:-}" ] || fail "run it by scripts/apart: it covers /dev"
    mkdir "$dev"
    mount -t tmpfs -o mode=755 tests "$dev"
    mkdir "$dev/net"
    mkdir -m 1777 "$dev/shm"
    while read -r name number; do
        # shellcheck disable=SC2086 # two numbers
        mknod -m 0666 "$dev/$name" c $number
    done <<<$'null 1 3\nzero 1 5\nfull 1 7\nrandom 1 8\nurandom 1 9\ntty 5 0\nnet/tun 10 200'
    ln -s /proc/self/fd "$dev/fd"
    mount --move "$dev" /dev
    listen
}

# Writes each line of the helper's log into $AUDIT.
listen()
{
    rm -f /dev/log # of the file before this one, in the VM
    python3 - "$AUDIT" 3>&- <<'END' &
import os, socket, sys
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
os.chmod("/dev/log", 0o666)
with open(sys.argv[1], "ab", buffering=0) as lines:
    while True:
        lines.write(log.recv(65536) + b"\n")
END
    CONTAINERS+=("$!")
    wait_for test -e "$AUDIT"
}

# How many changes the helper made or refused: changes [WORD...]. Each word is a task, "pid N", or "user N".
changes()
{
    local word lines
    # Datagrams arrive in order: with this one all before it have arrived.
    local mark=mark-$RANDOM-$RANDOM
    python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(sys.argv[1].encode(), "/dev/log")' "$mark"
    wait_for grep -qx "$mark" "$AUDIT"
    lines=$(grep -v '^mark-' "$AUDIT" || true)
    for word; do lines=$(grep -wF -- "$word" <<<"$lines" || true); done
    grep -c . <<<"$lines" || true
}

# The stand-in for podman: a container's first process is in a file of its name.
make_podman()
{
    cat >"$WORLD/whole/podman" <<'END'
#!/bin/sh
for name; do :; done
[ -e "$HOME/containers/$name" ] || { echo "Error: no such container $name" >&2; exit 125; }
read -r pid <"$HOME/containers/$name"
echo "$pid id$pid $name"
END
    chmod 0755 "$WORLD/whole/podman"
}

# The one thing that s1's key may do at site2 is the inbox for s1.
make_inbox()
{
    echo "restrict,command=\"cwg inbox --state $(state_of_site s2) s1\" $(<"$WORLD/other.pub")" >"$WORLD/agent_keys"
    printf 'Match User erin\n  AuthorizedKeysFile %s\n' "$WORLD/agent_keys" >>"$WORLD/sshd_config"
    sed -i "1i Host s2\n  HostName 192.0.2.2\n  User erin\n  IdentityFile $WORLD/home/alice/.ssh/other\n  \
IdentitiesOnly yes\n  ControlPath none" "$WORLD/home/alice/.ssh/config"
}

make_agents_world()
{
    COVERED=()
    # What is shared, as all is in the VM, can't be moved. And where /run is shared, `ip netns` mounts a namespace
    # twice. So this comes before the sites: the second mount would stay when the sites are deleted.
    [ -z "${NAH_APART:-}${NAH_IN_VM:-}" ] || mount --make-rprivate /
    install_helper
    two_sites
    add_users
    make_machines
    make_keys
    configure_sshd
    make_podman
    make_inbox
    make_dev
}

# Starts, and ends, what carries records: by start_ssh or start_etcd.
start_carrier()
{
    "start_$CARRIER"
    SERVER=${CONTAINERS[-1]}
}

stop_carrier()
{
    local session
    for session in $(pgrep -P "$SERVER"); do kill -KILL "$session" $(pgrep -P "$session") || true; done
    end_container "$SERVER"
}

# Site 2's sshd.
start_ssh()
{
    start_sshd site2
}

# Site 1's etcd, which keeps what it has as long as the test. The agents know it by the address that site 1 has, and by
# the one that it gets in a test.
start_etcd()
{
    ip netns exec site1 "$(tests/agent/fetch-etcd)/etcd" --data-dir "$BATS_TEST_TMPDIR/etcd" --log-level error \
        --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls http://192.0.2.1:2379 \
        >/dev/null 2>&1 3>&- &
    CONTAINERS+=("$!")
}

configure_etcd()
{
    echo "etcd http://192.0.2.1:2379 http://192.0.2.11:2379" >"$WORLD/etcd.conf"
    chmod 0644 "$WORLD/etcd.conf"
    AGENT_OPTIONS=(--config "$WORLD/etcd.conf")
}

# Starts a site's agent: start_agent SITE [OPTION...]
start_agent()
{
    local user=${OWNER[$1]}
    "$TOOLS/enter" --net "/run/netns/${PLACE[$1]}" --user "${UIDS[$user]}" "${GIDS[$user]}" -- \
        /usr/bin/env -i HOME="$WORLD/home/$user" PATH="$WORLD/whole" LC_ALL=C "${AGENT_ENVIRONMENT[@]}" \
        cwg agent --site "$1" --state "$(state_of_site "$1")" "${AGENT_OPTIONS[@]}" "${@:2}" \
        >>"$WORLD/agent-$1.log" 2>&1 3>&- &
    AGENTS[$1]=$!
    CONTAINERS+=("$!")
    wait_for has_locked "$1" || fail "$(say_all)"
}

# The agent holds its store's lock. Who tries to take it keeps an agent from starting.
has_locked()
{
    grep -q "^[0-9]*: FLOCK .*:$(stat -c %i "$(store_of "$1")") " /proc/locks
}

# Ends a site's agent by a signal, and all its children. It has ended as it has to: end_agent SITE [SIGNAL]
end_agent()
{
    local status=0 signal=${2:-TERM}
    kill -"$signal" "${AGENTS[$1]}"
    wait "${AGENTS[$1]}" || status=$?
    [ "$signal" = KILL ] || [ "$status" = 0 ] || fail "the agent of $1 ended with $status"
    within 30 no_children "$1" # a probe at work ends first
}

# Neither a helper, nor an ssh, nor a `cwg etcd` of the agent's is left.
no_children()
{
    ! pgrep -u "${UIDS[${OWNER[$1]}]}" -f '^(net-admin-helper batch|ssh |cwg agent|.*/cwg etcd )' >/dev/null
}

# Starts a container of a site, and sets a variable of its name to its pid: start_container SITE NAME
start_container()
{
    container "$2"
    echo "${!2}" >"$WORLD/home/${OWNER[$1]}/containers/.$2"
    mv "$WORLD/home/${OWNER[$1]}/containers/.$2" "$WORLD/home/${OWNER[$1]}/containers/$2"
}

stop_container()
{
    rm -f "$WORLD/home/${OWNER[$1]}/containers/$2"
    end_container "${!2}"
}

restart_container()
{
    stop_container "$@"
    start_container "$@"
}

# Prints what is declared at a site, for one link: declaration SITE LINK NET [ENGINE/]CONTAINER [MEMBERS]
declaration()
{
    local peer=s2 ssh=',"ssh":"s2"' container=$4
    [ "$1" = s1 ] || peer=s1
    [ "$1" = s1 ] && [ "$CARRIER" = ssh ] || ssh=
    [[ $container == */* ]] || container=podman/$container
    printf '{"sites":[{"site":"%s","key":"%s"%s}],"links":[{"link":"%s","net":%s,"host":%s,"container":"%s",
        "site":"%s"%s}]}' "$peer" "${KEYS[$peer]}" "$ssh" "$2" "$3" "${NUMBER[$1]}" "$container" "$peer" "${5:-}"
}

# Declares a link between web and db, or between other containers, at both sites: declare_link LINK NET [NAME1 NAME2]
declare_link()
{
    declaration s1 "$1" "$2" "${3:-web}" | of s1 cwg declare --state "$(state_of_site s1)" -
    declaration s2 "$1" "$2" "${4:-db}" | of s2 cwg declare --state "$(state_of_site s2)" -
}

# The sites know each other, and nothing is declared.
know()
{
    local site other
    for site in s1 s2; do
        other=s2
        [ "$site" = s1 ] || other=s1
        declaration "$site" x 1 x | python3 -c 'import json, sys
print(json.dumps({"sites": json.load(sys.stdin)["sites"]}))' |
            of "$site" cwg declare --state "$(state_of_site "$site")" -
    done
}

# The state of a site's end of a link, as its agent tells: status_of SITE LINK
status_of()
{
    sed -n 's/.*\\"state\\":\\"\([^"\\]*\)\\".*/\1/p' "$(store_of "$1")/status/$2.${NUMBER[$1]}"
}

says()
{
    [ "$(status_of "$1" "$2")" = "$3" ]
}

# Net N's host 0 and 1 are at 10.0.0.2N and the address behind it, for a small N.
pings()
{
    inside "$web" ping -q -c 1 -W 0.3 "10.0.0.$((2 * ${1:-7} + 1))"
}

# An agent says that packets pass, or, of a kernel's link, that it is in session.
says_up()
{
    says "$1" "$2" connected || says "$1" "$2" "in session"
}

# Packets pass, within 10 or so many seconds, and both agents say so: healed LINK NET [SECONDS]
healed()
{
    within "${3:-10}" pings "$2"
    within 10 says_up s1 "$1"
    within 10 says_up s2 "$1"
}

# Prints what only a change changes of the ends of a net's links: device, keys, ports, engines. In a line of their own
# are the counters of bytes, which only grow: ends_of NET
ends_of()
{
    local pid
    for pid in "$web" "$db"; do
        app_at site1 "$HELPER" cwg_show "$pid" --nets "$1" --json | python3 -c 'import json, sys
for link in json.load(sys.stdin):
    peer = link["peer"]
    print(link["name"], link.get("engine_pid"), link["public_key"], link["listen_port"], peer["public_key"])
    print(peer["wire_received_bytes"], peer["wire_sent_bytes"])'
    done
}

# Notes how the link of net 7 is at both ends, or that of NET: note [NET]. untouched [NET]: nobody has changed it since,
# and the helper has changed nothing at all.
note()
{
    NOTED=$(ends_of "${1:-7}")
    CHANGED=$(changes)
}

untouched()
{
    same_link "${1:-7}"
    [ "$(changes)" = "$CHANGED" ] || fail "changes since: $(tail -n 5 "$AUDIT")"
}

# Both ends of a net's link are those of the last note().
same_link()
{
    paste -d ' ' <(echo "$NOTED") <(ends_of "$1") | awk '
        NF == 4 { if ($3 < $1 || $4 < $2) bad = 1 }
        NF == 10 { for (i = 1; i <= 5; i++) if ($i != $(i + 5)) bad = 1; ends++ }
        END { exit bad || ends != 2 }' || fail "another link than before: $NOTED"$'\n'"now: $(ends_of "$1")"
}

# No packet passes between the sites: part. meet undoes it.
part()
{
    at site1 iptables -w -A INPUT -j DROP
    at site1 iptables -w -A OUTPUT -j DROP
}

meet()
{
    at site1 iptables -w -F
}

# For a file whose sites live as long as the file, and whose agents, carrier, stores and containers web and db live as
# long as a test. The file calls this function once, at its top: agents_of_the_file [CARRIER]
# shellcheck disable=SC2317 # bats calls these
agents_of_the_file()
{
    CARRIER=${1:-ssh}

    setup_file()
    {
        has_backend || return 0
        make_agents_world
        [ "$CARRIER" = ssh ] || tests/agent/fetch-etcd
    }

    setup()
    {
        local site
        require_backend
        declare -gA KEYS AGENTS=()
        : >"$AUDIT"
        for site in s1 s2; do
            : >"$WORLD/agent-$site.log"
            install -d -o "${UIDS[${OWNER[$site]}]}" -g "$APP_GID" "$WORLD/home/${OWNER[$site]}"/{agent,containers}
            KEYS[$site]=$(of "$site" cwg keys --state "$(state_of_site "$site")" | cut -d " " -f 3)
        done
        [ "$CARRIER" = ssh ] || configure_etcd
        start_carrier
        start_agent s1
        start_agent s2
        start_container s1 web
        start_container s2 db
    }

    teardown()
    {
        ! declare -F after_test >/dev/null || after_test
        meet
        clean_up
        rm -rf "$WORLD/home"/{alice,erin}/{agent,containers}
        wait_for_silence site1 site2
    }

    teardown_file()
    {
        end_world
        umount --lazy /dev
    }
}
