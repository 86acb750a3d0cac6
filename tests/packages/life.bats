#!/usr/bin/env bats
# The life of the Debian packages in a clean Debian, whose release NAH_DEBIAN names: installation, upgrades beside
# running links, removal; their own tests; and two builds compared. A container is a process of this machine; a link is
# the engine's where this machine's kernel has no WireGuard.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
load packages

setup_file()
{
    export PACKAGES=$BATS_FILE_TMPDIR/deb
    "$ROOT/tests/packages/fetch" "${NAH_DEBIAN:-bookworm}" >&2
    build_packages "$PACKAGES"
}

setup()
{
    start_debian
}

teardown()
{
    end_debian
}

install_all()
{
    local files
    mapfile -t files < <(packages_in "$PACKAGES")
    install_packages "${files[@]}"
}

# Installs another version of both: upgrade VERSION [CHANGE]
upgrade()
{
    local files
    mapfile -t files < <(make_version "$@")
    install_packages "${files[@]}"
    [ "$(in_debian dpkg-query -W -f '${Version} ' net-admin-helper cwg)" = "$1 $1 " ]
}

# The first word of a link's description, behind its name.
state()
{
    member cwg_show "$1" 7 0 | sed -n '1s/^wg-7-0: //p'
}

# The inode of the engine, and of the previous one if there is one.
engines()
{
    in_debian sh -c 'stat -c %i /usr/libexec/net-admin-helper/*' | paste -sd ' '
}

@test "after the installation the group may call the helper, others may not, and nothing is started or enabled" {
    install_all
    [ "$(rights)" = "750 root:net-admin-helper
710 root:net-admin-helper
$CAPABLE" ] || fail "$(rights)"
    [ "$(in_debian getent passwd cwg | cut -d : -f 5-)" = "cwg agent:/var/lib/cwg:/bin/sh" ]
    container c1
    member cwg_create "$c1" 7 0 0 >/dev/null
    [ "$(nsenter --net --target "$c1" ip -brief link show wg-7-0 | cut -d ' ' -f 1)" = wg-7-0 ]
    member cwg_destroy "$c1" 7 0
    run stranger cwg_create "$c1" 7 0 0
    [ "$status" = 126 ]
    run stranger cat /usr/libexec/net-admin-helper/cwg-engine
    [ "$status" = 1 ]
    [ -z "$(in_debian find /etc/systemd -lname '*cwg*')" ]
}

@test "upgrades keep a link and its engine, which the helper knows until the second engine after it" {
    local first second key
    install_all
    container c1
    key=$(member cwg_create "$c1" 7 0 0)
    first=$(engines)
    # The same engine keeps its file.
    upgrade 0.1.1
    [ "$(engines)" = "$first" ]
    upgrade 0.1.2 "another engine"
    [[ $(engines) == *" $first" ]] || fail "$(engines), and not $first"
    second=$(engines)
    upgrade 0.1.3 "another engine"
    [ "$(engines)" = "$second" ] || fail "$(engines), and not $second"
    [ "$(state "$c1")" = "waiting for connect" ] || fail "$(state "$c1")"
    [[ $(member cwg_show "$c1" 7 0) == *"public key        $key"* ]]
    member cwg_connect "$c1" 7 1 192.0.2.2:51802 "$(head -c 32 /dev/urandom | base64)"
    [ "$(state "$c1")" = "no handshake yet" ] || fail "$(state "$c1")"
    if member cwg_show "$c1" 7 0 | grep -q 'carried by *userspace engine'; then
        upgrade 0.1.4 "a third engine"
        [[ $(state "$c1") == "engine lost"* ]] || fail "$(state "$c1")"
    fi
    member cwg_destroy "$c1" 7 0
    [ "$(rights)" = "750 root:net-admin-helper
710 root:net-admin-helper
$CAPABLE" ] || fail "$(rights)"
}

@test "an upgrade that fails leaves the helper and the running link as they were" {
    local first
    install_all
    container c1
    member cwg_create "$c1" 7 0 0 >/dev/null
    first=$(engines)
    EDIT='[ ! -e usr/libexec ] || echo "exit 1" >>DEBIAN/preinst' run upgrade 0.1.1 "another engine"
    [ "$status" = 1 ]
    [ "$(in_debian dpkg-query -W -f '${Version} ${Status}' net-admin-helper)" = "$VERSION install ok installed" ]
    [ "$(engines)" = "$first" ] || fail "$(engines), and not $first"
    [ "$(state "$c1")" = "waiting for connect" ] || fail "$(state "$c1")"
    [[ $(rights) == *"$CAPABLE" ]]
}

@test "statoverrides of the administrator hold, at the installation and at an upgrade; capabilities come back" {
    local expected
    in_debian groupadd --system wg-app
    in_debian dpkg-statoverride --add root wg-app 0750 /usr/bin/net-admin-helper
    in_debian dpkg-statoverride --add root wg-app 0700 /usr/libexec/net-admin-helper/cwg-engine
    expected="750 root:wg-app
700 root:wg-app
$CAPABLE"
    install_all
    [ "$(rights)" = "$expected" ] || fail "$(rights)"
    upgrade 0.1.1
    [ "$(rights)" = "$expected" ] || fail "$(rights)"
    # As README.Debian has it.
    in_debian dpkg-statoverride --force-all --update --add root wg-app 0710 /usr/libexec/net-admin-helper/cwg-engine
    in_debian dpkg-statoverride --force-all --update --add root wg-app 0750 /usr/bin/net-admin-helper
    [ -z "$(in_debian getcap /usr/bin/net-admin-helper)" ]
    in_debian dpkg-reconfigure net-admin-helper
    [ "$(rights)" = "${expected/700/710}" ] || fail "$(rights)"
    container c1
    member -g wg-app cwg_create "$c1" 7 0 0 >/dev/null
    member -g wg-app cwg_destroy "$c1" 7 0
    run member cwg_show "$c1"
    [ "$status" = 126 ]
}

# All files, links and directories, but those where Debian's own programs note what they do.
listing()
{
    (cd "$DEBIAN" && find . -xdev \( -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/log \
        -o -path ./var/cache -o -path ./tmp -o -path './etc/*-' \) -prune -o -type d -printf '%p %m %u:%g\n' -o \
        -printf '%p %m %u:%g %l %s %T@\n' | sort)
}

@test "a removal leaves settings and links; a purge leaves nothing but the user and the group" {
    local link
    listing >"$BATS_TEST_TMPDIR/before"
    install_all
    upgrade 0.1.1 "another engine"
    install -D -m 0644 /dev/null "$DEBIAN/etc/net-admin-helper/policy.new"
    echo "site s1" >"$DEBIAN/etc/cwg/cwg.conf"
    install -D -m 0600 /dev/null "$DEBIAN/var/lib/cwg/key"
    container c1
    member cwg_create "$c1" 7 0 0 >/dev/null
    in_debian apt-get -qq -y remove cwg net-admin-helper >/dev/null
    [ -e "$DEBIAN/etc/cwg/cwg.conf" ]
    [ -e "$DEBIAN/etc/net-admin-helper/policy.new" ]
    [ -e "$DEBIAN/var/lib/cwg/key" ]
    [ ! -e "$DEBIAN/usr/libexec/net-admin-helper" ]
    [ -z "$(in_debian find /usr/bin -name 'cwg*' -o -name net-admin-helper)" ]
    link=$(nsenter --net --target "$c1" ip -brief link show wg-7-0)
    [ -n "$link" ]
    in_debian apt-get -qq -y purge cwg net-admin-helper >/dev/null
    listing >"$BATS_TEST_TMPDIR/after"
    [ "$(diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after" | sed -n 's/^[<>] \([^ ]*\).*/\1/p' | sort -u |
        paste -sd ' ')" = "./etc/group ./etc/gshadow ./etc/passwd ./etc/shadow" ] ||
        fail "$(diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after")"
    in_debian getent passwd cwg
    in_debian getent group net-admin-helper cwg
}

@test "a file system that keeps no capabilities is an error of the installation" {
    local files
    mapfile -t files < <(packages_in "$PACKAGES")
    rm "$DEBIAN/usr/sbin/setcap"
    printf '#!/bin/sh\nexit 1\n' >"$DEBIAN/usr/sbin/setcap"
    chmod 0755 "$DEBIAN/usr/sbin/setcap"
    run install_packages "${files[@]}"
    [ "$status" = 1 ]
    [[ $output == *"net-admin-helper: the file system of /usr/bin/net-admin-helper keeps no capabilities"* ]] ||
        fail "$output"
}

@test "an application in the group makes a link by python3-cwg, which leaves nothing when it is removed" {
    local package=python3-cwg_${VERSION}_all.deb c1
    install_all
    install_packages "$PACKAGES/$package"
    container c1
    member python3 -c 'import sys, cwg
with cwg.Batch() as batch:
    batch.create(int(sys.argv[1]), 7, 0)
    assert [link["name"] for link in batch.show(int(sys.argv[1]))] == ["wg-7-0"]' "$c1"
    [[ $(state "$c1") == "waiting for connect"* ]] || fail "$(state "$c1")"
    in_debian apt-get -qq -y purge python3-cwg >"$BATS_TEST_TMPDIR/apt" 2>&1
    [ ! -e "$DEBIAN/usr/lib/python3/dist-packages/cwg" ]
}

# What a runtime of CNI and podman say when a container starts: attach ID
attach()
{
    in_debian env CNI_COMMAND=ADD CNI_CONTAINERID="$1" CNI_NETNS=/run/netns/none CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni \
        CNI_ARGS="K8S_POD_NAMESPACE=default;K8S_POD_NAME=$1" /usr/lib/cni/cwg-cni \
        <<<'{"cniVersion":"1.0.0","name":"pods","type":"cwg-cni","prevResult":{"cniVersion":"1.0.0"}}'
}

@test "cwg-cni and cwg-podman have what runtimes call; an upgrade of cwg keeps it, and a removal leaves nothing" {
    local files
    export MORE='cwg-cni cwg-podman'
    install_all
    files=$(in_debian sh -c 'dpkg -L cwg-cni cwg-podman' | grep -E '/(cwg|cwg-cni|cwg.json)$' | grep -v /doc/)
    [ "$(wc -l <<<"$files")" = 3 ]
    attach web-0
    [ "$(jq -r .name "$DEBIAN/run/cwg-attached/web-0+pods")" = default.web-0 ]
    [ "$(in_debian /usr/lib/netavark/cwg info | jq -r .version)" = "$VERSION" ]
    upgrade 0.1.1
    [ "$(in_debian dpkg-query -W -f '${Version} ' cwg-cni cwg-podman)" = "0.1.1 0.1.1 " ]
    attach web-1
    [ "$(ls "$DEBIAN/run/cwg-attached")" = $'web-0+pods\nweb-1+pods' ]
    in_debian apt-get -qq -y remove cwg-cni cwg-podman >/dev/null
    # shellcheck disable=SC2086 # names
    [ -z "$(in_debian ls $files 2>/dev/null)" ]
    [ ! -e "$DEBIAN/usr/lib/cni" ]
    [ ! -e "$DEBIAN/usr/lib/netavark" ]
}

# They join two containers and do the nine steps, as a caller in the group. debian/files lets autopkgtest take the
# copy for a tree that was built, which needs no tools for building.
@test "the packages' own tests pass in it, by autopkgtest" {
    local files
    mapfile -t files < <(packages_in "$PACKAGES")
    mkdir "$BATS_TEST_TMPDIR/sources"
    dpkg-source --no-check -x "$PACKAGES/net-admin-helper_$VERSION.dsc" "$BATS_TEST_TMPDIR/sources/copy" >/dev/null
    touch "$BATS_TEST_TMPDIR/sources/copy/debian/files"
    env -u NAH_APART autopkgtest --no-built-binaries "${files[@]}" "$BATS_TEST_TMPDIR/sources/copy" -- \
        chroot "$DEBIAN" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- || fail "$(tail -n 40 "$BATS_TEST_TMPDIR/said")"
    grep -q '^join-and-nine-steps *PASS' "$BATS_TEST_TMPDIR/said" || fail "$(<"$BATS_TEST_TMPDIR/said")"
}

# bats test_tags=build
@test "a second build, in another place, with other settings of the user's, gives the same packages" {
    local file
    (umask 027 && TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 HOME=/nowhere USER=somebody \
        "$ROOT/scripts/deb" "$BATS_TEST_TMPDIR/elsewhere/deb" >&2)
    for file in "$PACKAGES"/*.deb "$PACKAGES"/*.tar.xz; do
        cmp "$file" "$BATS_TEST_TMPDIR/elsewhere/deb/${file##*/}"
    done
    [ "$(find "$PACKAGES/" -name '*.deb' | wc -l)" = 7 ]
}
