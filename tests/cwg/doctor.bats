#!/usr/bin/env bats
# cwg doctor: each line as it is where all is well, and with the fault that it is for. cwg.bash draws the machines. A
# test makes a machine of its own: a PATH with another helper, or another engine.

bats_require_minimum_version 1.5.0
load cwg
shopt -s extglob

world_of_the_file

CAPABILITIES=cap_net_admin,cap_sys_admin,cap_sys_ptrace=p

after_test()
{
    local mount
    end_agent
    for mount in "${MOUNTS[@]}"; do umount "$mount"; done
    rmdir /lib/modules 2>/dev/null || true
    MOUNTS=()
    rm -rf "$WORLD/tried" "$WORLD/ill" "$WORLD/home/alice/run" "$WORLD/home/alice/.config/cwg"
    at site1 iptables -w -F
    at site2 iptables -w -F
    ip -n site1 link set v1 mtu 1500
    ip -n site2 link set v2 mtu 1500
}

MOUNTS=()

# Makes a machine: a PATH with cwg, and the helper of an owner, mode and capabilities: ill OWNER MODE CAPABILITIES
# [PROGRAM]
ill()
{
    mkdir -p "$WORLD/ill"
    ln -sf /usr/bin/ssh /bin/sh "$WORLD/whole/cwg" "$WORLD/ill"
    install -m "$2" -o "${1%:*}" -g "${1#*:}" "${4:-$TESTED}" "$WORLD/ill/$NAME"
    [ -z "$3" ] || setcap "$3" "$WORLD/ill/$NAME"
}

# Makes a machine whose helper is a script: scripted TEXT, for /bin/sh
scripted()
{
    ill "0:$APP_GID" 0755 ''
    echo "$1" >"$WORLD/ill/$NAME"
    sed -i '1i#!/bin/sh' "$WORLD/ill/$NAME"
}

# alice's doctor on the machine of ill().
doctor()
{
    MACHINE=ill run --separate-stderr cwg doctor
}

# A line of the doctor's: found RESULT [HOST:' ']CHECK TEXT
found()
{
    grep -E "^$1 +$2  +" <<<"$output" | grep -qF -- "$3" || fail "no line '$1 $2 $3': $output $stderr"
}

# There is no line for this check with this result.
not_found()
{
    ! grep -qE "^$1 +$2  " <<<"$output" || fail "a line '$1 $2': $output"
}

ends_with()
{
    [ "$status" = "$1" ] || fail "exit code $status, not $1; it says: $output $stderr"
    [ -z "$stderr" ] || fail "standard error isn't empty: $stderr"
    ! LC_ALL=C grep -q '[^ -~]' <<<"$output" || fail "not printable: $output"
}

# No process of alice's or bob's is left.
no_process()
{
    ! pgrep -U "${UIDS[alice]},${UIDS[bob]}" cwg
}

@test "where all is well each line says so, for both machines and the way between them, and nothing is left" {
    local host check
    run --separate-stderr cwg doctor site2
    ends_with 0
    for host in '' 'site2: '; do
        found ok "${host}helper" "$WORLD/whole/$NAME"
        found ok "${host}mode" 'root owns it'
        found ok "${host}capabilities" 'all three'
        found ok "${host}mount" "isn't mounted nosuid"
        found ok "${host}group" "this session is in its group, wg-app"
        found ok "${host}version" 'net-admin-helper and cwg are '
        found ok "${host}policy" 'there is no /etc/net-admin-helper/policy'
        found ok "${host}session" 'neither no_new_privs nor'
        found ok "${host}carrier" "$([ "$BACKEND" = kernel ] && echo WireGuard || echo '/dev/net/tun can be opened')"
        found note "${host}engine" 'none of podman, docker, nerdctl, crictl, machinectl, lxc-ls, incus is in PATH'
        found note "${host}firewall" "other rules can't be seen without root"
        found ok "${host}trial" "carried by $([ "$BACKEND" = kernel ] && echo "the kernel's" || echo 'a userspace')"
    done
    found ok 'site2: ssh' 'cwg there answers after'
    found ok 'site2: cwg' 'there and here'
    found note 'site2: clock' "no link depends on it"
    found ok 'site2: udp' 'a link passes packets both ways: this machine (192.0.2.1:'
    found ok 'site2: udp' ', site2 (192.0.2.2:'
    found ok 'site2: ssh-back' 'site2 reaches this machine at 192.0.2.1, port 22, and SSH-2.0-OpenSSH_'
    found ok 'site2: ssh-back' ' answers; no login was tried'
    found ok 'site2: mtu' 'packets of 1500 bytes pass whole to there, and of 1500 from there; those of a link (MTU'
    not_found '(warn|fail)' '.*'
    [ "${lines[-1]}" = 'nothing that was checked fails' ] || fail "${lines[-1]}"
    wait_for no_process
    nothing_left
}

@test "several hosts, of which one is this machine by ssh" {
    local host
    run --separate-stderr cwg doctor site2 bob@site1 192.0.2.2
    ends_with 0
    for host in site2 bob@site1 192.0.2.2; do
        found ok "$host: trial" 'got a link'
        found ok "$host: udp" 'a link passes packets both ways'
    done
}

@test "the mode and owner of the helper's file" {
    ill "0:$APP_GID" 0755 "$CAPABILITIES"
    doctor
    ends_with 0
    found warn mode 'every user may run it (mode 0755)'
    ill "0:$APP_GID" 0700 "$CAPABILITIES"
    doctor
    ends_with 1
    found fail mode 'has mode 0700, and 0750 is right'
    found ok group 'this session is in its group'
    found fail trial 'not tried: you may not run'
    not_found ok trial
    not_found ok version
    ill "0:$APP_GID" 0770 "$CAPABILITIES"
    doctor
    ends_with 1
    found fail mode 'others can write it'
    ill "${UIDS[alice]}:$APP_GID" 0750 "$CAPABILITIES"
    doctor
    ends_with 0
    found warn mode "is owned by user ${UIDS[alice]}"
}

@test "the capabilities of the helper's file, all or some" {
    ill "0:$APP_GID" 0750 ''
    doctor
    ends_with 1
    found fail capabilities 'lacks cap_net_admin, cap_sys_admin, cap_sys_ptrace: as root, setcap'
    found fail trial 'the program lacks cap_sys_ptrace'
    ill "0:$APP_GID" 0750 cap_net_admin,cap_sys_ptrace=p
    doctor
    ends_with 1
    found fail capabilities 'lacks cap_sys_admin: as root, setcap'
}

@test "a file system that is mounted nosuid" {
    mkdir -p "$WORLD/ill"
    mount -t tmpfs -o nosuid,mode=755 ill "$WORLD/ill"
    MOUNTS+=("$WORLD/ill")
    ill "0:$APP_GID" 0750 "$CAPABILITIES"
    doctor
    ends_with 1
    found ok capabilities 'all three'
    found fail mount 'is mounted nosuid'
    found fail trial 'nosuid'
}

@test "the helper's group: another one, or one that the session is older than" {
    ill "0:65534" 0750 "$CAPABILITIES"
    doctor
    ends_with 1
    found fail group "user alice isn't in group nogroup: as root, usermod -aG nogroup alice"
    found fail trial 'not tried: you may not run'
    # bob is in the group by the file alone: enter starts no session of his.
    ill "0:$APP_GID" 0750 "$CAPABILITIES"
    run --separate-stderr "$TOOLS/enter" --net /run/netns/site1 --user "${UIDS[bob]}" 65534 -- \
        /usr/bin/env -i HOME="$WORLD/home/bob" PATH="$WORLD/ill" cwg doctor 3>&-
    ends_with 1
    found fail group 'user bob is in group wg-app, but this session is older than that: log in anew'
}

# A session of the user whom the packages make for the machine's agent: alice, who lives elsewhere now.
as_the_agents_user()
{
    run --separate-stderr at site1 unshare --mount --propagation private sh -c '
        mount --bind "$1" /etc/passwd && shift && exec "$@"' sh "$BATS_TEST_TMPDIR/passwd" \
        "$TOOLS/enter" --user "${UIDS[alice]}" 65534 -- /usr/bin/env -i HOME="$WORLD/home/alice" \
        PATH="$WORLD/ill" "$@" 3>&-
}

@test "the user of the machine's agent is told to join no group, and nothing is to mend for it" {
    chmod a+rx "$BATS_TEST_TMPDIR"
    sed "s#$WORLD/home/alice#/var/lib/cwg#" /etc/passwd >"$BATS_TEST_TMPDIR/passwd"
    ill "0:$APP_GID" 0750 "$CAPABILITIES"
    as_the_agents_user cwg doctor
    ends_with 0
    found note group "the one of the machine's agent, which calls the program through /run/cwg-helper.sock"
    found note group 'add this user to no group'
    found note trial 'not tried: you may not run'
    [[ $output != *usermod* ]] || fail "$output"
    as_the_agents_user cwg join pid/1 pid/2
    [ "$status" = 1 ] || fail "$status $output"
    [[ $stderr == *'add this user to no group; cwg declare has the agent make a link'* && $stderr != *usermod* ]] ||
        fail "$stderr"
}

@test "no helper here, and none at the other machine" {
    MACHINE=no-helper run --separate-stderr cwg doctor
    ends_with 1
    found fail helper "net-admin-helper isn't in PATH ($WORLD/no-helper)"
    found fail trial "not tried: net-admin-helper isn't installed"
    not_found '(ok|note|warn)' '(mode|capabilities|mount|group|version|policy|trial)'
    run --separate-stderr cwg doctor no-helper
    ends_with 1
    found ok helper "$WORLD/whole/$NAME"
    found fail 'no-helper: helper' "isn't in PATH"
    found fail 'no-helper: udp' "not tried: no-helper: net-admin-helper isn't installed"
    not_found ok 'no-helper: (udp|mtu|trial)'
}

@test "a helper of another version, without a task, or that is no helper" {
    local version
    version=$("$HELPER" --version)
    scripted "[ \"\$1\" = --version ] || exec $HELPER \"\$@\"
echo '${version/#+([!$'\n'])/$NAME 0.0.7}'"
    doctor
    ends_with 1 # the script has no capabilities
    found warn version 'net-admin-helper is version 0.0.7, and this cwg is '
    found ok trial 'got a link'
    scripted "echo '${version/ cwg_wait}'"
    doctor
    ends_with 1
    found fail version 'has no task cwg_wait, which cwg needs'
    scripted 'echo hello; echo no such luck >&2; exit 3'
    doctor
    ends_with 1
    found fail version "ends with status 3 and doesn't tell its version"
    found fail version 'it says: no such luck'
    found fail trial 'no such luck'
    not_found '.*' policy
    MACHINE=ill run --separate-stderr cwg doctor site2
    found fail 'site2: udp' 'not tried: this machine: net-admin-helper has ended: no such luck'
    [[ ${lines[-1]} =~ ^[1-9]" to mend"$ ]] || fail "${lines[-1]}"
}

@test "no_new_privs and a small bounding set, of the session" {
    run --separate-stderr setpriv --no-new-privs "$TOOLS/enter" --net /run/netns/site1 \
        --user "${UIDS[alice]}" "${GIDS[alice]}" -- /usr/bin/env -i PATH="$WORLD/whole" cwg doctor 3>&-
    ends_with 1
    found fail session 'no_new_privs'
    found fail trial 'no_new_privs'
    run --separate-stderr setpriv --bounding-set=-sys_ptrace "$TOOLS/enter" --net /run/netns/site1 \
        --user "${UIDS[alice]}" "${GIDS[alice]}" -- /usr/bin/env -i PATH="$WORLD/whole" cwg doctor 3>&-
    ends_with 1
    found fail session 'its bounding set lacks one of'
    found fail trial 'bounding set'
}

# From now on these are the kernel's lists of modules: modules BUILTIN DEP
modules()
{
    local release
    release=$BATS_TEST_TMPDIR/modules/$(uname -r)
    chmod a+rx "$BATS_TEST_TMPDIR"
    mkdir -p "$release"
    echo "$1" >"$release/modules.builtin"
    echo "$2" >"$release/modules.dep"
    mkdir -p /lib/modules
    [ ${#MOUNTS[@]} -eq 0 ] || return 0
    mount --bind "$BATS_TEST_TMPDIR/modules" /lib/modules
    MOUNTS+=(/lib/modules)
}

@test "what carries links: the kernel's WireGuard, or an engine" {
    require_engine
    ill "0:$APP_GID" 0750 "$CAPABILITIES"
    modules kernel/drivers/net/wireguard/wireguard.ko ''
    doctor
    found ok carrier 'WireGuard is built into the kernel (modules.builtin)'
    modules kernel/drivers/net/tun.ko 'kernel/drivers/net/wireguard/wireguard.ko.xz: kernel/lib/x.ko'
    doctor
    found ok carrier 'as a module, for it to load (modules.dep)'
    modules '' 'kernel/drivers/net/tun.ko:'
    doctor
    ends_with 0
    found ok carrier "no WireGuard of the kernel's is seen; /dev/net/tun can be opened"
    mknod -m 0600 "$BATS_TEST_TMPDIR/tun" c 10 200
    mount --bind "$BATS_TEST_TMPDIR/tun" /dev/net/tun
    MOUNTS+=(/dev/net/tun)
    doctor
    ends_with 1
    found fail carrier 'you may not open /dev/net/tun for an engine: as root, chmod 0666'
    found fail trial 'the engine needs /dev/net/tun, and you may not open it'
    # Whatever this process doesn't see of the kernel may be there.
    umount /lib/modules
    MOUNTS=(/dev/net/tun)
    rm -rf "$BATS_TEST_TMPDIR/modules"
    mkdir "$BATS_TEST_TMPDIR/modules"
    mount --bind "$BATS_TEST_TMPDIR/modules" /lib/modules
    MOUNTS+=(/lib/modules)
    doctor
    found warn carrier 'you may not open /dev/net/tun'
}

@test "a build without the engine, and an engine that isn't installed" {
    require_engine
    ill "0:$APP_GID" 0750 "$CAPABILITIES"
    mv /var/lib/net-admin-helper-test/cwg-engine "$BATS_TEST_TMPDIR/cwg-engine"
    doctor
    mv "$BATS_TEST_TMPDIR/cwg-engine" /var/lib/net-admin-helper-test/cwg-engine
    ends_with 1
    found ok carrier 'the trial shows if the engine is installed'
    found fail trial 'install the engine with `make install`'
    modules '' ''
    scripted "echo '$("$HELPER" --version | sed 's/, userspace engine//')'"
    doctor
    ends_with 1
    found fail carrier 'this build of net-admin-helper has no engine'
}

@test "engines that answer, and one that doesn't" {
    ill "0:$APP_GID" 0750 "$CAPABILITIES"
    printf '#!/bin/sh\necho web; echo db\n' >"$WORLD/ill/podman"
    printf '#!/bin/sh\necho "Cannot connect to the Docker daemon" >&2\nexit 1\n' >"$WORLD/ill/docker"
    chmod 0755 "$WORLD/ill/podman" "$WORLD/ill/docker"
    doctor
    ends_with 0
    found ok engine 'podman answers: 2 running that you may see'
    found note engine "docker: its daemon isn't reached: as root, systemctl start docker"
    not_found warn engine
    rm "$WORLD/ill/podman"
    doctor
    found warn engine 'docker: its daemon'
    [[ $output == *$'\n''nothing fails; '[1-9]*' to look at (warn)' ]] || fail "$output"
}

@test "firewalls that are seen: ufw, firewalld, and nftables by root" {
    mkdir "$BATS_TEST_TMPDIR/etc"
    cp -a /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so* "$BATS_TEST_TMPDIR/etc"
    mkdir "$BATS_TEST_TMPDIR/etc/ufw"
    printf '#ENABLED=yes\nENABLED=no\n' >"$BATS_TEST_TMPDIR/etc/ufw/ufw.conf"
    chmod a+rx "$BATS_TEST_TMPDIR"
    mount --rbind "$BATS_TEST_TMPDIR/etc" /etc
    MOUNTS+=(/etc)
    ill "0:$APP_GID" 0750 "$CAPABILITIES"
    doctor
    found note firewall 'ufw is off or not there'
    sed -i 's/=no/=yes/' /etc/ufw/ufw.conf
    doctor
    ends_with 0
    found warn firewall 'ufw is on (/etc/ufw/ufw.conf): let it pass UDP'
    not_found '(ok|note)' firewall
    cp /bin/sleep "$BATS_TEST_TMPDIR/firewalld"
    "$BATS_TEST_TMPDIR/firewalld" 600 3>&- &
    CONTAINERS+=("$!")
    doctor
    found warn firewall 'firewalld runs: let it pass UDP'
}

@test "nftables' chains and iptables' tables are root's to see" {
    local path=$WORLD/ill:/usr/sbin
    ill "0:$APP_GID" 0750 "$CAPABILITIES"
    run --separate-stderr at site1 env PATH="$path" cwg doctor
    ends_with 0
    found ok firewall 'nftables has no chain that may drop'
    found ok group 'you are root'
    at site1 nft 'add table inet t; add chain inet t c { type filter hook input priority 0; policy drop; }'
    run --separate-stderr at site1 env PATH="$path" cwg doctor
    at site1 nft delete table inet t
    found warn firewall 'nftables has a chain that may drop'
    not_found ok firewall
    run --separate-stderr at site1 env PATH="$WORLD/ill" cwg doctor
    found note firewall "other rules weren't listed by nft"
    at site1 iptables-legacy -L INPUT >/dev/null || skip "this kernel has no iptables of the old kind"
    run --separate-stderr at site1 env PATH="$path" cwg doctor
    found warn firewall 'iptables has a table filter'
    not_found ok firewall
}

@test "the policy: none, good, wrong, empty, writable, out of reach, and too narrow for the trial" {
    local directory=/var/lib/net-admin-helper-test policy=/var/lib/net-admin-helper-test/policy
    ill "0:$APP_GID" 0750 "$CAPABILITIES" "$ROOT/build/variants/policy/$NAME"
    doctor
    found ok policy "there is no $policy"
    echo "user ${UIDS[alice]}" >"$policy"
    doctor
    ends_with 0
    found ok policy "$policy has 1 rule and no mistake"
    found ok trial 'got a link'
    echo "user ${UIDS[alice]} nets 7-9" >"$policy"
    doctor
    ends_with 0
    found note trial "not tried: the policy doesn't allow the trial's net and port"
    found note trial "policy line 1: net 2621439 isn't among the nets"
    found note trial "; cwg join --net N --port A,B chooses them"
    not_found '(warn|fail)' trial
    MACHINE=ill run --separate-stderr cwg doctor site2
    ends_with 0
    found note 'site2: udp' 'not tried: this machine: policy line 1: net '
    found note 'site2: udp' '; cwg join --net N --port A,B chooses others'
    container c1
    container c2
    MACHINE=ill run --separate-stderr cwg join --net 5 "pid/$c1" "pid/$c2"
    assert_said 1 "this machine: policy line 1: net 5 isn't among the nets"
    [[ $stderr == *"; cwg join --net N --port A,B chooses others" ]] || fail "$stderr"
    echo "user 7" >"$policy"
    doctor
    ends_with 1
    found fail trial "the policy has no rule for user ${UIDS[alice]}"
    echo "user alice" >"$policy"
    doctor
    ends_with 1
    found fail policy 'finds a mistake: net-admin-helper: line 1: '
    : >"$policy"
    doctor
    ends_with 1
    found fail policy 'there is no rule: with this file only root may do anything'
    chmod 0666 "$policy"
    doctor
    ends_with 1
    found fail policy 'must be a regular file that root owns and nobody else can write'
    chmod 0600 "$policy"
    doctor
    ends_with 1
    found fail policy "can't read it"
    chmod 0700 "$directory"
    doctor
    chmod 0755 "$directory"
    rm "$policy"
    ends_with 1
    found fail policy "can't be looked at"
}

@test "where the machine forbids user namespaces nothing is tried, and nothing is called ok" {
    # Root of a user namespace may forbid further ones in it. The helper has no privilege there.
    run --separate-stderr "$TOOLS/enter" --net /run/netns/site1 --user "${UIDS[alice]}" "${GIDS[alice]}" -- \
        /usr/bin/unshare --user -- /usr/bin/env -i PATH="$WORLD/whole" /bin/sh -c 'exec cwg doctor' 3>&-
    found warn session 'it is in a user namespace of its own'
    found warn trial 'this session may make none (unshare: Operation not permitted)'
    not_found ok trial
    run --separate-stderr "$TOOLS/enter" --net /run/netns/site1 --user "${UIDS[alice]}" "${GIDS[alice]}" -- \
        /usr/bin/unshare --user --map-root-user -- /bin/sh -c \
        "echo 0 >/proc/sys/user/max_user_namespaces; exec /usr/bin/setpriv --bounding-set=-all --inh-caps=-all \
            /usr/bin/env -i PATH=$WORLD/whole cwg doctor" 3>&-
    found warn trial 'not tried: a scratch container needs a user namespace'
    found warn trial 'this session may make none (unshare: No space left'
    not_found ok trial
}

@test "a machine that ssh doesn't reach, one without cwg, and one with another protocol" {
    run --separate-stderr cwg doctor bad-key no-cwg old nowhere.invalid
    ends_with 1
    found fail 'bad-key: ssh' 'bad-key: ssh: bob@192.0.2.2: Permission denied (publickey); `ssh'
    found fail 'bad-key: ssh' '`ssh bad-key true` has to work first'
    found fail 'no-cwg: cwg' "cwg isn't installed there, or isn't in the PATH of \`ssh no-cwg cwg\`"
    found fail 'old: cwg' 'cwg there speaks version 2 of the protocol'
    found fail 'nowhere.invalid: ssh' 'Could not resolve hostname'
    found ok trial 'got a link'
    not_found '(ok|note|warn)' '(bad-key|no-cwg|old|nowhere.invalid): .*'
}

@test "UDP that is dropped on the way there" {
    drop_udp site2 INPUT
    run --separate-stderr cwg doctor site2
    ends_with 1
    found fail 'site2: udp' 'UDP from site2 reaches this machine (192.0.2.1:'
    found fail 'site2: udp' 'none from this machine reaches site2 (192.0.2.2:'
    found fail 'site2: udp' 'open UDP for packets that come in at site2'
    not_found '.*' 'site2: mtu'
    wait_for no_process
}

@test "UDP that is dropped on the way back, and ssh as well" {
    drop_udp site1 INPUT
    at site1 iptables -w -A INPUT -p tcp --dport 22 -j DROP
    run --separate-stderr cwg doctor site2
    ends_with 1
    found warn 'site2: ssh-back' "site2: 192.0.2.1, port 22, doesn't answer within 3 seconds; joins that"
    found fail 'site2: udp' 'UDP from this machine reaches site2 (192.0.2.2:'
    found fail 'site2: udp' 'none from site2 reaches this machine (192.0.2.1:'
    found fail 'site2: udp' 'open UDP for packets that come in at this machine'
}

@test "UDP that is dropped both ways" {
    drop_udp site1 INPUT
    drop_udp site2 INPUT
    run --separate-stderr cwg doctor site2
    ends_with 1
    found fail 'site2: udp' 'in neither direction'
    found fail 'site2: udp' 'both ports were any that are free: if a firewall lets a certain one pass, cwg join'
}

@test "a firewall at the other machine that lets answers in alone" {
    at site2 iptables -w -A INPUT -p udp -m conntrack --ctstate ESTABLISHED -j ACCEPT ||
        skip "this kernel's iptables knows no connections"
    drop_udp site2 INPUT
    run --separate-stderr cwg doctor site2
    ends_with 0
    found warn 'site2: udp' 'packets pass both ways, but only after site2 began, too: what comes in there (192.0.2.2:'
    not_found ok 'site2: udp'
}

@test "ssh that asks for a password, where nobody can type one" {
    run --separate-stderr cwg doctor dave@site2
    ends_with 1
    found fail 'dave@site2: ssh' 'Permission denied (password)'
    found fail 'dave@site2: ssh' '`ssh dave@site2 true` has to work first'
    not_found '.*' 'dave@site2: (ssh-back|udp|mtu)'
}

# Puts a router between site2 and a third machine, which has no sshd. The router passes 1380 bytes to site2, and 1390 to
# site3. ssh sends no large packets there.
#
#     site3  198.51.100.2 (e3) --- (i3) .1 router .1 (o3) --- (w3) 203.0.113.2  site2
#            2001:db8:3::2                                        2001:db8:2::2
long_way()
{
    ip netns add router
    ip netns add site3
    SITES+=(router site3)
    ip -n router -batch - <<END
link add i3 type veth peer name e3 netns site3
link add o3 type veth peer name w3 netns site2
address add 198.51.100.1/24 dev i3
address add 203.0.113.1/24 dev o3
address add 2001:db8:3::1/64 dev i3 nodad
address add 2001:db8:2::1/64 dev o3 nodad
link set i3 up
link set o3 up
END
    ip -n site3 -batch - <<END
address add 198.51.100.2/24 dev e3
address add 2001:db8:3::2/64 dev e3 nodad
link set lo up
link set e3 up
route add default via 198.51.100.1 advmss 1200
route add default via 2001:db8:3::1 advmss 1200
END
    ip -n site2 -batch - <<END
address add 203.0.113.2/24 dev w3
address add 2001:db8:2::2/64 dev w3 nodad
link set w3 up
route add 198.51.100.0/24 via 203.0.113.1 advmss 1200
route add 2001:db8:3::/64 via 2001:db8:2::1 advmss 1200
END
    ip -n router -batch - <<END
route replace 203.0.113.0/24 dev o3 mtu lock 1380
route replace 198.51.100.0/24 dev i3 mtu lock 1390
route replace 2001:db8:2::/64 dev o3 proto kernel metric 256 mtu lock 1380
route replace 2001:db8:3::/64 dev i3 proto kernel metric 256 mtu lock 1390
END
    at router sh -c 'echo 1 | tee /proc/sys/net/ipv4/ip_forward >/proc/sys/net/ipv6/conf/all/forwarding'
}

# A server at site3's port 22 that isn't ssh. It prints what its first client sends.
no_ssh()
{
    at site3 /usr/bin/python3 -c 'import socket
client, _ = socket.create_server(("::", 22), family=socket.AF_INET6).accept()
client.sendall(b"220 SSH-2.0 is not here\r\n")
client.shutdown(socket.SHUT_WR)
print("got", client.recv(100), flush=True)' >"$BATS_TEST_TMPDIR/got" 3>&- &
    CONTAINERS+=("$!")
    wait_for listens site3
}

# Says whether a packet of so many bytes passes in the link from c1 to c2, by the output of a join.
passes()
{
    [[ $output =~ "ping "([0-9.]+)"." ]] || fail "$output $stderr"
    inside "$c1" ping -q -M 'do' -c 1 -W 0.5 -s $(($1 - 28)) "${BASH_REMATCH[1]}" >/dev/null
}

@test "a path of small packets: taken apart or lost, told of or not, and the MTU with which a link works" {
    local far=203.0.113.2 sizes="packets pass whole up to 1380 bytes to there, and up to 1390 from there; longer ones"
    long_way
    at router nft 'add table inet t; add chain inet t o { type filter hook output priority 0; };
        add rule inet t o icmp type destination-unreachable drop;
        add rule inet t o icmpv6 type packet-too-big drop'
    run --separate-stderr as alice site3 cwg doctor "$far"
    ends_with 0
    found warn "$far: mtu" "$sizes (a link sends up to 1480) are taken apart on the way, and no router says so: give \
cwg join --mtu 1300"
    found warn "$far: ssh-back" "$far: 198.51.100.2, port 22, isn't reached: Connection refused; joins that begin here"
    # With IPv6 no router takes packets apart.
    ip -n site3 -4 address flush dev e3
    far='[2001:db8:2::2]'
    run --separate-stderr as alice site3 cwg doctor "$far"
    ends_with 1
    found fail '2001:db8:2::2: mtu' "$sizes (a link sends up to 1500) get lost, and no router says so: give cwg join \
--mtu 1300"
    run --separate-stderr as alice site3 cwg join "pid/$c1" "$far:pid/$c2"
    ! passes 1420 || fail "large packets pass"
    as alice site3 cwg leave "pid/$c1" "$far:pid/$c2"
    run --separate-stderr as alice site3 cwg join --mtu 1300 "pid/$c1" "$far:pid/$c2"
    passes 1300 || fail "with --mtu 1300 a packet of that length doesn't pass: $output"
    # The router tells.
    at router nft delete table inet t
    no_ssh
    run --separate-stderr as alice site3 cwg doctor "$far"
    ends_with 0
    found warn '2001:db8:2::2: mtu' "$sizes (a link sends up to 1500) are taken apart on the way: give cwg join --mtu "
    found warn '2001:db8:2::2: ssh-back' "2001:db8:3::2, port 22, answers, but not as ssh does"
    wait_for grep -qx "got b''" "$BATS_TEST_TMPDIR/got"
}

@test "a device that takes less than the other end's, and one that takes too little for any link" {
    ip -n site2 link set v2 mtu 1400
    run --separate-stderr cwg doctor site2
    ends_with 1
    found fail 'site2: mtu' 'bytes to there, and up to 1400 from there; longer ones (a link sends up to 1480) get lost'
    found fail 'site2: mtu' 'give cwg join --mtu 1320'
    ip -n site1 link set v1 mtu 600
    ip -n site2 link set v2 mtu 600
    run --separate-stderr cwg doctor site2
    ends_with 0
    found warn 'site2: mtu' "packets pass whole only if shorter than 656 bytes, in one direction at least; longer ones \
(a link sends up to 1340) are taken apart on the way: no --mtu is small enough: use another path"
}

# Makes a machine of which each line is known: its ssh is a script that prints these lines.
fake_peer()
{
    mkdir -p "$WORLD/tried"
    chmod a+rx "$WORLD/tried"
    printf '%s\n' "$@" >"$WORLD/tried/lines"
    cat >"$WORLD/tried/ssh" <<'END'
#!/bin/sh
exec 3<"${0%/ssh}/lines"
read -r request
while read -r line <&3; do echo "$line"; read -r request || exit; done
END
    chmod 0755 "$WORLD/tried/ssh"
}

@test "another machine's clock, version and words: told, checked, and made printable" {
    local checks answer many check='{"check":"mode","result":"ok","text":""}'
    many=$(printf "$check,%.0s" {1..64})
    fake_peer '{"cwg":1,"version":"0.0.3","addresses":[],"ssh_client":"192.0.2.1"}' \
        '{"checks":[{"check":"mode","result":"warn","text":"a\u001b[2Jb\u00e4"}]}' '{"says":"SSH-2.0-\u001b[2J"}' \
        "{\"clock\":$((($(date +%s) - 3600) * 1000))}"
    CWG_SSH=$WORLD/tried/ssh run --separate-stderr cwg doctor site2
    ends_with 1
    found warn 'site2: cwg' 'version 0.0.3 there'
    found warn 'site2: mode' 'a?[2Jb??'
    found ok 'site2: ssh-back' '192.0.2.1, port 22, and SSH-2.0-?[2J answers; no login was tried'
    grep -qE '^note +site2: clock +360[0-9]\.[0-9]+ s behind this machine' <<<"$output" || fail "$output"
    found fail 'site2: udp' 'not tried: '
    for checks in '[{"check":"mode","result":"good","text":""}]' '[{"check":"a b","result":"ok","text":""}]' '[7]' \
        "[$many$check]"; do
        fake_peer '{"cwg":1,"version":"0.0.3"}' "{\"checks\":$checks}"
        CWG_SSH=$WORLD/tried/ssh run --separate-stderr cwg doctor site2
        ends_with 1
        found fail 'site2: checks' 'tells of its checks in an unknown way'
    done
    for answer in '{}' '{"checks":[]}' '{"checks":7}'; do
        fake_peer '{"cwg":1,"version":"0.0.3"}' "$answer"
        CWG_SSH=$WORLD/tried/ssh run --separate-stderr cwg doctor site2
        ends_with 1
        found fail 'site2: checks' 'tells of no check'
    done
    fake_peer '{"cwg":1,"version":"0.0.3"}' '{"error":{"code":"protocol","text":"this cwg knows no check"}}'
    CWG_SSH=$WORLD/tried/ssh run --separate-stderr cwg doctor site2
    found fail 'site2: checks' 'site2: this cwg knows no check: install the same release at both'
}

@test "a doctor that is interrupted says so of what it didn't check" {
    local doctor status=0 stderr=
    mkdir -p "$WORLD/tried"
    chmod a+rx "$WORLD/tried"
    printf '#!/bin/sh\nexec /bin/sleep 60\n' >"$WORLD/tried/ssh"
    chmod 0755 "$WORLD/tried/ssh"
    CWG_SSH=$WORLD/tried/ssh cwg doctor site2 >"$BATS_TEST_TMPDIR/out" 3>&- &
    doctor=$!
    wait_for pgrep -U "${UIDS[alice]}" sleep
    sleep 1
    pkill -TERM -P "$doctor" cwg || kill -TERM "$doctor"
    wait "$doctor" || status=$?
    output=$(<"$BATS_TEST_TMPDIR/out")
    ends_with 1
    found fail 'site2: ssh' interrupted
    found fail doctor 'interrupted before all was checked'
    [[ $output != *"has to work first"* ]] || fail "$output"
    wait_for no_process
}

@test "a doctor that is killed leaves nothing" {
    local doctor
    drop_udp site2 INPUT
    cwg doctor site2 >"$BATS_TEST_TMPDIR/out" 3>&- &
    doctor=$!
    wait_for grep -q 'site2: clock' "$BATS_TEST_TMPDIR/out"
    sleep 1
    pkill -KILL -P "$doctor" || kill -KILL "$doctor"
    wait "$doctor" || true
    wait_for no_process
    nothing_left
}

@test "--json, wrong arguments, and what it takes for a host" {
    run --separate-stderr cwg doctor --json
    [ "$status" = 0 ] || fail "$output $stderr"
    jq -e '.failed == false and (.checks | length > 9) and
        all(.checks[]; .host == "" and (.result | IN("ok", "note", "warn")) and (.text | length > 0))' <<<"$output" ||
        fail "$output"
    MACHINE=no-helper run --separate-stderr cwg doctor --json
    [ "$status" = 1 ]
    jq -e '.failed and any(.checks[]; .check == "helper" and .result == "fail")' <<<"$output" || fail "$output"
    run --separate-stderr cwg doctor -- -x
    assert_said 2 'HOST must be a host'
    run --separate-stderr cwg doctor 'a b'
    assert_said 2 'HOST must be a host'
    run --separate-stderr cwg doctor --what
    [ "$status" = 2 ]
    run --separate-stderr cwg doctor {a..p}
    assert_said 2 'doctor takes at most 15 hosts'
}

# alice's doctor, for whom there may be an agent.
doctor_of_agent()
{
    run --separate-stderr as alice site1 XDG_RUNTIME_DIR="$WORLD/home/alice/run" cwg doctor
}

# Whether the agent has told such a member of itself: agent_tells MEMBER:VALUE
agent_tells()
{
    grep -qF -- "$1" "$WORLD/home/alice/.local/state/cwg/agent/store/agent"
}

# Has the agent read its settings anew, and waits until it tells of this file's time: reload_agent FILE
reload_agent()
{
    signal_agent HUP
    wait_for agent_tells "\"settings_time\":$(date -r "$1" +%s%N),"
}

# Starts alice's agent, and waits until it has told of itself.
start_agent()
{
    as alice site1 XDG_RUNTIME_DIR="$WORLD/home/alice/run" cwg agent --site s1 2>>"$BATS_TEST_TMPDIR/agent" &
    AGENT=$!
    wait_for agent_tells '"ended":false'
}

signal_agent()
{
    kill "-$1" "$(jq .pid "$WORLD/home/alice/.local/state/cwg/agent/store/agent")"
}

end_agent()
{
    [ -n "${AGENT:-}" ] || return 0
    signal_agent TERM
    wait "$AGENT" || true
    AGENT=
}

# Writes alice's settings: settings TEXT
settings()
{
    install -D -o "${UIDS[alice]}" -m 0644 <(echo "$1") "$WORLD/home/alice/.config/cwg/cwg.conf"
}

@test "whether the agent runs that settings, links or networks expect, and has read the settings as they are" {
    local home=$WORLD/home/alice
    local conf=$home/.config/cwg/cwg.conf
    local start='start it by systemctl --user enable --now cwg-agent'
    install -d -o "${UIDS[alice]}" -m 0700 "$home/run"
    doctor_of_agent
    ends_with 0
    not_found '.*' '(agent|settings)'
    settings '# nothing yet'
    doctor_of_agent
    ends_with 1
    found fail agent "no agent runs here, though there is $conf: $start"
    start_agent
    doctor_of_agent
    ends_with 0
    found ok agent 'an agent runs here, that of site s1'
    settings 'labels networks'
    doctor_of_agent
    ends_with 0
    found warn agent "$conf has changed since the agent read it: systemctl --user reload cwg-agent"
    reload_agent "$conf"
    doctor_of_agent
    ends_with 0
    found ok agent 'an agent runs here'
    settings 'metrics 127.0.0.1:9'
    reload_agent "$conf"
    doctor_of_agent
    ends_with 0
    found warn agent "the new \`metrics\` of $conf before its next start: systemctl --user restart cwg-agent"
    settings 'labels nonesuch'
    signal_agent HUP
    doctor_of_agent
    ends_with 1
    found fail settings "$conf:1: "
    # The agent goes on with what it had. What was wrong with the file has gone with the file, which it has to hear.
    rm "$conf"
    doctor_of_agent
    found warn agent "$conf has changed since the agent read it"
    end_agent
    doctor_of_agent
    ends_with 0
    not_found '.*' '(agent|settings)'
    install -d -o "${UIDS[alice]}" -m 0755 "$home/run/cwg-attached"
    echo '{"engine":"podman","name":"web","netns":"","link":""}' >"$home/run/cwg-attached/id+net"
    chown "${UIDS[alice]}" "$home/run/cwg-attached/id+net"
    doctor_of_agent
    ends_with 1
    found fail agent "no agent runs here, though plugins of networks tell of containers: $start"
    as alice site1 cwg declare - <<'END'
{"sites": [{"site": "s2", "key": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="}],
 "links": [{"link": "x", "net": 7, "host": 0, "container": "podman/x", "site": "s2"}]}
END
    doctor_of_agent
    ends_with 1
    found fail agent "no agent runs here, though links are declared: $start"
}

@test "what plugins of networks tell this user's agent, and whether its settings let networks declare ends" {
    local home=$WORLD/home/alice
    local attached=$home/run/cwg-attached conf=$home/.config/cwg/cwg.conf
    local word='{"engine":"podman","name":"web","netns":"","link":"web-db,net=7,host=0,site=s2"}'
    install -d -o "${UIDS[alice]}" -m 0700 "$home/run"
    doctor_of_agent
    ends_with 0
    not_found '.*' networks
    start_agent
    settings 'labels networks'
    doctor_of_agent
    found note networks "no plugin has told of a container yet, though \`labels networks\` expects it"
    install -d -o "${UIDS[alice]}" -m 0755 "$attached"
    install -o "${UIDS[alice]}" -m 0644 <(echo "$word") "$attached/id1+net"
    install -o "${UIDS[alice]}" -m 0644 <(echo "${word/web-db*s2/}") "$attached/id2+net"
    doctor_of_agent
    ends_with 0
    found ok networks "attachments of containers that plugins tell of: 2; of these, the network declares ends for 1"
    echo "labels podman" >"$conf"
    doctor_of_agent
    ends_with 0
    found warn networks "for 1, and the agent doesn't look: systemctl --user reload cwg-agent, once there is "
    found warn networks ", once there is \`labels networks\` in $conf"
    echo "labels nonesuch" >"$conf"
    doctor_of_agent
    not_found '.*' networks
    chmod 0777 "$attached"
    doctor_of_agent
    ends_with 1
    found fail networks "no container that a plugin tells of is found: $attached tells nothing: others may write to it"
    found fail networks ", or it is another user's; chmod 0755 $attached, if it is yours"
    # Root's is the machine's.
    run --separate-stderr at site1 unshare --mount --propagation private sh -c '
        mount -t tmpfs -o mode=0755 tests /run && mkdir -m 0777 /run/cwg-attached && chmod 0777 /run/cwg-attached
        PATH="$1" exec cwg doctor' sh "$WORLD/whole:/usr/bin"
    found fail networks "as root, chown root: /run/cwg-attached && chmod 0755 /run/cwg-attached"
}
