# The Debian packages in a clean Debian, which tests/packages/fetch makes: all changes are in memory, and gone with the
# test. Sourced by bats files. $DEBIAN is its root. NAH_DEBIAN is its release: bookworm, if it isn't set.

load ../lib/helper

# Sets $VERSION, and builds the packages into a directory: build_packages DIRECTORY. With NAH_PACKAGES=DIRECTORY they
# are there already.
build_packages()
{
    VERSION=$(dpkg-parsechangelog -l "$ROOT/debian/changelog" -S Version)
    export VERSION
    if [ -n "${NAH_PACKAGES:-}" ]; then ln -s "$(realpath "$NAH_PACKAGES")" "$1"; else "$ROOT/scripts/deb" "$1" >&2; fi
}

# Prints the files of the two packages, and of those for every architecture in $MORE: packages_in DIRECTORY [VERSION]
packages_in()
{
    local name
    for name in net-admin-helper cwg; do
        echo "$1/${name}_${2:-$VERSION}_$(dpkg --print-architecture).deb"
    done
    for name in ${MORE:-}; do
        echo "$1/${name}_${2:-$VERSION}_all.deb"
    done
}

# Mounts the clean Debian at $DEBIAN.
start_debian()
{
    DEBIAN=$BATS_TEST_TMPDIR/debian
    CONTAINERS=()
    mkdir -p "$BATS_TEST_TMPDIR/memory" "$DEBIAN"
    mount -t tmpfs -o mode=755 memory "$BATS_TEST_TMPDIR/memory"
    mkdir "$BATS_TEST_TMPDIR"/memory/{upper,work}
    mount -t overlay -o "lowerdir=$ROOT/build/packages/${NAH_DEBIAN:-bookworm}" \
        -o "upperdir=$BATS_TEST_TMPDIR/memory/upper" \
        -o "workdir=$BATS_TEST_TMPDIR/memory/work" debian "$DEBIAN"
    mount -t proc proc "$DEBIAN/proc"
    mount --bind -o ro /sys "$DEBIAN/sys"
    mount -t tmpfs -o mode=755 dev "$DEBIAN/dev"
    lend_devices null zero full random urandom tty net/tun
    mount -t tmpfs -o mode=755 run "$DEBIAN/run"
}

# Shows devices of this machine there, each for itself: bats removes the directory of a test that was killed, and with
# it whatever is still mounted there. The place of a mount can't be removed.
lend_devices()
{
    local name
    for name; do
        mkdir -p "$(dirname "$DEBIAN/dev/$name")"
        : >"$DEBIAN/dev/$name"
        mount --bind "/dev/$name" "$DEBIAN/dev/$name"
    done
    ln -s /proc/self/fd "$DEBIAN/dev/fd"
    ln -s fd/0 "$DEBIAN/dev/stdin"
    ln -s fd/1 "$DEBIAN/dev/stdout"
    ln -s fd/2 "$DEBIAN/dev/stderr"
    ln -s pts/ptmx "$DEBIAN/dev/ptmx"
    mkdir "$DEBIAN"/dev/{pts,shm}
    mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$DEBIAN/dev/pts"
    mount -t tmpfs -o mode=1777 shm "$DEBIAN/dev/shm"
}

# Engines hold no file of the root: theirs is empty.
end_debian()
{
    local pid
    for pid in "${CONTAINERS[@]}"; do
        kill -KILL "$pid" || true
        wait "$pid" || true
    done 2>/dev/null
    umount --lazy --recursive "$DEBIAN"
    umount --lazy "$BATS_TEST_TMPDIR/memory"
}

# Runs a command there as root.
in_debian()
{
    chroot "$DEBIAN" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@" 3>&-
}

# Runs a command there as a user of the group net-admin-helper, or of another: member [-g GROUP] COMMAND...
member()
{
    local group=net-admin-helper
    [ "$1" != -g ] || { group=$2; shift 2; }
    group=$(in_debian getent group "$group" | cut -d : -f 3)
    in_debian setpriv --reuid "$APP_UID" --regid "$APP_GID" --groups "$group" --inh-caps=-all -- env -- "$@"
}

# Runs a command there as a user of no such group.
stranger()
{
    in_debian setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- "$@"
}

# Installs or upgrades packages by their files: install_packages FILE...
install_packages()
{
    local files=("${@##*/}")
    cp "$@" "$DEBIAN/tmp"
    in_debian apt-get -qq -y install "${files[@]/#//tmp/}" >"$BATS_TEST_TMPDIR/apt" 2>&1 ||
        fail "$(<"$BATS_TEST_TMPDIR/apt")"
}

# Packs the packages anew as another version, with a change of the engine's file if one is given:
# make_version VERSION [CHANGE]; prints the packages' files.
make_version()
{
    local file work=$BATS_TEST_TMPDIR/pack target=$BATS_TEST_TMPDIR/$1
    mkdir -p "$target"
    while read -r file; do
        rm -rf "$work"
        dpkg-deb -R "$file" "$work"
        sed -i "s/^Version: .*/Version: $1/; s/(= $VERSION)/(= $1)/" "$work/DEBIAN/control"
        [ -z "${2:-}" ] || [ ! -d "$work/usr/libexec" ] || echo "$2" >>"$work/usr/libexec/net-admin-helper/cwg-engine"
        [ -z "${EDIT:-}" ] || (cd "$work" && eval "$EDIT")
        dpkg-deb --root-owner-group -Znone -b "$work" "$target" >/dev/null
    done < <(packages_in "$PACKAGES")
    packages_in "$target" "$1"
}

# Starts a container, a process in a network namespace of its own, and sets a variable to its pid: container NAME
container()
{
    unshare --net sleep 600 3>&- &
    CONTAINERS+=("$!")
    while [ "$(readlink "/proc/$!/ns/net")" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
    printf -v "$1" %s "$!"
}

# What the packages give to the group and no others: the rights of both files, one a line, for stat and getcap.
rights()
{
    in_debian stat -c '%a %U:%G' /usr/bin/net-admin-helper /usr/libexec/net-admin-helper/cwg-engine
    in_debian getcap /usr/bin/net-admin-helper
}

CAPABLE='/usr/bin/net-admin-helper cap_net_admin,cap_sys_ptrace,cap_sys_admin=p'
