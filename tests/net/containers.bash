# Real containers, of podman with crun: root's, an ordinary user's, and one that runs the helper as an application does.
# Sourced by bats files, after net.bash.
#
# Images are imported from tar files of what is on this machine: nothing comes from a registry. All that podman keeps is
# below $BATS_FILE_TMPDIR. An ordinary user's podman needs an account with subordinate ids, which is written to /etc: so
# all this is for the VM, where that is gone in the end.

load net

ROOTS=$BATS_FILE_TMPDIR/podman
USERS=$BATS_FILE_TMPDIR/app
USER_RUN=$USERS/run
ACCOUNT=nah-app
PODMAN=(podman --storage-driver vfs --cgroup-manager=cgroupfs --runtime crun --events-backend none)

# podman, as root. It leaves processes behind, which must not hold bats' descriptor 3.
root_podman()
{
    "${PODMAN[@]}" --root "$ROOTS/storage" --runroot "$ROOTS/run" "$@" 3>&-
}

# podman, as the application's user, who has nothing but their account.
user_podman()
{
    # It looks at the working directory.
    (cd "$USERS" && as_app env -i PATH="$PATH" HOME="$USERS" XDG_RUNTIME_DIR="$USER_RUN" "${PODMAN[@]}" "$@" 3>&-)
}

# The application's user gets an account, a home and a range of subordinate ids.
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

# An image with a shell, for containers that wait to be linked: a tar file of it.
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

# An image with the helper in it, as an application has one: for a user called nobody, with a file capability more than
# are needed. A build of the helper is the argument.
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

# The pid of a container's first process, as podman wrote it when it started: pid_of NAME
pid_of()
{
    cat "$BATS_FILE_TMPDIR/$1.pid" 2>/dev/null || cat "$USERS/$1.pid"
}

# Starts a container of root's, without a network, with a user namespace that begins at this id: root_container NAME ID
# NET_RAW is for busybox' ping.
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

# Runs the helper of the image, in a container that is there for that one command.
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
