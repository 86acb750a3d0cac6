#!/usr/bin/env bats
# cwg with a partner that is hostile, or dies. Whatever the other end does, cwg ends soon, prints lines of printable
# characters, and leaves nothing of a join that it didn't finish.
# shellcheck disable=SC2119,SC2120 # most joins have no options

bats_require_minimum_version 1.5.0
load hostile

# Joins c1 here with c2 there.
join()
{
    run --separate-stderr near join "$@" "pid/$c1" "far:pid/$c2"
}

# Joins while a session dies after each number of lines: sweep DIRECTORY HOW LATER. Each time the exit status is that of
# what is left, and soon nothing is. Ends with the first join that gets through.
sweep()
{
    local direction=$1 how=$2 later=$3 count limits net tried=0 unnoted=0
    for ((count = 0; count < 20; count++)); do
        limits="$count -"
        [ "$direction" = 0 ] || limits="- $count"
        PEER="relay $limits $how $later"
        new_log
        join
        [ "$status" != 0 ] || break
        tried=$((tried + 1))
        check_failed "$count" "$how" "$later"
    done
    # The last one: a join whose session wasn't needed any more.
    [ "$status" = 0 ] || fail "the join that gets through: $status $stderr"
    [ "$(links | wc -l)" = 2 ] || fail "the join that gets through: $(links)"
    [ "$tried" -ge 5 ] || fail "the sessions died $tried times only"
    PEER="relay - - cut alive"
    net=$(sed -n 's/.*To undo: cwg leave //p' <<<"$output")
    near leave "$net"
    nothing_left
}

check_failed()
{
    local text=1
    [ "$status" = 1 ] || text=3
    [ "$2" != near ] || text=137
    if [ "$text" = 137 ]; then
        [ "$status" = 137 ] || fail "after $1 lines: $status"
    else
        failed_well "$text" ""
    fi
    # Where no further session comes about, the far end removes its own by itself, and this one can't know that.
    [ "$text" != 3 ] || [[ $stderr == *"may be left in far:pid/$c2; there, "* ]] || fail "after $1 lines: $stderr"
    [ "$text" != 3 ] || [ "$3" = dead ] || fail "after $1 lines something was left: $stderr"
    if [ "$text" = 1 ]; then
        nothing_left || fail "after $1 lines, and exit status 1: $(links)"
        [ -z "$(remembered)" ] || fail "after $1 lines: $(remembered)"
    elif ! grep -q '"do":"commit"' "$LOG/lines" && [ -z "$(remembered)" ]; then
        wait_for nothing_left || fail "after $1 lines: $(links)"
    else
        # The session may end when the line is on its way, and then nobody notes it: that is so for one count.
        grep -q '"do":"commit"' "$LOG/lines" || unnoted=$((unnoted + 1))
        [ "$unnoted" -le 1 ] || fail "after $1 lines: $(remembered)"
        # The far end may have been told to keep its own. No two-step commit gets around that. It is remembered.
        wait_for only_far_left || fail "after $1 lines: $(links)"
        leave_far
    fi
}

only_far_left()
{
    [ -z "$(inside "$c1" grep wg- /proc/net/dev)" ] || [ "$how" = near ]
}

# Prints the nets that are remembered.
remembered()
{
    find "$STATE" -name '*.json' -printf '%f\n' | sed 's/\.json//'
}

# Removes what was left: by leave, or by the same join again.
leave_far()
{
    local PEER="relay - - cut alive" before
    before=$(remembered)
    if [ "$how" = near ]; then
        join
        [ "$status $(links | wc -l)" = "0 2" ] || fail "$status $stderr $(links)"
    else
        [[ $stderr == *" removes it; so does cwg leave $before here, once that machine is reached" ]] || fail "$stderr"
    fi
    [ "${before:-nothing}" = "$(remembered)" ] || fail "'$before', then '$(remembered)' of $(links)"
    near leave "$before"
    nothing_left || fail "$(links)"
}

@test "a connection that is lost after any message there leaves nothing" {
    sweep 0 cut alive
}

@test "a connection that is lost after any message from there leaves nothing" {
    sweep 1 cut alive
}

@test "a machine that isn't reached again after any message is told of, and removes its end by itself" {
    sweep 0 cut dead
}

@test "join --json prints one object, after the clean-up, with what may be left and its remedy" {
    PEER="relay 4 - cut dead"
    join --json --net 7
    [ "$status" = 3 ] && [ "${#lines[@]}" = 1 ] || fail "$status $output $stderr"
    [[ $output =~ ^'{"error":{"code":"unreachable","text":"far: '[^\"]*'"},"left":[{"end":"far:pid/'$c2'","command":'\
'"net-admin-helper cwg_destroy $(cwg pid pid/'$c2') 7 1 --if-exists"}]}'$ ]] || fail "$output"
    wait_for nothing_left
}

@test "a server that is killed after any message leaves nothing" {
    sweep 0 kill alive
}

@test "a cwg that is killed after any message leaves nothing" {
    sweep 0 near alive
}

@test "a server whose output ends after any message leaves nothing" {
    local begun=$SECONDS
    sweep 1 half alive
    # Each time the server gets an end of its input, and need not be killed after 15 seconds.
    [ $((SECONDS - begun)) -le 40 ] || fail "it took $((SECONDS - begun)) seconds"
}

# Ends a join by a signal after some lines there, while nothing answers: hang LINES SIGNAL
hang()
{
    local pid status=0
    PEER="relay $1 - hang alive"
    new_log
    as_near /usr/bin/env --default-signal=INT cwg join "pid/$c1" "far:pid/$c2" >"$LOG/out" 2>"$LOG/err" 3>&- &
    pid=$!
    wait_for reached "$1"
    sleep 0.3
    kill -"$2" "$(cat "$LOG/near")"
    wait "$pid" || status=$?
    [ "$status" = 1 ] || fail "$1 lines, $2: $status $(cat "$LOG/err")"
    grep -qx "cwg: interrupted" "$LOG/err" || fail "it says: $(cat "$LOG/err")"
    nothing_left || fail "$1 lines, $2: $(links)"
}

reached()
{
    [ -e "$LOG/sessions" ] && { [ "$1" = 0 ] || [ "$(lines_of 0)" -ge "$1" ]; }
}

@test "a signal ends a join with a machine that doesn't answer" {
    hang 0 INT
    hang 2 TERM
}

@test "what isn't cwg's is refused soon, whatever it is" {
    local what begun
    for what in garbage lines zeros long long-answer deep answers errors end half; do
        PEER="say $what"
        begun=$SECONDS
        join
        failed_well 1 "far:"
        [ $((SECONDS - begun)) -le 10 ] || fail "$what took $((SECONDS - begun)) s"
        nothing_left
    done
}

@test "answers that lie are refused, and what was made goes" {
    local what
    for what in net host name key port huge container engine error; do
        PEER="lie $what"
        new_log
        join
        failed_well 1 "far:"
        nothing_left || fail "$what: $(links)"
    done
}

@test "a net that always overlaps is given up" {
    PEER="lie overlap"
    join
    failed_well 1 "far: no"
    [ "$(grep -c '"do":"create"' "$LOG/lines")" = 8 ]
    nothing_left
}

@test "another machine's words reach neither the terminal nor the files" {
    local net
    PEER="lie warning"
    join
    [ "$status" = 0 ] || fail "$stderr"
    [[ $stderr == "cwg: warning: far:pid/$c2: ?]0;owned???2J?second line" ]] || fail "$stderr"
    ! LC_ALL=C grep -q '[^ -~]' <<<"$output$stderr" || fail "not printable: $output$stderr"
    net=$(sed -n 's/.*To undo: cwg leave //p' <<<"$output")
    PEER="lie links"
    run --separate-stderr near status
    [ "$status" = 1 ] && [[ $output == *gone* ]] || fail "$output"
    PEER="relay - - cut alive"
    near leave "$net"
    nothing_left
}

@test "addresses that no other machine can have are not tried, and four at most" {
    PEER="lie addresses 127.0.0.1,::1,fe80::1,224.0.0.1,0.0.0.0,255.255.255.255"
    join
    failed_well 1 ""
    [ ! -e "$LOG/lines" ] || ! grep -q '^0 .*127\.0\.0\.1' "$LOG/lines"
    nothing_left
}

# A link of c1 that isn't far's: far knows all its public keys, and claims to be the peer.
@test "another's link that a machine claims is not removed from there" {
    local net=7 key1 key2
    container c3
    key1=$(app_at site1 "$HELPER" cwg_create "$c1" "$net" 0 0)
    key2=$(app_at site1 "$HELPER" cwg_create "$c3" "$net" 1 0)
    app_at site1 "$HELPER" cwg_connect "$c1" "$net" 1 - "$key2"
    PEER="lie claim $net,$key1,$key2"
    join
    failed_well 1 "are joined by net 7 already, but the link doesn't work"
    [ "$(inside "$c3" grep -c wg-7-1 /proc/net/dev)" = 1 ]
}

@test "another's link of the net that is asked for stays, also if the session is lost before it is refused" {
    app_at site1 "$HELPER" cwg_create "$c2" 7 1 0
    PEER="relay - 2 cut alive"
    join --net 7
    failed_well 1 "far:"
    [ "$(links)" = "wg-7-1" ] || fail "$(links)"
}

@test "ssh gets descriptors 0 to 2 alone, also where cwg got others, or none" {
    PEER="relay - - cut alive"
    exec 9<"$BADPEER"
    near join "pid/$c1" "far:pid/$c2"
    near join "pid/$c1" "far:pid/$c2" <&- >&- 2>&-
    near join "pid/$c1" "far:pid/$c2" <&- 2>/dev/null
    near join "pid/$c1" "far:pid/$c2" >&-
    exec 9<&-
    [ "$(sort -u "$LOG/fds")" = "[0, 1, 2]" ] || fail "$(cat "$LOG/fds")"
    [ "$(wc -l <"$LOG/fds")" = 4 ]
}

@test "a caller that ignores SIGCHLD takes nothing away" {
    printf '#!/bin/sh\necho %d\n' "$c1" >"$BATS_FILE_TMPDIR/bin/lxc-info"
    chmod 0755 "$BATS_FILE_TMPDIR/bin/lxc-info"
    run --separate-stderr as_near /usr/bin/env --ignore-signal=CHLD cwg pid lxc/web
    rm "$BATS_FILE_TMPDIR/bin/lxc-info"
    [ "$status" = 0 ] && [ "$output" = "$c1" ] || fail "$status $output $stderr"
    PEER="relay 5 - cut alive"
    run --separate-stderr as_near /usr/bin/env --ignore-signal=CHLD cwg join "pid/$c1" "far:pid/$c2"
    failed_well 1 "far:"
    nothing_left
}

@test "a container whose engine isn't in PATH isn't taken for one that is gone" {
    local net lxc=$BATS_FILE_TMPDIR/bin/lxc-info
    printf '#!/bin/sh\necho %d\n' "$c1" >"$lxc"
    chmod 0755 "$lxc"
    PEER="relay - - cut alive"
    run --separate-stderr near join lxc/web "far:pid/$c2"
    [ "$status" = 0 ] || fail "$stderr"
    net=$(sed -n 's/.*To undo: cwg leave //p' <<<"$output")
    mv "$lxc" "$lxc.away"
    run --separate-stderr near leave "$net"
    failed_well 3 "this machine: lxc isn't installed, or lxc-info isn't in PATH; the end at far:pid/$c2 is removed; \
the one at lxc/web may be left: run cwg leave $net again"
    mv "$lxc.away" "$lxc"
    near leave "$net"
    rm "$lxc"
    nothing_left
}

@test "50 joins at once, of the same and of different containers, all come about" {
    local i pids=() nets failed=0 others=()
    container c3
    container c4
    others=("pid/$c2" "far:pid/$c2" "pid/$c3" "far:pid/$c4")
    PEER="relay - - cut alive"
    for i in {1..50}; do
        near join --json "pid/$c1" "${others[i % 4]}" >"$BATS_TEST_TMPDIR/out.$i" 2>"$BATS_TEST_TMPDIR/err.$i" 3>&- &
        pids+=($!)
    done
    for i in {1..50}; do
        wait "${pids[i - 1]}" || { failed=$((failed + 1)); cat "$BATS_TEST_TMPDIR/err.$i"; }
    done
    [ "$failed" = 0 ] || fail "$failed failed"
    nets=$(cat "$BATS_TEST_TMPDIR"/out.* | grep -o '^{"net":[0-9]*' | grep -o '[0-9]*$' | sort -u)
    [ "$(inside "$c1" grep -c wg- /proc/net/dev)" = "$(wc -w <<<"$nets")" ] || fail "$nets, but $(links)"
    for i in "$c1" "$c2" "$c3" "$c4"; do app_at site1 "$HELPER" cwg_destroy_all "$i"; done
}

@test "what a far machine says of large packets is checked" {
    local lie
    for lie in '{"whole":99999}' '{"port":0}'; do
        PEER="lie member $lie" run --separate-stderr near doctor far
        [[ $output =~ note\ +far:\ mtu\ +"not measured: far: cwg there tells " ]] || fail "$lie: $output $stderr"
    done
}

# Gives lines to `cwg serve`: serve TEXT. Sets the array of lines to its answers, without signs of life.
serve()
{
    run --separate-stderr as_near cwg serve <<<"$1"
    [ "$status$stderr" = 0 ] || fail "$status $stderr"
    mapfile -t lines < <(grep -vx '{"busy":true}' <<<"$output")
}

@test "cwg serve does nothing before the greeting, and nothing that isn't asked in the right words" {
    local words requests='{"cwg":1}' count=0 i
    for words in '{"do":"look","engine":"pid","name":"'"$c1"'"}' '{"cwg":2}' '{"cwg":"1"}' '[]' '' x '{"cwg":1'; do
        serve "$words"$'\n{"do":"clock"}'
        [ "${#lines[@]}" = 1 ] || fail "$words: $output"
    done
    for words in '{"do":"exec"}' '{}' '{"do":7}' '{"do":"look"}' '{"do":"look","name":"--json"}' \
        '{"do":"look","name":"-x"}' '{"do":"look","name":"../../etc/passwd","engine":"netns"}' \
        '{"do":"look","name":"..","engine":"netns"}' '{"do":"look","name":"a b"}' '{"do":"look","name":"a\u001b"}' \
        '{"do":"look","name":"a","engine":"sh"}' '{"do":"look","name":"a","engine":["pid"]}' \
        '{"do":"look","name":"a","engine":"an-engine-with-a-long-name"}' \
        '{"do":"create","container":0,"net":7,"host":0,"port":0}' '{"do":"destroy","container":-1,"net":7,"host":0}' \
        '{"do":"wait","container":0.0,"net":7,"host":0,"seconds":1}' '{"do":"route","to":'"[$(yes 7 | head -n 80 |
            paste -sd ,)]"'}' '{"do":"connect","container":256,"net":7,"host":0,"endpoint":"-","key":"x"}' \
        '{"do":"knock","address":"192.0.2.1"}'; do
        requests+=$'\n'"$words"$'\n{"do":"commit"}'
        count=$((count + 1))
    done
    serve "$requests"
    [ "${#lines[@]}" = $((1 + 2 * count)) ] || fail "$output"
    for ((i = 1; i < 2 * count; i += 2)); do
        [[ ${lines[i]} == '{"error":{"code":'* && ${lines[i + 1]} == '{}' ]] || fail "request $i: ${lines[i]}"
    done
}

@test "cwg serve bounds what it takes, and undoes at the end of its input" {
    local good='{"do":"look","engine":"pid","name":"'"$c1"'"}' bad i
    local create='{"do":"create","container":0,"net":7,"host":0,"port":0}'
    local connect='{"do":"connect","container":0,"net":7,"host":1,"endpoint":"-",'
    connect+='"key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=",'
    serve $'{"cwg":1}\n'"$(for i in {1..300}; do echo "$good"; done)"
    [ "${#lines[@]}" = 301 ] && [ "$(grep -c '"container":0' <<<"$output")" = 300 ] || fail "$output"
    serve $'{"cwg":1}\n'"$good"$'\n'"$create$(for bad in '"psk":7' '"psk":"x"' '"mtu":575' '"keepalive":-1' \
        '"mtu":"1280 --persistent-keepalive=1"'; do printf '\n%s' "$connect$bad}"; done)"
    [ "${#lines[@]}" = 8 ] && [ "$(grep -c '^{"error":{"code":"protocol"' <<<"$output")" = 5 ] || fail "$output"
    nothing_left
    # One socket at a time, and one measurement by each; "to" is of the other family.
    serve $'{"cwg":1}\n'"$(
        for i in {1..300}; do echo '{"do":"probe"}'; done
        good='"to":"[2001:db8::1]:7","cookie":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=","mtu":1420'
        for bad in "${good/2001:db8::1/ff02::1}" "${good/AAAE/AAAF}" "${good/1420/575}" "$good" "$good"; do
            echo "{\"do\":\"measure\",$bad}"
        done)"
    [ "${#lines[@]}" = 306 ] && [ "$(grep -c '^{"port":[0-9]*}$' <<<"$output")" = 300 ] || fail "$output"
    [[ ${lines[301]} == *"member to"* && ${lines[302]} == *"member cookie"* && ${lines[303]} == *"member mtu"* &&
        ${lines[304]} == *"of two families"* && ${lines[305]} == *"probe has to come before measure"* ]] ||
        fail "${lines[*]:300}"
    # A line that has no end, after something was made.
    run --separate-stderr as_near \
        sh -c '{ printf "%s\n" "$@"; sleep 1; yes | tr -d "\n"; } | cwg serve' sh '{"cwg":1}' \
        "$good" "$create"
    [ "$status" = 0 ] && [ "${#lines[@]}" = 3 ] || fail "$output"
    nothing_left
}

@test "cwg serve goes and undoes where nobody reads its answers" {
    local good='{"do":"look","engine":"pid","name":"'"$c1"'"}'
    local create='{"do":"create","container":0,"net":7,"host":0,"port":0}'
    as_near sh -c '{ printf "%s\n" "$@"; for i in $(seq 2000); do echo "$2"; done; sleep 60; } | cwg serve | sleep 60' \
        sh '{"cwg":1}' "$good" "$create" 3>&- &
    CONTAINERS+=("$!")
    wait_for has_device "$c1" wg-7-0
    sleep 8
    wait_for nothing_left
}
