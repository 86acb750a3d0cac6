#!/usr/bin/env bats
# A caller gives a file of FUSE, whose server never answers, as standard input, output or error. net.bash has the
# picture.

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

# Mounts the file system: serve [statfs]
serve()
{
    python3 "$BATS_TEST_DIRNAME/fuse.py" "$FILES" "$APP_UID" "$@" >"$BATS_TEST_TMPDIR/ready" 3>&- &
    SERVER=$!
    wait_for grep -q ready "$BATS_TEST_TMPDIR/ready"
}

# Runs a command as the application in the site, for ten seconds at most. A shell or Python interprets the arguments.
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

@test "the helper refuses a file of FUSE as descriptor 0, 1 or 2, before it opens a container" {
    serve
    cwg site1 create "$c1" 7 0 5101
    # A wait with the container open would hang when it first writes to such a file, and when it ends.
    briefly sh -c '"$0" cwg_wait "$1" 7 0 5 2>&1 >"$2/x" | cat' "$HELPER" "$c1" "$FILES"
    [[ $output == *"is a file of a FUSE file system"* ]]
    briefly sh -c '"$0" cwg_show "$1" <"$2/x"' "$HELPER" "$c1" "$FILES"
    [[ $output == *"is a file of a FUSE file system"* ]]
}

# Sets SEEN to x as a user sees it through an overlay in namespaces of their own. The kernel calls such a file
# overlayfs's, and passes calls to the file below. A helper that was killed hung as long as the server didn't answer its
# close().
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

@test "the helper refuses a file of FUSE that is seen through an overlay of the caller's" {
    serve statfs
    overlay
    cwg site1 create "$c1" 7 0 5101
    briefly sh -c '"$0" cwg_wait "$1" 7 0 1 2>&1 <"$2" | cat' "$HELPER" "$c1" "$SEEN"
    [[ $output == *"is a file of a FUSE file system, or of an overlay"* ]] || fail "$output"
    # The file itself is refused as well, though its server answers statfs().
    briefly sh -c '"$0" cwg_show "$1" <"$2/x"' "$HELPER" "$c1" "$FILES"
    [[ $output == *"is a file of a FUSE file system"* ]] || fail "$output"
}

@test "the helper accepts a file of the overlay that is the root directory" {
    cwg site1 create "$c1" 7 0 5101
    # A container of Docker's or a live system is like this.
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

# To poll an epoll descriptor the kernel polls the files that it watches. If one of them was FUSE's, a batch that waited
# with the container open couldn't even be killed.
@test "the helper refuses an epoll descriptor as standard input, output or error" {
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

# A process that sends by a vsock socket from memory of a FUSE file keeps the socket's lock. poll() takes this lock, so
# a batch that waited with the container open couldn't even be killed.
@test "the helper refuses a vsock socket as standard input, output or error" {
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
