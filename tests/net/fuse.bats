#!/usr/bin/env bats
# A caller's file of FUSE, whose server never answers, as standard input, output or error. Picture: net.bash.

bats_require_minimum_version 1.5.0
load net

setup_file()
{
    has_backend || return 0
    install_helper
}

setup()
{
    require_backend
    [ -c /dev/fuse ] || skip "this machine has no /dev/fuse"
    two_sites
    container c1
    FILES=$BATS_TEST_TMPDIR/files
    mkdir "$FILES"
    chmod 755 "$BATS_TEST_TMPDIR" "$FILES"
}

# Mounts it: serve [statfs]
serve()
{
    python3 "$BATS_TEST_DIRNAME/fuse.py" "$FILES" "$APP_UID" "$@" >"$BATS_TEST_TMPDIR/ready" 3>&- &
    SERVER=$!
    wait_for grep -q ready "$BATS_TEST_TMPDIR/ready"
}

# As the application, in the site, for ten seconds at most: what a shell or Python does with the arguments behind it.
briefly()
{
    run timeout --signal=KILL 10 ip netns exec site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups \
        --inh-caps=-all -- "$@"
}

teardown()
{
    [ -z "${SERVER:-}" ] || kill "$SERVER" 2>/dev/null || true
    umount -l "$FILES" 2>/dev/null || true
    clean_up
}

@test "a file of FUSE in the place of a descriptor from 0 to 2 is refused, before a container is opened" {
    serve
    cwg site1 create "$c1" 7 0 5101
    # A wait that had the container open would be held up by its first word on such a file, and by its end.
    briefly sh -c '"$0" cwg_wait "$1" 7 0 5 2>&1 >"$2/x" | cat' "$HELPER" "$c1" "$FILES"
    [[ $output == *"is a file of a FUSE file system"* ]]
    briefly sh -c '"$0" cwg_show "$1" <"$2/x"' "$HELPER" "$c1" "$FILES"
    [[ $output == *"is a file of a FUSE file system"* ]]
}

# Sets SEEN to x as it is seen through an overlay that a user has mounted in namespaces of their own. The kernel says of
# such a file that it is one of overlayfs, and passes calls on to the one below: a helper that was killed stayed for as
# long as the server didn't answer its close().
overlay()
{
    setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        unshare --user --map-root-user --mount -- sh -c '
            mount -t tmpfs none /mnt && cd /mnt && mkdir lower upper work merged && mount --bind "$0" lower &&
            mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none merged && exec sleep 600' \
        "$FILES" 3>&- >/dev/null 2>&1 &
    CONTAINERS+=("$!")
    wait_for grep -qx sleep "/proc/$!/comm"
    SEEN=/proc/$!/root/mnt/merged/x
}

@test "so is one that is seen through an overlay of the caller's" {
    serve statfs
    overlay
    cwg site1 create "$c1" 7 0 5101
    briefly sh -c '"$0" cwg_wait "$1" 7 0 1 2>&1 <"$2" | cat' "$HELPER" "$c1" "$SEEN"
    [[ $output == *"is a file of a FUSE file system, or of an overlay"* ]] || fail "$output"
    # What serves it may say so, too.
    briefly sh -c '"$0" cwg_show "$1" <"$2/x"' "$HELPER" "$c1" "$FILES"
    [[ $output == *"is a file of a FUSE file system"* ]] || fail "$output"
}

@test "a file of the overlay that the root directory is in is as good as any" {
    cwg site1 create "$c1" 7 0 5101
    # As in a container of Docker's, or on a live system.
    # shellcheck disable=SC2016 # another shell's
    run unshare --mount --propagation private -- sh -c '
        mount -t tmpfs none /mnt && cd /mnt && mkdir upper work merged &&
        mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work none merged && cd merged &&
        for name in dev proc run sys tmp var; do mount --rbind "/$name" "$name" || exit; done &&
        exec chroot . "$@"' - ip netns exec site1 sh -c '"$@" >/shown && cat /shown' - \
        setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- \
        "$HELPER" cwg_show "$c1"
    [[ $status = 0 && $output == wg-7-0:* ]] || fail "$output"
}

# To poll an epoll descriptor polls the files that it is for. One of these was FUSE's, and a batch's wait couldn't even
# be killed, with the container open.
@test "a descriptor of epoll is refused" {
    serve
    cwg site1 create "$c1" 7 0 5101
    briefly /usr/bin/python3 -c '
import os, select, sys
poll = select.epoll()
poll.register(os.open(sys.argv[1], os.O_RDONLY))
os.dup2(poll.fileno(), 1)
os.execvp("sh", ["sh", "-c", "echo cwg_wait $0 7 0 1 | $1 batch", *sys.argv[2:]])' \
        "$FILES/x" "$c1" "$HELPER"
    [[ $output == *"or an epoll descriptor"* ]] || fail "$output"
}

# Who sends by such a socket from memory that a file of FUSE is mapped into keeps its lock, which its poll takes: a
# batch's wait couldn't even be killed, with the container open.
@test "a socket of vsock is refused" {
    cwg site1 create "$c1" 7 0 5101
    briefly /usr/bin/python3 -c '
import os, socket, sys
try:
    odd = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
except OSError:
    os.write(1, b"no vsock")
    sys.exit(0)
os.dup2(odd.fileno(), 1)
os.execvp("sh", ["sh", "-c", "echo cwg_wait $0 7 0 1 | $1 batch", *sys.argv[1:]])' "$c1" "$HELPER"
    [ "$output" != "no vsock" ] || skip "this kernel has no vsock"
    [[ $output == *"or a socket that is neither UNIX nor IP"* ]] || fail "$output"
}
