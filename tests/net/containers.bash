# Real containers, made by podman with crun: root's, an ordinary user's, and a container in which an application runs
# the helper. Bats files source this file after net.bash.
#
# The images are imported from tar files of this machine's own programs, so podman needs no registry. podman keeps
# everything below $BATS_FILE_TMPDIR. An ordinary user's podman needs an account with subordinate ids in /etc. So these
# tests are for the VM, which forgets its /etc in the end.

load ../net/net

ROOTS=$BATS_FILE_TMPDIR/podman
USERS=$BATS_FILE_TMPDIR/app
USER_RUN=$USERS/run
ACCOUNT=nah-app
PODMAN=(podman --storage-driver vfs --cgroup-manager=cgroupfs --runtime crun --events-backend none)

# Runs podman as root. podman leaves processes behind. They must not hold bats' descriptor 3.
root_podman()
{
    "${PODMAN[@]}" --root "$ROOTS/storage" --runroot "$ROOTS/run" "$@" 3>&-
}

# Runs podman as the application's user.
user_podman()
{
    # podman looks at the working directory.
    (cd "$USERS" && as_app env -i PATH="$PATH" HOME="$USERS" XDG_RUNTIME_DIR="$USER_RUN" "${PODMAN[@]}" "$@" 3>&-)
}

# Gives the application's user an account, a home and a range of subordinate ids.
create_account()
{
    echo "$ACCOUNT:x:$APP_UID:$APP_GID::$USERS:/bin/sh" >>/etc/passwd
    echo "$ACCOUNT:x:$APP_GID:" >>/etc/group
    echo "$ACCOUNT:300000:65536" | tee -a /etc/subgid >>/etc/subuid
    install -d -o "$APP_UID" -g "$APP_GID" -m 0700 "$USERS" "$USER_RUN"
}

delete_account()
{
    sed -i "/^$ACCOUNT:/d" /etc/passwd /etc/group /etc/subuid /etc/subgid
}

# Makes an image with a shell, as a tar file. Its containers wait to be linked.
make_small_image()
{
    local root=$BATS_FILE_TMPDIR/small applet
    mkdir -p "$root"/{bin,proc,sys,dev,etc,tmp,run}
    cp "$(command -v busybox)" "$root/bin/"
    for applet in sh sleep ping ip nc cat; do
        ln -s busybox "$root/bin/$applet"
    done
    tar -C "$root" -cf "$BATS_FILE_TMPDIR/small.tar" .
}

# Makes an image with the helper in it, as an application would: for the user nobody, and with one file capability more
# than the helper needs. The argument is a build of the helper.
make_helper_image()
{
    local root=$BATS_FILE_TMPDIR/helper library
    mkdir -p "$root"/{usr/local/bin,etc,proc,sys,dev,tmp,run}
    install -s -m 0755 "$1" "$root/usr/local/bin/$NAME"
    setcap cap_ipc_lock,cap_net_admin,cap_sys_admin,cap_sys_ptrace=p "$root/usr/local/bin/$NAME"
    while read -r library; do
        install -D -m 0755 "$library" "$root$library"
    done < <(ldd "$1" | grep -oE '/[^ ]+')
    echo 'nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin' >"$root/etc/passwd"
    echo 'nogroup:x:65534:' >"$root/etc/group"
    tar -C "$root" --xattrs --xattrs-include='security.capability' -cf "$BATS_FILE_TMPDIR/helper.tar" .
}

# Prints the pid of a container's first process. podman wrote it when it started the container: pid_of NAME
pid_of()
{
    cat "$BATS_FILE_TMPDIR/$1.pid" 2>/dev/null || cat "$USERS/$1.pid"
}

# Starts a container of root's, without a network. Its user namespace begins at this id: root_container NAME ID.
# busybox' ping needs NET_RAW.
root_container()
{
    root_podman run --detach --name "$1" --network none --cap-add NET_RAW --uidmap "0:$2:65536" \
        --gidmap "0:$2:65536" --log-driver none --pidfile "$BATS_FILE_TMPDIR/$1.pid" small sleep 100000
}

user_container()
{
    user_podman run --detach --name "$1" --network none --cap-add NET_RAW --log-driver none \
        --pidfile "$USERS/$1.pid" small sleep 100000
}

# Runs the helper of the image in a new container, which ends with this command.
image_helper()
{
    root_podman run --rm --network host --pid host --user nobody --cap-drop all \
        --cap-add NET_ADMIN,SYS_ADMIN,SYS_PTRACE,IPC_LOCK --log-driver none \
        net-admin-helper:latest "/usr/local/bin/$NAME" "$@"
}

# Ends all containers, and the process that an ordinary user's podman leaves behind.
end_containers()
{
    root_podman rm --all --force --time 0
    user_podman rm --all --force --time 0
    kill "$(cat "$USER_RUN/libpod/tmp/pause.pid")" || true
}
