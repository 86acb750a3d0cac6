#!/usr/bin/env bats
# cwg leave, status, ps and pid, and what cwg remembers. cwg.bash draws the machines. Most tests have one link, between
# c1 at site1 and c2 at site2.

bats_require_minimum_version 1.5.0
load cwg

world_of_the_file

STATE=$WORLD/home/alice/.local/state/cwg

after_test()
{
    ip -n site1 link set v1 up
    pkill -u "${UIDS[alice]}" -f '^cwg status' || true
}

# Joins c1 and c2. Sets NET.
joined()
{
    run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    assert_joined
}

# Prints the names of all files in the folder, but that of the locks.
remembered()
{
    ls -A --ignore=lock "$STATE"
}

# leave succeeds, and nothing is left or remembered: assert_left [TEXT]
assert_left()
{
    assert_removed "$@"
    nothing_left
    [ -z "$(remembered)" ] || fail "still remembered: $(remembered)"
}

@test "leave removes a link at both ends, by its net or by its ends in either order, and forgets it" {
    joined
    run --separate-stderr cwg leave "$NET"
    assert_left
    [ "$output" = "net $NET: removed at pid/$c1 and site2:pid/$c2" ] || fail "$output"
    joined
    run --separate-stderr cwg leave "pid/$c1" "site2:pid/$c2"
    assert_left
    joined
    run --separate-stderr cwg leave "site2:pid/$c2" "pid/$c1"
    assert_left
}

@test "leave of a link that was left, or never joined, says so" {
    joined
    cwg leave "$NET"
    run --separate-stderr cwg leave "$NET"
    assert_said 1 "no such link was joined by you on this machine; cwg status shows those that were"
    run --separate-stderr cwg leave "pid/$c1" "site2:pid/$c2"
    assert_said 1 "no such link was joined by you on this machine; cwg status shows those that were"
}

@test "leave removes this end while the other machine is away, exits 3, and removes the rest later" {
    joined
    ip -n site1 link set v1 down
    run --separate-stderr cwg leave "$NET"
    assert_said 3 "site2: ssh: connect to host 192.0.2.2 port 22: Network is unreachable; the end at pid/$c1 is \
removed; the one at site2:pid/$c2 may be left: run cwg leave $NET again when site2 answers, or cwg leave --forget $NET \
if it never will"
    no_links "$c1"
    [ "$(links_in "$c2")" = "wg-$NET-1" ]
    ip -n site1 link set v1 up
    run --separate-stderr cwg leave "$NET"
    assert_left "removed at site2:pid/$c2; not found any more at pid/$c1"
}

@test "leave --forget forgets a link whose other machine is gone, after it removed this machine's end, and not else" {
    joined
    ip -n site1 link set v1 down
    MACHINE=no-helper run --separate-stderr cwg leave --forget "$NET"
    [ "$status" = 3 ] && [[ $stderr == *"pid/$c1 and site2:pid/$c2 may be left: run cwg leave $NET again"* ]] ||
        fail "$status $stderr"
    [ "$(remembered)" = "$NET.json" ]
    run --separate-stderr cwg leave --forget "$NET"
    assert_removed "removed at pid/$c1; forgotten, though an end may be left at site2:pid/$c2"
    no_links "$c1"
    [ -z "$(remembered)" ]
    ip -n site1 link set v1 up
    as_bob net-admin-helper cwg_destroy "$c2" "$NET" 1
}

@test "leave takes the names that join and status print, without USER@, if one link alone fits" {
    run --separate-stderr cwg join --net 77 "pid/$c1" "bob@site2:pid/$c2"
    assert_joined
    # A later join that finds the link changes nothing.
    run --separate-stderr cwg join "pid/$c1" "site2:pid/$c2"
    [ "$status" = 0 ] || fail "$stderr"
    grep -q '"host":"bob@site2"' "$STATE/77.json" || fail "$(<"$STATE/77.json")"
    sed 's/bob@site2/carol@site2/; s/"net":77/"net":78/' "$STATE/77.json" >"$STATE/78.json"
    run --separate-stderr cwg leave "pid/$c1" "site2:pid/$c2"
    assert_said 1 "several links have such ends: nets 77, 78; give the net of one"
    run --separate-stderr cwg leave "pid/$c1" "dave@site2:pid/$c2"
    assert_said 1 "no such link was joined by you on this machine"
    rm "$STATE/78.json"
    run --separate-stderr cwg leave "site2:pid/$c2" "pid/$c1"
    assert_left
}

@test "leave after the end of one container removes the other end" {
    joined
    end_container "$c1"
    run --separate-stderr cwg leave "$NET"
    assert_removed "removed at site2:pid/$c2; not found any more at pid/$c1"
    no_links "$c2"
    [ -z "$(remembered)" ]
}

@test "leave of one of several links leaves the others" {
    local first c3
    joined
    first=$NET
    container c3
    run --separate-stderr cwg join --net 77 "pid/$c1" "site2:pid/$c3"
    [ "$status" = 0 ] || fail "$stderr"
    run --separate-stderr cwg leave 77
    assert_removed
    [ "$(links_in "$c1") $(links_in "$c2")$(links_in "$c3")" = "wg-$first-0 wg-$first-1" ]
    [ "$(remembered)" = "$first.json" ]
}

@test "a net that is remembered isn't given to two other containers: leave would not find the first" {
    local c3 c4
    container c3
    container c4
    run --separate-stderr cwg join --net 77 "pid/$c1" "site2:pid/$c2"
    assert_joined
    run --separate-stderr cwg join --net 77 "pid/$c3" "site2:pid/$c4"
    assert_said 1 "you joined pid/$c1 and site2:pid/$c2 by net 77: choose another net, or remove that link first"
    run --separate-stderr cwg leave "pid/$c1" "site2:pid/$c2"
    assert_left
}

@test "a container that was started again is joined again, by the same net too, and the dead end goes" {
    local net_option before=''
    ip netns add red
    for net_option in "" "" "--net 77" "--net 77"; do
        # shellcheck disable=SC2086 # two words, or none
        run --separate-stderr cwg join $net_option netns/red "site2:pid/$c2"
        [ "$status" = 0 ] || fail "$stderr"
        NET=${output##* }
        [ "$(links_in "$c2")" = "wg-$NET-1" ] || fail "$(links_in "$c2")"
        [ "$(remembered)" = "$NET.json" ] || fail "$(remembered)"
        # Without --net it is the net of before.
        [ -z "$before" ] || [ -n "$net_option" ] || [ "$NET" = "$before" ] || fail "$NET, and before $before"
        before=$NET
        ip netns delete red
        ip netns add red
    done
    # An end of that net that isn't the link's stays.
    as_bob net-admin-helper cwg_destroy "$c2" 77 1
    as_bob net-admin-helper cwg_create "$c2" 77 1 0
    run --separate-stderr cwg join --net 77 netns/red "site2:pid/$c2"
    assert_said 1 "site2: the link wg-77-1 exists already in this container: choose another --net, or have it removed \
by cwg leave 77, by who joined it"
    run --separate-stderr cwg leave 77
    assert_removed "not found any more at netns/red and site2:pid/$c2"
    [ "$(links_in "$c2")" = "wg-77-1" ]
    ip netns delete red
    as_bob net-admin-helper cwg_destroy "$c2" 77 1
}

@test "what is remembered is a file for the user alone, with no secret in it" {
    joined
    [ "$(stat -c '%a %u' "$STATE" "$STATE/$NET.json" | paste -sd ' ')" = "700 ${UIDS[alice]} 600 ${UIDS[alice]}" ]
    [ "$(remembered)" = "$NET.json" ]
    [[ $(<"$STATE/$NET.json") =~ ^'{"version":1,"net":'$NET',"joined":'[0-9]+',"ends":['\
'{"host":"","engine":"pid","name":"'$c1'","device":"wg-'$NET'-0","public_key":"'[A-Za-z0-9+/]+'="},'\
'{"host":"site2","engine":"pid","name":"'$c2'","device":"wg-'$NET'-1","public_key":"'[A-Za-z0-9+/]+'="}]}'$ ]] ||
        fail "$(<"$STATE/$NET.json")"
    # XDG_STATE_HOME chooses another place.
    run --separate-stderr cwg leave "$NET"
    run --separate-stderr as alice site1 /usr/bin/env XDG_STATE_HOME="$WORLD/home/alice/elsewhere" cwg join --net 9 \
        "pid/$c1" "pid/$c2"
    [ "$status" = 0 ] || fail "$stderr"
    [ -e "$WORLD/home/alice/elsewhere/cwg/9.json" ]
    [ -z "$(remembered)" ]
}

@test "what couldn't be remembered isn't joined" {
    local state=$WORLD/home/alice/closed
    install -d -m 0500 "$state"
    run --separate-stderr as alice site1 /usr/bin/env XDG_STATE_HOME="$state" cwg join "pid/$c1" "pid/$c2"
    assert_said 1 "can't make $state/cwg, where cwg remembers links: Permission denied; set XDG_STATE_HOME to a folder"
    run --separate-stderr as alice site1 /usr/bin/env -u HOME cwg join "pid/$c1" "pid/$c2"
    assert_said 1 "neither XDG_STATE_HOME nor HOME is set, and cwg remembers links there: set one, to a whole path"
    # No file takes the place of a folder.
    chmod 0755 "$state"
    install -d -o "${UIDS[alice]}" -m 0700 "$state/cwg" "$state/cwg/7.json"
    run --separate-stderr as alice site1 /usr/bin/env XDG_STATE_HOME="$state" cwg join --net 7 --json "pid/$c1" \
        "site2:pid/$c2"
    [ "$status" = 1 ] || fail "$status $output"
    [[ $output == '{"error":{"code":"state","text":"'*" write $state/cwg/7.json: Is a directory"*'"},"left":[]}' ]] ||
        fail "$output"
    nothing_left
    rm -r "$state"
}

@test "two joins of the same containers at once make one link, whatever the order of the ends" {
    join_twice=()
    for ends in "pid/$c1 site2:pid/$c2" "site2:pid/$c2 pid/$c1" "pid/$c1 site2:pid/$c2"; do
        # shellcheck disable=SC2086 # two words
        cwg join --json $ends >"$BATS_TEST_TMPDIR/out.${#join_twice[@]}" &
        join_twice+=($!)
    done
    for pid in "${join_twice[@]}"; do wait "$pid"; done
    [ "$(cat "$BATS_TEST_TMPDIR"/out.* | grep -c '"already":false')" = 1 ] || fail "$(cat "$BATS_TEST_TMPDIR"/out.*)"
    [ "$(links_in "$c1" | wc -l)$(links_in "$c2" | wc -l)" = 11 ]
}

@test "a file that can't be read is named, by leave and by status" {
    joined
    echo '{"version":1' >"$STATE/$NET.json"
    for command in leave status; do
        run --separate-stderr cwg "$command" "$NET"
        assert_said 1 "what was remembered of net $NET can't be read: remove $STATE/$NET.json"
    done
}

@test "a remembered host can't be an option of ssh's" {
    joined
    sed -i 's/"host":"site2"/"host":"-oProxyCommand=touch${IFS}'"${WORLD//\//\\/}"'\/hacked"/' "$STATE/$NET.json"
    run --separate-stderr cwg leave "$NET"
    assert_said 1 "what was remembered of net $NET can't be read: remove $STATE/$NET.json"
    [ ! -e "$WORLD/hacked" ]
}

@test "status shows both ends of each link, with state, endpoints and bytes" {
    run --separate-stderr cwg status
    [ "$status" = 0 ] && [ "${#lines[@]}" = 1 ] || fail "$output $stderr"
    joined
    run --separate-stderr cwg status
    [ "$status" = 0 ] && [ -z "$stderr" ] || fail "$status $stderr"
    [[ ${lines[0]} =~ ^NET\ +END\ +ADDRESS\ +STATE\ +"PEER'S ENDPOINT"\ +RECEIVED\ +SENT$ ]] || fail "${lines[0]}"
    [[ ${lines[1]} =~ ^$NET\ +pid/$c1\ +10\.[0-9.]+\ +connected\ +192\.0\.2\.2:[0-9]+\ +[0-9]+\ +[0-9]+$ ]] ||
        fail "${lines[1]}"
    [[ ${lines[2]} =~ ^\ +site2:pid/$c2\ +10\.[0-9.]+\ +connected\ +192\.0\.2\.1:[0-9]+\ +[0-9]+\ +[0-9]+$ ]] ||
        fail "${lines[2]}"
    [ "${#lines[@]}" = 3 ]
    run --separate-stderr cwg status "$NET"
    [ "$status" = 0 ] && [ "${#lines[@]}" = 3 ] || fail "$output $stderr"
    run --separate-stderr cwg status 5
    assert_said 1 "no link of this name or net is declared here, or was joined by you"
}

@test "status shows an end that is gone, that has no container, and that isn't reached" {
    joined
    as alice site1 net-admin-helper cwg_destroy "$c1" "$NET" 0
    run --separate-stderr cwg status
    [ "$status" = 1 ] && [[ ${lines[1]} == "$NET "*" gone "*" - "* ]] || fail "$status $output"
    ip -n site1 link set v1 down
    end_container "$c1"
    run --separate-stderr cwg status
    [ "$status" = 1 ] || fail "exit code $status"
    [[ ${lines[1]} == "$NET "*" not-running "* && ${lines[2]} == *"site2:pid/$c2 "*" unreachable "* ]] || fail "$output"
    [ "${stderr_lines[0]}" = \
        "cwg: this machine: pid/$c1: process $c1 isn't there (No such process); start it first" ] &&
        [[ ${stderr_lines[1]} == "cwg: site2: ssh: connect to host 192.0.2.2 port 22: Network is unreachable" ]] &&
        [ "${#stderr_lines[@]}" = 2 ] || fail "$stderr"
}

# A machine that drops what comes to its TCP port 22.
@test "a machine that doesn't answer at all: status shows this one's rows meanwhile, and ssh gives up soon" {
    local config=$WORLD/home/alice/soon before=$SECONDS leave
    joined
    at site2 iptables -w -A INPUT -p tcp --dport 22 -j DROP
    # The user's configuration wins.
    printf 'Host site2\n  ConnectTimeout 4\n' | cat - "$WORLD/home/alice/.ssh/config" >"$config"
    run --separate-stderr at site1 /usr/bin/env -i HOME="$WORLD/home/alice" PATH="$WORLD/whole" TERM=vt100 \
        CWG_SSH="ssh -F $config" /usr/bin/python3 "$ROOT/tests/cwg/terminal.py" -- \
        "$TOOLS/enter" --user "${UIDS[alice]}" "${GIDS[alice]}" -- cwg status
    [ "$status" = 1 ] || fail "$status $output"
    [[ $output == *"waiting for site2 ..."*" connected "*"waiting for site2 ..."*" unreachable "*"cwg: site2: ssh: \
connect to host 192.0.2.2 port 22: Connection timed out"* ]] || fail "$output"
    [ $((SECONDS - before)) -le 13 ] || fail "it took $((SECONDS - before)) s"
    # Without it an option is given.
    cwg leave "$NET" 2>"$BATS_TEST_TMPDIR/err" &
    leave=$! status=0
    wait_for pgrep -u "${UIDS[alice]}" -f 'ssh .* ConnectTimeout=15 -- site2'
    kill -KILL "$(pgrep -u "${UIDS[alice]}" -f 'ssh .* ConnectTimeout=15 -- site2')"
    wait "$leave" || status=$?
    at site2 iptables -w -F
    [ "$status" = 3 ] && [[ $(<"$BATS_TEST_TMPDIR/err") == *"; the end at pid/$c1 is removed; the one at site2:pid/$c2 \
may be left: run cwg leave $NET again when site2 answers, or cwg leave --forget $NET if it never will" ]] ||
        fail "$status $(<"$BATS_TEST_TMPDIR/err")"
}

@test "status --json has the helper's own words of both ends" {
    joined
    run --separate-stderr cwg status --json
    [ "$status" = 0 ] && [ "${#lines[@]}" = 1 ] || fail "$stderr"
    python3 - "$output" "$NET" <<'END'
import json, sys
said = json.loads(sys.argv[1])
assert said["declared"] == said["sites"] == [] and not said["agent"]["runs"], said
(link,) = said["joined"]
assert link["net"] == int(sys.argv[2]), link
first, second = link["ends"]
assert first["host"] == "" and second["host"] == "site2" and first["engine"] == second["engine"] == "pid", link
assert first["state"] == second["state"] == "connected" == first["link"]["state"], link
assert first["link"]["public_key"] == second["link"]["peer"]["public_key"], link
END
}

@test "status --watch shows the table again, until it is interrupted" {
    joined
    run at site1 /usr/bin/env -i HOME="$WORLD/home/alice" PATH="$WORLD/whole" TERM=vt100 \
        /usr/bin/python3 "$ROOT/tests/cwg/terminal.py" --type RECEIVED "" --type RECEIVED "" --type RECEIVED '^C' -- \
        "$TOOLS/enter" --user "${UIDS[alice]}" "${GIDS[alice]}" -- cwg status --watch
    [ "$status" = 0 ] || fail "$status $output"
    # Ctrl-C takes away what the terminal hasn't shown yet of the third.
    [ "$(grep -c connected <<<"$output")" -ge 4 ] || fail "$output"
    [[ $output == *$'\033[H\033[J'*$'\033[H\033[J'* ]]
}

@test "status of many links begins no session before its turn: it would have ended by then" {
    local i log=$BATS_TEST_TMPDIR/log
    chmod a+rx "$BATS_TEST_TMPDIR"
    install -m 0666 /dev/null "$log"
    install -d -o "${UIDS[alice]}" "$STATE"
    for i in {1..9}; do
        printf '{"version":1,"net":%d,"joined":1,"ends":[%s,%s]}' "$i" \
            "{\"host\":\"h$i\",\"engine\":\"pid\",\"name\":\"1\",\"device\":\"wg-$i-0\"}" \
            "{\"host\":\"h$i\",\"engine\":\"pid\",\"name\":\"2\",\"device\":\"wg-$i-1\"}" \
            >"$STATE/$i.json"
    done
    # An ssh of which the first host's takes a while.
    cat >"$BATS_TEST_TMPDIR/ssh" <<END
case "\$*" in
    *h1\ *) PATH=/usr/bin:/bin sleep 0.5; echo first >>$log ;;
    *h9\ *) echo last >>$log ;;
esac
exit 1
END
    CWG_SSH="/bin/sh $BATS_TEST_TMPDIR/ssh" run --separate-stderr cwg status
    [ "$status" = 1 ] || fail "$status $stderr"
    [ "$(paste -sd ' ' "$log")" = "first last" ] || fail "$(<"$log")"
}

# Says whether the last table has these states of c1 and c2, and below it this text: shows STATE STATE TEXT
shows()
{
    local last
    last=$(tail -n +"$(grep -n RECEIVED "$BATS_TEST_TMPDIR/out" | tail -n 1 | cut -d: -f1)" "$BATS_TEST_TMPDIR/out")
    [[ $last == *" $1 "*"site2:pid/$c2 "*" $2 "*"$3"* ]]
}

@test "status --watch goes on where a machine isn't reached any more, says so, and reaches it again" {
    joined
    cwg status --watch >"$BATS_TEST_TMPDIR/out" 2>&1 &
    WATCH=$!
    wait_for shows connected connected ""
    ip -n site1 link set v1 down
    kill -KILL "$(pgrep -u "${UIDS[alice]}" -x ssh)"
    wait_for shows connected unreachable "cwg: site2: the session ended with status 137; trying again"
    wait_for shows connected unreachable "Network is unreachable; trying again"
    ip -n site1 link set v1 up
    wait_for shows connected connected ""
    kill "$(pgrep -u "${UIDS[alice]}" -f '^cwg status')"
    wait "$WATCH"
}

@test "pid prints a container's pid, and says what is wrong with others" {
    run --separate-stderr cwg pid "pid/$c1"
    assert_success_with "$c1"
    run --separate-stderr cwg pid pid/4194304
    assert_said 1 "pid/4194304: process 4194304 isn't there (No such process); start it first"
    run --separate-stderr cwg pid pid/0
    assert_said 1 "pid/0: must be a pid, 1-4194304"
    run --separate-stderr cwg pid nothing
    assert_said 1 "no container is called nothing"
    run --separate-stderr cwg pid netns/site1
    assert_said 1 "a file of a network namespace has no pid"
}

@test "ps says which engines can't be asked, and once that the helper is missing" {
    local bin=$WORLD/no-helper
    printf '#!/bin/sh\ncase $1 in ps) echo web; echo db ;; *) for name; do :; done; echo "%s id $name" ;; esac\n' \
        "$c1" >"$bin/podman"
    printf '#!/bin/sh\necho "no daemon" >&2\nexit 1\n' >"$bin/docker"
    chmod 0755 "$bin/podman" "$bin/docker"
    MACHINE=no-helper run --separate-stderr cwg ps
    rm "$bin/podman" "$bin/docker"
    [ "$status" = 1 ] && [ "${#stderr_lines[@]}" = 2 ] || fail "$status $output $stderr"
    [[ ${stderr_lines[0]} == "cwg: docker: no daemon; "* ]] || fail "$stderr"
    [[ ${stderr_lines[1]} == "cwg: this machine: net-admin-helper isn't installed"* ]] || fail "$stderr"
}

@test "ps without an engine has a head alone" {
    run --separate-stderr cwg ps
    [ "$status" = 0 ] && [ -z "$stderr" ] && [ "${#lines[@]}" = 1 ] || fail "$status $output $stderr"
    [[ $output =~ ^ENGINE\ +NAME\ +PID\ +LINKS$ ]] || fail "$output"
}
