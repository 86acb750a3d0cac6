#!/usr/bin/env bats
# Runs the README's commands for applications as they stand there. net.bash has the picture.

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
    two_sites
    container c1
    container c2
    # The tasks' names are commands, as `make install` makes them.
    for task in cwg_create cwg_connect cwg_destroy cwg_wait; do
        ln -sfn "$NAME" "$(dirname "$HELPER")/$task"
    done
    PATH=$(dirname "$HELPER"):$PATH
}

teardown()
{
    clean_up
}

# Prints the lines of the README from a line that matches $1 to the next line that matches $2.
from_readme()
{
    sed -n "/$1/,/$2/p" "$ROOT/README.md"
}

@test "the README's Python makes one end of a link, connects it and removes it" {
    their_key=$(app_at site2 cwg_create "$c2" 7 1 51802)
    {
        echo "pid, their_key = $c1, '$their_key'"
        from_readme '^import subprocess' '^helper("cwg_connect"'
        echo 'print(key)'
    } >"$BATS_TEST_TMPDIR/app.py"
    chmod 755 "$BATS_TEST_TMPDIR"
    key=$(app_at site1 python3 "$BATS_TEST_TMPDIR/app.py")
    app_at site2 cwg_connect "$c2" 7 0 192.0.2.1:51801 "$key"
    inside "$c1" ping -c 1 -W 5 10.0.0.15
    {
        echo "pid = $c1"
        from_readme '^import subprocess' '^    return done'
        grep '^helper("cwg_destroy"' "$ROOT/README.md"
    } >"$BATS_TEST_TMPDIR/end.py"
    app_at site1 python3 "$BATS_TEST_TMPDIR/end.py"
    run ! inside "$c1" ip link show wg-7-0
}

# Prints one site's shell lines, by its host number. They write the key to a file, where the other site finds it.
lines_of_site()
{
    from_readme "^    key=.*cwg_create \"\\\$pid\" 7 $1 " "^    cwg_wait \"\\\$pid\" 7 $1" | sed 's/^    //' |
        sed "1a echo \"\$key\" >'$BATS_TEST_TMPDIR/key$1'\nuntil [ -s '$BATS_TEST_TMPDIR/key$((1 - $1))' ]; do \
sleep 0.05; done\ntheir_key=\$(cat '$BATS_TEST_TMPDIR/key$((1 - $1))')"
}

@test "the README's shell lines for both sites link two containers" {
    chmod 777 "$BATS_TEST_TMPDIR"
    { echo "pid=$c1"; lines_of_site 0; } >"$BATS_TEST_TMPDIR/site1.sh"
    { echo "pid=$c2"; lines_of_site 1; } >"$BATS_TEST_TMPDIR/site2.sh"
    [ "$(grep -c '^cwg_\|^key=' "$BATS_TEST_TMPDIR/site1.sh")" = 3 ]
    app_at site2 timeout 60 bash -eu "$BATS_TEST_TMPDIR/site2.sh" 3>&- &
    app_at site1 timeout 60 bash -eu "$BATS_TEST_TMPDIR/site1.sh"
    wait $!
    inside "$c1" ping -c 1 -W 5 10.0.0.15
}
