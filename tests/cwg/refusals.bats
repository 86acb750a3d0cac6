#!/usr/bin/env bats
# What cwg join says when a machine, a user, a container or an argument isn't as it has to be. cwg.bash draws the
# machines. Nothing is left after any of these tests.

bats_require_minimum_version 1.5.0
load cwg

world_of_the_file

after_test()
{
    no_links || fail "a link is left"
}

@test "a machine without the helper is named, with what to do" {
    run --separate-stderr cwg join "pid/$c1" "no-helper:pid/$c2"
    assert_said 1 "no-helper: net-admin-helper isn't installed, or isn't in PATH; install it as its README says"
    MACHINE=no-helper run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_said 1 "this machine: net-admin-helper isn't installed, or isn't in PATH; install it as its README says"
}

@test "a user without a right to the helper is told how to get it, at either machine" {
    local text="you may not run net-admin-helper: user mallory isn't in group wg-app: as root, usermod -aG wg-app"
    run --separate-stderr cwg join "pid/$c1" "mallory@site2:pid/$c2"
    assert_said 1 "mallory@site2: $text mallory; then log in anew"
    run --separate-stderr as mallory site1 cwg join "pid/$c1" "pid/$c2"
    assert_said 1 "this machine: $text mallory; then log in anew"
}

@test "a machine without cwg is named" {
    run --separate-stderr cwg join "pid/$c1" "no-cwg:pid/$c2"
    assert_said 1 "no-cwg: cwg isn't installed there, or isn't in the PATH of \`ssh no-cwg cwg\`"
}

@test "a machine with another version of the protocol is named, with both versions" {
    run --separate-stderr cwg join "pid/$c1" "old:pid/$c2"
    assert_said 1 "old: cwg there speaks version 2 of the protocol, and this cwg version 1; install the same release"
}

@test "ssh's own reason is passed on: a host that doesn't resolve, a closed port, a refused key" {
    run --separate-stderr cwg join "pid/$c1" "nowhere.invalid:pid/$c2"
    assert_said 1 "nowhere.invalid: ssh: Could not resolve hostname nowhere.invalid: "
    run --separate-stderr cwg join "pid/$c1" "192.0.2.3:pid/$c2"
    assert_said 1 "192.0.2.3: ssh: connect to host 192.0.2.3 port 22: No route to host"
    run --separate-stderr cwg join "pid/$c1" "bad-key:pid/$c2"
    assert_said 1 "bad-key: ssh: bob@192.0.2.2: Permission denied (publickey); \`ssh bad-key true\` has to work first"
    CWG_SSH="ssh -o UserKnownHostsFile=/dev/null" run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_said 1 "site2: ssh: No ED25519 host key is known for 192.0.2.2 and"
    [[ $stderr == *". Host key verification failed; \`ssh site2 true\` has to work first" ]] || fail "$stderr"
}

@test "an ssh that isn't there is said to be so" {
    mkdir -p "$WORLD/no-ssh"
    ln -sf "$WORLD"/whole/{cwg,net-admin-helper} "$WORLD/no-ssh"
    MACHINE=no-ssh run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_said 1 "ssh isn't installed: install openssh-client"
    CWG_SSH=no-such-ssh run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_said 1 "no-such-ssh, which CWG_SSH names, isn't there"
}

@test "a machine may greet before and at its login" {
    run --separate-stderr as alice site1 ssh greeter true
    [[ $output == "Welcome to "* && $stderr == "Property of Example. Keep out."* ]] ||
        fail "no greeting: $output$stderr"
    run --separate-stderr cwg join "pid/$c1" "greeter:pid/$c2"
    assert_joined
    cwg leave "$NET"
}

@test "a login that prints no end is given up" {
    printf '#!/bin/sh\nwhile :; do echo Welcome || exit; done\n' >"$WORLD/old/cwg.yes"
    chmod 0755 "$WORLD/old/cwg.yes"
    mv "$WORLD/old/cwg" "$WORLD/old/cwg.old"
    mv "$WORLD/old/cwg.yes" "$WORLD/old/cwg"
    run --separate-stderr cwg join "pid/$c1" "old:pid/$c2"
    mv "$WORLD/old/cwg.old" "$WORLD/old/cwg"
    assert_said 1 "old: cwg there doesn't greet"
}

@test "a container that isn't there is named with its machine" {
    run --separate-stderr cwg join "pid/$c1" "site2:pid/4194304"
    assert_said 1 "site2: pid/4194304: process 4194304 isn't there (No such process); start it first"
    run --separate-stderr cwg join web "site2:pid/$c2"
    assert_said 1 "this machine: no container is called web: cwg ps lists those that you may see; or give the \
container's pid: pid/1234"
    run --separate-stderr cwg join "pid/$c1" bob@site2:db
    assert_said 1 "bob@site2: no container is called db: \`ssh bob@site2 cwg ps\` lists those that you may see; or give"
    run --separate-stderr cwg join "pid/$c1" "site2:netns/nowhere"
    assert_said 1 "site2: there is no /run/netns/nowhere"
    run --separate-stderr cwg join "pid/$c1" "site2:podmann/web"
    assert_said 1 "site2: ENGINE can't be podmann; it is one of podman, docker, nerdctl, cri, nspawn, lxc, incus, cni, \
pid, netns"
}

@test "an engine that doesn't answer within half a minute is told from one that can't be asked" {
    mkdir "$WORLD/silent"
    printf '#!/bin/sh\nexec %s 100\n' "$(command -v sleep)" >"$WORLD/silent/podman"
    printf '#!/bin/sh\necho trouble >&2\nexit 1\n' >"$WORLD/silent/docker"
    chmod 0755 "$WORLD/silent/podman" "$WORLD/silent/docker"
    MACHINE=silent:$WORLD/no-helper run --separate-stderr cwg pid web
    assert_said 1 "no container is called web (podman doesn't answer, docker couldn't be asked): cwg ps lists"
}

@test "a program isn't there, if a folder of PATH can't be entered and no other folder has it" {
    mkdir -m 0700 "$WORLD/locked"
    MACHINE=locked:$WORLD/no-helper run --separate-stderr cwg pid web
    assert_said 1 "no container is called web: cwg ps lists those that you may see; or give the container's"
    # An engine that can't be asked is named, and its own advice comes to who names it.
    printf '#!/bin/sh\necho "cannot connect to the docker daemon" >&2\nexit 1\n' >"$WORLD/locked/docker"
    chmod 0755 "$WORLD/locked" "$WORLD/locked/docker"
    MACHINE=locked:$WORLD/no-helper run --separate-stderr cwg pid web
    assert_said 1 "no container is called web (docker couldn't be asked): cwg ps lists"
    MACHINE=locked:$WORLD/no-helper run --separate-stderr cwg pid docker/web
    assert_said 1 "docker: its daemon isn't reached: as root, systemctl start docker; or set DOCKER_HOST, if it is a \
user's own; or give the container's pid: pid/1234"
    rm "$WORLD/locked/docker"
    chmod 0700 "$WORLD/locked"
    MACHINE=locked:$WORLD/no-helper run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_said 1 "this machine: net-admin-helper isn't installed, or isn't in PATH; install it as its README says"
}

@test "a process in a machine's own network is no container" {
    require_machines_network
    run --separate-stderr cwg join "pid/$$" "site2:pid/$c2"
    assert_said 1 "this machine: pid: that process is in the host's network namespace, not in a container's"
}
