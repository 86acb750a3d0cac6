#!/usr/bin/env bats
# The RPM packages of packaging/rpm, as Debian's rpmbuild makes them, and their life in a clean Debian. Debian has
# neither Fedora's macros nor its names of packages: fedora.macros has the macros, and nothing looks at what the build
# depends on. Nobody has tried them on Fedora.

bats_require_minimum_version 1.5.0
load packages

# Builds the packages of the tree as it stands: build_rpms DIRECTORY [OPTION OF RPMBUILD...]
build_rpms()
{
    local top=$1
    mkdir -p "$top/SOURCES"
    git -C "$ROOT" ls-files -z --cached --others --exclude-standard | tar -C "$ROOT" -c --null -T - \
        --ignore-failed-read --warning=no-failed-read --transform "s|^|net-admin-helper-$VERSION/|S" |
        gzip -n >"$top/SOURCES/net-admin-helper-$VERSION.tar.gz"
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$top" LC_ALL=C.UTF-8 rpmbuild -bb --nodeps \
        --load "$ROOT/tests/packages/fedora.macros" --define "_topdir $top" "${@:2}" \
        "$ROOT/packaging/rpm/net-admin-helper.spec" >"$top/log" 2>&1 || fail "$(tail -n 30 "$top/log")"
}

setup_file()
{
    export TOP=$BATS_FILE_TMPDIR/rpm VERSION
    VERSION=$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")
    build_rpms "$TOP" --with engine
}

# Prints what a package says of itself: query NAME FORMAT
query()
{
    rpm -qp --qf "$2" "$TOP"/RPMS/*/"$1-$VERSION"-*.rpm
}

teardown()
{
    [ -z "${DEBIAN:-}" ] || end_debian
}

PACKAGES='net-admin-helper cwg cwg-cni cwg-podman python3-cwg'

@test "the spec's version and its last change are the Makefile's version, and so are the packages and the programs" {
    [ "$(sed -n 's/^Version: *//p' "$ROOT/packaging/rpm/net-admin-helper.spec")" = "$VERSION" ]
    [ "$(query net-admin-helper '[%{CHANGELOGNAME}\n]' | head -n 1 | sed 's/.* - //')" = "$VERSION-1" ]
    [ "$(find "$TOP/RPMS" -name '*.rpm' -printf '%f\n' | sort | paste -sd ' ')" = "cwg-$VERSION-1.$(uname -m).rpm \
cwg-cni-$VERSION-1.noarch.rpm cwg-podman-$VERSION-1.noarch.rpm net-admin-helper-$VERSION-1.$(uname -m).rpm \
python3-cwg-$VERSION-1.noarch.rpm" ]
}

# Prints where an RPM package has what a line of debian/*.install names, as a pattern: pattern_of SOURCE
pattern_of()
{
    case $1 in
        */cni/cwg-cni) echo /usr/libexec/cni/cwg-cni ;;
        */python/cwg) echo /usr/lib/python3.12/site-packages/cwg ;;
        */vendor-completions/*) echo "/usr/share/zsh/site-functions/${1##*/}" ;;
        *) echo "/$1" ;;
    esac
}

@test "each package has what the Debian package of its name has, and nothing else but documents and settings" {
    local package pattern file own
    for package in $PACKAGES; do
        query "$package" '[%{FILENAMES}\n]' | grep -vE '^/(etc|usr/share/(doc|licenses))/' >"$BATS_TEST_TMPDIR/files"
        own=0
        while read -r file _; do
            pattern=$(pattern_of "$file")
            # shellcheck disable=SC2053 # a pattern
            while read -r file; do
                [[ $file != $pattern && $file != $pattern/* && $file != $pattern.* ]] || echo "$file"
            done <"$BATS_TEST_TMPDIR/files" >"$BATS_TEST_TMPDIR/matching"
            [ -s "$BATS_TEST_TMPDIR/matching" ] || fail "$package has no $pattern"
            cat "$BATS_TEST_TMPDIR/matching" >&4
            own=$((own + 1))
        done <"$ROOT/debian/$package.install" 4>"$BATS_TEST_TMPDIR/expected"
        [ "$own" -gt 0 ]
        [ "$(sort -u "$BATS_TEST_TMPDIR/expected" | comm -13 - "$BATS_TEST_TMPDIR/files" | paste -sd ' ')" = \
            "$([ "$package" != net-admin-helper ] ||
                echo /usr/lib/sysusers.d/net-admin-helper.conf /usr/share/net-admin-helper)" ]
    done
}

@test "helper and engine belong to the group, with the helper's capabilities and modes; all else is root's" {
    local package
    for package in $PACKAGES; do
        query "$package" '[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES} %{FILECAPS}\n]'
    done | sed 's/ (none)$//; s/ $//' |
        grep -vE '^(-rwxr-xr-x|-rw-r--r--|drwxr-xr-x|lrwxrwxrwx) root:root /[^ ]*$' >"$BATS_TEST_TMPDIR/rights" || true
    diff - "$BATS_TEST_TMPDIR/rights" <<'END'
-rwxr-x--- root:net-admin-helper /usr/bin/net-admin-helper cap_net_admin,cap_sys_ptrace,cap_sys_admin=p
-rwx--x--- root:net-admin-helper /usr/libexec/net-admin-helper/cwg-engine
-rwx--x--- root:net-admin-helper /usr/libexec/net-admin-helper/cwg-engine.previous
END
}

# As rpm has them: its scripts run in the clean Debian, whose group and files they make.
install_rpms()
{
    local files=("$1"/RPMS/*/{net-admin-helper,cwg}-"$VERSION"-*.rpm)
    rpm --root "$DEBIAN" --nodeps --nosignature "${@:2}" "${files[@]}" 3>&-
}

# The second packages have another engine.
@test "rpm installs them in a clean Debian: a member makes a link, which an upgrade leaves known, and a removal ends" {
    local c1
    "$ROOT/tests/packages/fetch" bookworm >&2
    build_rpms "$BATS_TEST_TMPDIR/next" --with engine --define 'optflags -O1'
    start_debian
    # It has no systemd that runs.
    ln -sf /bin/true "$DEBIAN/usr/bin/systemctl"
    install_rpms "$TOP" --install
    [ "$(rights)" = "750 root:net-admin-helper
710 root:net-admin-helper
$CAPABLE" ] || fail "$(rights)"
    container c1
    member cwg_create "$c1" 7 0 0 >/dev/null
    run stranger cwg_show "$c1"
    [ "$status" = 126 ]
    install_rpms "$TOP" --upgrade --replacepkgs
    [ ! -e "$DEBIAN/usr/libexec/net-admin-helper/cwg-engine.previous" ]
    install_rpms "$BATS_TEST_TMPDIR/next" --upgrade --replacepkgs
    [ -e "$DEBIAN/usr/libexec/net-admin-helper/cwg-engine.previous" ]
    [[ $(member cwg_show "$c1" 7 0) != *"engine lost"* ]]
    member cwg_destroy "$c1" 7 0
    rpm --root "$DEBIAN" --erase cwg net-admin-helper
    [ ! -e "$DEBIAN/usr/bin/net-admin-helper" ]
    [ ! -e "$DEBIAN/usr/libexec/net-admin-helper" ]
}

@test "without the engine, as on Fedora, the helper says that the kernel alone carries links" {
    build_rpms "$BATS_TEST_TMPDIR/plain"
    mkdir "$BATS_TEST_TMPDIR/files"
    (cd "$BATS_TEST_TMPDIR/files" && rpm2cpio ../plain/RPMS/*/net-admin-helper-*.rpm | cpio -idm --quiet)
    [ ! -e "$BATS_TEST_TMPDIR/files/usr/libexec" ]
    "$BATS_TEST_TMPDIR/files/usr/bin/net-admin-helper" --version | grep -qx 'backends: kernel WireGuard'
}
