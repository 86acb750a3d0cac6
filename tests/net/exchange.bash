# Two sites for tests of programs that do a whole exchange. net.bash has the picture; the sites also have IPv6,
# 2001:db8::1 and ::2. The sites live as long as a file of tests, containers only as long as a test. Sourced by bats
# files.

load net

KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=
PRESHARED_KEY=DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDA=

setup_file()
{
    has_backend || return 0
    install_helper
    local bin task
    bin=$(dirname "$HELPER")
    for task in cwg_create cwg_connect cwg_destroy cwg_wait cwg_show cwg_list; do
        ln -sfn "$NAME" "$bin/$task"
    done
    # The application can read the examples and the Python package there.
    cp -r "$ROOT/examples" "$ROOT/python" "$BATS_FILE_TMPDIR/"
    cp "$TOOLS/link" "$BATS_FILE_TMPDIR/examples/link"
    chmod -R a+rX "$BATS_FILE_TMPDIR"/{examples,python}
    export EXAMPLES=$BATS_FILE_TMPDIR/examples PATH=$bin:$PATH
    export PYTHONPATH=$BATS_FILE_TMPDIR/python:$EXAMPLES PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=error
    two_sites
    give_ipv6
}

setup()
{
    require_backend
    container c1
    container c2
}

teardown()
{
    clean_up
    wait_for_silence site1 site2
}

teardown_file()
{
    clean_up
}

# Prints a site as exchange.py takes it. The application calls the site's helper in the site: site NUMBER PID [FIELD
# VALUE]..., each value in JSON.
site()
{
    local number=$1 fields
    fields="\"pid\": ${2}, \"command\": [\"ip\", \"netns\", \"exec\", \"site$number\", \"setpriv\", \"--reuid\",
        \"$APP_UID\", \"--regid\", \"$APP_GID\", \"--clear-groups\", \"--inh-caps=-all\", \"--\", \"env\", \"--\",
        \"$HELPER\"]"
    shift 2
    [[ " $* " == *' address '* ]] || fields+=", \"address\": \"192.0.2.$number\""
    [[ " $* " == *' net'* ]] || [ "$number" != 1 ] || fields+=', "net": 7'
    while [ $# -gt 0 ]; do
        fields+=", \"$1\": $2"
        shift 2
    done
    echo "{$fields}"
}

exchange()
{
    timeout 120 "$ROOT/tests/net/exchange.py" "$@"
}

# Prints a whole message of the other site: message KIND NET HOST ADDRESS PORT KEY, the address in JSON.
message()
{
    printf '{"cwg":1,"kind":"%s","net":%s,"host":%s,"address":%s,"port":%s,"key":"%s"}' "$@"
}

reaches()
{
    inside "$1" ping -c 1 -W 10 "$2"
}

# No container has a link, and no site has a socket.
nothing_left()
{
    local pid
    for pid in "$c1" "$c2"; do
        inside "$pid" sh -c '! grep -q wg- /proc/net/dev' || fail "a link is left in $pid"
    done
    no_sockets site1
    no_sockets site2
}

# Returns whether a container has no such device: lacks_device PID NAME
lacks_device()
{
    ! has_device "$@"
}

listens_at()
{
    at "$1" ss -Hlnt | grep -q 4000
}
