#!/usr/bin/env bats
# A release: the source archive of `make dist`, the list of parts of `make sbom`, and one version in all places. No link
# is made.

bats_require_minimum_version 1.5.0
load cli

# A clone of this tree as it stands, with all of it committed. Sets $CLONE.
setup()
{
    CLONE=$BATS_TEST_TMPDIR/clone VERSION=$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")
    mkdir "$CLONE"
    git -C "$ROOT" ls-files -z | tar -C "$ROOT" -c --null -T - --ignore-failed-read --warning=no-failed-read |
        tar -C "$CLONE" -x
    in_clone init -q
    in_clone add -A
    in_clone commit -q -m all --date=@1700000000
}

in_clone()
{
    GIT_COMMITTER_DATE=@1700000000 git -C "$CLONE" -c user.name=n -c user.email=e@example.org "$@"
}

# Runs make in the clone: make_there ARGUMENT...
make_there()
{
    clean_make -C "$CLONE" "$@"
}

@test "the Makefile, the changelogs, the RPM spec and the APKBUILD have one version, and guides to installing none" {
    local spec=$ROOT/packaging/rpm/net-admin-helper.spec
    [ "$(sed -n 's/^Version: *//p' "$spec")" = "$VERSION" ]
    [ "$(sed -n '/^%changelog/,$s/^\*.* - //p' "$spec" | head -n 1)" = "$VERSION-1" ]
    [ "$(sed -n 's/^pkgver=//p' "$ROOT/packaging/alpine/APKBUILD")" = "$VERSION" ]
    [ "$(dpkg-parsechangelog -l "$ROOT/debian/changelog" -S Version)" = "$VERSION" ]
    [ "$(sed -n 's/^## \([0-9.]*\).*/\1/p' "$ROOT/CHANGELOG.md" | head -n 1)" = "$VERSION" ]
    run ! grep -nF "$VERSION" "$ROOT/README.md" "$ROOT"/doc/{install,podman,kubernetes,image}.md
}

@test "make dist packs the commit's files and no other, with the same bytes at another time and umask, without dpkg" {
    local archive=build/net-admin-helper-$VERSION.tar.gz sum
    touch "$CLONE/untracked"
    make_there dist
    diff <(tar -tzf "$CLONE/$archive" | grep -v '/$' | sort) \
        <(in_clone ls-files | sed "s|^|net-admin-helper-$VERSION/|" | sort)
    (cd "$CLONE/build" && sha256sum -c "${archive#build/}.sha256")
    sum=$(sha256sum <"$CLONE/$archive")
    in_clone clone -q . "$BATS_TEST_TMPDIR/other"
    # Fedora and Alpine have nothing of dpkg's.
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\nexit 127\n' >"$BATS_TEST_TMPDIR/bin/dpkg-parsechangelog"
    chmod +x "$BATS_TEST_TMPDIR/bin/dpkg-parsechangelog"
    (umask 077 && PATH=$BATS_TEST_TMPDIR/bin:$PATH TZ=Pacific/Kiritimati faketime '+400 days' \
        "$BATS_TEST_TMPDIR/other/scripts/dist" "$VERSION" "$BATS_TEST_TMPDIR/again")
    [ "$(sha256sum <"$BATS_TEST_TMPDIR/again/${archive#build/}")" = "$sum" ]
}

@test "make dist refuses a tree with changes, and a version of which a changelog says nothing" {
    echo >>"$CLONE/README.md"
    run ! make_there dist
    [[ $output == *"make dist: there are changes; commit them first"* ]]
    in_clone commit -q -a -m more
    run ! "$CLONE/scripts/dist" 9.9.9 "$BATS_TEST_TMPDIR/out"
    [ "$output" = "make dist: debian/changelog has another version than the Makefile" ]
    sed -i 's/^pkgver=.*/pkgver=9.9.9/' "$CLONE/packaging/alpine/APKBUILD"
    in_clone commit -q -a -m more
    run ! make_there dist
    [[ $output == *"make dist: packaging/alpine/APKBUILD has another version than the Makefile"* ]]
    sed -i "s/^pkgver=.*/pkgver=$VERSION/" "$CLONE/packaging/alpine/APKBUILD"
    sed -i 's/^Version: .*/Version: 9.9.9/' "$CLONE/packaging/rpm/net-admin-helper.spec"
    in_clone commit -q -a -m more
    run ! make_there dist
    [[ $output == *"make dist: packaging/rpm/net-admin-helper.spec has another version than the Makefile"* ]]
    sed -i "s/^Version: .*/Version: $VERSION/" "$CLONE/packaging/rpm/net-admin-helper.spec"
    sed -i "s/^## $VERSION/## 9.9.9/" "$CLONE/CHANGELOG.md"
    in_clone commit -q -a -m more
    run ! make_there dist
    [[ $output == *"make dist: CHANGELOG.md says nothing about $VERSION"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/out" ]
}

@test "make sbom names each program's digest and libraries, with the Debian packages of those in the engine" {
    SOURCE_DATE_EPOCH=1700000000 "$ROOT/scripts/sbom" "$VERSION" "$ROOT/build" gcc >"$BATS_TEST_TMPDIR/sbom"
    python3 - "$BATS_TEST_TMPDIR/sbom" "$ROOT/build" "$VERSION" <<'PYTHON'
import hashlib, json, pathlib, subprocess, sys
sbom = json.loads(pathlib.Path(sys.argv[1]).read_text())
packages = {package["SPDXID"]: package for package in sbom["packages"]}
assert len(packages) == len(sbom["packages"]) and sbom["spdxVersion"] == "SPDX-2.3"
assert sbom["creationInfo"]["created"] == "2023-11-14T22:13:20Z"

def linked(program, how):
    return {packages[it["relatedSpdxElement"]]["name"] for it in sbom["relationships"]
            if it["spdxElementId"] == f"SPDXRef-{program}" and it["relationshipType"] == how}

for it in sbom["relationships"]:
    assert it["relatedSpdxElement"] in packages, it
for program in ("net-admin-helper", "cwg", "cwg-engine"):
    digest = hashlib.sha256((pathlib.Path(sys.argv[2]) / program).read_bytes()).hexdigest()
    package = packages[f"SPDXRef-{program}"]
    assert package["checksums"][0]["checksumValue"] == digest and package["versionInfo"] == sys.argv[3], package
assert linked("net-admin-helper", "DYNAMIC_LINK") == {"libc6", "libmnl0"}
assert linked("cwg", "DYNAMIC_LINK") == {"libc6", "libcurl4", "libjansson4", "libssl3"}
in_engine = linked("cwg-engine", "STATIC_LINK")
assert {"libc6-dev", "libssl-dev"} < in_engine and not linked("cwg-engine", "DYNAMIC_LINK"), in_engine
for package in packages.values():
    if "sourceInfo" in package:
        version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}\n", package["name"]], check=True,
                                 capture_output=True, text=True).stdout.split()[0]
        assert package["versionInfo"] == version, package
PYTHON
}

@test "make sbom fails if a library isn't of Debian, and prints no list without it" {
    # This compiler has a libcrypto of its own.
    printf '#!/bin/sh\necho "%s/$(basename "${1#*=}")"\n' "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/cc"
    chmod +x "$BATS_TEST_TMPDIR/cc"
    touch "$BATS_TEST_TMPDIR"/lib{crypto,c,gcc}.a
    run --separate-stderr "$ROOT/scripts/sbom" "$VERSION" "$ROOT/build" "$BATS_TEST_TMPDIR/cc"
    [ "$status" = 1 ]
    [ "${stderr_lines[-1]}" = "scripts/sbom: no Debian package has $BATS_TEST_TMPDIR/libcrypto.a" ] || fail "$stderr"
    [ -z "$output" ]
}
