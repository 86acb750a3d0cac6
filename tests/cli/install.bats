#!/usr/bin/env bats
# make install and make uninstall: which files there are, with whose rights, and what is left. All below directories of
# the tests' own.
# shellcheck disable=SC2153 # $NAME is set in helper.bash

bats_require_minimum_version 1.5.0
load cli

CAPABILITIES=cap_net_admin,cap_sys_ptrace,cap_sys_admin=p
TASKS=(cwg_create cwg_connect cwg_destroy cwg_show cwg_list cwg_wait cwg_destroy_all)

setup_file()
{
    # The application has to get at what is installed there.
    chmod a+rx "$(dirname "$BATS_RUN_TMPDIR")" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
    BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
    prepare all
    prepare without_connect CONNECT
    prepare without_engine ENGINE
    WITH="POLICY BATCH" prepare with_more
    DEST=$BATS_FILE_TMPDIR/staged
    stage all
}

# Builds with all tasks but those given, program and man page.
prepare()
{
    local build=$BATS_FILE_TMPDIR/$1 config
    shift
    config=$(config_without "$@")
    mkdir -p "$build"
    cp "$config" "$build/config.h"
    quick_build "$build" "$build/config.h" ENGINE_OPTIMIZE= build
}

setup()
{
    DEST="$BATS_FILE_TMPDIR/dest $BATS_TEST_NUMBER"
    BIN=$DEST/usr/local/bin
    MAN=$DEST/usr/local/share/man/man8
    ENGINE=$DEST/usr/local/libexec/net-admin-helper/cwg-engine
}

# make install or uninstall, of one of the builds: make_with BUILD [ARGUMENT...]
make_with()
{
    local build=$BATS_FILE_TMPDIR/$1
    shift
    clean_make -s -j2 BUILD="$build" SHARED="$SHARED" CONFIG="$build/config.h" CFLAGS=-O0 ENGINE_OPTIMIZE= "$@"
}

# As a packager does it, below $DEST.
stage()
{
    make_with "$1" DESTDIR="$DEST" GROUP=nogroup "${@:2}" install
}

# What `stage all` makes of an empty $DEST.
staged()
{
    cp -a "$BATS_FILE_TMPDIR/staged" "$DEST"
}

unstage()
{
    make_with "$1" DESTDIR="$DEST" "${@:2}" uninstall
}

# All that is there, with what it is: kind, mode, owner, link.
listing()
{
    (cd "$1" && find . -printf '%y %m %u:%g %P -> %l\n' | sed -E 's/ -> $//; s/ $//' | sort)
}

# A process is past the shell that started it.
wait_until_it_runs()
{
    local i
    for ((i = 0; i < 100; i++)); do
        [[ $(readlink "/proc/$1/exe") != "$BIN/$NAME" ]] || return 0
        sleep 0.05
    done
    fail "it doesn't run"
}

# What is printed by others than make itself.
said()
{
    grep -vE '^make(\[[0-9]+\])?: ' <<<"$1"
}

@test "the program is its group's to call, nobody else's, and has three capabilities, permitted and not effective" {
    staged
    [ "$(stat -c '%F %a %U:%G' "$BIN/$NAME")" = 'regular file 750 root:nogroup' ]
    [ "$(getcap "$BIN/$NAME")" = "$BIN/$NAME $CAPABILITIES" ]
}

@test "the engine can be executed by the group, and read and changed by root alone" {
    staged
    [ "$(stat -c '%F %a %U:%G' "$ENGINE")" = 'regular file 710 root:nogroup' ]
    [ -z "$(getcap "$ENGINE")" ]
    # By nobody's group it runs, and says what it is for.
    run setpriv --reuid "$APP_UID" --regid nogroup --clear-groups --inh-caps=-all env "$ENGINE"
    [ "$status" = 1 ]
    [[ $output == *"net-admin-helper starts it"* ]] || fail "$output"
    run setpriv --reuid "$APP_UID" --regid nogroup --clear-groups --inh-caps=-all cat "$ENGINE"
    [ "$status" = 1 ]
    run as_app "$ENGINE"
    [ "$status" = 126 ]
}

@test "an engine stays the same file if it is the same, and else beside the new one, for the links that it carries" {
    local before
    staged
    before=$(stat -c %i "$ENGINE")
    stage all
    [ "$(stat -c %i "$ENGINE")" = "$before" ]
    [ ! -e "$ENGINE.previous" ]
    echo "of another version" >>"$ENGINE"
    stage all
    [ "$(stat -c '%i %a %U:%G' "$ENGINE.previous")" = "$before 710 root:nogroup" ]
    [ "$(stat -c %i "$ENGINE")" != "$before" ]
    # That one stays, however often the same is installed.
    stage all
    [ "$(stat -c %i "$ENGINE.previous")" = "$before" ]
    chmod 0777 "$ENGINE"
    stage all
    [ "$(stat -c '%a %U:%G' "$ENGINE")" = '710 root:nogroup' ]
    unstage all
    [ ! -e "$ENGINE.previous" ]
}

@test "the engine needs no library, and no loader" {
    staged
    ! readelf --program-headers "$ENGINE" | grep INTERP || fail "it needs a loader"
    ! readelf --dynamic "$ENGINE" | grep NEEDED || fail "it needs a library"
    readelf --file-header "$ENGINE" | grep -q '^ *Type: *DYN'
}

@test "the program looks for its engine where that is installed, PREFIX or not" {
    strings "$BATS_FILE_TMPDIR/all/$NAME" | grep -qx '.*/usr/local/libexec/net-admin-helper/cwg-engine'
    stage all PREFIX=/opt/nah
    [ -x "$DEST/opt/nah/libexec/net-admin-helper/cwg-engine" ]
    strings "$DEST/opt/nah/bin/$NAME" | grep -q '/opt/nah/libexec/net-admin-helper/cwg-engine$'
    ! strings "$DEST/opt/nah/bin/$NAME" | grep -q /usr/local || fail "it looks below /usr/local"
}

@test "without the engine none is built or installed, and one that is there is taken away" {
    [ ! -e "$BATS_FILE_TMPDIR/without_engine/cwg-engine" ]
    stage without_engine
    [ ! -e "$DEST/usr/local/libexec" ]
    [ ! -e "$MAN/cwg-engine.8" ]
    stage all
    stage without_engine
    [ ! -e "$ENGINE" ]
    [ ! -e "$MAN/cwg-engine.8" ]
}

# What there should be of man pages: those in doc/ of what is in the program, and links for tasks without one.
pages()
{
    local source page
    for source in "$ROOT"/doc/*.[0-9].scd; do
        page=$(basename "$source" .scd)
        case $page in "$NAME-batch".* | "$NAME-policy".*) continue ;; esac
        echo "d 755 root:root share/man/man${page##*.}"
        echo "f 644 root:root share/man/man${page##*.}/$page"
    done | sort -u
    for page in "${TASKS[@]}"; do
        [ -e "$ROOT/doc/$page.8.scd" ] || echo "l 777 root:root share/man/man8/$page.8 -> $NAME.8"
    done
}

completions()
{
    echo "d 755 root:root share/bash-completion"
    echo "d 755 root:root share/bash-completion/completions"
    printf 'f 644 root:root share/bash-completion/completions/%s\n' "$NAME" cwg
    printf "l 777 root:root share/bash-completion/completions/%s -> $NAME\n" "${TASKS[@]}"
    echo "d 755 root:root share/fish"
    echo "d 755 root:root share/fish/vendor_completions.d"
    printf 'f 644 root:root share/fish/vendor_completions.d/%s.fish\n' "$NAME" cwg
    printf "l 777 root:root share/fish/vendor_completions.d/%s.fish -> $NAME.fish\n" "${TASKS[@]}"
    echo "d 755 root:root share/zsh"
    echo "d 755 root:root share/zsh/site-functions"
    printf 'f 644 root:root share/zsh/site-functions/_%s\n' "$NAME" cwg
}

@test "it is installed with its engine, a link for each task, man pages and examples, and nothing else" {
    staged
    [ "$(listing "$DEST/usr/local")" = "$(sed '/^$/d' <<END | sort
d 755 root:root
d 755 root:root bin
f 750 root:nogroup bin/$NAME
f 755 root:root bin/cwg
$(printf "l 777 root:root bin/%s -> $NAME\n" "${TASKS[@]}")
d 755 root:root libexec
d 755 root:root libexec/net-admin-helper
f 710 root:nogroup libexec/net-admin-helper/cwg-engine
d 755 root:root share
$(completions)
d 755 root:root share/man
$(pages)
d 755 root:root share/$NAME
d 755 root:root share/$NAME/examples
$(cd "$ROOT/examples" && find . -maxdepth 1 -type f -printf "f %m root:root share/$NAME/examples/%P\n")
$(cd "$ROOT" && find python -name __pycache__ -prune -o -type d -printf "d 755 root:root share/$NAME/%p\n" \
    -o -type f -printf "f 644 root:root share/$NAME/%p\n")
f 644 root:root share/$NAME/made-directories
f 644 root:root share/$NAME/$NAME.schema.json
END
)" ] || fail "$(listing "$DEST/usr/local")"
}

@test "the Python package is installed where doc/python.md says, and goes again with what Python has made of it" {
    local share=$DEST/usr/local/share/net-admin-helper
    stage all
    grep -q '`/usr/local/share/net-admin-helper/python`' "$ROOT/doc/python.md"
    env -u PYTHONDONTWRITEBYTECODE PYTHONPATH="$share/python" \
        python3 -c "import cwg; assert cwg.__file__ == '$share/python/cwg/__init__.py', cwg"
    [ -d "$share/python/cwg/__pycache__" ]
    echo "of an earlier version" >"$share/examples/cwg.py" # which the package has replaced
    unstage all
    [ ! -e "$share" ]
}

@test "the schema of what it says to programs is installed, and goes again" {
    local share=$DEST/usr/local/share/net-admin-helper
    stage all
    cmp "$share/$NAME.schema.json" "$ROOT/doc/$NAME.schema.json"
    unstage all
    [ ! -e "$share" ]
}

@test "a strict umask changes nothing of it" {
    staged
    listing "$DEST" >"$BATS_TEST_TMPDIR/before"
    rm -r "$DEST"
    (umask 077 && stage all)
    listing "$DEST" | diff "$BATS_TEST_TMPDIR/before" -
}

@test "PREFIX says where it goes" {
    stage all PREFIX=/opt/nah
    [ -x "$DEST/opt/nah/bin/$NAME" ]
    [ -L "$DEST/opt/nah/bin/cwg_create" ]
    # And the man pages say so, those that are installed and those that were built for that.
    local page
    for page in "$NAME" cwg-engine; do
        grep -q /opt/nah/ "$DEST/opt/nah/share/man/man8/$page.8"
        cmp "$DEST/opt/nah/share/man/man8/$page.8" "$BATS_FILE_TMPDIR/all/$page.8"
    done
    # All of them, and those of what this program hasn't got.
    grep -q /opt/nah/ "$BATS_FILE_TMPDIR/all/$NAME-policy.5"
    for page in "$BATS_FILE_TMPDIR"/all/*.[0-9]; do
        run ! grep -E '/usr/local|@[A-Z]+@' "$page"
    done
    [ "$(ls "$DEST")" = opt ]
    unstage all PREFIX=/opt/nah
    [ -z "$(find "$DEST" ! -type d)" ]
}

@test "cwg is everybody's to call, has no capability, is stripped, and is replaced and removed" {
    staged
    [ "$(stat -c '%F %a %U:%G' "$BIN/cwg")" = 'regular file 755 root:root' ]
    [ -z "$(getcap "$BIN/cwg")" ]
    ! readelf --section-headers "$BIN/cwg" | grep -q '\.symtab' || fail "it has symbols"
    run as_app "$BIN/cwg" --version
    [ "$status" = 0 ] || fail "$output"
    # An older one, whatever rights somebody gave it, makes room; a stranger's link there isn't followed.
    setcap cap_net_admin=p "$BIN/cwg"
    chmod 4700 "$BIN/cwg"
    stage all
    [ "$(stat -c '%a %U:%G' "$BIN/cwg")" = '755 root:root' ]
    [ -z "$(getcap "$BIN/cwg")" ]
    unstage all
    [ ! -e "$BIN/cwg" ]
    [ ! -e "$DEST/usr/local/share/man/man1/cwg.1" ]
}

@test "another program called cwg, its page and its completions are refused, and stay" {
    local file
    for file in bin/cwg share/man/man1/cwg.1 share/man/man5/cwg.conf.5 share/man/man5/cwg-links.5 \
        share/man/man8/cwg-agent.8 \
        share/bash-completion/completions/cwg share/zsh/site-functions/_cwg share/fish/vendor_completions.d/cwg.fish; do
        mkdir -p "$DEST/usr/local/${file%/*}"
        echo theirs >"$DEST/usr/local/$file"
        run stage all
        [ "$status" != 0 ]
        [[ $output == *"$DEST/usr/local/$file is there already, and isn't ours: move it away"* ]] || fail "$output"
        [ ! -e "$BIN/$NAME" ]
        unstage all
        [ "$(cat "$DEST/usr/local/$file")" = theirs ]
        rm "$DEST/usr/local/$file"
    done
    # A link that leads nowhere is somebody's, too.
    ln -s /nowhere "$BIN/cwg"
    run stage all
    [[ $output == *"$BIN/cwg is there already, and isn't ours"* ]] || fail "$output"
    unstage all
    [ "$(readlink "$BIN/cwg")" = /nowhere ]
}

@test "cwg is compiled once for all builds of the same folder, whatever their settings" {
    run make_with without_connect --dry-run BUILD="$BATS_TEST_TMPDIR/other" PREFIX=/opt/nah build
    [ "$status" = 0 ] || fail "$output"
    [[ $output == *"src/helper/command/arguments.c"* && $output != *src/cwg/* ]] || fail "$output"
    run make_with without_connect --dry-run BUILD="$BATS_TEST_TMPDIR/other" SHARED="$BATS_TEST_TMPDIR/other" build
    [[ $output == *src/cwg/join/join.c* ]] || fail "$output"
}

@test "a page for each task, if it has one, is that task's and nobody else's" {
    mkdir -p "$MAN"
    echo theirs >"$MAN/cwg_create.8"
    run stage all
    [ "$status" != 0 ]
    [[ $output == *"$MAN/cwg_create.8 is there already, and isn't ours: move it away"* ]] || fail "$output"
    [ ! -e "$BIN/$NAME" ]
    unstage all
    [ "$(cat "$MAN/cwg_create.8")" = theirs ]
}

@test "who has installed it keeps the group: without GROUP= it stays, and that is said" {
    staged
    [ "$(stat -c %G "$BIN/$NAME")" = nogroup ]
    run make_with all DESTDIR="$DEST" install
    [ "$status" = 0 ] || fail "$output"
    [[ $output == *"installed $BIN/$NAME for group nogroup, which it had before (GROUP= gives it to another)" ]] ||
        fail "$output"
    [ "$(stat -c '%a %U:%G' "$BIN/$NAME" "$ENGINE")" = $'750 root:nogroup\n710 root:nogroup' ]
    # One that has no name, too.
    chgrp 61239 "$BIN/$NAME"
    run make_with all DESTDIR="$DEST" install
    [[ $output == *" for group 61239, which it had before"* ]] || fail "$output"
    [ "$(stat -c '%a %u:%g' "$BIN/$NAME" "$ENGINE")" = $'750 0:61239\n710 0:61239' ]
    # And told otherwise it does otherwise.
    run make_with all DESTDIR="$DEST" GROUP=tty install
    [[ $output == *"installed $BIN/$NAME for group tty" ]] || fail "$output"
    [ "$(stat -c '%a %U:%G' "$BIN/$NAME" "$ENGINE")" = $'750 root:tty\n710 root:tty' ]
    [ "$(getcap "$BIN/$NAME")" = "$BIN/$NAME $CAPABILITIES" ]
}

@test "uninstalling leaves no directory that was made for it, and all those that were there, if empty" {
    local left
    mkdir -p "$DEST/usr/local/bin" "$DEST/usr/local/share/man"
    stage all
    # What is made by others meanwhile is theirs.
    mkdir "$DEST/usr/local/lib"
    stage with_more
    unstage with_more
    left=$(cd "$DEST" && find . | sort | tr '\n' ' ')
    [ "$left" = ". ./usr ./usr/local ./usr/local/bin ./usr/local/lib ./usr/local/share ./usr/local/share/man " ] ||
        fail "$left"
    # In one that was made and isn't empty, everything stays.
    stage all
    echo theirs >"$DEST/usr/local/share/net-admin-helper/examples/mine"
    unstage all
    [ "$(cat "$DEST/usr/local/share/net-admin-helper/examples/mine")" = theirs ]
    [ ! -e "$DEST/usr/local/libexec" ]
}

@test "what is installed can be called by the group, by each of its names, and not by others" {
    staged
    local task
    for task in "${TASKS[@]}"; do
        run --separate-stderr setpriv --reuid "$APP_UID" --regid nogroup --clear-groups --inh-caps=-all \
            env "$BIN/$task" --no-such-option
        [ "$status" = 1 ]
        [[ ${stderr_lines[1]}' ' == "Usage: $NAME $task "* ]] || fail "$stderr"
        run --separate-stderr as_app "$BIN/$task" --help
        [ "$status" = 126 ]
    done
}

@test "what is installed has its privileges when its group calls it" {
    staged
    run --separate-stderr setpriv --reuid "$APP_UID" --regid nogroup --clear-groups --inh-caps=-all \
        env "$BIN/cwg_destroy" 4194304 7 0
    assert_failure_with "pid: no such process"
}

@test "it can be installed twice" {
    stage all
    listing "$DEST" >"$BATS_TEST_TMPDIR/before"
    stage all
    listing "$DEST" | diff "$BATS_TEST_TMPDIR/before" -
    [ "$(getcap "$BIN/$NAME")" = "$BIN/$NAME $CAPABILITIES" ]
}

@test "it can be installed anew while it is running" {
    staged
    # Its standard output is a pipe that is full and that nobody reads, so that it waits there.
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    exec 9<>"$BATS_TEST_TMPDIR/pipe"
    dd if=/dev/zero bs=65536 count=1 status=none >&9
    "$BIN/$NAME" --help >&9 9>&- 3>&- &
    local running=$!
    wait_until_it_runs "$running"
    stage all
    [[ $(readlink "/proc/$running/exe") == *"/$NAME (deleted)" ]] || fail "it runs $(readlink "/proc/$running/exe")"
    kill "$running"
    [ "$(getcap "$BIN/$NAME")" = "$BIN/$NAME $CAPABILITIES" ]
    exec 9>&-
}

@test "a task that isn't enabled gets no link" {
    stage without_connect
    [ -L "$BIN/cwg_create" ]
    [ -L "$BIN/cwg_destroy" ]
    [ ! -L "$BIN/cwg_connect" ]
    [ ! -L "$MAN/cwg_connect.8" ]
}

@test "a task that isn't enabled any more loses its link" {
    staged
    stage without_connect
    [ -L "$BIN/cwg_create" ]
    [ ! -L "$BIN/cwg_connect" ]
    [ ! -L "$MAN/cwg_connect.8" ]
}

@test "a caller who isn't root is told so, and nothing is installed" {
    mkdir -m 777 "$DEST"
    local places=(DESTDIR="$DEST" BINDIR=/bin MANDIR=/man DATADIR=/share COMPLETIONDIR=/completions
        ZSHDIR=/zsh FISHDIR=/fish UNITDIR=/units SYSUSERSDIR=/sysusers
        TMPFILESDIR=/tmpfiles NETAVARKDIR=/netavark CNIDIR=/cni HOOKDIR=/hooks
        ENGINE_PATH=/libexec/cwg-engine GROUP=nogroup TASKS_BUILT=create)
    run --separate-stderr as_app env -C "$ROOT" "${places[@]}" scripts/install "$BATS_FILE_TMPDIR/all/$NAME" \
        "$BATS_FILE_TMPDIR/all/cwg-engine" cap_net_admin=p
    [ "$status" = 1 ]
    [ "$stderr" = "make install: has to be run by root: it sets owner and capabilities" ]
    run --separate-stderr as_app env -C "$ROOT" "${places[@]}" scripts/uninstall "$NAME"
    [ "$status" = 1 ]
    [ "$stderr" = "make uninstall: has to be run by root: it removes what root has installed" ]
    [ -z "$(ls "$DEST")" ]
}

@test "for a package anybody installs the files below DESTDIR: without group, capabilities and a list of directories" {
    mkdir -m 777 "$DEST"
    as_app env -C "$ROOT" RIGHTS=no DESTDIR="$DEST" BINDIR=/bin MANDIR=/man DATADIR=/share COMPLETIONDIR=/completions \
        ZSHDIR=/zsh FISHDIR=/fish UNITDIR=/units SYSUSERSDIR=/sysusers TMPFILESDIR=/tmpfiles NETAVARKDIR=/netavark \
        CNIDIR=/cni HOOKDIR=/hooks ENGINE_PATH=/libexec/cwg-engine GROUP=nah-no-such-group TASKS_BUILT=create \
        scripts/install "$BATS_FILE_TMPDIR/all/$NAME" "$BATS_FILE_TMPDIR/all/cwg-engine" cap_net_admin=p cwg_create
    [ "$(stat -c '%a %u' "$DEST/bin/$NAME" "$DEST/libexec/cwg-engine" "$DEST/bin/cwg" | paste -sd ' ')" = \
        "750 $APP_UID 710 $APP_UID 755 $APP_UID" ]
    [ -z "$(getcap "$DEST/bin/$NAME")" ]
    [ "$(readlink "$DEST/bin/cwg_create")" = "$NAME" ]
    [ ! -e "$DEST/share/made-directories" ]
    # The package's build takes the symbols, for a package of their own.
    readelf --sections "$DEST/bin/$NAME" | grep -q ' \.symtab '
}

@test "below DESTDIR a group that doesn't exist is an error, and nothing is installed" {
    run make_with all DESTDIR="$DEST" GROUP=nah-no-such-group install
    [ "$status" != 0 ]
    [ "$(said "$output")" = "make install: no group nah-no-such-group; create it, or give another with GROUP=" ]
    [ ! -e "$BIN/$NAME" ]
    ! getent group nah-no-such-group || fail "it was created"
}

# In a mount namespace with a copy of /etc, so that the machine keeps its own: in_own_etc COMMAND...
in_own_etc()
{
    [ -d "$BATS_TEST_TMPDIR/etc" ] || cp -a /etc "$BATS_TEST_TMPDIR/etc"
    unshare --mount bash -euc 'mount --bind "$0/etc" /etc; "$@"' "$BATS_TEST_TMPDIR" "$@"
}

@test "on the machine itself a group that doesn't exist is created, once, and it is said who is to be in it" {
    local group=nah-group-of-a-test command
    command=(env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory -s -C "$ROOT" BUILD="$BATS_FILE_TMPDIR/all"
        SHARED="$SHARED" CONFIG="$BATS_FILE_TMPDIR/all/config.h" CFLAGS=-O0 ENGINE_OPTIMIZE=
        PREFIX="$BATS_TEST_TMPDIR/prefix" GROUP="$group")
    run in_own_etc "${command[@]}" install
    [ "$status" = 0 ] || fail "$output"
    [[ ${lines[0]} == "created the group $group: add those who may call $NAME, with usermod -aG $group USER" ]] ||
        fail "$output"
    local gid
    gid=$(in_own_etc getent group "$group" | cut -d : -f 3)
    # A system's group, with nobody in it.
    [ "$gid" -lt 1000 ]
    [ "$(in_own_etc getent group "$group" | cut -d : -f 4)" = '' ]
    [ "$(stat -c '%a %u:%g' "$BATS_TEST_TMPDIR/prefix/bin/$NAME")" = "750 0:$gid" ]

    run in_own_etc "${command[@]}" install
    [ "$status" = 0 ] || fail "$output"
    [[ $output != *created* ]]

    run in_own_etc "${command[@]}" uninstall
    [ "$status" = 0 ] || fail "$output"
    [ "$(in_own_etc getent group "$group" | cut -d : -f 3)" = "$gid" ]
    ! getent group "$group" || fail "the machine has that group now"
}

@test "a file system that keeps no capabilities is an error, and no program is left there" {
    mkdir "$DEST"
    run unshare --mount bash -euc 'mount -t ramfs none "$1"; touch "$1/probe"
        ! setcap cap_net_admin=p "$1/probe" 2>/dev/null || exit 77
        shift; status=0; "$@" || status=$?; find "$DESTDIR" ! -type d ! -name probe; exit $status' \
        - "$DEST" env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory -s -C "$ROOT" \
        BUILD="$BATS_FILE_TMPDIR/all" SHARED="$SHARED" CONFIG="$BATS_FILE_TMPDIR/all/config.h" CFLAGS=-O0 \
        ENGINE_OPTIMIZE= DESTDIR="$DEST" GROUP=nogroup install
    [ "$status" != 77 ] || skip "ramfs keeps capabilities here"
    [ "$status" != 0 ] || fail "$output"
    [[ $output == *"make install: can't set file capabilities in $BIN: use a file system that keeps them"* ]] ||
        fail "$output"
    [[ $output != *"/$NAME"$'\n'* && $output != *"$NAME.new" ]] || fail "left: $output"
}

@test "uninstalling takes all of it away, and nothing else" {
    mkdir -p "$BIN" "$MAN"
    echo theirs >"$BIN/other"
    echo theirs >"$MAN/other.8"
    ln -s other "$BIN/alias"
    stage without_connect
    # What others called like a task that isn't ours to link.
    echo theirs >"$BIN/cwg_connect"
    ln -s other.8 "$MAN/cwg_connect.8"
    unstage without_connect
    [ "$(cd "$DEST" && find . ! -type d | sort | tr '\n' ' ')" = "$(printf '%s ' \
        ./usr/local/bin/alias ./usr/local/bin/cwg_connect ./usr/local/bin/other \
        ./usr/local/share/man/man8/cwg_connect.8 ./usr/local/share/man/man8/other.8)" ] || fail "$(listing "$DEST")"
    [ "$(cat "$BIN/cwg_connect" "$BIN/other")" = $'theirs\ntheirs' ]
}

@test "a foreign file and a foreign link called cwg_create are still there when all is uninstalled" {
    staged
    rm "$BIN/cwg_create" "$BIN/cwg_destroy"
    echo theirs >"$BIN/cwg_create"
    ln -s /elsewhere/cwg_destroy "$BIN/cwg_destroy"
    unstage all
    [ "$(cat "$BIN/cwg_create")" = theirs ]
    [ "$(readlink "$BIN/cwg_destroy")" = /elsewhere/cwg_destroy ]
    [ ! -e "$BIN/$NAME" ]
    [ ! -L "$BIN/cwg_connect" ]
}

@test "uninstalling what isn't installed is no error, and is told" {
    run unstage all
    [[ $output == "there was no $BIN/$NAME to remove: is it below another PREFIX?" ]] || fail "$output"
    stage all
    run unstage all
    [[ $output == "removed $BIN/$NAME, its command names (cwg_create ...), its engine, cwg and the man pages" ]] ||
        fail "$output"
    unstage all
}

@test "with a policy in the program, an example of one is installed, and no policy" {
    local example=$DEST/usr/local/share/net-admin-helper/policy.example
    stage all
    [ ! -e "$example" ]
    stage with_more
    [ "$(stat -c '%a %u %g' "$example")" = "644 0 0" ]
    cmp "$ROOT/doc/policy.example" "$example"
    [ ! -e "$DEST/etc" ]
    # It says nothing as it is.
    run ! grep -vE '^(#|$)' "$example"
    install -D -m 644 /dev/null "$DEST/etc/net-admin-helper/policy"
    unstage with_more
    [ ! -e "${example%/*}" ]
    [ -e "$DEST/etc/net-admin-helper/policy" ]
    stage with_more
    stage all
    [ ! -e "$example" ]
}

# Those of units/ and plugins/, as installed, with their modes.
units()
{
    (cd "$ROOT/units" && find . -type f) |
        sed -E -e 's|^\./(sysusers.d\|tmpfiles.d)|./lib/\1|; t' -e 's|^\.|./lib/systemd|' | sed 's/$/ 644/'
    echo ./lib/netavark/cwg 755
    echo ./lib/cni/cwg-cni 755
    echo ./share/containers/oci/hooks.d/cwg.json 644
}

@test "with batch in the program, an agent's units and plugins are installed for its place and group, and go again" {
    local lib=$DEST/opt/nah/lib hook=$DEST/opt/nah/share/containers/oci/hooks.d/cwg.json unit
    stage with_more PREFIX=/opt/nah
    diff <(cd "$DEST/opt/nah" && find ./lib ./share/containers -type f -printf '%p %m\n' | sort) <(units | sort)
    grep -qx 'ExecStart=/opt/nah/bin/net-admin-helper batch --answered' "$lib/systemd/system/cwg-helper@.service"
    grep -qx Group=nogroup "$lib/systemd/system/cwg-helper@.service"
    for unit in "$lib"/systemd/*/cwg-agent.service; do
        grep -qx 'ExecStart=/opt/nah/bin/cwg agent.*' "$unit"
    done
    [ "$(grep -v '^#' "$lib/cni/cwg-cni")" = 'exec /opt/nah/bin/cwg plugin cni "$@"' ]
    [ "$(grep -v '^#' "$lib/netavark/cwg")" = 'exec /opt/nah/bin/cwg plugin netavark "$@"' ]
    [ "$(jq -r '.hook | .path, .args[]' "$hook" | paste -sd ' ')" = '/opt/nah/bin/cwg cwg plugin oci-hook' ]
    run ! grep -rE '@[A-Z_]+@|/usr/local' "$lib" "$hook"
    cmp "$ROOT/doc/policy-agent.example" "$DEST/opt/nah/share/$NAME/policy-agent.example"
    run ! grep -vE '^(#|$)' "$ROOT/doc/policy-agent.example"
    # Of a program without batch nobody has use for them.
    stage all PREFIX=/opt/nah
    [ ! -e "$lib/systemd/system/cwg-agent.service" ]
    [ ! -e "$lib/netavark/cwg" ]
    [ ! -e "$lib/cni/cwg-cni" ]
    [ ! -e "$hook" ]
    [ ! -e "$DEST/opt/nah/share/$NAME/policy-agent.example" ]
    stage with_more PREFIX=/opt/nah
    unstage with_more PREFIX=/opt/nah
    [ -z "$(find "$DEST" ! -type d)" ] || fail "$(listing "$DEST")"
    [ ! -e "$lib" ]
}

@test "another unit called cwg-agent is refused, and stays" {
    local unit=$DEST/usr/local/lib/systemd/system/cwg-agent.service
    mkdir -p "${unit%/*}"
    echo theirs >"$unit"
    run stage with_more
    [ "$status" != 0 ]
    [[ $output == *"$unit is there already, and isn't ours: move it away"* ]] || fail "$output"
    unstage with_more
    [ "$(cat "$unit")" = theirs ]
}

# The rule of the example, with names turned into numbers.
@test "the rule for an agent is one that the program takes" {
    local rule=$BATS_TEST_TMPDIR/policy
    sed -n 's/^# user cwg /user 1000 /p' "$ROOT/doc/policy-agent.example" >"$rule"
    [ "$(wc -l <"$rule")" = 1 ]
    run "$BATS_FILE_TMPDIR/with_more/$NAME" check-policy "$rule"
    [ "$status" = 0 ] || fail "$output"
    [[ $output == *1572864-2621439* ]] || fail "$output"
}

@test "with batch in the program, no link is called that" {
    stage with_more
    [ -L "$BIN/cwg_create" ]
    run --separate-stderr "$BIN/$NAME" batch </dev/null
    [ "$status" = 0 ]
    [ -z "$(find "$DEST" -name 'batch*' ! -name batch.py)" ] || fail "$(listing "$DEST")"
    echo theirs >"$BIN/batch"
    unstage with_more
    [ "$(find "$DEST" ! -type d)" = "$BIN/batch" ]
}

# An option that dpkg-buildpackage doesn't know ends the build at once.
@test "a build of packages removes what one before has left in its directory, and nothing else" {
    local file others=(my.log other_1_all.deb backup.tar.xz net-admin-helper-mine)
    local left=(build.log cwg_0.0.9_amd64.deb net-admin-helper-dbgsym_0.0.9_amd64.deb net-admin-helper_0.0.9.tar.xz)
    cd "$BATS_TEST_TMPDIR"
    touch "${others[@]}" "${left[@]}"
    run -1 "$ROOT/scripts/deb" . --no-such-option
    for file in "${others[@]}"; do [ -e "$file" ] || fail "$file is gone"; done
    for file in "${left[@]:1}"; do [ ! -e "$file" ] || fail "$file is left"; done
    grep -q -- --no-such-option build.log
}
