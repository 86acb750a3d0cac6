#!/usr/bin/env bats
# The APKBUILD and the scripts of packaging/alpine, as far as a Debian can try them: their form, and the steps of the
# build by this machine's compiler. Nobody has run abuild or apk with them. The suite `musl` of tests/check builds the
# programs for Alpine's C library.

bats_require_minimum_version 1.5.0
load ../lib/helper

@test "busybox's shell and shellcheck find nothing in the APKBUILD and its scripts" {
    local file
    for file in "$ROOT"/packaging/alpine/*; do busybox sh -n "$file"; done
    shellcheck "$ROOT"/packaging/alpine/*.*
    shellcheck -s sh -e SC2034,SC2154,SC2155,SC3043 "$ROOT/packaging/alpine/APKBUILD" # abuild's variables, and `local`
}

@test "the scripts for an upgrade are those for an installation" {
    cmp "$ROOT"/packaging/alpine/net-admin-helper.{pre-install,pre-upgrade}
    cmp "$ROOT"/packaging/alpine/net-admin-helper.{post-install,post-upgrade}
}

# What abuild does with the functions of the APKBUILD, without its checks.
@test "build and package put the programs where Alpine has them; the other packages take theirs, and no unit is left" {
    mkdir "$BATS_TEST_TMPDIR/tree"
    git -C "$ROOT" ls-files -z --cached --others --exclude-standard | tar -C "$ROOT" -c --null -T - \
        --ignore-failed-read --warning=no-failed-read | tar -x -C "$BATS_TEST_TMPDIR/tree"
    cat >"$BATS_TEST_TMPDIR/abuild" <<'END'
set -e
amove()
{
    for name; do
        mkdir -p "$subpkgdir/${name%/*}"
        mv "$pkgdir/$name" "$subpkgdir/$name"
    done
}
top=$1 pkgdir=$1/own CFLAGS=-O2
export CFLAGS
cd "$top/tree"
. packaging/alpine/APKBUILD
build
package
for function in cwg cni podman py3; do
    subpkgdir=$top/$function
    mkdir "$subpkgdir"
    "$function"
done
END
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin MAKEFLAGS=s busybox sh "$BATS_TEST_TMPDIR/abuild" "$BATS_TEST_TMPDIR" >&2
    cd "$BATS_TEST_TMPDIR"
    diff <(find cwg cni podman py3 -type f ! -name "*.py" | sed "s,/usr/.*/cwg/py.typed,/cwg/py.typed," |
        sort) - <<"END"
cni/usr/libexec/cni/cwg-cni
cwg/usr/bin/cwg
cwg/usr/share/bash-completion/completions/cwg
cwg/usr/share/fish/vendor_completions.d/cwg.fish
cwg/usr/share/zsh/site-functions/_cwg
podman/usr/lib/netavark/cwg
podman/usr/share/containers/oci/hooks.d/cwg.json
py3/cwg/py.typed
END
    [ -z "$(find own/usr -path "*/lib/*" -type f -o -path "*/local/*" -type f)" ]
    [ -d own/etc/net-admin-helper ]
    [ "$(stat -c %a own/usr/bin/net-admin-helper)" = 750 ]
    [ "$(stat -c %a own/usr/libexec/net-admin-helper/cwg-engine)" = 710 ]
}
