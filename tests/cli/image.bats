#!/usr/bin/env bats
# The image of `make image`, as far as that is seen without a builder of images: its files, in a directory of this
# machine's, and the command that builds it. packages/image.bats builds the image.

bats_require_minimum_version 1.5.0
load cli

# Lays out the image's files for a build's settings: lay_out BUILD DIRECTORY
lay_out()
{
    flock "$SHARED/lock" make --no-print-directory --silent -C "$ROOT" BUILD="$1" SHARED="$SHARED" \
        CONFIG="$1/config.h" CFLAGS=-O0 INSTALLER='make install' DESTDIR="$2" image-root
}

@test "the files of the image run by themselves, for anybody, under the names of the tasks that the settings have" {
    local root=$BATS_TEST_TMPDIR/root
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
    (umask 077 && lay_out "$(built "$(config_without ENGINE CONNECT)")" "$root")
    [ "$(getcap -r "$root")" = "$root/usr/local/bin/$NAME cap_net_admin,cap_sys_ptrace,cap_sys_admin=p" ]
    [ "$(find "$root/usr/local/bin" -mindepth 1 -printf '%f\n' | sort | paste -sd ' ')" = \
        "cwg_create cwg_destroy cwg_destroy_all cwg_list cwg_show cwg_wait $NAME" ]
    [[ $(chroot --userspec 4711:4711 "$root" /usr/local/bin/cwg_create --help) == "Usage: $NAME cwg_create"* ]]
    [ -z "$(find "$root" ! -type l ! -perm -444 -o -perm /7022 ! -type l)" ]
}

@test "the image's files go into a new directory alone" {
    local build root=$BATS_TEST_TMPDIR/root
    build=$(built "$(config_without ENGINE CONNECT)")
    mkdir "$root"
    run lay_out "$build" "$root"
    [ "$status" = 2 ]
    [ -z "$(ls -A "$root")" ]
}

@test "the image has no engine, whatever the settings say" {
    local step
    step=$(sed -n '/^RUN printf/,/[^\\]$/p' "$ROOT/Dockerfile" | sed 's/^RUN //; s/\\$//' | tr -d '\n')
    [[ $step == *'make -s '*' CONFIG=/image.h '*' image-root' ]] || fail "$step"
    # What that step writes, for this directory.
    step=${step%%&& make*}
    step=${step//\/src\//}
    step=${step//\/image.h/$BATS_TEST_TMPDIR\/image.h}
    echo '#define CWG_PREFER_ENGINE' | cat "$ROOT/config.h" - >"$BATS_TEST_TMPDIR/config.h"
    CONFIG=$BATS_TEST_TMPDIR/config.h sh -euc "$step"
    quick_build "$BATS_TEST_TMPDIR/build" "$BATS_TEST_TMPDIR/image.h"
    run --separate-stderr "$BATS_TEST_TMPDIR/build/$NAME" --version
    [[ $output == *$'\nbackends: kernel WireGuard\n'* ]] || fail "$output"
}

# All programs of this machine but these: programs_without NAME...
programs_without()
{
    local name
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    find /usr/bin -maxdepth 1 ! -type d -exec ln -s -t "$BATS_TEST_TMPDIR/bin" {} +
    for name; do rm -f "$BATS_TEST_TMPDIR/bin/$name"; done
}

# What make would run for a target, without quotes and the times, with the PATH of programs_without:
# command_of TARGET [ARGUMENT...]
command_of()
{
    env -u MAKEFLAGS -u MAKELEVEL -u SOURCE_DATE_EPOCH PATH="$BATS_TEST_TMPDIR/bin" \
        make --no-print-directory -n -C "$ROOT" "$@" | tr -d "'\\\\\n" | tr -s ' \t' ' '
}

@test "make image, or docker, builds by docker, podman or buildah, whichever is there first, or by what it is told" {
    local bin=$BATS_TEST_TMPDIR/bin rest label='--label org\.opencontainers\.image\.' target
    rest=" build --build-arg CONFIG=config\\.h ${label}version=$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")"
    rest+=" ${label}created=20[-0-9]{8}T[:0-9]{8}Z( ${label}revision=[0-9a-f]{40}(-dirty)?)? -t $NAME:latest \\.$"
    programs_without docker podman buildah
    for target in image docker; do
        run command_of $target
        [[ $output == *'make image needs docker, podman or buildah: install one.'* ]] || fail "$output"
    done
    for target in buildah podman docker; do
        ln -s /bin/true "$bin/$target"
        [[ $(command_of image) =~ ^$bin/$target$rest ]] || fail "$(command_of image)"
    done
    [[ $(command_of docker) =~ ^$bin/docker$rest ]] || fail "$(command_of docker)"
    [[ $(command_of image DOCKER=podman) =~ ^podman$rest ]] || fail "$(command_of image DOCKER=podman)"
    [[ $(command_of image IMAGE_FLAGS=--no-cache) == *" --no-cache -t $NAME:latest ." ]]
}

@test "the image's label has the commit, and the time of SOURCE_DATE_EPOCH; without git it has no commit" {
    programs_without git
    run ! grep revision <<<"$(command_of image)"
    [[ $(command_of image) == *image.created=* ]]
    ln -s /usr/bin/git "$BATS_TEST_TMPDIR/bin"
    [[ $(command_of image SOURCE_DATE_EPOCH=86400) == *"image.created=1970-01-02T00:00:00Z "*\
"--label org.opencontainers.image.revision=$(git -C "$ROOT" rev-parse HEAD)"* ]]
}
