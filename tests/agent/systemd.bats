#!/usr/bin/env bats
# The agent's units under a real systemd: `tests/vm/run 6.12 --systemd -- bats tests/agent/systemd.bats`.
#
#     +--------------------------------------------------------------+
#     |  cwg-agent.service, site a --- cwg-helper.socket             |
#     |       | want/l.0, want/l.1        | cwg-helper@... (batch)   |
#     |   +-------+                   +-------+                      |
#     |   |  c1   |-------- l --------|  c2   |         192.0.2.1    |
#     |   +-------+                   +-------+                      |
#     +--------------------------------------------------------------+
#
# Both ends are at the one site, whose agent knows the containers by their pids. The links are engines', which live in
# the units of the helper; the helper's log and the kernel's links don't differ here from those of agent/heal.bats.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
load ../net/net

SYSTEMD=
[ -z "${NAH_IN_VM:-}" ] || [ ! -d /run/systemd/system ] || SYSTEMD=1
NET=1572871
PEER=10.48.0.15

# The units as scripts/install writes them, for the group of the tests' helper; only the times are shorter.
install_units()
{
    local unit
    mkdir -p /etc/systemd/system/cwg-agent.service.d /etc/sysusers.d /etc/cwg
    for unit in "$ROOT"/units/system/*; do
        sed "s|@BINDIR@|/usr/local/bin|g; s|@HELPER_GROUP@|$APP_GID|g" "$unit" >"/etc/systemd/system/${unit##*/}"
    done
    printf '[Service]\nWatchdogSec=5\nRestartSec=1\n' >/etc/systemd/system/cwg-agent.service.d/soon.conf
    cp "$ROOT/units/sysusers.d/cwg.conf" /etc/sysusers.d/
    systemd-sysusers
    # systemd wants a group that is in a database.
    getent group "$APP_GID" || groupadd --gid "$APP_GID" wg-app
    echo "site a" >/etc/cwg/cwg.conf
    systemctl daemon-reload
}

setup_file()
{
    [ -n "$SYSTEMD" ] || return 0
    install_helper "$ROOT/build/variants/engine/$NAME" "" /usr/local/bin
    install_engine
    install -m 0755 "$ROOT/build/cwg" /usr/local/bin/
    install_units
    ip link add d0 type dummy
    ip address add 192.0.2.1/24 dev d0
    ip link set d0 up
}

setup()
{
    [ -n "$SYSTEMD" ] || skip "only in the VM with systemd as process 1"
    CONTAINERS=()
    SITES=()
    container c1
    container c2
    systemctl start cwg-agent
    declare_link
    within 60 says "2 links, 2 connected"
}

teardown()
{
    [ -n "$SYSTEMD" ] || return 0
    as_cwg cwg forget l || true
    systemctl start cwg-helper.socket cwg-agent
    within 60 says "0 links, 0 connected"
    systemctl stop cwg-agent cwg-helper.socket
    clean_up
}

as_cwg()
{
    setpriv --reuid cwg --regid cwg --clear-groups env HOME=/var/lib/cwg "$@"
}

declare_link()
{
    local end='{"link":"l","net":%s,"host":%s,"container":"pid/%s","site":"a"}' site='{"site":"a","key":"%s"}'
    # shellcheck disable=SC2059 # the format is the line above
    printf "{\"sites\":[$site],\"links\":[$end,$end]}" "$(as_cwg cwg keys | grep -o '[^ ]*=$')" \
        $NET 0 "$c1" $NET 1 "$c2" >"$BATS_TEST_TMPDIR/links"
    as_cwg cwg declare - <"$BATS_TEST_TMPDIR/links"
}

# Tries for so many seconds: within SECONDS COMMAND...
within()
{
    local end=$((SECONDS + $1))
    while [ $SECONDS -le $end ]; do
        "${@:2}" >/dev/null 2>&1 && return
        sleep 0.2
    done
    fail "waited ${1} s in vain for: ${*:2}"$'\n'"$(systemctl status --no-pager --full cwg-agent | tail -n 30)
$(tail -n +1 /var/lib/cwg/store/status/*; journalctl --no-pager -o cat -u 'cwg-helper@*' | tail -n 6)"
}

# What the unit's status says.
says()
{
    [ "$(systemctl show --property StatusText --value cwg-agent)" = "$1" ]
}

property()
{
    systemctl show --property "$1" --value cwg-agent
}

@test "the agent's unit makes declared links by the socket, in a sandbox without any privilege" {
    local pid
    inside "$c1" ping -q -c 1 -W 5 "$PEER"
    pid=$(property MainPID)
    [ "$(awk '/^(CapPrm|CapEff|CapBnd|CapAmb):/ { print $2 }' "/proc/$pid/status" | sort -u)" = 0000000000000000 ]
    grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$pid/status"
    [ "$(stat -c '%U %a' /run/cwg-helper.sock /var/lib/cwg /var/lib/cwg/site.key | tr '\n' ' ')" = \
        "cwg 600 cwg 700 cwg 600 " ]
    # The helper's processes and its engines are in the units of the connections.
    [[ $(cat "/proc/$(pgrep -x cwg-engine | head -n 1)/cgroup") == */cwg-helper@* ]]
}

@test "at a reload the agent says what is wrong with its settings, and goes on" {
    local pid
    pid=$(property MainPID)
    echo "sit a" >/etc/cwg/cwg.conf
    run as_cwg cwg agent --check
    echo "site a" >/etc/cwg/cwg.conf.right
    [ "$status" = 1 ]
    [ "$output" = "cwg: /etc/cwg/cwg.conf:1: no setting is called sit: cwg.conf(5) lists all" ] || fail "$output"
    systemctl reload cwg-agent
    mv /etc/cwg/cwg.conf.right /etc/cwg/cwg.conf
    run journalctl --no-pager -o cat -u cwg-agent
    [[ $output == *"cwg: the settings stay as they were: /etc/cwg/cwg.conf:1: no setting is called sit"* ]] ||
        fail "$output"
    [ "$(property MainPID) $(property ActiveState)" = "$pid active" ]
    as_cwg cwg agent --check
}

# Prints ten times what systemd-analyze thinks of a unit: 100 is unsafe.
exposure()
{
    systemd-analyze security --no-pager "$1" | sed -n 's/.*exposure level.*: \([0-9]*\)\.\([0-9]\) .*/\1\2/p'
}

@test "the units are as hard as doc/agent.md says" {
    [ "$(exposure cwg-agent.service)" -le 15 ]
    [ "$(exposure cwg-helper@x.service)" -le 37 ]
    run systemd-analyze verify --man=no /etc/systemd/system/cwg-{agent.service,helper.socket,helper@.service}
    [ "$status $output" = "0 " ] || fail "$output"
}
