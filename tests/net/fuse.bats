#!/usr/bin/env bats
# A caller's file of FUSE, whose server never answers, as standard input, output or error. Picture: net.bash.

# bats file_tags=any-backend
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
    python3 "$BATS_TEST_DIRNAME/fuse.py" "$FILES" "$APP_UID" >"$BATS_TEST_TMPDIR/ready" 3>&- &
    SERVER=$!
    wait_for grep -q ready "$BATS_TEST_TMPDIR/ready"
}

teardown()
{
    [ -z "${SERVER:-}" ] || kill "$SERVER" 2>/dev/null || true
    umount -l "$FILES" 2>/dev/null || true
    clean_up
}

@test "a file of FUSE in the place of a descriptor from 0 to 2 is refused, before a container is opened" {
    cwg site1 create "$c1" 7 0 5101
    # A wait that had the container open would be held up by its first word on such a file, and by its end.
    run timeout --signal=KILL 10 ip netns exec site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups \
        --inh-caps=-all -- sh -c '"$0" cwg_wait "$1" 7 0 5 2>&1 >"$2/x" | cat' "$HELPER" "$c1" "$FILES"
    [[ $output == *"is a file of a FUSE file system"* ]]
    run timeout --signal=KILL 10 ip netns exec site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups \
        --inh-caps=-all -- sh -c '"$0" cwg_show "$1" <"$2/x"' "$HELPER" "$c1" "$FILES"
    [[ $output == *"is a file of a FUSE file system"* ]]
}
