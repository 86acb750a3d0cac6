#!/usr/bin/env bats
# The units of the Debian packages, in a VM whose system is the clean Debian that tests/packages/fetch made:
# `tests/vm/run 6.12 --root build/packages/bookworm --systemd -- bats tests/packages/units.bats`.
#
# The agent keeps a link between two containers of this machine, which it knows by their pids. `tests/check
# 6.12-packages` builds the packages before.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
load units

CLEAN=
[ -z "${NAH_IN_VM:-}" ] || [ ! -d /run/systemd/system ] || [ -d /usr/share/doc/gcc ] || CLEAN=1

# Starts a container, a process in a network namespace of its own, and sets a variable to its pid: container NAME
container()
{
    unshare --net sh -c 'ip link set lo up; exec sleep 6000' 3>&- &
    CONTAINERS+=("$!")
    printf -v "$1" %s "$!"
    within 10 eval '[ "$(readlink /proc/'"$!"'/ns/net)" != "$(readlink /proc/self/ns/net)" ]'
}

# Declares a link between both containers at the machine's site.
declare_link()
{
    local end='{"link":"l","net":1572871,"host":%s,"container":"pid/%s","site":"a"}'
    # shellcheck disable=SC2059 # the format is the line above
    printf "{\"sites\":[%s],\"links\":[$end,$end]}" "$(this_site)" 0 "$c1" 1 "$c2" | as_cwg cwg declare -
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
    add_address
    container c1
    container c2
}

teardown()
{
    local file
    [ -n "$CLEAN" ] || return 0
    remove_packages cwg net-admin-helper
    dpkg-statoverride --list | while read -r _ group _ file; do
        [ "$group" != wg-app ] || dpkg-statoverride --remove "$file"
    done
    rm -rf /etc/systemd/system/cwg-helper@.service.d
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
    install_all net-admin-helper cwg
    [ "$(systemctl is-enabled cwg-agent cwg-helper.socket | sort -u)" = disabled ]
    [ "$(systemctl is-active cwg-agent cwg-helper.socket | sort -u)" = inactive ]
    start_agent
    before=$(keys)
    pid=$(systemctl show --property MainPID --value cwg-agent)
    reaches
    install_all net-admin-helper cwg
    [ "$(systemctl show --property MainPID --value cwg-agent)" != "$pid" ]
    within 120 all_up
    [ "$(keys)" = "$before" ] || fail "$before, and now $(keys)"
    reaches
}

@test "a removal stops the units and leaves the link; a purge leaves no unit, no setting and no key" {
    install_all net-admin-helper cwg
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

@test "with the program in another group, by the commands of README.Debian, the agent keeps a link" {
    install_all net-admin-helper cwg
    groupadd --system wg-app
    sed -n '/^Another group/,/^Upgrades/s/^    //p' "$ROOT/debian/net-admin-helper.README.Debian" | sh -e
    [ "$(stat -c '%a %G' /usr/bin/net-admin-helper)" = "750 wg-app" ]
    start_agent
    reaches
}
