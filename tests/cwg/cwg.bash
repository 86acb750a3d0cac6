# Two machines with sshd, users and containers, for the tests of cwg. Bats files source this file.
#
#         site1                                     site2
#     +---------------------------+             +---------------------------+
#     |  alice: cwg join ...      |             |      bob: cwg serve       |
#     |  192.0.2.1 (v1) ----------+----veth-----+--------- (v2) 192.0.2.2   |
#     |  sshd       +----------+  |             |  +----------+      sshd   |
#     |             |    c1    |  |             |  |    c2    |             |
#     |             | wg-N-0   |  |             |  | wg-N-1   |             |
#     +-------------+----------+--+             +--+----------+-------------+
#
# The sites are those of tests/net/net.bash. alice, bob, carol and dave may call the helper; carol's login prints a
# text and a title, and dave's asks for a password; mallory may not call the helper. The ports of sshd stand for
# machines: each has another PATH (world_of_the_file).

load ../net/net

# net.bash gives this name to the helper's tasks.
unset -f cwg

declare -gA UIDS=([alice]=$APP_UID [bob]=$((APP_UID + 1)) [carol]=$((APP_UID + 100000000))
    [dave]=$((APP_UID + 200000000)) [mallory]=$((APP_UID + 300000000)))
declare -gA GIDS=([alice]=$APP_GID [bob]=65534 [carol]=$APP_GID [dave]=$APP_GID [mallory]=65534)
WORLD=$BATS_FILE_TMPDIR
CONNECTED='^connected in [0-9]+\.[0-9] s\.  From [^ ]+: ping ([0-9.]+)\.  To undo: cwg leave ([0-9]+)$'

# Runs a command as a user of a site, with this site's PATH and little else: as USER SITE COMMAND...
as()
{
    local user=$1 site=$2
    shift 2
    # bob's group of the helper is a further one, which enter would drop. Only ssh logs bob in.
    [ "$user" != bob ] || fail "bob logs in by ssh alone"
    "$TOOLS/enter" --net "/run/netns/$site" --user "${UIDS[$user]}" "${GIDS[$user]}" -- \
        /usr/bin/env -i HOME="$WORLD/home/$user" PATH="$WORLD/${MACHINE:-whole}" LC_ALL=C \
        ${CWG_SSH:+CWG_SSH="$CWG_SSH"} "$@" 3>&-
}

# Runs cwg as alice of site1.
cwg()
{
    as alice site1 cwg "$@"
}

# Runs a command at site2 as bob, who logs in from site2 itself.
as_bob()
{
    as alice site2 ssh site2 "$@"
}

# Adds lines to a file of /etc that all later processes of this run see, and no other process of the machine.
# scripts/apart and the VM have mounts of their own.
add_to_etc()
{
    local file=/etc/$1
    [ -n "${NAH_APART:-}${NAH_IN_VM:-}" ] || fail "run it by scripts/apart: it covers $file"
    cat "$file" - >"$WORLD/etc-$1"
    chmod --reference "$file" "$WORLD/etc-$1"
    chown --reference "$file" "$WORLD/etc-$1"
    mount --bind "$WORLD/etc-$1" "$file"
    COVERED+=("$file")
}

add_users()
{
    local user hash
    add_to_etc passwd < <(for user in "${!UIDS[@]}"; do
        echo "$user:x:${UIDS[$user]}:${GIDS[$user]}::$WORLD/home/$user:/bin/bash"
    done)
    add_to_etc group <<<"wg-app:x:$APP_GID:bob"
    # sshd takes "*" for an account without a password, and "!" for one that is locked. dave's is open-sesame.
    add_to_etc shadow < <(for user in "${!UIDS[@]}"; do
        hash='*'
        # shellcheck disable=SC2016 # of crypt(5)
        [ "$user" != dave ] || hash='$5$cwg$YbNzBnAWZV6wtJJ3DBh5tRY7uOHS8hKvzVN7bian9ZB'
        echo "$user:$hash:19000:0:99999:7:::"
    done)
    for user in "${!UIDS[@]}"; do
        install -d -o "${UIDS[$user]}" -g "${GIDS[$user]}" -m 0700 "$WORLD/home/$user" "$WORLD/home/$user/.ssh"
    done
    printf '%s\n' 'echo "Welcome to $(hostname)"; printf "\033]0;title\007"' >"$WORLD/home/carol/.bashrc"
}

# Makes the PATHs of the machines.
make_machines()
{
    local machine
    for machine in whole no-helper no-cwg old; do
        mkdir "$WORLD/$machine"
        ln -s /usr/bin/ssh /bin/sh "$WORLD/$machine"
    done
    ln -s "$HELPER" "$WORLD/whole"
    ln -s "$HELPER" "$WORLD/no-cwg"
    install -m 0755 "$ROOT/build/cwg" "$WORLD/whole"
    ln -s "$WORLD/whole/cwg" "$WORLD/no-helper"
    printf '#!/bin/sh\necho "{\\"cwg\\":2,\\"version\\":\\"9.0.0\\"}"\nread -r line\n' >"$WORLD/old/cwg"
    chmod 0755 "$WORLD/old/cwg"
}

make_keys()
{
    local key home=$WORLD/home/alice/.ssh
    for key in hostkey key other; do
        ssh-keygen -q -t ed25519 -N '' -C '' -f "$WORLD/$key"
    done
    install -m 0644 "$WORLD/key.pub" "$WORLD/authorized_keys"
    install -o "${UIDS[alice]}" -m 0600 "$WORLD/key" "$home/id_ed25519"
    install -o "${UIDS[alice]}" -m 0600 "$WORLD/other" "$home/other"
    echo "* $(<"$WORLD/hostkey.pub")" >"$home/known_hosts"
    cat >"$home/config" <<END
Host site1
  HostName 192.0.2.1
Host bad-key
  IdentityFile $home/other
  IdentitiesOnly yes
Host no-helper
  Port 2201
Host no-cwg
  Port 2202
Host old
  Port 2203
Host greeter
  User carol
  Port 2204
Host shared
  ControlPath $home/master
Host site2 bad-key no-helper no-cwg old greeter shared
  HostName 192.0.2.2
Host *
  User bob
  StrictHostKeyChecking yes
END
}

# Starts a site's sshd.
start_sshd()
{
    "$TOOLS/enter" --net "/run/netns/$1" -- /usr/sbin/sshd -D -E "$WORLD/sshd-$1.log" -f "$WORLD/sshd_config" 3>&- &
    CONTAINERS+=("$!")
    wait_for listens "$1"
}

listens()
{
    [ -n "$(at "$1" ss -Hltn 'sport = :22')" ]
}

configure_sshd()
{
    mkdir -p /run/sshd
    echo 'Property of Example. Keep out.' >"$WORLD/banner"
    # The default key exchange takes 40 ms of a processor at each end.
    cat >"$WORLD/sshd_config" <<END
Port 22
Port 2201
Port 2202
Port 2203
Port 2204
HostKey $WORLD/hostkey
AuthorizedKeysFile $WORLD/authorized_keys
StrictModes no
UsePAM no
KexAlgorithms curve25519-sha256
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile none
SetEnv PATH=${FAR_PATH:-$WORLD/whole}
Match LocalPort 2201
  SetEnv PATH=$WORLD/no-helper
Match LocalPort 2202
  SetEnv PATH=$WORLD/no-cwg
Match LocalPort 2203
  SetEnv PATH=$WORLD/old
Match LocalPort 2204
  Banner $WORLD/banner
Match User dave
  PasswordAuthentication yes
  PubkeyAuthentication no
Match User bob LocalPort 22
  SetEnv PATH=${FAR_PATH:-$WORLD/whole} XDG_RUNTIME_DIR=$WORLD/home/bob/run
END
}

make_world()
{
    COVERED=()
    install_helper
    two_sites
    add_users
    make_machines
    make_keys
    configure_sshd
    start_sshd site1
    start_sshd site2
}

end_world()
{
    clean_up
    [ ${#COVERED[@]} -eq 0 ] || umount "${COVERED[@]}"
}

# For a file whose world lives as long as the file, and whose two containers live as long as a test. The file calls this
# function once, at its top. After each test the sites have no UDP socket any more: nothing is left of any link.
# shellcheck disable=SC2317 # bats calls these
world_of_the_file()
{
    setup_file()
    {
        has_backend || return 0
        make_world
        ! declare -F more_world >/dev/null || more_world
    }

    setup()
    {
        require_backend
        container c1
        container c2
    }

    teardown()
    {
        ! declare -F after_test >/dev/null || after_test
        clean_up
        rm -rf "$WORLD/home/alice/.local"
        wait_for_silence site1 site2
    }

    teardown_file()
    {
        end_world
    }
}

# Opens a connection of alice's to site2, which all her sessions with "shared" go over, and sets MASTER to its pid.
# close_master ends it.
open_master()
{
    local told
    as alice site1 ssh -M -N -f shared >/dev/null 2>&1
    told=$(as alice site1 ssh -O check shared 2>&1)
    MASTER=${told//[!0-9]/}
    [ -n "$MASTER" ] || fail "it says: $told"
}

close_master()
{
    [ -z "${MASTER:-}" ] || kill -KILL "$MASTER" || true
    rm -f "$WORLD/home/alice/.ssh/master"
}

# Prints the links' devices in a container.
links_in()
{
    inside "$1" sed -n 's/^ *\(wg-[^:]*\):.*/\1/p' /proc/net/dev
}

# Says whether containers have no link: no_links [PID...], $c1 and $c2 if none is given.
no_links()
{
    local pid devices
    [ $# -gt 0 ] || set -- "$c1" "$c2"
    for pid; do
        devices=$(links_in "$pid") && [ -z "$devices" ] || return
    done
}

# Waits until both containers have no link, and sites no socket of one.
nothing_left()
{
    wait_for no_links
    wait_for_silence site1 site2
}

# For use after `run --separate-stderr cwg join` with $c1 first. It has joined, both devices are there, and packets
# pass. Sets NET.
assert_joined()
{
    [ "$status" = 0 ] || fail "exit code $status; it says: $output $stderr"
    [ -z "$stderr" ] || fail "standard error isn't empty: $stderr"
    [ "${#lines[@]}" = 3 ] || fail "it says: $output"
    [[ ${lines[2]} =~ $CONNECTED ]] || fail "it says: $output"
    NET=${BASH_REMATCH[2]}
    [ "$(links_in "$c1")" = "wg-$NET-0" ] || fail "in c1: $(links_in "$c1")"
    [ "$(links_in "$c2")" = "wg-$NET-1" ] || fail "in c2: $(links_in "$c2")"
    inside "$c1" ping -q -c 1 -W 5 "${BASH_REMATCH[1]}" >/dev/null || fail "no answer to a ping: $output"
}

# For use after `run --separate-stderr cwg leave`: it has succeeded, and says what it removed; without TEXT, both ends:
# assert_removed [TEXT]
assert_removed()
{
    [ "$status" = 0 ] || fail "exit code $status; it says: $output $stderr"
    [ -z "$stderr" ] || fail "standard error isn't empty: $stderr"
    [ "${#lines[@]}" = 1 ] || fail "it says: $output"
    [[ $output =~ ^net\ [0-9]+:\ ${1:-removed at [^ ]+ and [^ ]+}$ ]] || fail "it says: $output"
}

# For use after `run --separate-stderr`: the exit status, nothing on standard output, and on standard error one
# printable line that begins with this text: assert_said STATUS TEXT
assert_said()
{
    [ "$status" = "$1" ] || fail "exit code $status, not $1; it says: $stderr"
    [ -z "$output" ] || fail "standard output isn't empty: $output"
    [ "${#stderr_lines[@]}" = 1 ] || fail "standard error isn't one line: $stderr"
    [[ $stderr == "cwg: $2"* ]] || fail "it doesn't begin with 'cwg: $2'; it says: $stderr"
    ! LC_ALL=C grep -q '[^ -~]' <<<"$stderr" || fail "not printable: $stderr"
}

# In the VM root's ssh reaches root at the other site.
make_root_known()
{
    install -m 0700 -D "$WORLD/key" /root/.ssh/id_ed25519
    sed "s#User bob#User root#" "$WORLD/home/alice/.ssh/config" >/root/.ssh/config
    cp "$WORLD/home/alice/.ssh/known_hosts" /root/.ssh/
}

# Makes the files of a container with a shell, and an image of them, as a tar file.
make_image()
{
    local root=$WORLD/small applet
    mkdir -p "$root"/{bin,proc,sys,dev,etc,tmp,run}
    cp "$(command -v busybox)" "$root/bin/"
    for applet in sh sleep ping; do ln -s busybox "$root/bin/$applet"; done
    tar -C "$root" -cf "$WORLD/small.tar" .
}

# Runs cwg at site1 or SITE, as root or as alice, with the machine's programs in PATH.
root_cwg()
{
    at "${SITE:-site1}" /usr/bin/env -i HOME=/root PATH="$WORLD/whole:$PATH" LC_ALL=C cwg "$@" 3>&-
}

alice_cwg()
{
    "$TOOLS/enter" --net /run/netns/site1 --user "${UIDS[alice]}" "${GIDS[alice]}" -- /usr/bin/env -i \
        HOME="$WORLD/home/alice" PATH="$WORLD/whole:$PATH" XDG_RUNTIME_DIR="$WORLD/home/alice/run" LC_ALL=C \
        cwg "$@" 3>&-
}

# From now on cwg's ssh is relay.py, which notes each request to the other machine, and holds a message if one is named:
# watch_messages [request:NAME|answer:NAME]
watch_messages()
{
    HELD=$(mktemp -d "$BATS_TEST_TMPDIR/held.XXXXXX")
    chmod a+rx "$BATS_TEST_TMPDIR"
    chmod 0777 "$HELD"
    CWG_SSH="/usr/bin/python3 -IS $ROOT/tests/cwg/relay.py $HELD ${1:--}"
}

# Prints the names of all requests to the other machine, the greeting first.
messages()
{
    paste -sd ' ' "$HELD/requests"
}

# release_message: the message that relay.py holds goes on.
release_message()
{
    : >"$HELD/go"
}

# Nobody gets a datagram through, in or out, at a site: drop_udp SITE CHAIN... pass_udp SITE undoes it.
drop_udp()
{
    local chain
    for chain in "${@:2}"; do
        at "$1" iptables -w -A "$chain" -p udp -j DROP
    done
}

pass_udp()
{
    at "$1" iptables -w -F
}
