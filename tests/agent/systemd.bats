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
# Both ends are at the one site, whose agent knows the containers by their pids, but for one that a plugin has told of.
# The links are engines', which live in the units of the helper, but for one test. The user ada has an agent of her own,
# in the same containers. Her podman is a stand-in, which knows the pid of web alone; podman.bats has the real one.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
load ../net/net
load ../lib/within

SYSTEMD=
[ -z "${NAH_IN_VM:-}" ] || [ ! -d /run/systemd/system ] || SYSTEMD=1
NET=1572871
PEER=10.48.0.15
KERNEL_NET=1572872
KERNEL_PEER=10.48.0.17
ADA=4711
# Whose units are asked: ask_ada has those of ada asked.
UNITS=(systemctl)

# The units as scripts/install writes them, for the group of the tests' helper; only the times are shorter.
install_units()
{
    local unit
    mkdir -p /etc/systemd/{system,user}/cwg-agent.service.d /etc/sysusers.d /etc/cwg
    for unit in "$ROOT"/units/system/*; do
        sed "s|@BINDIR@|/usr/local/bin|g; s|@HELPER_GROUP@|$APP_GID|g" "$unit" >"/etc/systemd/system/${unit##*/}"
    done
    sed "s|@BINDIR@|/usr/local/bin|g" "$ROOT/units/user/cwg-agent.service" >/etc/systemd/user/cwg-agent.service
    printf '[Service]\nWatchdogSec=5\nRestartSec=1\n' | tee /etc/systemd/{system,user}/cwg-agent.service.d/soon.conf
    cp "$ROOT/units/sysusers.d/cwg.conf" /etc/sysusers.d/
    systemd-sysusers
    # systemd wants a group that is in a database.
    getent group "$APP_GID" || groupadd --gid "$APP_GID" wg-app
    echo "site a" >/etc/cwg/cwg.conf
    systemctl daemon-reload
}

# New connections get a helper that has engines carry new links, or the kernel where it can: prefer engine|default
prefer()
{
    install_helper "$ROOT/build/variants/$1/$NAME" "" /usr/local/bin
}

setup_file()
{
    [ -n "$SYSTEMD" ] || return 0
    prefer engine
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
    declare_link l "$NET"
    within 60 all_up 2
}

teardown()
{
    [ -n "$SYSTEMD" ] || return 0
    UNITS=(systemctl)
    as_cwg cwg forget l || true
    as_cwg cwg forget k || true
    as_cwg cwg forget m || true
    rm -f /run/cwg-attached/*
    ip netns delete pod 2>/dev/null || true
    systemctl start cwg-helper.socket cwg-agent
    within 60 all_up 0
    systemctl stop cwg-agent cwg-helper.socket
    prefer engine
    clean_up
}

as_cwg()
{
    setpriv --reuid cwg --regid cwg --clear-groups env HOME=/var/lib/cwg "$@"
}

# Declares a link between both containers at the machine's site: declare_link LINK NET
declare_link()
{
    local end='{"link":"%s","net":%s,"host":%s,"container":"pid/%s","site":"a"}' site='{"site":"a","key":"%s"}'
    # shellcheck disable=SC2059 # the format is the line above
    printf "{\"sites\":[$site],\"links\":[$end,$end]}" "$(as_cwg cwg keys | grep -o '[^ ]*=$')" \
        "$1" "$2" 0 "$c1" "$1" "$2" 1 "$c2" >"$BATS_TEST_TMPDIR/links"
    as_cwg cwg declare - <"$BATS_TEST_TMPDIR/links"
}

# Prints what the agents and the helper tell, for who looks at a failed test.
say_all()
{
    "${UNITS[@]}" status --no-pager --full cwg-agent | tail -n 30
    tail -n +1 /var/lib/cwg/store/status/* || true
    tail -n +1 /home/ada/.local/state/cwg/agent/store/status/* || true
    journalctl --no-pager -o cat -u 'cwg-helper@*' | tail -n 6
} 2>/dev/null

# What the unit's status says.
# The agent has so many links, and all of them work: a kernel's link whose packets the agent hasn't asked for is in
# session.
all_up()
{
    local text
    text=$(property StatusText)
    [[ $text =~ ^([0-9]+)\ links,\ ([0-9]+)\ connected,\ ([0-9]+)\ in\ session$ ]] &&
        [ "${BASH_REMATCH[1]}" = "$1" ] && [ $((BASH_REMATCH[2] + BASH_REMATCH[3])) = "$1" ]
}

property()
{
    "${UNITS[@]}" show --property "$1" --value cwg-agent
}

# Prints what only a change changes of all links in the containers, and how many changes the helper has told of.
links()
{
    local pid
    for pid in "$c1" "$c2"; do
        as_app "$HELPER" cwg_show "$pid" --json | jq -c '.[] | [.name, .engine_pid, .public_key, .listen_port,
            .peer.public_key]'
    done
    journalctl --sync
    journalctl --no-pager -o cat -t "$NAME" | grep -cE 'cwg_(create|connect|destroy) '
}

# Another agent runs than that of this pid.
another_agent()
{
    [ "$(property ActiveState)" = active ] && [ "$(property MainPID)" != "$1" ] && [ "$(property MainPID)" != 0 ]
}

# Something happens to the agent of a unit. Then there is another agent, which finds so many ends connected, and the
# links are what they were: outlive ENDS COMMAND...
outlive()
{
    local pid before
    pid=$(property MainPID)
    before=$(links)
    echo "${*:2}" >&2 # shown if this fails
    "${@:2}"
    within 60 another_agent "$pid"
    within 60 all_up "$1"
    [ "$(links)" = "$before" ] || fail "before: $before"$'\n'"now: $(links)"
}

signal()
{
    kill -"$1" "$(property MainPID)"
}

stop_and_start()
{
    "${UNITS[@]}" stop cwg-agent
    within 10 no_agent
    sleep 2
    "${UNITS[@]}" start cwg-agent
}

no_agent()
{
    [ "$(property MainPID)" = 0 ]
}

# Has packets pass a link all the time: pass_packets ADDRESS FILE
pass_packets()
{
    "$TOOLS/enter" --net "/proc/$c1/ns/net" -- ping -q -i 0.5 "$1" >"$2" 3>&- &
    CONTAINERS+=("$!")
    PINGS+=("$!")
}

# Ends pass_packets. All packets but the last have come back.
all_have_passed()
{
    local pid file
    for pid in "${PINGS[@]}"; do kill -INT "$pid" && wait "$pid"; done
    for file; do
        awk '/packets transmitted/ { lost = $1 - $4; sent = $1 } END { exit sent < 10 || lost > 1 }' "$file" ||
            fail "$(cat "$file")"
    done
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

@test "links of the kernel and of engines outlive a killed, hung, stopped and restarted agent, which touches none" {
    local pid
    PINGS=()
    prefer default
    systemctl restart cwg-agent
    declare_link k "$KERNEL_NET"
    within 60 all_up 4
    [ "$(links | grep -c '^\["[^"]*",[0-9]')" = 2 ] && [ "$(links | grep -c '^\["[^"]*",null')" = 2 ] || fail "$(links)"
    for pid in $(pgrep -x cwg-engine); do [[ $(cat "/proc/$pid/cgroup") == */cwg-helper@* ]]; done
    pass_packets "$PEER" "$BATS_TEST_TMPDIR/engine"
    pass_packets "$KERNEL_PEER" "$BATS_TEST_TMPDIR/kernel"
    outlive 4 signal KILL
    outlive 4 signal STOP
    journalctl --no-pager -o cat -u cwg-agent | grep -q "Watchdog timeout"
    outlive 4 systemctl restart cwg-agent
    outlive 4 stop_and_start
    outlive 4 systemctl restart cwg-helper.socket
    all_have_passed "$BATS_TEST_TMPDIR/engine" "$BATS_TEST_TMPDIR/kernel"
}

# A plugin tells of a container by a number, which has a namespace's file: attach NUMBER
attach()
{
    rm -f /run/cwg-attached/*
    id=$(printf '%064d' "$1")
    echo '{"engine":"cni","name":"default.web","netns":"pod","link":""}' >"/run/cwg-attached/$id+net"
}

# A runtime has started c1 as the container that was told of last.
become_attached()
{
    mkdir -p "/sys/fs/cgroup/kubepods.slice/cri-containerd-$id.scope"
    echo "$c1" >"/sys/fs/cgroup/kubepods.slice/cri-containerd-$id.scope/cgroup.procs"
}

# Link m's end at the container that a plugin tells of is in this state.
attached_is()
{
    grep -qF "\\\"state\\\":\\\"$1\\\"" /var/lib/cwg/store/status/m.0
}

# No namespace's file goes through the socket.
@test "a container that a plugin tells of is linked by its process, and not by its namespace's file" {
    local end='{"link":"m","net":9,"host":%s,"container":"%s","site":"a"}' id
    ip netns add pod
    attach 1
    # shellcheck disable=SC2059 # the format is the line above
    printf "{\"links\":[$end,$end]}" 0 cni/default.web 1 "pid/$c2" | as_cwg cwg declare -
    within 60 attached_is "waiting for its container"
    become_attached
    within 60 all_up 4
    inside "$c1" ping -q -c 1 -W 5 10.0.0.19
    # The next container has another id, another process, and the same name.
    as_cwg cwg forget l
    end_container "$c1"
    within 60 attached_is "waiting for its container"
    container c1
    attach 2
    become_attached
    within 60 inside "$c1" ping -q -c 1 -W 5 10.0.0.19
    within 60 all_up 2
    ! journalctl --no-pager -o cat -u cwg-agent | grep "link m.*refused" || fail "an end was refused"
}

# Runs a command of ada, who has logged in.
ada()
{
    setpriv --reuid $ADA --regid $ADA --init-groups --inh-caps=-all -- env -i HOME=/home/ada \
        XDG_RUNTIME_DIR=/run/user/$ADA PATH="$PATH" LC_ALL=C "$@" 3>&-
}

# ada's account, with her stand-in for podman. From now on her units are asked.
ask_ada()
{
    useradd --uid $ADA --groups "$APP_GID" --create-home ada
    install -m 0755 "$ROOT/tests/lib/podman-of-pids" /usr/local/bin/podman
    loginctl enable-linger ada
    UNITS=(ada systemctl --user)
    within 60 ada systemctl --user show-environment
}

declare_adas_link()
{
    local end='{"link":"u","net":5,"host":%s,"container":"%s","site":"vm"}' site='{"site":"vm","key":"%s"}'
    # shellcheck disable=SC2059 # the format is the line above
    printf "{\"sites\":[$site],\"links\":[$end,$end]}" "$(ada cwg keys | grep -o '[^ ]*=$')" \
        0 podman/web 1 "pid/$c2" >"$BATS_TEST_TMPDIR/links"
    ada cwg declare - <"$BATS_TEST_TMPDIR/links"
}

@test "the unit of a user who lingers heals a link, which outlives a killed, hung and restarted agent" {
    local before
    as_cwg cwg forget l
    within 60 all_up 0
    ask_ada
    echo "$c1" >/home/ada/web.pid
    "${UNITS[@]}" enable --now cwg-agent
    declare_adas_link
    within 60 all_up 2
    inside "$c1" ping -q -c 1 -W 5 10.0.0.11
    before=$c1
    end_container "$c1"
    container c1
    [ "$c1" != "$before" ]
    echo "$c1" >/home/ada/web.pid
    within 60 inside "$c1" ping -q -c 1 -W 5 10.0.0.11
    within 60 all_up 2
    [[ $(cat "/proc/$(pgrep -x -u ada cwg-engine | head -n 1)/cgroup") == */user@$ADA.service/*/cwg-agent.service ]]
    outlive 2 signal KILL
    outlive 2 signal STOP
    outlive 2 "${UNITS[@]}" restart cwg-agent
    inside "$c1" ping -q -c 1 -W 5 10.0.0.11
    ada cwg forget u
    within 60 all_up 0
    loginctl disable-linger ada
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

# The unit's agent has ended, and its status says why: fails_with TEXT
fails_with()
{
    [ "$(property MainPID)" = 0 ] && [[ $(property StatusText) == *"$1"* ]]
}

@test "an agent that can't start says why in its unit's status, and starts when that is mended" {
    echo "sit a" >/etc/cwg/cwg.conf
    run ! systemctl restart cwg-agent
    within 30 fails_with "/etc/cwg/cwg.conf:1: no setting is called sit: cwg.conf(5) lists all"
    echo "site a" >/etc/cwg/cwg.conf
    within 60 all_up 2
    chown root /var/lib/cwg/site.key
    run ! systemctl restart cwg-agent
    within 30 fails_with "can't read /var/lib/cwg/site.key: Permission denied"
    run as_cwg cwg agent --check
    [ "$status $output" = "1 cwg: can't read /var/lib/cwg/site.key: Permission denied" ] || fail "$output"
    chown cwg /var/lib/cwg/site.key
    within 60 all_up 2
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
