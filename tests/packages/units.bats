#!/usr/bin/env bats
# The units of the Debian packages, in a VM whose system is the clean Debian that tests/packages/fetch made:
# `tests/vm/run 6.12 --root build/packages/bookworm --systemd -- bats tests/packages/units.bats`.
#
# The agent keeps a link between two containers of this machine, which it knows by their pids. `tests/check
# 6.12-packages` builds the packages before.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
load ../lib/helper

CLEAN=
[ -z "${NAH_IN_VM:-}" ] || [ ! -d /run/systemd/system ] || [ -d /usr/share/doc/gcc ] || CLEAN=1
PACKAGES=$ROOT/build/packages/deb

install_all()
{
    cp "$PACKAGES"/{cwg,net-admin-helper}_*_"$(dpkg --print-architecture)".deb "$BATS_TEST_TMPDIR"
    apt-get -qq -y --reinstall install "$BATS_TEST_TMPDIR"/*.deb </dev/null 3>&-
}

# Starts a container, a process in a network namespace of its own, and sets a variable to its pid: container NAME
container()
{
    unshare --net sh -c 'ip link set lo up; exec sleep 6000' 3>&- &
    CONTAINERS+=("$!")
    printf -v "$1" %s "$!"
    within 10 eval '[ "$(readlink /proc/'"$!"'/ns/net)" != "$(readlink /proc/self/ns/net)" ]'
}

# Tries for so many seconds: within SECONDS COMMAND...
within()
{
    local end=$((SECONDS + $1))
    while [ $SECONDS -le $end ]; do
        "${@:2}" >/dev/null 2>&1 && return
        sleep 0.2
    done
    fail "waited $1 s in vain for: ${*:2}"$'\n'"$(systemctl status --no-pager --full cwg-agent 2>&1 | tail -n 20)"
}

as_cwg()
{
    setpriv --reuid cwg --regid cwg --clear-groups env HOME=/var/lib/cwg "$@"
}

# Declares a link between both containers at the machine's site.
declare_link()
{
    local end='{"link":"l","net":1572871,"host":%s,"container":"pid/%s","site":"a"}' site='{"site":"a","key":"%s"}'
    # shellcheck disable=SC2059 # the format is the line above
    printf "{\"sites\":[$site],\"links\":[$end,$end]}" "$(as_cwg cwg keys | grep -o '[^ ]*=$')" 0 "$c1" 1 "$c2" |
        as_cwg cwg declare -
}

all_up()
{
    [[ $(systemctl show --property StatusText --value cwg-agent) =~ ^2\ links,\ ([0-2])\ connected,\ ([0-2])\ in ]] &&
        [ $((BASH_REMATCH[1] + BASH_REMATCH[2])) = 2 ]
}

# What a new link would have anew.
keys()
{
    net-admin-helper cwg_show "$c1" --json | jq -c '.[] | [.name, .public_key, .listen_port, .peer.public_key]'
}

setup()
{
    [ -n "$CLEAN" ] || skip "only in the VM whose system is the clean Debian"
    CONTAINERS=()
    ip link add d0 type dummy
    ip address add 192.0.2.1/24 dev d0
    ip link set d0 up
    container c1
    container c2
}

teardown()
{
    [ -n "$CLEAN" ] || return 0
    apt-get -qq -y purge cwg net-admin-helper </dev/null 3>&- || true
    kill -KILL "${CONTAINERS[@]}" || true
    ip link delete d0
}

# As cwg's README.Debian has it.
start_agent()
{
    echo "site a" >/etc/cwg/cwg.conf
    systemctl enable --now cwg-helper.socket cwg-agent
    declare_link
    within 120 all_up
}

reaches()
{
    nsenter --net --target "$c1" ping -q -c 1 -W 5 10.48.0.15
}

@test "nothing runs after the installation; units start by hand, and an upgrade restarts them and keeps the link" {
    local before pid
    install_all
    [ "$(systemctl is-enabled cwg-agent cwg-helper.socket | sort -u)" = disabled ]
    [ "$(systemctl is-active cwg-agent cwg-helper.socket | sort -u)" = inactive ]
    start_agent
    before=$(keys)
    pid=$(systemctl show --property MainPID --value cwg-agent)
    reaches
    install_all
    [ "$(systemctl show --property MainPID --value cwg-agent)" != "$pid" ]
    within 120 all_up
    [ "$(keys)" = "$before" ] || fail "$before, and now $(keys)"
    reaches
}

@test "a removal stops the units and leaves the link; a purge leaves no unit, no setting and no key" {
    install_all
    start_agent
    apt-get -qq -y remove cwg </dev/null 3>&-
    [ "$(systemctl is-active cwg-agent cwg-helper.socket | sort -u)" = inactive ]
    reaches
    [ -e /var/lib/cwg/store ]
    apt-get -qq -y purge cwg net-admin-helper </dev/null 3>&-
    reaches
    [ -z "$(find /etc/systemd /lib/systemd /usr/lib/systemd /var/lib/systemd -name '*cwg*')" ]
    [ ! -e /etc/cwg ]
    [ ! -e /var/lib/cwg ]
    [ ! -e /etc/net-admin-helper ]
    [ -z "$(systemctl list-unit-files --no-legend 'cwg*')" ]
}
