#!/usr/bin/env bats
# Root's podman and the machine's agent in its unit, as doc/podman.md has them. The VM's system is a Debian 13 with
# podman; `tests/check 6.12-podman` builds the packages before. tests/agent/netavark.bats has two sites, and users.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
load units

CLEAN=
[ -z "${NAH_IN_VM:-}" ] || [ ! -d /run/systemd/system ] || [ ! -x /usr/lib/podman/netavark ] || CLEAN=1

# podman, and an image without a registry.
prepare_podman()
{
    local applet small=$BATS_FILE_TMPDIR/small
    mkdir -p /etc/containers "$small"/{bin,proc,sys,dev,etc,tmp,run}
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "/run/podman-storage"\n' \
        "$BATS_FILE_TMPDIR/storage" >/etc/containers/storage.conf
    cp "$(command -v busybox)" "$small/bin/"
    for applet in sh sleep; do ln -s busybox "$small/bin/$applet"; done
    tar -C "$small" -c . | podman import - small
}

setup_file()
{
    [ -n "$CLEAN" ] || return 0
    prepare_podman
}

setup()
{
    [ -n "$CLEAN" ] || skip "only in the VM whose system is a Debian 13 with podman"
    add_address
    install_all net-admin-helper cwg cwg-podman
}

teardown()
{
    [ -n "$CLEAN" ] || return 0
    podman rm --all --force --time 0 >/dev/null || true
    podman network rm web db >/dev/null 2>&1 || true
    rm -rf /etc/containers/systemd /run/systemd/system/{web,db}*
    systemctl daemon-reload
    remove_packages cwg-podman cwg net-admin-helper
    ip link delete d0
}

# A network for one container declares its end: make_network NAME HOST
make_network()
{
    podman network create --driver cwg --opt "link=web-db,net=1572871,host=$2,site=a" "$1"
}

run_container()
{
    podman run --detach --name "$1" --network "$1" --restart=always small sleep 100000
}

start_agent()
{
    printf 'site a\nlabels networks\n' >/etc/cwg/cwg.conf
    systemctl enable --now cwg-helper.socket cwg-agent
    printf '{"sites":[%s]}' "$(this_site)" | as_cwg cwg declare -
}

# Says whether packets pass between web and db.
reaches()
{
    nsenter --net --target "$(podman inspect --format '{{.State.Pid}}' web)" ping -q -c 1 -W 2 10.48.0.15
}

@test "the unit's agent, which may not ask root's podman, links its containers at each start; nothing needs a restart" {
    start_agent
    make_network web 0
    make_network db 1
    run_container web
    run_container db
    within 120 all_up
    reaches
    cwg status | tee "$BATS_TEST_TMPDIR/status"
    grep -E '^web-db +podman/web \(label\) +10\.48\.0\.14 +10\.48\.0\.15 +a ' "$BATS_TEST_TMPDIR/status"

    podman restart --time 0 web
    within 120 reaches
    podman rm --force --time 0 db
    run_container db
    within 120 reaches

    # What a boot starts.
    podman stop --all --time 0
    systemctl start podman-restart
    within 120 reaches

    # A container of another name in the network: without --opt any number may be in it.
    podman network create --driver cwg cwg
    podman run --detach --name plain --network cwg small sleep 100000
    grep '"name":"plain"' /run/cwg-attached/*
    podman rm --force --time 0 plain
    podman network rm cwg
}

# Files of which Quadlet makes units: quadlet NAME HOST
quadlet()
{
    mkdir -p /etc/containers/systemd
    printf '[Network]\nNetworkName=%s\nDriver=cwg\nOptions=link=web-db,net=1572871,host=%s,site=a\n' "$1" "$2" \
        >"/etc/containers/systemd/$1.network"
    printf '[Container]\nContainerName=%s\nImage=localhost/small\nExec=sleep 100000\nNetwork=%s.network\n' "$1" "$1" \
        >"/etc/containers/systemd/$1.container"
}

@test "containers that systemd starts by podman's Quadlet are linked, and again when their units are restarted" {
    start_agent
    quadlet web 0
    quadlet db 1
    # The VM's systemd has no generators.
    /usr/libexec/podman/quadlet /run/systemd/system
    systemctl daemon-reload
    systemctl start web db
    within 120 all_up
    reaches
    systemctl restart web
    within 120 reaches
    systemctl stop web db
}
