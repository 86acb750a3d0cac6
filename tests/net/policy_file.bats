#!/usr/bin/env bats
# The policy file: what it lets whom do, and which files the helper refuses as a whole. Everything is at one site.
#
#     +---------------------- site1 -----------------------+
#     |  +------ c1 ------+   +----- mine -----+           |
#     |  | root's         |   | the user's     |           |
#     |  +----------------+   +----------------+           |
#     +----------------------------------------------------+
#
# The program of build/variants/policy reads its policy where a test can write it. Three users may call it: the
# application, another user of the same group, and a user of other groups.

bats_require_minimum_version 1.5.0
load net

KEY=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=
DIRECTORY=/var/lib/net-admin-helper-test
POLICY=$DIRECTORY/policy
OTHER_UID=$((APP_UID + 1))
THIRD_UID=$((APP_UID + 2))

setup_file()
{
    has_backend || return 0
    mkdir -p "$DIRECTORY"
    chown 0:0 "$DIRECTORY"
    chmod 755 "$DIRECTORY"
    install_helper "$ROOT/build/variants/policy/$NAME"
    one_site
    container c1
    rootless_container mine "$APP_UID"
    export c1 mine
}

setup()
{
    require_backend
}

teardown()
{
    local failed=false net
    unchanged || failed=true
    chown 0:0 "$DIRECTORY"
    chmod 755 "$DIRECTORY"
    rm -rf "$POLICY" "$DIRECTORY/elsewhere"
    for net in $(inside "$c1" wg show interfaces | tr ' ' '\n' | sed -n 's/^wg-\([0-9]*\)-0$/\1/p'); do
        at site1 "$HELPER" cwg_destroy "$c1" "$net" 0
    done
    ! $failed
}

teardown_file()
{
    rm -f "$POLICY"
    clean_up
}

# Writes the policy, with a rule for each argument.
policy()
{
    rm -rf "$POLICY"
    printf '%s\n' "$@" >"$POLICY"
    chmod 644 "$POLICY"
}

other()
{
    at site1 setpriv --reuid "$OTHER_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- "$@"
}

# Runs a command as the third user. His first group is 990, and he may call the program by his second group.
third()
{
    at site1 setpriv --reuid "$THIRD_UID" --regid 990 --groups "$APP_GID,4" --inh-caps=-all -- env -- "$@"
}

# A command of the application's succeeds: allowed create|connect|destroy ARGUMENT...
allowed()
{
    run --separate-stderr cwg site1 "$@"
    [ "$status" = 0 ] || fail "$*: $stderr"
}

# The helper refuses each caller but root with this text, for each task, and nothing changes.
refused_whole()
{
    local text=$1
    refused "$text" cwg site1 create "$c1" 1 0 5001
    refused "$text" third "$HELPER" cwg_destroy "$c1" 9 0
    unchanged
    run --separate-stderr at site1 "$HELPER" cwg_destroy "$c1" 8 0
    assert_failure_with "no such link"
}

# ---- rules ----

@test "without a policy file each caller may do everything" {
    allowed create "$c1" 1 0 5001
    allowed connect "$c1" 1 1 203.0.113.7:5002 "$KEY"
    allowed destroy "$c1" 1 0
}

@test "a rule without limits limits nothing; without a rule for his user or groups a caller may do nothing" {
    policy "user $APP_UID"
    allowed create "$c1" 1 0 5001
    allowed connect "$c1" 1 1 203.0.113.7:5002 "$KEY"
    allowed connect "$c1" 1 1 - "$KEY" --persistent-keepalive 25
    local text="the policy has no rule for user $OTHER_UID or its groups; ask the administrator for one, in $POLICY"
    refused "$text" other "$HELPER" cwg_create "$c1" 2 0 5002
    refused "$text" other "$HELPER" cwg_connect "$c1" 1 1 192.0.2.2:5002 "$KEY"
    refused "$text" other "$HELPER" cwg_destroy "$c1" 1 0
    unchanged
    allowed destroy "$c1" 1 0
}

@test "a policy file without a rule lets only root do anything" {
    : >"$POLICY"
    refused_whole "the policy has no rule for user "
    refused "the policy has no rule for user " cwg site1 connect "$c1" 9 1 192.0.2.2:5002 "$KEY"
    policy '# nothing'
    refused_whole "the policy has no rule for user "
}

@test "`nets` in a rule: each task takes only these nets, and its error names the rule" {
    policy "# comment" "user $APP_UID nets 1-2,7"
    at site1 "$HELPER" cwg_create "$c1" 3 0 5003
    local text="policy line 2: net 3 isn't among the nets of user $APP_UID; use one of those in $POLICY, or ask"
    refused "$text" cwg site1 create "$c1" 3 1 5004
    refused "$text" cwg site1 connect "$c1" 3 1 192.0.2.2:5002 "$KEY"
    refused "$text" cwg site1 destroy "$c1" 3 0
    refused "net 0 isn't among the nets" cwg site1 create "$c1" 0 0 5004
    refused "net 8388607 isn't among the nets" cwg site1 create "$c1" 8388607 0 5004
    unchanged
    local net
    for net in 1 2 7; do
        allowed create "$c1" "$net" 0 "510$net"
        allowed connect "$c1" "$net" 1 192.0.2.2:5002 "$KEY"
        allowed destroy "$c1" "$net" 0
    done
}

@test "`ports` in a rule: cwg_create takes only these ports, and a port of the kernel's choice only with 0" {
    policy "user $APP_UID ports 5100-5199"
    refused "policy line 1: port 5099 isn't among the ports of user $APP_UID; use one" cwg site1 create "$c1" 1 0 5099
    refused "port 5200 isn't among the ports" cwg site1 create "$c1" 1 0 5200
    refused "port 0, which lets the kernel choose, isn't among the ports" cwg site1 create "$c1" 1 0 0
    unchanged
    allowed create "$c1" 1 0 5199
    policy "user $APP_UID ports 0"
    allowed create "$c1" 2 0 0
    refused "port 5100 isn't among the ports" cwg site1 create "$c1" 3 0 5100
    # cwg_connect doesn't check the port of an existing link.
    allowed connect "$c1" 1 1 192.0.2.2:5002 "$KEY"
    unset BEFORE
    allowed destroy "$c1" 1 0
}

@test "`peers` in a rule: cwg_connect takes only endpoints in these networks, and - only with -" {
    policy "user $APP_UID peers 192.0.2.0/24,2001:db8:7::/48"
    allowed create "$c1" 1 0 5001
    allowed connect "$c1" 1 1 192.0.2.255:9 "$KEY"
    refused "policy line 1: peer_endpoint: 192.0.3.0:9 isn't in the peer networks of user $APP_UID; connect to a" \
        cwg site1 connect "$c1" 1 1 192.0.3.0:9 "$KEY"
    refused "peer_endpoint: [2001:db8:8::1]:9 isn't in the peer networks" \
        cwg site1 connect "$c1" 1 1 '[2001:db8:8::1]:9' "$KEY"
    refused "peer_endpoint: -, for an unknown endpoint, isn't in the peer networks" cwg site1 connect "$c1" 1 1 - "$KEY"
    unchanged
    allowed connect "$c1" 1 1 '[2001:db8:7:ffff::1]:9' "$KEY"
    policy "user $APP_UID peers -"
    allowed connect "$c1" 1 1 - "$KEY" --persistent-keepalive 25
    refused "peer_endpoint: 192.0.2.1:9 isn't in the peer networks" cwg site1 connect "$c1" 1 1 192.0.2.1:9 "$KEY"
}

@test "`links` in a rule: a container has no more links than this number, whoever made them" {
    policy "group $APP_GID links 2"
    at site1 "$HELPER" cwg_create "$c1" 1 0 5001
    allowed create "$c1" 2 0 5002
    refused "policy line 1: the container has 2 links already, which is the limit of group $APP_GID; remove one" \
        cwg site1 create "$c1" 3 0 5003
    unchanged
    port_free site1 5003
    allowed destroy "$c1" 2 0
    allowed create "$c1" 3 0 5003
    policy "group $APP_GID links 0"
    refused "the container has 2 links already" cwg site1 create "$c1" 4 0 5004
    run --separate-stderr cwg site1 create "$mine" 4 0 5004
    assert_failure_with "the container has 0 links already, which is the limit"
    run --separate-stderr at site1 "$HELPER" cwg_create "$c1" 5 0 5005
    assert_success_with_key
    unset BEFORE
}

@test "`own-containers` in a rule: for this caller other containers are as if they didn't exist" {
    local missing
    policy "user $APP_UID own-containers" "group $APP_GID"
    run --separate-stderr cwg site1 create 4194304 1 0 5001
    assert_failure_with "pid: no such process, or not in a container of yours"
    missing=$stderr
    for pid in "$c1" 1 $$; do
        run --separate-stderr cwg site1 create "$pid" 1 0 5001
        [ "$stderr" = "$missing" ] || fail "pid $pid: '$stderr' isn't '$missing'"
    done
    run --separate-stderr cwg site1 create fd:9 1 0 5001 9<"/proc/$c1/ns/net"
    [ "$stderr" = "$missing" ] || fail "'$stderr' isn't '$missing'"
    allowed create "$mine" 1 0 5001
    allowed connect "$mine" 1 1 192.0.2.2:5002 "$KEY"
    run --separate-stderr other "$HELPER" cwg_create 4194304 1 0 5001
    assert_failure_with "pid: no such process: it has ended or never was"
    run --separate-stderr other "$HELPER" cwg_destroy "$mine" 1 0
    assert_success_with ""
    run --separate-stderr other "$HELPER" cwg_create "$c1" 1 0 5001
    assert_success_with_key
}

@test "only the first rule for a caller's user or one of his groups counts" {
    policy "user 1 nets 0" "user $APP_UID nets 1" "user $APP_UID nets 2" "group $APP_GID nets 3"
    allowed create "$c1" 1 0 5001
    refused "policy line 2: net 2 isn't" cwg site1 create "$c1" 2 0 5002
    refused "policy line 2: net 3 isn't" cwg site1 create "$c1" 3 0 5003
    policy "group $APP_GID nets 3" "user $APP_UID nets 1"
    refused "policy line 1: net 1 isn't among the nets of group $APP_GID" cwg site1 destroy "$c1" 1 0
    unchanged
    allowed create "$c1" 3 0 5003
}

@test "a group rule holds for the caller's own or a supplementary group, not for a user of that number" {
    local group
    for group in 990 "$APP_GID" 4; do
        policy "user 990 nets 0" "group $THIRD_UID nets 0" "group $group nets 1"
        run --separate-stderr third "$HELPER" cwg_create "$c1" 1 0 5001
        assert_success_with_key
        refused "policy line 3: net 2 isn't among the nets of group $group" third "$HELPER" cwg_create "$c1" 2 0 5002
        unchanged
        third "$HELPER" cwg_destroy "$c1" 1 0
    done
    policy "group 991" "user 4"
    refused "the policy has no rule for user $THIRD_UID or its groups" third "$HELPER" cwg_create "$c1" 1 0 5001
}

@test "with a rule each, two callers can't touch each other's links" {
    policy "user $APP_UID nets 1-9 ports 5001-5009" "user $OTHER_UID nets 11-19 ports 5011-5019"
    allowed create "$c1" 1 0 5001
    run --separate-stderr other "$HELPER" cwg_create "$c1" 11 0 5011
    assert_success_with_key
    refused "policy line 1: net 11" cwg site1 destroy "$c1" 11 0
    refused "policy line 1: net 11" cwg site1 connect "$c1" 11 1 192.0.2.2:5002 "$KEY"
    refused "policy line 2: net 1 " other "$HELPER" cwg_destroy "$c1" 1 0
    refused "policy line 2: net 1 " other "$HELPER" cwg_create "$c1" 1 1 5011
    refused "policy line 2: port 5001" other "$HELPER" cwg_create "$c1" 12 0 5001
}

@test "no rule limits root" {
    policy "group 0 nets 1 ports 1 peers - links 0 own-containers"
    run --separate-stderr at site1 "$HELPER" cwg_create "$c1" 2 0 5002
    assert_success_with_key
    run --separate-stderr at site1 "$HELPER" cwg_connect "$c1" 2 1 192.0.2.2:5002 "$KEY"
    assert_success_with ""
    run --separate-stderr at site1 "$HELPER" cwg_destroy "$c1" 2 0
    assert_success_with ""
}

@test "a command that the policy refuses looks for no process, starts no engine, and binds no port" {
    policy "user $APP_UID nets 1"
    run --separate-stderr at_syscall status --report 9 -- \
        "$HELPER" cwg_create "$c1" 2 0 5002 9>"$BATS_TEST_TMPDIR/calls"
    assert_failure_with "net 2 isn't among the nets"
    grep -q ' capget ' "$BATS_TEST_TMPDIR/calls"
    run ! grep -E ' (clone|unshare|setns|pidfd_open|bind) ' "$BATS_TEST_TMPDIR/calls"
}

# ---- files that are refused whole ----

@test "the helper refuses a policy file that root doesn't own, or that others may write" {
    local text="policy: $POLICY must be a regular file that root owns and nobody else can write: as root, run chown"
    policy "user $APP_UID" "user $THIRD_UID"
    allowed create "$c1" 9 0 5009
    chown "$APP_UID" "$POLICY"
    refused_whole "$text"
    chown 0:0 "$POLICY"
    local mode
    for mode in 664 646 666 777; do
        chmod "$mode" "$POLICY"
        refused_whole "$text"
    done
    chmod 644 "$POLICY"
    policy "user $APP_UID"
    chmod 555 "$POLICY"
    allowed destroy "$c1" 9 0
}

@test "the helper refuses a policy file in a directory that root doesn't own, or that others may write" {
    local mode text="policy: the directory of $POLICY must be a directory that root owns and nobody else can write:"
    policy "user $APP_UID" "user $THIRD_UID"
    for mode in 775 757 1777; do
        chmod "$mode" "$DIRECTORY"
        refused_whole "$text"
    done
    chmod 755 "$DIRECTORY"
    chown "$APP_UID" "$DIRECTORY"
    refused_whole "$text"
    # A user who can remove the file doesn't get rid of its limits.
    rm "$POLICY"
    refused_whole "$text"
    chown 0:0 "$DIRECTORY"
    chmod 777 "$DIRECTORY"
    refused_whole "$text"
    chmod 755 "$DIRECTORY"
    allowed create "$c1" 9 0 5009
}

@test "the helper refuses a directory, a pipe without writer, or a socket as policy file" {
    mkdir "$POLICY"
    refused_whole "policy: $POLICY must be a regular file that root owns"
    rmdir "$POLICY"
    mkfifo -m 644 "$POLICY"
    app_at site1 timeout 20 "$HELPER" cwg_destroy "$c1" 9 0 || [ $? = 1 ] || fail "it waits for the pipe"
    refused_whole "policy: $POLICY must be a regular file that root owns"
    rm "$POLICY"
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$POLICY"
    chmod 644 "$POLICY"
    refused_whole "policy: can't read $POLICY: No such device or address"
}

@test "the helper refuses a policy file that is a symbolic link, or whose directory is" {
    local text="policy: $POLICY is a symbolic link, or its path has one"
    policy "user $APP_UID" "user $THIRD_UID"
    mv "$POLICY" "$DIRECTORY/elsewhere"
    ln -s "$DIRECTORY/elsewhere" "$POLICY"
    refused_whole "$text"
    ln -sfn "$DIRECTORY/nowhere" "$POLICY"
    refused_whole "$text"
    rm "$POLICY"
    # shellcheck disable=SC2016
    run --separate-stderr at site1 unshare --mount -- sh -c 'mount -t tmpfs tmpfs /var/lib && chmod 755 /var/lib &&
        ln -s "$0" /var/lib/net-admin-helper-test && exec "$@"' "$BATS_TEST_TMPDIR/nowhere" \
        setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- \
        "$HELPER" cwg_create "$c1" 1 0 5001
    assert_failure_with "$text"
}

@test "without the policy file's directory there is no policy" {
    # shellcheck disable=SC2016
    run --separate-stderr at site1 unshare --mount -- sh -c 'mount -t tmpfs tmpfs /var/lib && exec "$@"' sh \
        setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- \
        "$HELPER" cwg_destroy "$c1" 1 0
    assert_failure_with "no such link"
}

@test "the helper refuses a policy file that a caller can't read, and a directory that he can't enter" {
    local text="policy: you can't read $POLICY, and each caller of this program must: as root, chmod 0644"
    policy "user $APP_UID" "user $THIRD_UID"
    chmod 600 "$POLICY"
    refused_whole "$text"
    chmod 644 "$POLICY"
    chmod 700 "$DIRECTORY"
    refused_whole "$text"
    rm "$POLICY"
    refused_whole "$text"
}

@test "the helper refuses a policy file of more than 65536 bytes, of any size" {
    local text="policy: $POLICY has more than 65536 bytes"
    policy "user $APP_UID" "user $THIRD_UID"
    { cat "$POLICY" && yes '#234567'; } | head -c 65535 >"$BATS_TEST_TMPDIR/policy"
    cat "$BATS_TEST_TMPDIR/policy" >"$POLICY"
    echo >>"$POLICY"
    [ "$(stat -c %s "$POLICY")" = 65536 ]
    allowed create "$c1" 9 0 5009
    echo >>"$POLICY"
    refused_whole "$text"
    truncate -s 1G "$POLICY"
    refused_whole "$text"
}

@test "a mistake in any line of the policy refuses each command, and the error names the line and the mistake" {
    local -a mistakes=(
        "user 7 nest 1" "no such word: nets, ports, peers, links and own-containers are known"
        "user app" "users and groups are numbers, from 0 to 4294967294; \`id\` tells those of a name"
        "user 0" "user 0 is root, who isn't limited"
        "app nets 1" "a rule begins with user or group"
        "user 7 nets" "the last word has no value"
        "user 7 nets 2-1" "nets must be up to 32 numbers or ranges from 0 to 8388607, ascending, as in 0-99,200"
        "user 7 ports 65536" "ports must be up to 32 numbers or ranges from 0 to 65535, ascending, as in 0,51800-51899"
        "user 7 peers 192.0.2.1" "peers must be up to 32 networks, as in 192.0.2.0/24,2001:db8::1/128, and at most"
        "user 7 peers 192.0.2.1/24" "peers has a network with bits set behind its prefix; write a network"
        "user 7 links 65536" "links must be a number from 0 to 65535"
        "user 7 links 1 links 1" "the rule has a word twice"
        $'user 7\r' "the line has a control character, perhaps a carriage return at its end"
        $'user 7 \033[31mnets 1' "the line has a control character"
    )
    local at
    for ((at = 0; at < ${#mistakes[@]}; at += 2)); do
        policy "user $APP_UID" "user $THIRD_UID" "${mistakes[at]}" "user 8 nets x"
        refused "policy line 3: ${mistakes[at + 1]}" cwg site1 create "$c1" 1 0 5001
    done
    refused_whole "policy line 3: the line has a control character"
    refused "correct $POLICY; until then only root may do anything" cwg site1 create "$c1" 1 0 5001
}

@test "the helper refuses a policy file whose last line is cut off, or that has a NUL" {
    printf 'user %s\nuser %s nets 1' "$THIRD_UID" "$APP_UID" >"$POLICY"
    refused_whole "policy line 2: the last line has no newline at its end: the file may be cut off"
    printf 'user %s\nuser %s\0 nets 1\n' "$THIRD_UID" "$APP_UID" >"$POLICY"
    refused_whole "policy line 2: the line has a control character"
}

@test "a caller who hides the policy file in a mount namespace of his own has no power there" {
    policy "user $APP_UID nets 1"
    remember
    # shellcheck disable=SC2016
    run at site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- \
        unshare --user --map-root-user --mount -- sh -c 'mount -t tmpfs tmpfs "$0" && [ ! -e "$0/policy" ] &&
        echo hidden && exec "$@"' "$DIRECTORY" "$HELPER" cwg_create "$c1" 2 0 5002
    [ "$status" = 1 ] || fail "$output"
    [ "${lines[0]}" = hidden ] || fail "$output"
    [ "${#lines[@]}" = 2 ]
}

@test "the rules of doc/policy.example have no mistake" {
    sed -n 's/^# \(\(user\|group\) [0-9]\)/\1/p' "$ROOT/doc/policy.example" >"$POLICY"
    [ "$(wc -l <"$POLICY")" = 3 ]
    echo "user $APP_UID nets 5" >>"$POLICY"
    refused "policy line 4: net 4 isn't among the nets" cwg site1 destroy "$c1" 4 0
    install -m 644 "$ROOT/doc/policy.example" "$POLICY"
    refused "the policy has no rule for user $APP_UID" cwg site1 destroy "$c1" 4 0
}

# openat2() is missing under systemd's RestrictSUIDSGID= and DynamicUser=, and on Linux before 5.6.
@test "without openat2() the helper reads the policy, and follows no symbolic link" {
    local without=(strace -e trace=openat2 -e inject=openat2:error=ENOSYS -e signal=none -o /dev/null setpriv
        --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- "$HELPER")
    policy "user $APP_UID nets 1"
    refused "policy line 1: net 2 isn't among the nets" at site1 "${without[@]}" cwg_create "$c1" 2 0 5101
    run --separate-stderr at site1 "${without[@]}" cwg_create "$c1" 1 0 5101
    assert_success_with_key
    mv "$POLICY" "$DIRECTORY/elsewhere"
    ln -s elsewhere "$POLICY"
    BEFORE=
    refused "is a symbolic link, or its path has one" at site1 "${without[@]}" cwg_destroy "$c1" 1 0
    rm "$POLICY"
}

@test "--version says where the policy file is" {
    run --separate-stderr as_app "$HELPER" --version
    [[ $output == *$'\n'"policy: $POLICY"$'\n'* ]] || fail "$output"
}

# ---- check-policy and policy-numbers ----

@test "check-policy tells every user what a file allows, or which line is wrong, without any privilege" {
    local file=$BATS_TEST_TMPDIR/draft user
    chmod 755 "$BATS_TEST_TMPDIR"
    cat >"$file" <<'EOF'
# Grüße
user 1000  nets 0-99,200 ports 51800-51899 peers 192.0.2.0/24,2001:db8::/32,- links 16

group 990  own-containers
user 7
EOF
    for user in as_app env; do
        run --separate-stderr "$user" "$HELPER" check-policy "$file"
        assert_success_with "line 2: user 1000 may do all with
  nets      0-99, 200
  ports     51800-51899
  peers     192.0.2.0/24, 2001:db8::/32, an endpoint that isn't known
  links     16 at most in a container
line 4: group 990 may do all with
  containers with a user namespace of the caller's alone
line 5: user 7 may do all
The first rule for a caller's user or groups holds. Other callers may do nothing, root everything."
    done
    # check-policy runs without the file capabilities.
    setcap -r "$BATS_FILE_TMPDIR/bin/$NAME"
    run --separate-stderr as_app "$HELPER" check-policy "$file"
    [ "$status" = 0 ] || fail "$stderr"
    setcap cap_net_admin,cap_sys_admin,cap_sys_ptrace=p "$BATS_FILE_TMPDIR/bin/$NAME"
    echo "user 8 nets 5-2" >>"$file"
    run --separate-stderr as_app "$HELPER" check-policy "$file"
    assert_failure_with "line 6: nets must be up to 32 numbers or ranges"
    : >"$file"
    run --separate-stderr as_app "$HELPER" check-policy "$file"
    assert_failure_with "there is no rule: with this file only root may do anything"
    chmod 600 "$file"
    run --separate-stderr as_app "$HELPER" check-policy "$file"
    assert_failure_with "file: can't read it: Permission denied"
    head -c 65537 /dev/zero >"$file"
    run --separate-stderr env "$HELPER" check-policy "$file"
    assert_failure_with "file: has more than 65536 bytes"
    mkfifo -m 644 "$file.pipe"
    run --separate-stderr timeout 5 "$HELPER" check-policy "$file.pipe"
    assert_failure_with "there is no rule: with this file only root may do anything"
}

@test "policy-numbers turns names into numbers, and prints nothing if a name is unknown" {
    run --separate-stderr "$ROOT/scripts/policy-numbers" \
        <<<$'# user root\nuser nobody nets 1\n group daemon  # x\nuser 7'
    assert_success_with $'# user root\nuser 65534 nets 1  # nobody\n group 1  # x (daemon)\nuser 7'
    "$ROOT/scripts/policy-numbers" <<<"user nobody nets 1" >"$BATS_TEST_TMPDIR/numbers"
    run --separate-stderr env "$HELPER" check-policy "$BATS_TEST_TMPDIR/numbers"
    [[ $output == "line 1: user 65534 may do all with"* ]] || fail "$output $stderr"
    run --separate-stderr "$ROOT/scripts/policy-numbers" <<<$'user 7\nuser nobody-of-that-name'
    [ "$status" = 1 ]
    [ -z "$output" ]
    [ "$stderr" = "policy-numbers: line 2: there is no user nobody-of-that-name on this machine" ] || fail "$stderr"
}

# Prints the commands for a first policy from FILE, with the tests' place of the policy, and a user that each machine
# has: recipe_of FILE
recipe_of()
{
    sed -nE '/^(    |# )install -d -m 0755 .etc.net-admin-helper$/,/^ *mv /p' "$1" | sed -E "s/^(    |# )//
        s,/etc/net-admin-helper,$DIRECTORY,g; s,@DATADIR@/,scripts/,; s/^user app/user nobody/"
}

@test "the commands in README and manual install a policy that callers can read, and never a wrong one" {
    local file recipe=$BATS_TEST_TMPDIR/recipe
    cd "$ROOT"
    for file in README.md "doc/$NAME-policy.5.scd"; do
        recipe_of "$file" >"$recipe"
        [ "$(grep -c . "$recipe")" = 7 ] || fail "$file: $(<"$recipe")"
        (umask 077 && PATH=$(dirname "$HELPER"):$PATH bash "$recipe")
        [ "$(stat -c '%a %u' "$POLICY")" = "644 0" ]
        grep -qE '^user 65534 .* # nobody$' "$POLICY" || fail "$(<"$POLICY")"
        rm "$POLICY"
        sed -i 's/ports 0,51800-51899/ports 51899-51800/' "$recipe"
        run env PATH="$(dirname "$HELPER"):$PATH" bash "$recipe"
        [[ $output == *"line 1: ports must be"* ]] || fail "$output"
        [ ! -e "$POLICY" ]
        rm "$POLICY.new"
    done
}

# Prints the ports that the guides declare or join with.
ports_of_guides()
{
    sed -nE 's/.*(,port=|"port": |--port )([0-9]+).*/\2/p' "$ROOT"/doc/{podman,kubernetes,agent}.md | sort -u
}

# The rules of policy-agent.example, README and manual, for the application.
@test "under each rule that a document shows, cwg join's own choice and what the guides declare is allowed" {
    local port net=1572871 rule rules
    mapfile -t rules < <(sed -nE 's/^(    |# )?user (cwg|app) +//p' "$ROOT"/doc/policy-agent.example "$ROOT/README.md" \
        "$ROOT/doc/$NAME-policy.5.scd")
    [ ${#rules[@]} = 3 ] || fail "${rules[*]}"
    [[ $(ports_of_guides) == *51800* ]] || fail "$(ports_of_guides)"
    for rule in "${rules[@]}"; do
        policy "user $APP_UID $rule"
        for port in 0 $(ports_of_guides); do
            allowed create "$c1" "$net" 0 "$port"
            allowed connect "$c1" "$net" 1 192.0.2.2:51800 "$KEY"
            allowed destroy "$c1" "$net" 0
        done
        # The first and the last of cwg join's pool; src/cwg/join/create.c
        for net in 1572864 2621439; do
            allowed create "$c1" "$net" 0 0
            allowed destroy "$c1" "$net" 0
        done
        net=1572871
    done
}

# ---- batches ----

@test "a batch that runs when the policy changes does nothing from then on" {
    local IN OUT line
    policy "user $APP_UID nets 1-2"
    coproc BATCH { exec ip netns exec site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups \
        --inh-caps=-all -- env -- "$HELPER" batch 2>"$BATS_TEST_TMPDIR/errors" 3>&-; }
    exec {IN}>&"${BATCH[1]}" {OUT}<&"${BATCH[0]}"
    eval "exec ${BATCH[0]}<&- ${BATCH[1]}>&-"
    echo "cwg_create $c1 1 0 5101" >&"$IN"
    read -r -t 30 -u "$OUT" line
    [[ $line == "ok "* ]] || fail "$line"
    # An administrator changes the file like this: another file takes its name.
    echo "user $APP_UID nets 2" >"$POLICY.new"
    mv -f "$POLICY.new" "$POLICY"
    echo "cwg_create $c1 2 0 5102" >&"$IN"
    read -r -t 30 -u "$OUT" line
    [ "$line" = "error policy policy: $POLICY has changed since this command began; start the command again" ] ||
        fail "$line"
    exec {IN}>&- {OUT}<&-
    ! wait "$BATCH_PID" || fail "exit code 0"
    allowed create "$c1" 2 0 5102
}

# Runs a command of the application's, stops it at its first call of a name, and changes the policy meanwhile:
# stopped_at CALL TASK...
stopped_at()
{
    local call=$1 number
    local TRACER=("$TOOLS/at-syscall" --uid "$APP_UID" --gid "$APP_GID" --stdout /dev/null)
    shift
    policy "user $APP_UID nets 1-2"
    number=$(at site1 "${TRACER[@]}" --report 1 status -- "$HELPER" "$@" |
        awk -v call="$call" '$2 == call { print $1; exit }')
    run --separate-stderr cwg site1 destroy "$c1" 1 0 --if-exists
    [ "$1" = cwg_create ] || cwg site1 create "$c1" 1 0 5101
    # shellcheck disable=SC2016 # at-syscall's shell
    run --separate-stderr at site1 "${TRACER[@]}" stop "$number" \
        --do "echo 'user $APP_UID nets 2' >$POLICY.new && mv -f $POLICY.new $POLICY" -- "$HELPER" "$@"
    policy "user $APP_UID nets 1-2"
}

# A caller can stop a command for as long as he likes while no container is open: before the container is opened, and
# while the key is written. When the command goes on, the policy may be another.
@test "a command that was stopped while the policy changed does nothing from then on" {
    local call changed="policy: $POLICY has changed since this command began; start the command again"
    for call in seccomp write; do
        stopped_at "$call" cwg_create "$c1" 1 0 5101
        assert_failure_with "$changed"
        ! has_device "$c1" wg-1-0 || fail "there is a link"
        wait_for port_free site1 5101
    done
    stopped_at seccomp cwg_connect "$c1" 1 1 192.0.2.2:5102 "$KEY"
    assert_failure_with "$changed"
    [[ $(cwg site1 show "$c1" 1 0) != *"$KEY"* ]]
    echo "cwg_connect $c1 1 1 192.0.2.2:5102 $KEY" >"$BATS_TEST_TMPDIR/lines"
    stopped_at pidfd_open batch "$BATS_TEST_TMPDIR/lines"
    assert_failure_with "1 of 1 tasks failed"
    [[ $(cwg site1 show "$c1" 1 0) != *"$KEY"* ]]
    stopped_at seccomp cwg_list
    assert_failure_with ": $changed"
    # Which process came first depends on the machine.
    [[ $stderr == *"the list is incomplete: process "* ]]
    stopped_at seccomp cwg_destroy "$c1" 1 0
    assert_failure_with "$changed"
    has_device "$c1" wg-1-0
}

# Starts a batch of the application's, does a line, changes something, and expects this answer to the next line.
batch_after()
{
    local IN OUT line
    coproc BATCH { exec ip netns exec site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups \
        --inh-caps=-all -- env -- "$HELPER" batch 2>"$BATS_TEST_TMPDIR/errors" 3>&-; }
    BATCH_OF=$BATCH_PID
    exec {IN}>&"${BATCH[1]}" {OUT}<&"${BATCH[0]}"
    eval "exec ${BATCH[0]}<&- ${BATCH[1]}>&-"
    echo "cwg_destroy $c1 1 0" >&"$IN"
    read -r -t 30 -u "$OUT" line
    [[ $line == "error no-such-link "* ]] || fail "before $1: $line"
    eval "$1"
    echo "cwg_destroy $c1 1 0" >&"$IN"
    read -r -t 30 -u "$OUT" ANSWER
    exec {IN}>&- {OUT}<&-
    wait "$BATCH_OF" || true
}

# Runs a command in the batch's mount namespace after another directory has been mounted in the place of the policy's.
another_directory()
{
    nsenter --mount --target "$BATCH_OF" mount -t tmpfs -o mode=755 tmpfs "$DIRECTORY"
    nsenter --mount --target "$BATCH_OF" "$(type -P "${1/#:/true}")" "${@:2}"
}

@test "a running batch stops at a policy file that has come, gone, or is in another directory now" {
    local change after="error policy policy: $POLICY has changed since this command began; start the command again"
    # shellcheck disable=SC2016 # evaluated later
    for change in 'policy "user $APP_UID"' ': >"$POLICY"; chmod 644 "$POLICY"' 'ln -s nowhere "$POLICY"' \
        'chmod 777 "$DIRECTORY"'; do
        rm -f "$POLICY"
        batch_after "$change"
        [ "$ANSWER" = "$after" ] || fail "none, then $change: $ANSWER"
        chmod 755 "$DIRECTORY"
    done
    for change in 'rm "$POLICY"' 'echo "# more" >>"$POLICY"' 'chmod 600 "$POLICY"' 'chmod 777 "$DIRECTORY"' \
        'cp -p "$POLICY" "$POLICY.new"; mv "$POLICY.new" "$POLICY"' \
        'another_directory :' 'another_directory cp -p "$BATS_TEST_TMPDIR/policy" "$DIRECTORY"'; do
        policy "user $APP_UID nets 1-2"
        cp -p "$POLICY" "$BATS_TEST_TMPDIR"
        batch_after "$change"
        [ "$ANSWER" = "$after" ] || fail "one, then $change: $ANSWER"
        chmod 755 "$DIRECTORY"
    done
    # Other files in the directory may come and go.
    policy "user $APP_UID nets 1-2"
    batch_after ': >"$DIRECTORY/elsewhere"; rm "$DIRECTORY/elsewhere"'
    [[ $ANSWER == "error no-such-link "* ]] || fail "$ANSWER"
    rm -f "$POLICY"
    batch_after ': >"$DIRECTORY/elsewhere"; rm "$DIRECTORY/elsewhere"'
    [[ $ANSWER == "error no-such-link "* ]] || fail "$ANSWER"
}

@test "each line of a batch is held to the policy, and a caller without a rule gets no batch" {
    policy "user $APP_UID nets 1-2 ports 5100-5199 peers 192.0.2.0/24 own-containers"
    run --separate-stderr app_at site1 "$HELPER" batch < <(printf '%s\n' \
        "cwg_create $mine 1 0 5101" "cwg_create $mine 3 0 5103" "cwg_create $mine 2 0 5200" \
        "cwg_connect $mine 1 1 203.0.113.7:5002 $KEY" "cwg_connect $mine 1 1 192.0.2.7:5002 $KEY" \
        "cwg_create $c1 1 0 5102" "cwg_destroy $mine 0 0" "cwg_destroy $mine 1 0")
    [ "$status" = 1 ]
    [ "${#lines[@]}" = 8 ] || fail "$output"
    [[ ${lines[0]} == "ok "* ]]
    [[ ${lines[1]} == "error "*" policy line 1: net 3 isn't among the nets of user $APP_UID"* ]]
    [[ ${lines[2]} == "error "*" policy line 1: port 5200 isn't among the ports"* ]]
    [[ ${lines[3]} == "error "*" policy line 1: peer_endpoint: 203.0.113.7:5002 isn't in the peer networks"* ]]
    [ "${lines[4]}" = ok ]
    [[ ${lines[5]} == "error "*" pid: no such process, or not in a container of yours"* ]]
    [[ ${lines[6]} == "error "*" policy line 1: net 0 isn't among the nets"* ]]
    [ "${lines[7]}" = ok ]
    [ -z "$(inside "$c1" wg show interfaces)$(inside "$mine" wg show interfaces)" ]
    refused "the policy has no rule for user $OTHER_UID" other "$HELPER" batch < <(echo "cwg_create $c1 1 0 5101")
}
