# Two sites and a container at each, for what shows them; as root, within scripts/apart:
#
#         site1                                 site2, with an sshd
#     +-------------------------+          +-------------------------+
#     |  192.0.2.1              +---veth---+             192.0.2.2   |
#     |   +---------------+     |          |     +---------------+   |
#     |   | container web |     |          |     | container db  |   |
#     +---+---------------+-----+          +-----+---------------+---+
#
# Here a site is a network namespace; in reality it is a machine. Everything else is real: the helper with its
# capabilities, cwg, ssh. The callers are the user nobody, who has a home and a shell here. The programs are those of
# the demo's build, or with NAH_INSTALLED=1 those of the Debian packages.
# shellcheck shell=bash

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
directory=/var/lib/net-admin-helper-demo # in memory, and this run's own; the engine's place is part of the program
bin=$directory/bin home=$directory/home path=$directory/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
group=nogroup
[ -z "${NAH_INSTALLED:-}" ] || group=net-admin-helper
started=()
container1='' container2='' # their pids

clean_up()
{
    local pid
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    for name in web db site1 site2; do ip netns delete "$name" 2>/dev/null || true; done
    umount /etc/passwd 2>/dev/null || true
}

fail()
{
    echo "demo/${0##*/}: $*" >&2
    exit 1
}

# The words before a command that make it nobody's.
as_caller=(setpriv --reuid nobody --regid "$group" --clear-groups --inh-caps=-all --
    env -u XDG_STATE_HOME -u CWG_SSH "HOME=$home" "PATH=$path")

# Starts a container: a process in a network namespace of its own, which `ip netns` knows by a name too. Sets the
# variable $1 to its pid.
container()
{
    local -n ret_pid=$1
    unshare --net -- sh -c 'ip link set lo up; exec sleep 300' &
    ret_pid=$!
    started+=("$ret_pid")
    # The process has entered its namespace when that differs from this script's.
    while [ "$(readlink "/proc/$ret_pid/ns/net")" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
    ip netns attach "$2" "$ret_pid"
}

install_programs()
{
    [ -z "${NAH_INSTALLED:-}" ] || return 0
    DESTDIR='' BINDIR=$bin MANDIR=$directory/man DATADIR=$directory/share UNITDIR=$directory/units \
        SYSUSERSDIR=$directory/sysusers COMPLETIONDIR=$directory/bash ZSHDIR=$directory/zsh FISHDIR=$directory/fish \
        ENGINE_PATH=$directory/cwg-engine GROUP=$group TASKS_BUILT="create connect destroy show wait batch" \
        "$here/../scripts/install" \
        "$here/../build/demo/net-admin-helper" "$here/../build/demo/cwg-engine" \
        cap_net_admin,cap_sys_admin,cap_sys_ptrace=p \
        cwg_create cwg_connect cwg_destroy cwg_show cwg_wait >/dev/null
}

make_sites()
{
    ip netns add site1
    ip netns add site2
    ip -n site1 link add wan type veth peer name wan netns site2
    ip -n site1 address add 192.0.2.1/24 dev wan
    ip -n site2 address add 192.0.2.2/24 dev wan
    # The sites get no IPv6 addresses, and so send nothing by themselves.
    ip -n site1 link set wan addrgenmode none
    ip -n site2 link set wan addrgenmode none
    ip -n site1 link set wan up
    ip -n site2 link set wan up
    container container1 web
    container container2 db
}

# Gives nobody a key, with which site1 logs in at site2, and starts the sshd there.
start_sshd()
{
    local ssh=$home/.ssh gid
    install -d -m 0700 -o nobody -g "$group" "$home" "$ssh"
    gid=$(getent group "$group" | cut -d : -f 3)
    sed "s|^nobody:.*|nobody:x:$(id -u nobody):$gid::$home:/bin/sh|" /etc/passwd >"$directory/passwd"
    chmod 0644 "$directory/passwd"
    mount --bind "$directory/passwd" /etc/passwd
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$directory/host_key"
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$ssh/id_ed25519"
    cp "$ssh/id_ed25519.pub" "$ssh/authorized_keys"
    echo "192.0.2.2 $(<"$directory/host_key.pub")" >"$ssh/known_hosts"
    printf 'Host site2\n    Hostname 192.0.2.2\n' >"$ssh/config"
    chown -R "nobody:$group" "$ssh"
    printf '%s\n' "HostKey $directory/host_key" 'PasswordAuthentication no' 'UsePAM no' 'PidFile none' \
        "SetEnv PATH=$path" >"$directory/sshd_config"
    : >"$directory/sshd"
    ip netns exec site2 /usr/sbin/sshd -D -e -f "$directory/sshd_config" 2>"$directory/sshd" &
    started+=("$!")
    until grep -q listening "$directory/sshd"; do
        kill -0 "${started[-1]}" 2>/dev/null || fail "sshd ended: $(<"$directory/sshd")"
        sleep 0.05
    done
}
