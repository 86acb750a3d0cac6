#!/usr/bin/env bash
# Links a container of this site with one of another, by net-admin-helper. What the sites tell each other goes over
# standard output and input, a line each way, so over anything that has two streams: see README.md.
#
#   link.sh offer|answer PID NET ADDRESS PORT [OPTION...]
#
# One site offers, the other answers. PID is a process in the container, NET the same number at both sites, ADDRESS
# where the other site reaches this machine, or - if it can't, because of a NAT; PORT a free UDP port of this machine,
# or 0 for any. What follows is given to cwg_connect, such as --preshared-key-file FILE. CWG_WAIT is how many seconds
# the other end has to answer, 30 unless told, or - not to wait for it.
#
# It ends with 0 when the link is there, else with 1, a line on standard error, and without the link.
set -euo pipefail
export LC_ALL=C

# The other site's line has to be exactly this. The parts of it are used as they are.
number='(0|[1-9][0-9]{0,6})' port='([1-9][0-9]{0,4})' address='("([0-9.]{7,15}|[0-9a-fA-F:.]{2,45})"|null)'
key='([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)'
readonly MESSAGE='^\{"cwg":1,"kind":"(offer|answer)","net":'$number',"host":([01]),"address":'$address',"port":'$port\
',"key":"'$key'"\}$'

fail()
{
    echo "link.sh: $*" >&2
    exit 1
}

# Makes this site's end; sets `own_port`, the port that was chosen if it was 0, and `own_key`.
create()
{
    made=$(cwg_create "$pid" "$net" "$host" "$own_port" --json) || exit 1
    [[ $made =~ \"listen_port\":${port}[,}] ]] || fail "cwg_create --json told no port"
    own_port=${BASH_REMATCH[1]}
    [[ $made =~ \"public_key\":\"${key}\" ]] || fail "cwg_create --json told no key"
    own_key=${BASH_REMATCH[1]}
}

send()
{
    local told=null
    [ "$own_address" = - ] || told="\"$own_address\""
    printf '{"cwg":1,"kind":"%s","net":%s,"host":%s,"address":%s,"port":%s,"key":"%s"}\n' \
        "$part" "$net" "$host" "$told" "$own_port" "$own_key" 2>/dev/null || fail "the other site hung up"
}

# Reads what the other site sends; sets `endpoint` and `peer_key`.
receive()
{
    local line
    IFS= read -r -t 60 -n 512 line || fail "the other site sent no line"
    [[ $line =~ $MESSAGE ]] || fail "the other site's line is not as it has to be"
    [ "${BASH_REMATCH[1]}" != "$part" ] || fail "the other site does the same part, $part"
    [ "${BASH_REMATCH[2]}" = "$net" ] || fail "the other site's net is ${BASH_REMATCH[2]}, not $net"
    [ "${BASH_REMATCH[3]}" != "$host" ] || fail "the other site's host is $host, too"
    peer_key=${BASH_REMATCH[7]}
    case ${BASH_REMATCH[5]} in
        '') endpoint=- ;;
        *:*) endpoint="[${BASH_REMATCH[5]}]:${BASH_REMATCH[6]}" ;;
        *) endpoint="${BASH_REMATCH[5]}:${BASH_REMATCH[6]}" ;;
    esac
    [ "$endpoint$own_address" != -- ] || fail "neither site knows where the other one is"
}

connect()
{
    [ "$own_address" != - ] || set -- --persistent-keepalive 25 "$@"
    cwg_connect "$pid" "$net" "$((1 - host))" "$endpoint" "$peer_key" "$@" || exit 1
}

confirm()
{
    [ "$seconds" = - ] || cwg_wait "$pid" "$net" "$host" "$seconds" >&2 || exit 1
}

# What cwg_create printed is there as soon as the link is, whatever comes in between. If it failed it printed why, and a
# link of that name is somebody else's.
clean_up()
{
    [[ -z $made || $made == '{"code":'* ]] || cwg_destroy "$pid" "$net" "$host" || true
}

[ $# -ge 5 ] || fail "usage: link.sh offer|answer PID NET ADDRESS PORT [OPTION OF CWG_CONNECT...]"
part=$1 pid=$2 net=$3 own_address=$4 own_port=$5 seconds=${CWG_WAIT:-30} made=
shift 5
[[ $own_address =~ ^(-|[0-9a-fA-F.:]+)$ ]] || fail "ADDRESS must be one of IPv4 or IPv6, or -"
trap clean_up EXIT
# A signal waits for the helper to end. That the other site hung up is no signal, but an error of printf's.
trap 'exit 1' HUP INT TERM
trap '' PIPE
case $part in
    offer)
        host=0
        create
        send
        receive
        connect "$@"
        ;;
    answer)
        host=1
        receive
        create
        connect "$@"
        send
        ;;
    *) fail "the first argument must be offer or answer" ;;
esac
confirm
made=
