#!/usr/bin/env bats
# The units of examples/ under a real systemd, and containers of systemd-nspawn. For the VM with systemd as process 1:
# `tests/vm/run 6.12 --systemd -- bats tests/cwg/systemd.bats`.
#
#        this machine                                  site2
#     +------------------------------------+        +--------------------+
#     |  alice's systemd:                  |        |  sshd, bob         |
#     |    container-web.service: web      |--veth--|                    |
#     |    cwg-link.service                |        |  db                |
#     +------------------------------------+        +--------------------+
#
# podman is a stand-in, which knows the pids of web and db alone; podman.bats has the real one. These tests take over a
# minute of a processor with a VM of their own, so they aren't in `make check`: tests/check 6.12-systemd
# bats file_tags=slow

bats_require_minimum_version 1.5.0

# Of the numbers that systemd takes for users': a journal of one's own is for those.
NAH_APP_UID=4711
load cwg

SYSTEMD=
[ -z "${NAH_IN_VM:-}" ] || [ ! -d /run/systemd/system ] || SYSTEMD=1
LINK=2100000

# Runs a command of alice, who has logged in at this machine.
alice()
{
    setpriv --reuid "${UIDS[alice]}" --regid "${GIDS[alice]}" --clear-groups --inh-caps=-all -- env -i \
        HOME="$WORLD/home/alice" XDG_RUNTIME_DIR="/run/user/${UIDS[alice]}" PATH="$PATH" LC_ALL=C "$@" 3>&-
}

user_units()
{
    alice systemctl --user "$@"
}

# site1's end of the way between the sites is this machine's.
open_site1()
{
    ip -n site1 link set v1 netns 1
    ip address add 192.0.2.1/24 dev v1
    ip link set v1 up
}

# The one login of this file: as many have it, ssh keeps the connection open. Each other login takes some seconds here.
log_in_at_site2()
{
    echo "  ControlPath ~/.ssh/open" >>"$WORLD/home/alice/.ssh/config"
    alice ssh -M -o ControlPersist=yes -N site2
}

# The example as it is installed; only the time between two attempts is shorter.
install_units()
{
    local units=$WORLD/home/alice/.config/systemd/user
    mkdir -p "$units/cwg-link.service.d"
    cp "$ROOT/examples/cwg-link.service" "$units"
    printf '[Service]\nRestartSec=1\n' >"$units/cwg-link.service.d/soon.conf"
    cat >"$units/container-web.service" <<'END'
[Service]
Type=notify
NotifyAccess=all
ExecStart=/usr/bin/unshare -Urn sh -c 'ip link set lo up; systemd-notify --ready; exec sleep 600'
ExecStartPost=/bin/sh -c 'echo $MAINPID >%h/web.pid'
Restart=on-failure
RestartSec=0
END
    chown -R "${UIDS[alice]}" "$WORLD/home/alice/.config"
}

setup_file()
{
    [ -n "$SYSTEMD" ] || return 0
    has_backend || return 0
    COVERED=()
    FAR_PATH=/usr/local/bin:$PATH
    install_helper "" "" /usr/local/bin
    install -m 0755 "$ROOT/build/cwg" /usr/local/bin/
    install -m 0755 "$ROOT/tests/lib/podman-of-pids" /usr/local/bin/podman
    two_sites
    open_site1
    add_users
    make_machines
    make_keys
    configure_sshd
    start_sshd site2
    log_in_at_site2
    install_units
    mkdir -p /var/log/journal # as Debian's package has it: each user has a journal of their own then
    journalctl --flush
    systemctl start "user@${UIDS[alice]}"
    user_units enable cwg-link
}

setup()
{
    [ -n "$SYSTEMD" ] || skip "only in the VM with systemd as process 1"
    container c2
    echo "$c2" >"$WORLD/home/bob/db.pid"
}

teardown()
{
    [ -n "$SYSTEMD" ] || return 0
    user_units stop container-web cwg-link
    user_units reset-failed
    clean_up
    wait_for_silence site2
}

teardown_file()
{
    [ -n "$SYSTEMD" ] || return 0
    alice ssh -O exit site2 || true
    systemctl stop "user@${UIDS[alice]}"
    end_world
}

web()
{
    cat "$WORLD/home/alice/web.pid"
}

# Says whether both containers have the link, and packets pass.
linked()
{
    [ "$(user_units is-active cwg-link)" = active ] && [ "$(links_in "$(web)")" = "wg-$LINK-0" ] &&
        [ "$(links_in "$c2")" = "wg-$LINK-1" ] && inside "$(web)" ping -q -c 1 -W 5 10.64.22.65
}

# Nothing is left of the link: no device, no socket at either machine, no process of the unit.
all_gone()
{
    [ "$(user_units is-active cwg-link)" != active ] && no_links "$c2" && no_sockets site2 && [ -z "$(ss -Hnua)" ] &&
        ! pgrep -x cwg-engine
}

@test "cwg-link.service joins when the container's unit starts, and leaves nothing when that stops" {
    user_units start container-web
    wait_for linked
    user_units stop container-web
    all_gone
}

@test "cwg-link.service joins anew when the container is started again, by hand or since it died" {
    local first
    user_units start container-web
    wait_for linked
    first=$(web)
    user_units restart container-web
    wait_for linked
    [ "$(web)" != "$first" ]
    first=$(web)
    kill -KILL "$first"
    wait_for eval 'linked && [ "$(web)" != "$first" ]'
    user_units restart cwg-link
    linked
}

@test "cwg-link.service ends engines' links, too: engines are processes of the unit, and end with it" {
    install_helper "$ROOT/build/variants/engine/$NAME" "" /usr/local/bin
    install_engine
    user_units start container-web
    wait_for linked
    [[ $(cat "/proc/$(pgrep -x -u "${UIDS[alice]}" cwg-engine)/cgroup") == */cwg-link.service ]]
    user_units stop cwg-link
    all_gone
    [ "$(user_units is-active container-web)" = active ]
    install_helper "" "" /usr/local/bin
}

@test "a join that fails shows its reason in the unit's status and in the journal, and is tried again" {
    local reason="cwg: site2: podman has no container db"
    rm "$WORLD/home/bob/db.pid"
    user_units start container-web
    run user_units start cwg-link
    [ "$status" = 1 ] || fail "$output"
    run user_units status cwg-link
    [[ $output == *"auto-restart"*"Status: \"${reason#cwg: }: "* ]] || fail "$output"
    run alice journalctl --user -u cwg-link -o cat
    [[ $output == *"$reason"* ]] || fail "$output"
    echo "$c2" >"$WORLD/home/bob/db.pid"
    wait_for linked
}

# Starts a container of systemd-nspawn: nspawn NAME. machined knows it, and it has no network but lo.
nspawn()
{
    local root=$WORLD/nspawn
    mkdir -p "$root"/{usr,bin,proc,sys,dev,run,tmp,var,etc}
    cp -n "$(command -v busybox)" "$root/bin/"
    systemd-nspawn --quiet --directory "$root" --machine "$1" --private-network --as-pid2 --register=yes --volatile=no \
        --console=pipe --resolv-conf=off --timezone=off --link-journal=no /bin/busybox sleep 600 \
        </dev/null >"$BATS_TEST_TMPDIR/nspawn" 2>&1 3>&- &
    CONTAINERS+=("$!")
    wait_for machinectl show "$1"
}

# Tells machined of a virtual machine, as libvirt does: virtual_machine NAME
virtual_machine()
{
    sleep 600 3>&- &
    CONTAINERS+=("$!")
    busctl --quiet call org.freedesktop.machine1 /org/freedesktop/machine1 org.freedesktop.machine1.Manager \
        CreateMachine 'sayssusa(sv)' "$1" 0 libvirt-qemu vm "$!" "" 0
}

@test "a container of systemd-nspawn is found by its name, listed, joined, and told from one that isn't there" {
    local name=a-machine-with-a-long-name-that-machinectl-has-no-room-for box
    virtual_machine qemu-1
    nspawn "$name"
    box=$(machinectl show -p Leader --value "$name")
    run --separate-stderr alice cwg pid "nspawn/$name"
    assert_success_with "$box"
    run --separate-stderr alice cwg ps --names
    assert_success_with "nspawn/$name"
    run --separate-stderr alice cwg join "$name" "site2:pid/$c2"
    [ "$status" = 0 ] || fail "$stderr"
    inside "$box" ping -q -c 1 -W 5 "$(awk 'NR == 2 { print $3 }' <<<"$output")"
    run --separate-stderr alice cwg leave "nspawn/$name" "site2:pid/$c2"
    assert_removed
    no_links "$box" "$c2"
    run --separate-stderr alice cwg pid nspawn/qemu-1
    assert_said 1 "nspawn has no container qemu-1"
    machinectl terminate "$name"
    wait_for eval "! machinectl show $name"
    run --separate-stderr alice cwg pid "nspawn/$name"
    assert_said 1 "nspawn has no container $name"
}

# Runs a service with the settings of examples/caller.service, and one more. It makes a link in c2, and removes it:
# start_caller SETTING
start_caller()
{
    local unit=/etc/systemd/system/wg-app.service
    sed "s/^User=.*/User=${UIDS[bob]}/; s/^SupplementaryGroups=.*/SupplementaryGroups=$APP_GID/" \
        "$ROOT/examples/caller.service" >"$unit"
    mkdir -p "$unit.d"
    printf '[Service]\nType=oneshot\nStandardError=truncate:%s/said\n%s\n' "$WORLD" "$1" >"$unit.d/more.conf"
    printf '#!/bin/sh\nnet-admin-helper cwg_create %s 9 0 0 && net-admin-helper cwg_destroy %s 9 0\n' "$c2" "$c2" \
        >/usr/local/bin/wg-app
    chmod 0755 /usr/local/bin/wg-app
    systemctl daemon-reload
    systemctl start wg-app
}

@test "caller.service may call the helper, but not under no_new_privs" {
    start_caller UMask=0077
    run start_caller NoNewPrivileges=yes
    [ "$status" = 1 ] || fail "$output"
    [[ $(<"$WORLD/said") == *"it was started under no_new_privs"* ]] || fail "$(<"$WORLD/said")"
}
