#!/usr/bin/env bats
# The image of `make image`, built by buildah from the Dockerfile as it is, without a registry or a network: what is in
# it, and how it is labelled. application.bats starts containers of it. With NAH_IMAGE=DIRECTORY build-image has built
# the image there already.

bats_require_minimum_version 1.5.0
load ../lib/helper

PROGRAM=/usr/local/bin/$NAME
SIZE=4000000 # bytes; 2.4 million are in it

setup_file()
{
    export BUILT=${NAH_IMAGE:-$BATS_FILE_TMPDIR/image} CONTAINER FILES
    [ -n "${NAH_IMAGE:-}" ] || "$ROOT/tests/packages/build-image" "$BUILT"
    BUILT=$(realpath "$BUILT")
    CONTAINER=$(images from "$NAME:latest")
    FILES=$(images mount "$CONTAINER")
}

teardown_file()
{
    images rm "$CONTAINER" >/dev/null
}

# Runs buildah where the image is.
images()
{
    buildah --root "$BUILT/storage" --runroot "$BUILT/run" --storage-driver vfs "$@" 3>&-
}

# Prints a part of the image's description: described TEMPLATE
described()
{
    images inspect --type image --format "{{$1}}" "$NAME:latest"
}

# Runs a program of the image as a user of it, with no file but the image's: in_image USER:GROUP COMMAND...
in_image()
{
    chroot --userspec "$1" "$FILES" "${@:2}" 3>&-
}

@test "the image has the helper, its libraries, their licences and versions, the user nobody, and no other file" {
    local libraries
    libraries=/lib/$(gcc -print-multiarch)
    find "$FILES" ! -type d -printf '/%P\n' | sort >"$BATS_TEST_TMPDIR/files"
    diff - "$BATS_TEST_TMPDIR/files" < <(sort <<END
/etc/group
/etc/os-release
/etc/passwd
$libraries/libc.so.6
$libraries/libmnl.so.0
$(ldd "$ROOT/build/$NAME" | grep -o '/[^ ]*/ld-linux[^ ]*')
$(printf '/usr/local/bin/%s\n' cwg_{connect,create,destroy,destroy_all,list,show,wait} "$NAME")
/usr/share/common-licenses/GPL-2
/usr/share/common-licenses/LGPL-2.1
/usr/share/doc/libc6/copyright
/usr/share/doc/libmnl0/copyright
/usr/share/doc/$NAME/LICENSE
/var/lib/dpkg/status.d/libc6
/var/lib/dpkg/status.d/libmnl0
END
    )
    [ "$(cat "$FILES/etc/passwd" "$FILES/etc/group" | cut -d : -f 1,3)" = $'nobody:65534\nnogroup:65534' ]
    grep -qx 'Package: libc6' "$FILES/var/lib/dpkg/status.d/libc6"
}

@test "the packed image has 4 MB at most" {
    local size
    size=$(stat -c %s "$BUILT/image.tar")
    echo "# the image has $size bytes" >&3
    [ "$size" -le "$SIZE" ]
}

@test "no program but the helper has rights of its own; everything is root's, and root alone may write there" {
    [ -z "$(find "$FILES" -perm /7000)" ]
    [ -z "$(find "$FILES" ! -type l -perm /022)" ]
    [ -z "$(find "$FILES" ! -user 0 -o ! -group 0)" ]
    [ "$(getcap -r "$FILES")" = "$FILES$PROGRAM cap_net_admin,cap_sys_ptrace,cap_sys_admin=p" ] ||
        fail "$(getcap -r "$FILES")"
    [ "$(find "$FILES" -type f -perm /111 -printf '%f\n' | grep -v '\.so\.')" = "$NAME" ]
}

# What another machine gets is this archive.
@test "the packed image has the capabilities in its only layer" {
    local archive=$BUILT/image.tar layer
    layer=$(tar -tf "$archive" | grep -E '^[0-9a-f]{64}\.tar$')
    mkdir "$BATS_TEST_TMPDIR/layer"
    tar -xOf "$archive" "$layer" | tar -x --xattrs --xattrs-include=security.capability -C "$BATS_TEST_TMPDIR/layer"
    [ "$(getcap -r "$BATS_TEST_TMPDIR/layer" | cut -d ' ' -f 2)" = cap_net_admin,cap_sys_ptrace,cap_sys_admin=p ]
}

@test "labels say what the image is, of which version and commit, and when it was built, and name no address" {
    local labels revision
    labels=$(described 'range $k, $v := .OCIv1.Config.Labels}}{{$k}}={{$v}}{{"\n"}}{{end')
    labels=$(grep ^org.opencontainers.image <<<"$labels" | sed 's/^org.opencontainers.image.//')
    revision=$(git -C "$ROOT" rev-parse HEAD)
    [[ $labels =~ ^created=20[0-9]{2}(-[0-9]{2}){2}T[0-9:]{8}Z$'\n' ]] || fail "$labels"
    [ "$(sed -E 's/^(revision=[0-9a-f]{40})-dirty$/\1/' <<<"${labels#*$'\n'}")" = \
        "description=Links containers by WireGuard, for callers without privilege
licenses=Apache-2.0 AND LGPL-2.1-or-later
revision=$revision
title=$NAME
version=$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")" ] || fail "$labels"
}

@test "a container of it runs as nobody, and whatever command it is given" {
    [ "$(described .OCIv1.Config.User)" = nobody ]
    [ "$(described .OCIv1.Config.Entrypoint)" = "[]" ]
    [ "$(described .OCIv1.Config.Cmd)" = "[$PROGRAM --help]" ]
    [ "$(described .OCIv1.Config.ExposedPorts)$(described .OCIv1.Config.Volumes)" = "map[]map[]" ]
}

@test "the helper runs from the image's files alone, as any user of it, under each of its names; it has no engine" {
    local task
    [[ $(in_image 65534:65534 "$PROGRAM" --version) == "$NAME $(sed -n 's/^VERSION := //p' "$ROOT/Makefile")"*$'\n'\
"backends: kernel WireGuard"$'\n'* ]]
    for task in connect create destroy destroy_all list show wait; do
        [[ $(in_image 1000:1000 "/usr/local/bin/cwg_$task" --help) == "Usage: $NAME cwg_$task"* ]]
    done
    [[ $(images run --isolation chroot "$CONTAINER" -- "$PROGRAM" --help) == "Connects containers on two machines "* ]]
}

@test "a helper without its capabilities names make image, which sets them" {
    cp -r "$FILES" "$BATS_TEST_TMPDIR/files" # without capabilities
    FILES=$BATS_TEST_TMPDIR/files
    run in_image 65534:65534 "$PROGRAM" cwg_create 1 7 0 0
    [ "$status" = 1 ]
    [[ $output == *"install it with \`make image\`"* ]] || fail "$output"
}
