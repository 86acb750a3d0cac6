# Joins with a machine that is hostile, or dies. Bats files source this file.
#
#     site1: 192.0.2.1
#     +-------------------------------------------------------------+
#     |  c1     cwg (near) --- badpeer.py, for ssh --- cwg serve     |     c2
#     +-------------------------------------------------------------+
#
# Both machines are one site: each cwg has its own helper, and the containers' UDP sockets reach each other there.

load ../net/net

BADPEER=$ROOT/tests/cwg/badpeer.py

setup_file()
{
    has_backend || return 0
    install_helper
    one_site
    ip -n site1 link set lo up
    install -m 0755 "$ROOT/build/cwg" "$BATS_FILE_TMPDIR/bin/cwg"
}

setup()
{
    require_backend
    container c1
    container c2
    STATE=$BATS_TEST_TMPDIR/state
    mkdir -m 0700 "$STATE"
    chown "$APP_UID:$APP_GID" "$STATE"
    chmod a+rx "$BATS_TEST_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")"
    new_log
}

teardown()
{
    clean_up
}

teardown_file()
{
    clean_up
}

# Forgets the sessions so far.
new_log()
{
    LOG=$(mktemp -d "$BATS_TEST_TMPDIR/log.XXXXXX")
    chown "$APP_UID:$APP_GID" "$LOG"
}

# Runs a command as the application, with badpeer.py for ssh if PEER has its words.
as_near()
{
    app_at site1 /usr/bin/env -i PATH="$BATS_FILE_TMPDIR/bin:/usr/bin:/bin" XDG_STATE_HOME="$STATE" \
        CWG_SSH="/usr/bin/python3 -IS $BADPEER ${PEER:-say end}" BADPEER_LOG="$LOG" \
        BADPEER_CWG="$BATS_FILE_TMPDIR/bin/cwg" "$@"
}

near()
{
    as_near cwg "$@"
}

# Prints the links in both containers.
links()
{
    local pid
    for pid in "$c1" "$c2"; do
        inside "$pid" grep -o "^ *wg-[^:]*" /proc/net/dev || true
    done
}

nothing_left()
{
    [ -z "$(links)" ]
}

# Prints the number of lines that went there (0), or came back (1).
lines_of()
{
    grep -c "^$1 " "$LOG/lines"
}

# The last command of `run --separate-stderr` took its place among those that fail: exit status, one printable line on
# standard error for each line of its text, and nothing on standard output.
failed_well()
{
    [ "$status" = "$1" ] || fail "exit status $status, not $1: $output $stderr"
    [ -z "$output" ] || fail "standard output isn't empty: $output"
    ! LC_ALL=C grep -q '[^ -~]' <<<"$stderr" || fail "not printable: $stderr"
    ! grep -qv '^cwg: ' <<<"$stderr" || fail "a line isn't cwg's: $stderr"
    [[ $stderr == *"$2"* ]] || fail "not in the text: '$2'; it says: $stderr"
}
