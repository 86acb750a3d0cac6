#!/usr/bin/env bats
# The Debian packages as `make deb` builds them: contents, versions, what lintian and the checks of hardening say.
# Nothing is installed: life.bats does that.

bats_require_minimum_version 1.5.0
load packages

setup_file()
{
    export PACKAGES=$BATS_FILE_TMPDIR/deb
    git -C "$ROOT" status --porcelain --ignored >"$BATS_FILE_TMPDIR/before"
    build_packages "$PACKAGES"
    git -C "$ROOT" status --porcelain --ignored >"$BATS_FILE_TMPDIR/after"
    while read -r package; do
        dpkg -x "$package" "$BATS_FILE_TMPDIR/files"
    done < <(packages_in "$PACKAGES")
}

setup()
{
    FILES=$BATS_FILE_TMPDIR/files
}

@test "the Makefile, the changelog, the packages and the programs have one version" {
    local package
    [ "$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")" = "$VERSION" ]
    while read -r package; do
        [ "$(dpkg-deb -f "$package" Version)" = "$VERSION" ]
    done < <(packages_in "$PACKAGES")
    [ "$("$FILES/usr/bin/net-admin-helper" --version | head -n 1)" = "net-admin-helper $VERSION" ]
    [ "$("$FILES/usr/bin/cwg" --version | head -n 1)" = "cwg $VERSION" ]
}

@test "the build leaves the tree as it was, and no copy of it" {
    diff "$BATS_FILE_TMPDIR/before" "$BATS_FILE_TMPDIR/after"
    [ -z "$(find "$PACKAGES" -mindepth 1 -type d)" ]
}

@test "lintian finds no error and no warning; each override has its reason, and is needed" {
    local said
    said=$(lintian --allow-root --tag-display-limit 0 --display-info "$PACKAGES"/*.changes) || fail "$said"
    ! grep -E '^[EW]:|override' <<<"$said" || fail "$said"
    said=$(awk 'FNR == 1 { reason = 0 } /^#/ { reason = 1; next } !reason' "$ROOT"/debian/*.lintian-overrides)
    [ -z "$said" ] || fail "without a reason: $said"
}

# The engine's -static-pie is unknown to blhc; the next test looks at the program.
@test "each command of the build has the flags of hardening" {
    run blhc --all --ignore-line '.* -static-pie .*' "$PACKAGES/build.log"
    [ "$status" = 0 ] || fail "$output"
    [ -z "$output" ] || fail "$output"
    [ "$(grep -c -- ' -static-pie ' "$PACKAGES/build.log")" = 1 ]
}

# Debian 12's own start files have no marks for control flow integrity, and so no program has.
@test "the programs are hardened: both cwg and net-admin-helper, and the engine as far as a static program can be" {
    hardening-check --nocfprotection "$FILES/usr/bin/cwg" "$FILES/usr/bin/net-admin-helper"
    local engine=$FILES/usr/libexec/net-admin-helper/cwg-engine
    readelf --file-header "$engine" | grep -q '^ *Type: *DYN'
    readelf --dynamic "$engine" | grep -q 'FLAGS_1.*NOW.*PIE'
    readelf --program-headers "$engine" | grep -q GNU_RELRO
    readelf --wide --program-headers "$engine" | grep -q 'GNU_STACK.* RW  '
}

@test "a file is in one package: what needs rights in net-admin-helper, the front end and its units in cwg" {
    local package
    while read -r package; do
        dpkg-deb -c "$package" | awk '$1 !~ /^d/ { print $6 }'
    done < <(packages_in "$PACKAGES") >"$BATS_TEST_TMPDIR/files"
    [ -z "$(sort "$BATS_TEST_TMPDIR/files" | uniq -d)" ]
    diff - <(dpkg-deb -c "$(packages_in "$PACKAGES" | tail -n 1)" | awk '$1 !~ /^d/ { print $6 }' |
        grep -v /usr/share/doc/) <<'END'
./lib/systemd/system/cwg-agent.service
./lib/systemd/system/cwg-helper.socket
./lib/systemd/system/cwg-helper@.service
./usr/bin/cwg
./usr/lib/systemd/user/cwg-agent.service
./usr/lib/sysusers.d/cwg.conf
./usr/lib/tmpfiles.d/cwg.conf
./usr/share/bash-completion/completions/cwg
./usr/share/fish/vendor_completions.d/cwg.fish
./usr/share/man/man1/cwg.1.gz
./usr/share/man/man5/cwg-links.5.gz
./usr/share/man/man5/cwg.conf.5.gz
./usr/share/man/man7/cwg-plugins.7.gz
./usr/share/man/man8/cwg-agent.8.gz
./usr/share/zsh/vendor-completions/_cwg
END
}

@test "python3-cwg is the Python package and its page, for every architecture, and needs the helper and Python" {
    local package=$PACKAGES/python3-cwg_${VERSION}_all.deb
    diff <(dpkg-deb -c "$package" | awk '$1 !~ /^d/ { print $6 }' | sort) <({
        cd "$ROOT/python" && find cwg -name '*.py' -o -name py.typed | sed 's|^|./usr/lib/python3/dist-packages/|'
        printf './usr/share/doc/python3-cwg/%s\n' changelog.gz copyright python.md; } | sort)
    [ -z "$(dpkg-deb -c "$package" | awk '$2 != "root/root" || $1 !~ /^(drwxr-xr-x|-rw-r--r--)$/')" ]
    [[ $(dpkg-deb -f "$package" Depends) =~ ^net-admin-helper\ \(\>=\ $VERSION\),\ python3:any ]]
}

@test "cwg-cni is the plugin, a network's example and a page, for every architecture, and needs cwg" {
    local package=$PACKAGES/cwg-cni_${VERSION}_all.deb
    diff - <(dpkg-deb -c "$package" | awk '$1 !~ /^d/ { print $1, $2, $6 }') <<'END'
-rwxr-xr-x root/root ./usr/lib/cni/cwg-cni
-rw-r--r-- root/root ./usr/share/doc/cwg-cni/changelog.gz
-rw-r--r-- root/root ./usr/share/doc/cwg-cni/copyright
-rw-r--r-- root/root ./usr/share/doc/cwg-cni/examples/cwg-cni.conflist
-rw-r--r-- root/root ./usr/share/doc/cwg-cni/kubernetes.md.gz
END
    [ "$(dpkg-deb -f "$package" Depends)" = "cwg (>= $VERSION)" ]
    dpkg -x "$package" "$BATS_TEST_TMPDIR/files"
    [ "$(tail -n 1 "$BATS_TEST_TMPDIR/files/usr/lib/cni/cwg-cni")" = 'exec /usr/bin/cwg plugin cni "$@"' ]
    cd "$BATS_TEST_TMPDIR/files/usr/share/doc/cwg-cni/examples"
    [ "$(jq -r '.plugins[-1].type' cwg-cni.conflist)" = cwg-cni ]
}

@test "cwg-podman is the driver of networks, the hook and a page, for every architecture, and needs cwg" {
    local package=$PACKAGES/cwg-podman_${VERSION}_all.deb
    diff - <(dpkg-deb -c "$package" | awk '$1 !~ /^d/ { print $1, $2, $6 }') <<'END'
-rwxr-xr-x root/root ./usr/lib/netavark/cwg
-rw-r--r-- root/root ./usr/share/containers/oci/hooks.d/cwg.json
-rw-r--r-- root/root ./usr/share/doc/cwg-podman/changelog.gz
-rw-r--r-- root/root ./usr/share/doc/cwg-podman/copyright
-rw-r--r-- root/root ./usr/share/doc/cwg-podman/podman.md.gz
END
    [ "$(dpkg-deb -f "$package" Depends)" = "cwg (>= $VERSION)" ]
    dpkg -x "$package" "$BATS_TEST_TMPDIR/files"
    [ "$(tail -n 1 "$BATS_TEST_TMPDIR/files/usr/lib/netavark/cwg")" = 'exec /usr/bin/cwg plugin netavark "$@"' ]
    [ "$(jq -r .hook.path "$BATS_TEST_TMPDIR/files/usr/share/containers/oci/hooks.d/cwg.json")" = /usr/bin/cwg ]
    dpkg-deb -I "$PACKAGES"/cwg_*.deb postinst | grep -q 'systemd-tmpfiles .*cwg.conf'
}

@test "in a package no file has a right that another lacks, but that nobody may read the engine" {
    local package
    while read -r package; do
        dpkg-deb -c "$package"
    done < <(packages_in "$PACKAGES") | awk '$2 != "root/root" { print }
        $1 !~ /^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--|lrwxrwxrwx)$/ { print $1, $6 }' >"$BATS_TEST_TMPDIR/rights"
    diff - "$BATS_TEST_TMPDIR/rights" <<<"-rwx--x--- ./usr/libexec/net-admin-helper/cwg-engine"
}

@test "what is packed names the packages' places and their group" {
    run ! grep -rlE '/usr/local/(bin|share|lib)|@[A-Z_]+@' "$FILES/lib" "$FILES/usr/lib" "$FILES/usr/bin" \
        "$FILES/usr/share/man"
    [ -z "$output" ] || fail "$output"
    local examples=$FILES/usr/share/doc/net-admin-helper/examples
    [ "$(sed -n 's/^Exec[A-Za-z]*=\([^ ]*\).*/\1/p' "$examples"/*.service | sort -u | paste -sd ' ')" = "cwg wg-app" ]
    [ "$(sed -n 's/^SupplementaryGroups=//p' "$examples"/*.service)" = net-admin-helper ]
    grep -q /usr/libexec/net-admin-helper/cwg-engine "$FILES/usr/bin/net-admin-helper"
    grep -qx 'ExecStart=/usr/bin/net-admin-helper batch --answered' "$FILES/lib/systemd/system/cwg-helper@.service"
    grep -qx Group=net-admin-helper "$FILES/lib/systemd/system/cwg-helper@.service"
    zgrep -q '/usr/share/net-admin-helper/policy' "$FILES/usr/share/man/man5/net-admin-helper-policy.5.gz"
    [ -e "$FILES/usr/share/net-admin-helper/policy.example" ]
}

@test "an error that make install would mend names apt-get in a package" {
    chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$(dirname "$BATS_RUN_TMPDIR")"
    run --separate-stderr as_app "$FILES/usr/bin/net-admin-helper" cwg_create $$ 7 0 0
    [ "$status" = 1 ]
    [[ $stderr == *"install it with \`apt-get install --reinstall net-admin-helper\`, which does setcap"* ]] ||
        fail "$stderr"
}

# debhelper's own, and what Debian expects each machine that builds to have: dpkg-buildpackage refuses without it.
@test "the packages' build depends on what scripts/deps installs for building" {
    diff <(sed -n '/^Build-Depends:/,/^[A-Z][a-z-]*:/p' "$ROOT/debian/control" | grep -oE '^ [a-z0-9-]+|dh-[a-z-]+' |
        grep -vE '^ ?dh-sequence' | tr -d ' ' | sort) \
        <(sed -n '/^build=(/,/^)/p' "$ROOT/scripts/deps" | sed 's/#.*//; /[()]/d' | xargs -n 1 |
            grep -vxE 'gcc|make|linux-libc-dev|libcap2-bin' | sort)
    sed -n '/^deb=(/,/^)/p' "$ROOT/scripts/deps" | sed 's/#.*//' | grep -qw build-essential
}
