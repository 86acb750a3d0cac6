#!/usr/bin/env bats
# The image of `make docker`: what its last step leaves, in a copy of this machine's files, which are Debian's as well.
# Nothing is fetched: apt-get is a stand-in, which leaves behind what apt leaves.
# shellcheck disable=SC2153 # $NAME is set in helper.bash

bats_require_minimum_version 1.5.0
load cli

# The commands of the last RUN of a stage of the Dockerfile, as one line: last_run STAGE, counted from 1
last_run()
{
    awk -v stage="$1" '/^FROM / { at++ }
        at == stage && /^RUN / { text = ""; inside = 1 }
        inside { line = $0; sub(/^RUN /, "", line); more = sub(/\\$/, "", line); text = text line; inside = more }
        END { print text }' "$ROOT/Dockerfile"
}

# Runs a command in a root of this machine's own files, below a layer of memory, where all that it writes is gone in the
# end; $LOOK is run there afterwards: in_copy COMMAND
in_copy()
{
    mkdir -p "$BATS_TEST_TMPDIR/root" "$BATS_TEST_TMPDIR/memory"
    # shellcheck disable=SC2016 # the inner shell's
    unshare --mount bash -euc '
        mount -t tmpfs memory "$0/memory"
        mkdir "$0/memory/upper" "$0/memory/work"
        mount -t overlay -o "lowerdir=/,upperdir=$0/memory/upper,workdir=$0/memory/work" overlay "$0/root"
        # What is none of the system, where files come and go.
        for place in "$0"/root/* "$0/root/var/tmp" "$0/root/var/lib/containers" "$0/root/var/lib/docker"; do
            case ${place##*/} in usr | bin | sbin | lib* | etc | var) continue ;; esac
            [ ! -d "$place" ] || mount -t tmpfs none "$place"
        done
        mkdir -p "$0/root/stand-in"
        printf "#!/bin/sh\ntouch /var/lib/apt/lists/left /var/cache/apt/left\n" >"$0/root/stand-in/apt-get"
        chmod 755 "$0/root/stand-in/apt-get"
        rm -f "$0/root/usr/local/bin/'"$NAME"'"
        install -D -m 0777 "$1" "$0/root/usr/local/bin/'"$NAME"'"
        install -m 4755 /bin/true "$0/root/usr/bin/a-setuid-program"
        install -m 2755 -g 8 /bin/true "$0/root/usr/bin/a-setgid-program"
        chroot "$0/root" env PATH="/stand-in:$PATH" sh -euc "$2" >&2
        chroot "$0/root" bash -euc "$3"' "$BATS_TEST_TMPDIR" "$PROGRAM" "$1" "$LOOK"
}

setup()
{
    PROGRAM=$(built "$(config_without ENGINE)")/$NAME
}

@test "the last step leaves the program to its group with three capabilities, and no setuid or setgid program" {
    # shellcheck disable=SC2034 # in_copy's
    LOOK='stat -c "%a %U:%G" /usr/local/bin/net-admin-helper; /sbin/getcap /usr/local/bin/net-admin-helper
        find / -xdev -type f -perm /6000; ls -A /var/lib/apt/lists /var/cache/apt'
    run --separate-stderr in_copy "$(last_run 2)"
    [ "$status" = 0 ] || fail "$stderr"
    [ "$output" = "750 root:nogroup
/usr/local/bin/net-admin-helper cap_net_admin,cap_sys_ptrace,cap_sys_admin=p
/var/cache/apt:

/var/lib/apt/lists:" ] || fail "$output"
}

@test "the image has no engine, whatever the settings say, and is labelled" {
    local step
    step=$(last_run 1)
    [[ $step == *'make install CONFIG=/image.h GROUP=nogroup'* ]] || fail "$step"
    # What that step writes, for this directory.
    step=${step%%&& make*}
    step=${step//\/src\//$ROOT\/}
    step=${step//\/image.h/$BATS_TEST_TMPDIR\/image.h}
    echo '#define CWG_PREFER_ENGINE' | cat "$ROOT/config.h" - >"$BATS_TEST_TMPDIR/config.h"
    CONFIG=config.h sh -euc "$step"
    quick_build "$BATS_TEST_TMPDIR/build" "$BATS_TEST_TMPDIR/image.h"
    run --separate-stderr "$BATS_TEST_TMPDIR/build/$NAME" --version
    [[ $output == *$'\nbackends: kernel WireGuard\n'* ]] || fail "$output"
    run ! grep -n 'COPY.*libexec' "$ROOT/Dockerfile"
    [ "$(grep -c 'org.opencontainers.image' "$ROOT/Dockerfile")" -ge 4 ]
}

# All programs of this machine but these: programs_without NAME...
programs_without()
{
    local name
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    find /usr/bin -maxdepth 1 ! -type d -exec ln -s -t "$BATS_TEST_TMPDIR/bin" {} +
    for name; do rm -f "$BATS_TEST_TMPDIR/bin/$name"; done
}

# What `make docker` would run, with this PATH: docker_command PATH [ARGUMENT...]
docker_command()
{
    env -u MAKEFLAGS -u MAKELEVEL PATH="$1" make --no-print-directory -n -C "$ROOT" docker "${@:2}"
}

@test "make docker builds by docker, or by podman where that is all there is, or by what it is told" {
    local bin=$BATS_TEST_TMPDIR/bin rest
    rest=" build --build-arg CONFIG=config.h --build-arg VERSION=$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")"
    rest+=" -t $NAME:latest ."
    programs_without docker podman
    [ "$(docker_command "$bin" | tr -d "'")" = "docker$rest" ]
    ln -s /bin/true "$bin/podman"
    [ "$(docker_command "$bin" | tr -d "'")" = "$bin/podman$rest" ]
    ln -s /bin/true "$bin/docker"
    [ "$(docker_command "$bin" | tr -d "'")" = "$bin/docker$rest" ]
    [ "$(docker_command "$bin" DOCKER=podman | tr -d "'")" = "podman$rest" ]
}
