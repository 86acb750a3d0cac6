# Debian's etcd, and a carrier for each of two sites, for the tests of `cwg etcd`. Bats files source this file.
#
#     +--------------------- netns etcd, its loopback ---------------------+
#     |  cwg etcd, site1 --+                          +-- cwg etcd, site2  |
#     |    site1/store     +--- 127.0.0.1:2379 -------+     site2/store    |
#     |                        etcd, or three: :2389, :2399                |
#     +--------------------------------------------------------------------+
#
# A file put into site1/store/out/site2 comes to site2/store/in/site1. No container and no link is needed.

load ../lib/within

# shellcheck disable=SC2034 # the tests use them
CWG=$PWD/build/cwg
ETCD_DIR=$BATS_FILE_TMPDIR/programs
export ETCDCTL_API=3
declare -gA MEMBERS=() CARRIERS=()

inside_etcd()
{
    ip netns exec etcd "$@"
}

# Prints what carriers tell, for who looks at a failed test.
say_all()
{
    tail -n 5 "$T"/*.log "$T"/*/store/carrier/etcd
}

# Calls etcd as its own client does: ctl WORD... CTL has further options.
ctl()
{
    # shellcheck disable=SC2086 # words
    inside_etcd "$ETCD_DIR/etcdctl" ${CTL:---endpoints http://127.0.0.1:2379} --dial-timeout 2s \
        --command-timeout 5s "$@"
}

# Starts a member, of a cluster of one unless the options say another thing: start_etcd [NAME [PORT [OPTION...]]]
start_etcd()
{
    local name=${1:-one} port=${2:-2379} scheme=${SCHEME:-http}
    ip netns exec etcd "$ETCD_DIR/etcd" --name "$name" --data-dir "$T/$name.data" --log-level error \
        --listen-client-urls "$scheme://127.0.0.1:$port" --advertise-client-urls "$scheme://127.0.0.1:$port" \
        --listen-peer-urls "http://127.0.0.1:$((port + 1))" \
        --initial-advertise-peer-urls "http://127.0.0.1:$((port + 1))" \
        --initial-cluster "${CLUSTER:-$name=http://127.0.0.1:$((port + 1))}" "${@:3}" \
        --heartbeat-interval 100 --election-timeout 1000 >>"$T/$name.log" 2>&1 3>&- &
    MEMBERS[$name]=$!
}

# The same, and waits until it answers.
etcd_up()
{
    start_etcd "$@"
    within 20 ctl endpoint health
}

# Ends a member as a failure of its machine does: etcd_down [NAME]
etcd_down()
{
    kill -KILL "${MEMBERS[${1:-one}]}"
    wait "${MEMBERS[${1:-one}]}" 2>/dev/null || true
    unset "MEMBERS[${1:-one}]"
}

# A site is known in a store, and listened to: knows STATE SITE
knows()
{
    mkdir -p "$T/$1/store/site"
    touch "$T/$1/store/site/$2"
    mkdir -p "$T/$1/store/in/$2" # last: all is listed then
}

# Starts a site's carrier: carry SITE [OPTION...]. STATE names another directory than SITE, CONF further lines of its
# configuration, URLS other servers.
carry()
{
    local state=${STATE:-$1}
    [ -e "$T/$state/store/in" ] || knows "$state" "$([ "$1" = site1 ] && echo site2 || echo site1)"
    printf 'etcd %s\n%s\n' "${URLS:-http://127.0.0.1:2379}" "${CONF:-}" >"$T/$state.conf"
    ip netns exec etcd "$CWG" etcd --config "$T/$state.conf" --site "$1" --state "$T/$state" "${@:2}" \
        >>"$T/$state.log" 2>&1 3>&- &
    CARRIERS[$state]=$!
}

# Ends it. Its exit status is 0: end_carrier STATE
end_carrier()
{
    kill "${CARRIERS[$1]}"
    wait "${CARRIERS[$1]}"
    unset "CARRIERS[$1]"
}

# What a carrier tells of itself: says STATE WORD
says()
{
    grep -q "\"state\":\"$2\"" "$T/$1/store/carrier/etcd"
}

# Stops a process. On a busy machine its other threads still run for some milliseconds: freeze PID
freeze()
{
    kill -STOP "$1"
    within 5 eval '! grep -qs "^State:.[^T]" /proc/'"$1"'/task/*/status'
}

# Both carriers are connected.
both_carry()
{
    carry site1 "$@"
    carry site2 "$@"
    within 10 says site1 connected
    within 10 says site2 connected
}

# Puts a line into a store, as the agent does: put STATE PATH LINE
put()
{
    mkdir -p "$T/$1/store/$(dirname "$2")"
    echo "$3" >"$T/$1/store/.new"
    mv "$T/$1/store/.new" "$T/$1/store/$2"
}

# Expects a line in a store: has STATE PATH LINE
has()
{
    [ "$(cat "$T/$1/store/$2" 2>/dev/null)" = "$3" ]
}

# Puts a line at site1, and expects it at site2: passes LINE [SECONDS]
passes()
{
    put site1 out/site2/l.0 "$1"
    within "${2:-5}" has site2 in/site1/l.0 "$1"
}

# Puts a value into etcd, under the prefix: in_etcd KEY VALUE
in_etcd()
{
    ctl put "/cwg/v1/$1" "$2"
}

# A test has a network of its own, and what it starts ends with it.
# shellcheck disable=SC2317 # bats calls these
etcd_of_the_file()
{
    setup_file()
    {
        ln -s "$(tests/agent/fetch-etcd)" "$ETCD_DIR"
    }

    setup()
    {
        T=$BATS_TEST_TMPDIR
        MEMBERS=() CARRIERS=()
        ip netns add etcd
        ip -n etcd link set lo up
    }

    teardown()
    {
        local pid
        for pid in "${CARRIERS[@]}" "${MEMBERS[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
        wait
        ip netns del etcd
    }
}
