#!/usr/bin/env bash
# Two machines with podman, and an etcd that carries what their agents tell each other. An operator declares a link
# between a container of each; when a container restarts, the agents make the link again. doc/agent.md explains it all.
#
# On this machine alone, as root: `fleet.sh run` makes two network namespaces that stand for the machines, takes all
# steps there, and removes everything. It needs podman, etcd and the installed programs, and no registry. It was tried
# with Debian 12.
#
# On real machines, where s1 and s2 are the machines' names, and etcd has the address 192.0.2.1. Each step works in the
# current directory:
#
#     etcd's machine    fleet.sh certificates 192.0.2.1    # ca.pem, and etcd's own
#                       fleet.sh etcd 192.0.2.1            # runs until it is ended
#                       fleet.sh operator                  # ada's key: ada.key signs links, ada.pub is known to sites
#                       fleet.sh access 192.0.2.1          # etcd wants passwords from now on
#                       fleet.sh site 192.0.2.1 s1 s2      # a user for s1, which may link with s2: password.s1
#                       fleet.sh site 192.0.2.1 s2 s1
#     s1                # as podman's user, in ~/.config/cwg, with ca.pem, ada.pub and password.s1 from etcd's machine.
#                       # podman run --name web ... has started a container
#                       fleet.sh settings 192.0.2.1 s1     # cwg.conf
#                       systemctl --user enable --now cwg-agent; loginctl enable-linger; cwg keys
#     s2                # likewise
#     etcd's machine    fleet.sh links KEY-OF-S1 KEY-OF-S2 >links.json
#                       cwg declare --etcd --operator-key ada.key --config operator.conf links.json
#     either machine    cwg status
#
# etcd's machine keeps ca.key, root.password and ada.key. Nobody else has to have them.
set -euo pipefail
umask 077

# Calls etcd, as its user root if that user's name and password are in `root`: ctl ADDRESS WORD...
ctl()
(
    [ -z "${root:-}" ] || export ETCDCTL_USER=$root
    ETCDCTL_API=3 ETCDCTL_ENDPOINTS=https://$1:2379 ETCDCTL_CACERT=ca.pem etcdctl "${@:2}"
)

password()
{
    openssl rand -hex 24 >"$1.new"
    mv "$1.new" "$1"
}

step_certificates()
{
    openssl req -x509 -newkey ed25519 -nodes -days 3650 -subj '/CN=the authority of etcd' -keyout ca.key -out ca.pem
    openssl req -newkey ed25519 -nodes -subj / -keyout etcd.key -out etcd.csr
    openssl x509 -req -in etcd.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -out etcd.pem \
        -extfile <(echo "subjectAltName = IP:$1")
}

# Debian's service takes the same settings from /etc/default/etcd: ETCD_CERT_FILE and so on.
step_etcd()
{
    exec etcd --data-dir etcd.data --auto-compaction-retention 1h --log-level error \
        --listen-client-urls "https://$1:2379" --advertise-client-urls "https://$1:2379" \
        --cert-file etcd.pem --key-file etcd.key
}

step_operator()
{
    openssl genpkey -algorithm ed25519 -out ada.key
    openssl pkey -in ada.key -pubout -outform DER | tail -c 32 | base64 >ada.pub
}

# Users root and ada. ada declares for all sites, so she may write for all.
step_access()
{
    password root.password
    password password.ada
    ctl "$1" user add --interactive=false root <root.password
    ctl "$1" user add --interactive=false ada <password.ada
    ctl "$1" role add operator
    ctl "$1" role grant-permission operator --prefix=true readwrite /cwg/v1/
    ctl "$1" user grant-role ada operator
    ctl "$1" user grant-role root root
    ctl "$1" auth enable # until then etcd lets everybody do all
    printf '%s\n' "etcd https://$1:2379" "etcd-ca $PWD/ca.pem" "etcd-user ada" "etcd-password $PWD/password.ada" \
        >operator.conf
}

# A site's user may write what is the site's own, and what it tells its peers: site ADDRESS SITE PEER...
step_site()
{
    local root peer
    root=root:$(<root.password)
    password "password.$2"
    ctl "$1" user add --interactive=false "site-$2" <"password.$2"
    ctl "$1" role add "$2"
    ctl "$1" role grant-permission "$2" --prefix=true readwrite "/cwg/v1/site/$2/"
    for peer in "${@:3}"; do
        ctl "$1" role grant-permission "$2" --prefix=true write "/cwg/v1/site/$peer/in/$2/"
    done
    ctl "$1" user grant-role "site-$2" "$2"
}

step_settings()
{
    printf '%s\n' "site $2" "etcd https://$1:2379" "etcd-ca $PWD/ca.pem" "etcd-user site-$2" \
        "etcd-password $PWD/password.$2" "operator ada $(<ada.pub)" "labels podman" >cwg.conf
}

# Net 7 is 10.0.0.14 at the first end, and 10.0.0.15 at the second one.
step_links()
{
    cat <<END
{"sites": [{"site": "s1", "key": "$1"}, {"site": "s2", "key": "$2"}],
 "links": [{"link": "web-db", "net": 7,
            "ends": [{"site": "s1", "container": "podman/web"}, {"site": "s2", "container": "podman/db"}]}]}
END
}

# ---- what stands for the machines, where there is one only -----------------------------------------------------------

declare -A machines=() # a name is that of a process which is the machine's first

say()
{
    printf '\n%s\n' "$*"
}

# Runs a command at a machine, in its directory: on NAME COMMAND...
on()
{
    nsenter --net --mount --pid --uts --target "${machines[$1]}" --wd="$directory/$1" -- env -i PATH="$PATH" \
        HOME="$directory/$1" CONTAINERS_CONF="$directory/$1/containers.conf" \
        CONTAINERS_STORAGE_CONF="$directory/$1/storage.conf" "${@:2}"
}

# The same, and shows it.
show()
{
    printf '%s# %s\n' "$1" "${*:2}"
    on "$@"
}

# Shows a step, and not what openssl and etcdctl say: at NAME STEP WORD...
at()
{
    printf '%s# fleet.sh %s\n' "$1" "${*:2}"
    on "$1" bash "$self" "${@:2}" >>"$directory/$1/log" 2>&1
}

# Has a command go on at a machine while the script goes on: start NAME COMMAND...
start()
{
    local words=${*:2}
    printf '%s# %s &\n' "$1" "${words/#bash $self/fleet.sh}"
    on "$@" >>"$directory/$1/log" 2>&1 &
}

# Tries a command for two minutes: a slow machine needs them.
wait_until()
{
    local end=$((SECONDS + 120))
    while [ $SECONDS -lt $end ]; do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.2
    done
    { echo "fleet.sh: waited two minutes in vain for: $*"; tail -n 20 "$directory"/*/log; } >&2
    return 1
}

need()
{
    local word missing=''
    for word in podman etcd=etcd-server etcdctl=etcd-client openssl busybox ip=iproute2 pgrep=procps; do
        command -v "${word%=*}" >/dev/null || missing+=" ${word#*=}"
    done
    for word in cwg net-admin-helper; do
        command -v "$word" >/dev/null || missing+=" $word (make install)"
    done
    [ -z "$missing" ] || { echo "fleet.sh: missing:$missing" >&2; return 1; }
    [ "$(id -u)" = 0 ] || { echo "fleet.sh: has to be run by root: it makes network namespaces" >&2; return 1; }
}

# A machine has a network, processes, a name and a /run of its own. podman's settings keep all of podman's files, too,
# in the machine's directory, and leave cgroups alone.
make_machine()
{
    mkdir "$directory/$1"
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/storage"\nrunroot = "/run/storage"\n' "$directory/$1" \
        >"$directory/$1/storage.conf"
    printf '[containers]\ncgroups = "disabled"\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n' \
        >"$directory/$1/containers.conf"
    printf '[network]\nnetwork_config_dir = "/run/networks"\n' >>"$directory/$1/containers.conf"
    # shellcheck disable=SC2016 # the machine's first process reads it, and reaps what others leave
    unshare --net --mount --pid --uts --fork --kill-child --mount-proc --propagation private -- bash -c '
        hostname "$0"; mount -t tmpfs run /run; mount -t tmpfs shm /dev/shm; ip link set lo up; : >"$1/ready"
        while :; do sleep 1000 & wait; done' "$1" "$directory/$1" >>"$directory/$1/log" 2>&1 &
    wait_until test -e "$directory/$1/ready" || { kill -KILL $!; return 1; }
    machines[$1]=$(pgrep -P $!)
}

make_machines()
{
    local name number=0
    for name in s1 s2; do
        make_machine "$name"
        make_root "$name"
    done
    ip link add wan netns "${machines[s1]}" type veth peer name wan netns "${machines[s2]}"
    for name in s1 s2; do
        number=$((number + 1))
        on "$name" ip link set wan addrgenmode none up
        on "$name" ip address add "192.0.2.$number/24" dev wan
    done
}

# The files of containers, in place of an image: a machine's busybox, and its libraries if it has any.
make_root()
{
    local root=$directory/$1/small name program libraries
    program=$(command -v busybox)
    mkdir -p "$root"/{bin,proc,sys,dev,etc,tmp,run}
    cp "$program" "$root/bin/busybox"
    for name in sleep ping; do ln -s busybox "$root/bin/$name"; done
    mapfile -t libraries < <(ldd "$program" 2>/dev/null | grep -o '/[^ ]*')
    [ ${#libraries[@]} -eq 0 ] || cp --parents -t "$root" "${libraries[@]}"
}

clean_up()
{
    [ ${#machines[@]} -eq 0 ] || kill -KILL "${machines[@]}" # all processes of a machine end with its first one
    wait
    rm -rf "$directory"
    say "All is removed."
}

# Runs a container: container NAME CONTAINER [OPTION...]
container()
{
    show "$1" podman run --detach --name "$2" --network none --cap-add NET_RAW "${@:3}" --rootfs "$directory/$1/small" \
        sleep 1000000
}

answers()
{
    on s1 podman exec "$1" ping -c 1 -W 1 "$2"
}

# Waits for a ping through a link, and shows it: ping_through CONTAINER ADDRESS
ping_through()
{
    wait_until answers "$@"
    show s1 podman exec "$1" ping -c 1 -W 1 "$2"
}

says_connected()
{
    on s1 cwg status "$1" --state state | grep -E 'connected|in session'
}

key_of()
{
    on "$1" cwg keys --state state | cut -d ' ' -f 3
}

run_etcd()
{
    say "At etcd's machine, which is s1 here:"
    at s1 certificates 192.0.2.1
    start s1 bash "$self" etcd 192.0.2.1
    wait_until on s1 env ETCDCTL_API=3 etcdctl --cacert ca.pem --endpoints https://192.0.2.1:2379 endpoint health
    at s1 operator
    at s1 access 192.0.2.1
    at s1 site 192.0.2.1 s1 s2
    at s1 site 192.0.2.1 s2 s1
}

run_agents()
{
    local name
    say "At each machine, with ca.pem, ada.pub and its password from etcd's machine:"
    mv "$directory/s1/password.s2" "$directory/s2/"
    cp "$directory"/s1/{ca.pem,ada.pub} "$directory/s2/"
    for name in s1 s2; do
        mkdir "$directory/$name/state"
        at "$name" settings 192.0.2.1 "$name"
        start "$name" cwg agent --config cwg.conf --state state
    done
}

run()
{
    need
    self=$(readlink -f "${BASH_SOURCE[0]}")
    directory=$(mktemp -d "${TMPDIR:-/tmp}/fleet.XXXXXX")
    trap clean_up EXIT
    make_machines
    run_etcd
    run_agents

    say "A container at each machine:"
    container s1 web
    container s2 db

    say "The operator declares a link between them, and nobody joins anything:"
    printf 's1# fleet.sh links KEY-OF-S1 KEY-OF-S2 >links.json\n'
    wait_until key_of s1
    wait_until key_of s2
    step_links "$(key_of s1)" "$(key_of s2)" | tee "$directory/s1/links.json"
    show s1 cwg declare --etcd --operator-key ada.key --config operator.conf links.json
    ping_through web 10.0.0.15

    say "A container restarts, and its link comes back:"
    show s2 podman restart --time 0 db
    ping_through web 10.0.0.15
    wait_until says_connected web-db
    show s1 cwg status web-db --state state

    say "Containers declare a link by their labels:"
    container s1 shop --label cwg.link=shop-till,net=8,host=0,site=s2
    container s2 till --label cwg.link=shop-till,net=8,host=1,site=s1
    ping_through shop 10.0.0.17
}

usage()
{
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

case ${1:-}.$# in
    run.1) run ;;
    certificates.2 | etcd.2 | access.2 | operator.1 | settings.3 | links.3) "step_$1" "${@:2}" ;;
    site.[4-9] | site.[1-9][0-9]*) "step_$1" "${@:2}" ;;
    *) usage ;;
esac
