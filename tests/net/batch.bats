#!/usr/bin/env bats
# batch does many tasks in one process. Tests see how it answers each line, how a program keeps a batch running, and
# what is left when a batch ends at any moment.
#
#     +--------- site1 ---------+          +--------- site2 ---------+
#     |  batch    192.0.2.1 (v1)+---veth---+(v2) 192.0.2.2           |
#     |    +------------+       |          |        +------------+   |
#     |    |     c1     |       |          |        |     c2     |   |
#     |    +------------+       |          |        +------------+   |
#     |    others, for a test   |          |                         |
#     +-------------------------+          +-------------------------+
# shellcheck disable=SC2030,SC2031 # each test has variables of its own

bats_require_minimum_version 1.5.0
load net

KEY=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=

setup_file()
{
    has_backend || return 0
    install_helper
    two_sites
    container c1
    container c2
    export c1 c2
}

setup()
{
    require_backend
    IN='' OUT='' BATCH_OF='' READER=''
    ERRORS=$BATS_TEST_TMPDIR/errors
    APP=(ip netns exec site1 setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups --inh-caps=-all -- env --)
    # Ends what this test has started. The file's containers stay.
    CONTAINERS=()
    SITES=()
}

teardown()
{
    local failed=false
    unchanged || failed=true
    [ -z "${READER:-}" ] || exec {READER}<&-
    [ -z "$BATCH_OF" ] || end_batch || true
    at site1 "$HELPER" cwg_destroy_all "$c1"
    at site2 "$HELPER" cwg_destroy_all "$c2"
    clean_up
    ! $failed
}

teardown_file()
{
    SITES=(site1 site2)
    clean_up
}

# Starts a batch in site1, as the application; a test speaks with it by ask(). Sets BATCH_OF to its process. An option
# is the first argument, words before the command are the others.
start_batch()
{
    local options=()
    [[ ${1-} != --* ]] || options=("$1")
    [ ${#options[@]} = 0 ] || shift
    coproc BATCH { exec "${APP[@]}" "$@" "$HELPER" batch "${options[@]}" 2>"$ERRORS" 3>&-; }
    # shellcheck disable=SC2153 # coproc sets it
    BATCH_OF=$BATCH_PID
    exec {IN}>&"${BATCH[1]}" {OUT}<&"${BATCH[0]}"
    eval "exec ${BATCH[0]}<&- ${BATCH[1]}>&-"
}

# Writes a line to the batch, and reads the answer.
ask()
{
    echo "$*" >&"$IN"
    read -r -t 30 -u "$OUT" ANSWER || fail "no answer to: $*"
}

# Asks, and expects an answer that begins so. For "error TEXT" it expects an error of any code, with this text.
ask_for()
{
    local begin=$1
    shift
    ask "$@"
    if [[ $begin == "error "* ]]; then
        [[ $ANSWER =~ ^error\ [a-z-]+\ && ${ANSWER#error * } == "${begin#error }"* ]]
    else
        [[ $ANSWER == "$begin"* ]]
    fi || fail "the answer to '$*' is '$ANSWER', not '$begin'"
}

# Ends the batch's input. Its exit code is $1, or 0.
end_batch()
{
    local code=0
    exec {IN}>&- {OUT}<&-
    wait "$BATCH_OF" || code=$?
    BATCH_OF=
    [ "$code" = "${1:-0}" ] || fail "exit code $code: $(cat "$ERRORS")"
}

# Waits until no process of these batches is left. No other process runs this file's program.
no_batch_left()
{
    wait_for none_runs
}

none_runs()
{
    ! pgrep -f "^$HELPER batch" >/dev/null
}

# Waits until a process sleeps in a system call: asleep_in PID NUMBER
asleep_in()
{
    wait_for grep -q "^$2 " "/proc/$1/syscall"
}

# Runs a batch whose lines are the arguments.
batch_of()
{
    run --separate-stderr "${APP[@]}" "$HELPER" batch < <(printf '%s\n' "$@")
}

# Prints how many descriptors a process has.
descriptors_of()
{
    local all=("/proc/$1/fd"/*)
    echo "${#all[@]}"
}

field_of()
{
    sed -n "s/^$2:[[:blank:]]*//p" "/proc/$1/status"
}

# ---- answers ----

# bats test_tags=kernel,only-6-1
@test "a batch answers its lines in order, and goes on after a line that failed" {
    batch_of "cwg_create $c1 7 0 5107" "# a comment" "" "cwg_create $c1 8 0 0 --json" "cwg_create $c1 7 0 5108" \
        "cwg_destroy $c1 9 0" "nonsense" "  cwg_connect	$c1 7  1 192.0.2.2:5107 $KEY " "cwg_create $c1 9 0" \
        "cwg_wait $c1 9 0 0" "cwg_destroy $c1 8 0" "cwg_destroy_all $c1"
    [ "$status" = 1 ]
    [ "$stderr" = "$NAME: 5 of 10 tasks failed, the first in line 5 of the input: see the lines of the \
output that begin with error" ] || fail "$stderr"
    [ "${#lines[@]}" = 10 ] || fail "$output"
    [[ ${lines[0]} =~ ^'ok '[A-Za-z0-9+/]{43}=$ ]]
    local json='{"name":"wg-8-0","net":8,"host":0,"address":"10.0.0.16","created":true,'
    json+='"backend":"'$BACKEND'","mtu":1420,'
    [[ ${lines[1]} == "ok $json"*"}" ]]
    [[ ${lines[2]} == "error "*" the link wg-7-0 "* || ${lines[2]} == "error "*exists* ]] || fail "${lines[2]}"
    [[ ${lines[3]} == "error "*" no such link: the container has none for net 9, host 0"* ]]
    [ "${lines[4]}" = "error usage no such task in a batch; give one of: cwg_create cwg_connect cwg_destroy cwg_show \
cwg_list cwg_wait cwg_destroy_all commit" ] || fail "${lines[4]}"
    [ "${lines[5]}" = ok ]
    [[ ${lines[6]} == "error "*" port: missing; give "* ]]
    [[ ${lines[7]} == "error "*" no such link: "* ]]
    [ "${lines[8]}" = ok ]
    [ "${lines[9]}" = ok ]
    [ -z "$(inside "$c1" wg show interfaces)" ]
}

@test "a batch whose lines all succeeded prints nothing else, and exits with 0" {
    batch_of "cwg_create $c1 7 0 5107" "cwg_destroy $c1 7 0"
    [ "$status" = 0 ]
    [ -z "$stderr" ]
    [ "${#lines[@]}" = 2 ]
    [ "${lines[1]}" = ok ]
    batch_of "# nothing" ""
    assert_success_with ""
    run --separate-stderr "${APP[@]}" "$HELPER" batch </dev/null
    assert_success_with ""
}

@test "a batch refuses a line that isn't a task for batches, and changes nothing" {
    local line refused=() long x
    printf -v x '%*s' 512 ''
    long="cwg_destroy $c1 7 0${x// / }"
    cwg site1 create "$c1" 7 0 5107
    remember
    for line in --help -h --version "cwg_create --help" "cwg_show --help" "check-policy -" batch "batch -" \
        "$NAME cwg_destroy $c1 7 0"; do
        refused+=("$line")
    done
    batch_of "${refused[@]}" "cwg_destroy fd:0 7 0" "cwg_destroy fd:9 7 0" \
        "cwg_connect $c1 7 1 192.0.2.2:5107 $KEY --preshared-key-file /dev/null" \
        "cwg_connect $c1 7 1 192.0.2.2:5107 $KEY --preshared-key-file -" "$long" \
        $'cwg_destroy '"$c1"$' 7 0\r' "'cwg_destroy' $c1 7 0" "cwg_destroy_all" "cwg_destroy_all $c1 7" \
        "a b c d e f g h i j k l m n o p q" 9<"/proc/$c1/ns/net"
    [ "$status" = 1 ]
    [ "${#lines[@]}" = 19 ] || fail "$output"
    [[ $stderr == "$NAME: 19 of 19 tasks failed, the first in line 1 of the input: "* ]] || fail "$stderr"
    local text=("this line can't stand in a batch" "this line can't stand in a batch" "this line can't stand in a batch"
        "this line can't stand in a batch" "this line can't stand in a batch" "this line can't stand in a batch"
        "this line can't stand in a batch" "this line can't stand in a batch" "no such task"
        "pid: can't be a descriptor"
        "pid: can't be a descriptor" "--preshared-key-file: can't stand" "--preshared-key-file: can't stand"
        "the line has more than 511 characters" "the line has more than 16 words, or a character that is neither"
        "no such task"
        "pid: missing" "too many arguments" "the line has more than 16 words")
    local i
    for i in "${!text[@]}"; do
        [[ ${lines[i]} == "error "*" ${text[i]}"* ]] || fail "line $i: ${lines[i]}"
    done
    ! LC_ALL=C grep -q '[^ -~]' <<<"$output" || fail "not printable: $output"
    unchanged
}

@test "a batch doesn't do a last line that its input ends in the middle of" {
    run --separate-stderr "${APP[@]}" "$HELPER" batch < <(
        printf 'cwg_create %s 7 0 5107\ncwg_destroy %s 7 0' "$c1" "$c1")
    [ "$status" = 1 ]
    [ "${#lines[@]}" = 2 ]
    [[ ${lines[0]} == "ok "* ]]
    [[ ${lines[1]} == "error "*" the input ended in the middle of this line, and nothing of it was done;"* ]]
    has_device "$c1" wg-7-0
}

@test "a batch opens its file with the caller's own rights" {
    local file=$BATS_TEST_TMPDIR/lines
    chmod 755 "$BATS_TEST_TMPDIR"
    echo "cwg_create $c1 7 0 5107" >"$file"
    chmod 600 "$file"
    refused "file: can't open it" app_at site1 "$HELPER" batch "$file"
    refused "file: can't open it" app_at site1 "$HELPER" batch "$BATS_TEST_TMPDIR/none"
    refused "can't read the tasks" app_at site1 "$HELPER" batch /
    unchanged
    chown "$APP_UID" "$file"
    run --separate-stderr app_at site1 "$HELPER" batch "$file" </dev/null
    [ "$status" = 0 ] || fail "$output $stderr"
    [[ $output == "ok "* ]]
    has_device "$c1" wg-7-0
    echo "cwg_destroy $c1 7 0" | app_at site1 "$HELPER" batch -
}

# ---- a program that keeps it running ----

has_at_most()
{
    [ "$(descriptors_of "$BATCH_OF")" -le "$1" ]
}

@test "a program speaks with a batch line by line, and the batch doesn't grow" {
    local i descriptors memory rounds=50 children=1 child
    [ -z "${NAH_IN_VM:-}" ] || rounds=10
    start_batch
    for ((i = 0; i < rounds; i++)); do
        ask_for "ok " "cwg_create $c1 $((i % 3)) 0 0"
        ask_for "error " "cwg_create $c1 $((i % 3)) 0 0"
        ask_for "error no such link" "cwg_destroy $c1 77 0"
        ask_for "error pid: no such process" "cwg_destroy 4194304 77 0"
        ask_for "error port: " "cwg_create $c1 78 0 80"
        ask_for ok "cwg_destroy $c1 $((i % 3)) 0"
        if [ "$i" = 5 ]; then
            descriptors=$(descriptors_of "$BATCH_OF")
            memory=$(field_of "$BATCH_OF" VmRSS)
        fi
    done
    # A batch may answer before it has closed what the task had opened.
    wait_for has_at_most "$descriptors" || fail "not $descriptors: $(ls -l "/proc/$BATCH_OF/fd")"
    [ "$(field_of "$BATCH_OF" VmRSS)" = "$memory" ] || fail "not $memory: $(field_of "$BATCH_OF" VmRSS)"
    # The batch has a process that looks for containers. With engines it has one that starts engines, too.
    [ "$BACKEND" = kernel ] || children=2
    [ "$(pgrep -c -P "$BATCH_OF")" = $children ] || fail "$(ps --ppid "$BATCH_OF")"
    for child in $(pgrep -P "$BATCH_OF"); do
        [ -z "$(pgrep -P "$child" || true)" ] || fail "$(ps --ppid "$child")"
        [ "$(descriptors_of "$child")" -le 6 ] || fail "$(ls -l "/proc/$child/fd")"
    done
    end_batch 1
    [ "$(cat "$ERRORS")" = "$NAME: $((rounds * 4)) of $((rounds * 6)) tasks failed, the first in line 2 of the \
input: see the lines of the output that begin with error" ] || fail "$(cat "$ERRORS")"
    no_batch_left
}

# Prints the process of the running batch that looks for containers: the batch's newest child.
taker()
{
    pgrep -n -P "$BATCH_OF"
}

# Prints a line for each expression of `mine`: the list in $ANSWER, of the given processes alone, as pid and name of
# each link: links_of "PID, PID" [EXPRESSION...]
links_of()
{
    "$ROOT/tests/lib/said.py" list "sorted((i['pid'], i['name']) for i in it if i['pid'] in ($1,))" <<<"${ANSWER#ok }"
}

@test "cwg_list in a batch answers in one line, with the links as they are at that moment" {
    local other first second
    container other
    start_batch
    ask_for "ok [" cwg_list
    [ "$(links_of "$c1, $other")" = "[]" ] || fail "$ANSWER"
    ask_for "ok " "cwg_create $c1 7 0 5107"
    ask_for "ok " "cwg_create $other 8 0 5108"
    first="($c1, 'wg-7-0')" second="($other, 'wg-8-0')"
    ask_for "ok [" cwg_list
    [ "$(links_of "$c1, $other")" = "[$first, $second]" ] || fail "$ANSWER"
    ask_for "ok [" "cwg_list --nets 8-8 --json"
    [ "$(links_of "$c1, $other")" = "[$second]" ] || fail "$ANSWER"
    end_container "$other"
    wait_for port_free site1 5108
    ask_for "ok [" cwg_list
    [ "$(links_of "$c1, $other")" = "[$first]" ] || fail "$ANSWER"
    end_batch
}

@test "the batch's process that looks for containers can do nothing else, and when it was killed other tasks go on" {
    local taker
    start_batch
    ask_for "ok [" cwg_list
    taker=$(taker)
    # The process has CAP_SYS_PTRACE alone, and not effective. One socket is open, by which the batch asks it.
    wait_for grep -qx "CapPrm:.*0000000000080000" "/proc/$taker/status"
    [ "$(field_of "$taker" CapEff)" = 0000000000000000 ]
    [ "$(descriptors_of "$taker")" = 3 ] || fail "$(ls -l "/proc/$taker/fd")"
    # The batch's caller can't look into this process.
    ! as_app ls "/proc/$taker/fd" || fail "the caller sees what it has open"
    kill -KILL "$taker"
    ask_for "error the process that looks for the batch's containers has ended: begin a new batch" cwg_list
    ask_for "ok " "cwg_create $c1 7 0 5107"
    ask_for ok "cwg_destroy $c1 7 0"
    end_batch 1
    no_batch_left
}

@test "one batch works on the links of many containers in turn" {
    local number round rounds=7 pids=() pid
    [ -z "${NAH_IN_VM:-}" ] || rounds=1
    for ((number = 0; number < 9; number++)); do
        container pid
        pids+=("$pid")
    done
    start_batch
    for ((round = 0; round < rounds; round++)); do
        for number in "${!pids[@]}"; do
            ask_for "ok " "cwg_create ${pids[number]} $((round * 9 + number)) 0 0"
        done
    done
    ask_for "ok " "cwg_create ${pids[0]} 100 0 0"
    # The batch keeps no descriptor of a container.
    [ "$(descriptors_of "$BATCH_OF")" -le 8 ] || fail "$(ls -l "/proc/$BATCH_OF/fd")"
    [ "$(inside "${pids[0]}" wg show interfaces | wc -w)" = $((rounds + 1)) ]
    [ "$(inside "${pids[8]}" wg show interfaces | wc -w)" = "$rounds" ]
    for number in "${!pids[@]}"; do
        has_device "${pids[number]}" "wg-$number-0"
        ask_for ok "cwg_destroy_all ${pids[number]}"
        ! has_device "${pids[number]}" 'wg-[0-9]*-0' || fail "container $number has links"
    done
    end_batch
    no_batch_left
}

@test "a batch with few descriptors does its lines, for any number of containers" {
    local number limit limits=(28 30) pids=() pid
    for ((number = 0; number < 4; number++)); do
        container pid
        pids+=("$pid")
    done
    [ -z "${NAH_IN_VM:-}" ] || limits=(28)
    for limit in "${limits[@]}"; do
        start_batch prlimit "--nofile=$limit:$limit"
        for number in 0 1 2 3 0; do
            ask_for "ok " "cwg_create ${pids[number]} 7 0 0"
            ask_for ok "cwg_connect ${pids[number]} 7 1 192.0.2.2:5108 $KEY"
            ask_for ok "cwg_destroy ${pids[number]} 7 0"
        done
        end_batch
    done
}

@test "a line about a container that has ended is an error, and the batch does lines about other containers" {
    local gone
    container gone
    start_batch
    ask_for "ok " "cwg_create $gone 7 0 0"
    end_container "$gone"
    ask_for "error pid: no such process" "cwg_create $gone 8 0 0"
    ask_for "error pid: no such process" "cwg_destroy $gone 7 0"
    ask_for "ok " "cwg_create $c1 7 0 0"
    ask_for ok "cwg_destroy $c1 7 0"
    end_batch 1
}

@test "a container that ends takes its links with it, while a batch that has worked in it waits for lines" {
    local gone
    container gone
    start_batch
    ask_for "ok " "cwg_create $gone 7 0 5107"
    ask_for "ok " "cwg_create $c1 7 0 5108"
    end_container "$gone"
    wait_for port_free site1 5107
    # The container ends as well when a line has begun.
    container gone
    ask_for "ok " "cwg_create $gone 7 0 5107"
    printf 'cwg_destroy ' >&"$IN"
    end_container "$gone"
    wait_for port_free site1 5107
    ask_for ok "$c1 7 0"
    end_batch
}

@test "a container that ends takes its links with it, while a batch that has worked in it waits for a peer" {
    local gone
    container gone
    start_batch
    ask_for "ok " "cwg_create $gone 7 0 5107"
    ask_for "ok " "cwg_create $c1 7 0 5108"
    ask_for ok "cwg_connect $c1 7 1 192.0.2.2:5109 $KEY"
    echo "cwg_wait $c1 7 0 20" >&"$IN"
    asleep_in "$BATCH_OF" '\(230\|35\|271\)'
    end_container "$gone"
    wait_for port_free site1 5107
    read -r -t 30 -u "$OUT" ANSWER
    [[ $ANSWER == "error "*" no answer from 192.0.2.2:5109"* ]] || fail "$ANSWER"
    end_batch 1
}

@test "when a pid has become another process's, a batch works in that process's container" {
    local first taken=$BATS_TEST_TMPDIR/taken
    container first
    start_batch
    ask_for "ok " "cwg_create $first 7 0 0"
    # The batch sees neither the end of the process nor its successor before the next line has arrived.
    kill -STOP "$BATCH_OF"
    echo "cwg_create $first 8 0 0" >&"$IN"
    "$TOOLS/pidrecycle" --kill "$first" "/proc/$c1/ns/net" 20 >"$taken" 2>&1 3>&- &
    CONTAINERS+=("$!")
    wait_for grep -qx ready "$taken"
    kill -CONT "$BATCH_OF"
    read -r -t 30 -u "$OUT" ANSWER
    [[ $ANSWER == "ok "* ]] || fail "$ANSWER"
    has_device "$c1" wg-8-0
    ! has_device "$c1" wg-7-0 || fail "it is in the wrong container, or half made"
    end_batch
}

@test "a process that holds a container's lock delays a batch's line about it by two seconds, and no longer" {
    local start other
    hold_lock "$c1"
    container other
    start=${EPOCHREALTIME/./}
    batch_of "cwg_create $other 7 0 0" "cwg_create $c1 7 0 0" "cwg_destroy $other 7 0"
    start=$((${EPOCHREALTIME/./} - start))
    [ "$status" = 0 ] || fail "$output"
    [ "$start" -gt 1900000 ] || fail "it took $start us: it has waited for nobody"
    grep -qsx sleep "/proc/$HOLDER/comm" || fail "it has waited until there was no holder any more"
}

@test "a process that holds the lock of a container with an unfinished link delays a batch for seconds only" {
    local start took
    cwg site1 create "$c1" 7 0 5107
    inside "$c1" ip link set wg-7-0 group $((0x6e616821))
    hold_lock "$c1"
    start=${EPOCHREALTIME/./}
    batch_of "cwg_create $c1 7 0 0"
    took=$((${EPOCHREALTIME/./} - start))
    [ "$status" = 0 ] || fail "$output $stderr"
    [ "$took" -lt 20000000 ] || fail "it took $took us"
}

# Keeps this many descriptors of /dev/null on their way between sockets of the application's user, until it is killed.
HOG='
import os, socket, sys, time
pairs, null = [], os.open("/dev/null", os.O_RDONLY)
try:
    for _ in range(int(sys.argv[1]) // 400):
        pairs.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
        for _ in range(8):
            socket.send_fds(pairs[-1][0], [b"x"], [null] * 50)
except OSError as error:
    print(error, file=sys.stderr)
open(sys.argv[2], "w").close()
time.sleep(600)
'

# bats test_tags=engine
@test "where the user has too many descriptors on their way, a batch's create fails in time, and the next line works" {
    [ "$BACKEND" = engine ] || skip "the kernel carries the links: nothing is started"
    local hog
    mkdir -m 777 "$BATS_TEST_TMPDIR/open"
    chmod 755 "$BATS_TEST_TMPDIR"
    start_batch prlimit --nofile=512:512
    "${APP[@]}" /usr/bin/python3 -c "$HOG" 800 "$BATS_TEST_TMPDIR/open/ready" 3>&- &
    hog=$!
    CONTAINERS+=("$hog")
    wait_for test -e "$BATS_TEST_TMPDIR/open/ready"
    echo "cwg_create $c1 7 0 5107" >&"$IN"
    read -r -t 10 -u "$OUT" ANSWER || { kill -KILL "$BATCH_OF"; fail "it waits"; }
    [[ $ANSWER == "error "*" can't hand over the new engine: "* ]] || fail "$ANSWER"
    run ! has_device "$c1" wg-7-0
    wait_for port_free site1 5107
    end_container "$hog"
    ask_for "ok " "cwg_create $c1 7 0 5107"
    ask_for ok "cwg_destroy $c1 7 0"
    end_batch 1
}

# bats test_tags=engine
@test "where no process can be started for an engine, a batch's create is an error, and a later line recovers" {
    [ "$BACKEND" = engine ] || skip "the kernel carries the links: nothing is started"
    local others=() i most
    # Processes of the application's user take the place of two more. The batch has one that looks for containers.
    for i in 1 2; do
        "${APP[@]}" sleep 600 3>&- &
        others+=("$!")
        CONTAINERS+=("$!")
        wait_for grep -qx sleep "/proc/$!/comm"
    done
    most=$(($(pgrep -c -u "$APP_UID") + 3))
    start_batch prlimit --nproc="$most:$most"
    ask "cwg_create $c1 7 0 5107"
    [[ $ANSWER == "error shortage can't start a process for the engine: Resource temporarily unavailable (errno 11); \
raise your limit"* ]] || fail "$ANSWER"
    for i in "${others[@]}"; do end_container "$i"; done
    ask_for "ok " "cwg_create $c1 7 0 5107"
    ask_for ok "cwg_destroy $c1 7 0"
    end_batch 1
}

# bats test_tags=engine
@test "a batch doesn't wait for an engine when the process that should start it was killed" {
    [ "$BACKEND" = engine ] || skip "the kernel carries the links: nothing is started"
    local launcher
    start_batch
    ask_for "error no such link" "cwg_destroy $c1 7 0"
    launcher=$(pgrep -o -P "$BATCH_OF")
    # The launcher's child, and nobody else here, opens a socket.
    strace -qq -f -o /dev/null -e trace=socket -e inject=socket:signal=KILL:when=1 -p "$launcher" 3>&- &
    CONTAINERS+=("$!")
    wait_for grep -q "^TracerPid:[[:blank:]]*[1-9]" "/proc/$launcher/status"
    echo "cwg_create $c1 7 0 5107" >&"$IN"
    read -r -t 10 -u "$OUT" ANSWER || { kill -KILL "$BATCH_OF"; fail "it waits"; }
    [[ $ANSWER == "error "*" the process that starts the batch's engines has ended"* ]] || fail "$ANSWER"
    ! has_device "$c1" wg-7-0 || fail "it is in the wrong container, or half made"
    wait_for port_free site1 5107
    end_batch 1
}

@test "other commands use the same container while a batch waits for lines, and the batch waits for its turn" {
    start_batch
    ask_for "ok " "cwg_create $c1 7 0 0"
    flock -n "/proc/$c1/ns/net" true || fail "it keeps the lock"
    ask_for "error no such link" "cwg_destroy $c1 9 0"
    flock -n "/proc/$c1/ns/net" true || fail "it keeps the lock after an error"
    cwg site1 create "$c1" 8 0 0
    ask_for "error " "cwg_create $c1 8 0 0"
    ask_for ok "cwg_destroy $c1 8 0"
    run --separate-stderr cwg site1 destroy "$c1" 8 0
    assert_failure_with "no such link"
    # The batch does nothing while another process has the lock.
    exec {LOCK}<"/proc/$c1/ns/net"
    flock "$LOCK"
    echo "cwg_destroy $c1 7 0" >&"$IN"
    ! read -r -t 0.5 -u "$OUT" ANSWER || fail "answered: $ANSWER"
    has_device "$c1" wg-7-0
    exec {LOCK}<&-
    read -r -t 30 -u "$OUT" ANSWER
    [ "$ANSWER" = ok ]
    end_batch 1
}

@test "a link that a batch has made works on after the batch has ended" {
    local key1 key2
    start_batch
    ask_for "ok " "cwg_create $c1 7 0 5107"
    key1=${ANSWER#ok }
    key2=$(cwg site2 create "$c2" 7 1 5108)
    cwg site2 connect "$c2" 7 0 192.0.2.1:5107 "$key1"
    ask_for ok "cwg_connect $c1 7 1 192.0.2.2:5108 $key2"
    ask_for ok "cwg_wait $c1 7 0 20"
    ask_for 'ok {"proof":"answer"}' "cwg_wait $c1 7 0 20 --json"
    end_batch
    no_batch_left
    inside "$c1" ping -qc 2 -i 0.2 -W 5 10.0.0.15
    [[ $(cwg site1 show "$c1" 7 0 --json) == *'"state":"connected"'*"\"public_key\":\"$key1\""* ]]
    cwg site1 connect "$c1" 7 1 192.0.2.2:5108 "$key2"
    inside "$c2" ping -qc 1 -W 5 10.0.0.14
    # Another batch can connect and remove the link.
    batch_of "cwg_connect $c1 7 1 192.0.2.2:5108 $key2" "cwg_destroy $c1 7 0"
    [ "$status" = 0 ] || fail "$output"
    ! has_device "$c1" wg-7-0 || fail "the link is there"
    port_free site1 5107
}

# ---- a command whose output nobody reads keeps nothing of a container ----

# Makes a full pipe with the name in SINK, and opens it as descriptor READER.
full_pipe()
{
    SINK=$BATS_TEST_TMPDIR/sink
    mkfifo -m 666 "$SINK"
    exec {READER}<>"$SINK"
    python3 -c 'import fcntl, os; fcntl.fcntl(1, fcntl.F_SETPIPE_SZ, 4096); os.write(1, b"x" * 4096)' >"$SINK"
}

# Says whether a process has this many network namespaces open.
has_namespaces()
{
    [ "$(find "/proc/$1/fd" -lname 'net:*' | wc -l)" = "$2" ]
}

# Starts a command, and reads from a pipe as soon as the command has a file open. It starts no program in between: on
# some machines that takes longer than a command's patience. FILE PIPE COMMAND...
READ_WHEN_OPEN='
import os, subprocess, sys, time
wanted = os.stat(sys.argv[1])
command = subprocess.Popen(sys.argv[3:])
end = time.monotonic() + 20
def is_open():
    for name in os.listdir(f"/proc/{command.pid}/fd"):
        try:
            if os.path.samestat(os.stat(f"/proc/{command.pid}/fd/{name}"), wanted):
                return True
        except FileNotFoundError:
            pass
while not is_open():
    if time.monotonic() > end or command.poll() is not None:
        sys.exit("it has not been open")
os.read(int(sys.argv[2]), 1 << 20)
sys.exit(command.wait())
'

@test "a container ends with its links and their ports, though nobody reads what a command says of it" {
    local line gone code
    for line in "cwg_create PID 8 0 5108" "cwg_create PID 8 0 5108 --json"; do
        container gone
        cwg site1 create "$gone" 7 0 5107
        full_pipe
        # shellcheck disable=SC2086 # words
        "${APP[@]}" "$HELPER" ${line/PID/$gone} >"$SINK" {READER}<&- 2>"$ERRORS" 3>&- &
        BATCH_OF=$!
        # The command has made the link, and has left the container to write.
        wait_for has_device "$gone" wg-8-0
        wait_for has_namespaces "$BATCH_OF" 1
        end_container "$gone"
        wait_for port_free site1 5107
        code=0
        wait "$BATCH_OF" || code=$?
        BATCH_OF=
        [ "$code" = 1 ]
        grep -q "nobody has read from it for 10 seconds" "$ERRORS" || fail "$(cat "$ERRORS")"
        wait_for port_free site1 5108
        exec {READER}<&-
        READER=
        rm "$SINK"
    done
}

@test "a link whose key nobody has read yet isn't taken for an unfinished one" {
    local first code=0
    full_pipe
    "${APP[@]}" "$HELPER" cwg_create "$c1" 8 0 5108 >"$SINK" {READER}<&- 2>"$ERRORS" 3>&- &
    first=$!
    wait_for has_device "$c1" wg-8-0
    wait_for has_namespaces "$first" 1
    /usr/bin/python3 -c "$READ_WHEN_OPEN" "/proc/$c1/ns/net" "$READER" \
        "${APP[@]}" "$HELPER" cwg_create "$c1" 8 0 5109 2>"$ERRORS.second" 3>&- || code=$?
    wait "$first" || fail "the first failed: $(cat "$ERRORS")"
    [ "$code" = 1 ]
    grep -q "the link wg-8-0 exists already" "$ERRORS.second" || fail "$(cat "$ERRORS.second")"
    exec {READER}<&-
    READER=
    rm "$SINK"
}

@test "a container ends with its links and their ports, though nobody reads a batch's answers about it" {
    local line gone
    for line in "cwg_create PID 8 0 5108" "cwg_destroy PID 9 0" "cwg_destroy_all 4194304" "cwg_wait PID 7 0 0" \
        nonsense; do
        container gone
        cwg site1 create "$gone" 7 0 5107
        full_pipe
        printf '%s\n' "${line/PID/$gone}" "cwg_destroy $gone 8 0" >"$BATS_TEST_TMPDIR/lines"
        "${APP[@]}" "$HELPER" batch <"$BATS_TEST_TMPDIR/lines" >"$SINK" {READER}<&- 2>"$ERRORS" 3>&- &
        BATCH_OF=$!
        asleep_in "$BATCH_OF" 1
        end_container "$gone"
        wait_for port_free site1 5107
        wait_for port_free site1 5108
        exec {READER}<&-
        READER=
        wait "$BATCH_OF" || true
        BATCH_OF=
        rm "$SINK"
    done
}

# ---- a client that goes, and --undo ----

# Speaks with a batch over one socket, which is its standard input and output: sends lines from standard input, writes
# answers to standard output. With `half` the client shuts its sending half at once, and reads on. With `gone` the
# client goes after a second.
OVER_SOCKET='
import os, socket, subprocess, sys, time
ours, theirs = socket.socketpair()
ours.sendall(sys.stdin.buffer.read())
batch = subprocess.Popen(sys.argv[2:], stdin=theirs, stdout=theirs)
theirs.close()
if sys.argv[1] == "gone":
    time.sleep(1)
    ours.close()
    batch.wait(timeout=20)
    sys.exit(batch.returncode)
ours.shutdown(socket.SHUT_WR)
while piece := ours.recv(65536):
    sys.stdout.buffer.write(piece)
sys.exit(batch.wait(timeout=20))
'

over_socket()
{
    local how=$1
    shift
    run --separate-stderr /usr/bin/python3 -c "$OVER_SOCKET" "$how" "${APP[@]}" "$HELPER" batch "$@"
}

@test "one socket may be both standard input and standard output of a batch" {
    over_socket half < <(printf '%s\n' "cwg_create $c1 7 0 5107" "cwg_wait $c1 7 0 1" "cwg_destroy $c1 7 0")
    [ "$status" = 1 ] || fail "$output $stderr"
    [ "${#lines[@]}" = 3 ]
    [[ ${lines[0]} == "ok "* ]]
    [[ ${lines[1]} == "error "* ]]
    [ "${lines[2]}" = ok ]
}

@test "a batch stops waiting for a peer when its client has gone" {
    local start=${EPOCHREALTIME/./}
    cwg site1 create "$c1" 7 0 5107
    cwg site1 connect "$c1" 7 1 192.0.2.2:5109 "$KEY"
    over_socket gone < <(echo "cwg_wait $c1 7 0 600")
    [ "$status" = 1 ] || fail "$status $output $stderr"
    [ $((${EPOCHREALTIME/./} - start)) -lt 10000000 ]
    start_batch
    echo "cwg_wait $c1 7 0 600" >&"$IN"
    asleep_in "$BATCH_OF" '\(230\|35\|271\)'
    exec {OUT}<&-
    wait_for none_runs
    exec {IN}>&-
    BATCH_OF=
}

@test "batch --undo removes the links that it has made when its input ends without commit, and no others" {
    local gone
    container gone
    cwg site1 create "$c1" 1 0 5101
    run --separate-stderr "${APP[@]}" "$HELPER" batch --undo < <(printf '%s\n' "cwg_create $c1 2 0 5102" commit \
        "cwg_create $c1 3 0 5103" "cwg_create $gone 3 0 5104" "cwg_create $c1 1 0 5105" "cwg_create $c1 4 0 5106" \
        "cwg_destroy $c1 4 0")
    [ "$status" = 1 ]
    [ "${lines[1]}" = ok ] || fail "$output"
    [[ $stderr == "$NAME: the input ended without a line commit: 3 links that this batch had made were removed" ]] ||
        fail "$stderr"
    has_device "$c1" wg-1-0
    has_device "$c1" wg-2-0
    ! has_device "$c1" wg-3-0 || fail "it is there"
    ! has_device "$gone" wg-3-0 || fail "it is there"
    port_free site1 5103
    port_free site1 5104
    # --undo also removes them when the client goes. A container that has ended is no obstacle.
    start_batch --undo
    ask_for "ok " "cwg_create $gone 5 0 5105"
    ask_for "ok " "cwg_create $c1 5 0 5106"
    end_container "$gone"
    exec {IN}>&- {OUT}<&-
    wait "$BATCH_OF" || true
    BATCH_OF=
    ! has_device "$c1" wg-5-0 || fail "it is there"
    # --undo leaves a link that another caller has made in the meantime.
    start_batch --undo
    ask_for "ok " "cwg_create $c1 5 0 5105"
    cwg site1 destroy "$c1" 5 0
    cwg site1 create "$c1" 5 0 5106
    end_batch 1
    has_device "$c1" wg-5-0
}

@test "batch --undo leaves its links after commit; a batch without --undo knows no commit" {
    run --separate-stderr "${APP[@]}" "$HELPER" batch --undo < <(printf '%s\n' "cwg_create $c1 2 0 5102" commit)
    [ "$status" = 0 ] || fail "$output $stderr"
    has_device "$c1" wg-2-0
    batch_of commit "cwg_destroy $c1 2 0"
    [ "$status" = 1 ]
    [ "${lines[0]}" = "error usage commit: this batch runs without --undo; leave it out" ] || fail "$output"
    [ "${lines[1]}" = ok ]
    run --separate-stderr "${APP[@]}" "$HELPER" batch --undo <<<"commit now"
    [ "$output" = "error usage commit: takes no arguments; leave them out" ] || fail "$output"
}

@test "batch --answered exits with 0 when it answered all lines, whatever the answers are" {
    run --separate-stderr "${APP[@]}" "$HELPER" batch --answered < <(printf '%s\n' nonsense "cwg_destroy $c1 7 0")
    [ "$status" = 0 ] || fail "$status $stderr"
    [ -z "$stderr" ]
    [[ ${lines[0]} == "error usage no such task"* ]]
    [[ ${lines[1]} == "error no-such-link "* ]]
    local code=0
    "${APP[@]}" "$HELPER" batch --answered <<<nonsense >/dev/full 2>"$ERRORS" || code=$?
    [ "$code" = 1 ]
}

@test "a batch passes over a comment of any length and any characters" {
    local long
    printf -v long '%*s' 9000 ''
    batch_of "# Grün" "cwg_destroy_all $c1" "#${long// /x}" $'#\r' "#$long" "cwg_destroy_all $c1"
    [ "$status" = 0 ] || fail "$output $stderr"
    [ "${#lines[@]}" = 2 ] || fail "$output"
}

# ---- ends ----

@test "a batch takes back a link whose result it couldn't deliver, though the container has renamed it" {
    local sink=$BATS_TEST_TMPDIR/sink reader code=0 write=1
    mkfifo "$sink"
    # The pipe is full, so the batch waits with its answer.
    exec {reader}<>"$sink"
    python3 -c 'import fcntl, os; fcntl.fcntl(1, fcntl.F_SETPIPE_SZ, 4096); os.write(1, b"x" * 4096)' >"$sink"
    "${APP[@]}" "$HELPER" batch < <(echo "cwg_create $c1 7 0 5107") >"$sink" {reader}<&- 2>"$ERRORS" 3>&- &
    BATCH_OF=$!
    wait_for has_device "$c1" wg-7-0
    asleep_in "$BATCH_OF" "$write"
    inside "$c1" ip link set wg-7-0 down
    inside "$c1" ip link set wg-7-0 name x0
    exec {reader}<&-
    wait "$BATCH_OF" || code=$?
    BATCH_OF=
    [ "$code" = 1 ]
    ! has_device "$c1" x0 || fail "it is still there: $(cat "$ERRORS")"
    port_free site1 5107
}

# The batch failed at its first line. Neither the first line's link is there, nor the second's.
assert_undone()
{
    [ "$1" = 1 ] || fail "exit code $1"
    [[ $(cat "$ERRORS") == "$NAME: can't write to standard output: "*"; the batch ended with its answer number 1" ]] ||
        fail "$(cat "$ERRORS")"
    [ -z "$(inside "$c1" wg show interfaces)" ]
    port_free site1 5107
    no_batch_left
}

# bats test_tags=glibc
@test "a batch that can't deliver a create's result removes that link, and ends" {
    local code lines_of=$BATS_TEST_TMPDIR/lines
    printf 'cwg_create %s 7 0 5107\ncwg_create %s 8 0 5108\n' "$c1" "$c1" >"$lines_of"
    code=0
    "${APP[@]}" "$HELPER" batch <"$lines_of" >/dev/full 2>"$ERRORS" || code=$?
    assert_undone "$code"
    code=0
    "${APP[@]}" "$HELPER" batch <"$lines_of" 2>"$ERRORS" >&- || code=$?
    assert_undone "$code"
    start_batch
    exec {OUT}<&-
    cat "$lines_of" >&"$IN"
    code=0
    wait "$BATCH_OF" || code=$?
    BATCH_OF=
    exec {IN}>&-
    assert_undone "$code"
}

@test "a batch that is killed anywhere leaves no process, and the tasks that it had begun can be repeated" {
    local i net pause state
    start_batch
    ask_for "ok " "cwg_create $c1 1 0 5101"
    kill -KILL "$BATCH_OF"
    end_batch 137
    no_batch_left
    local pauses=(0.01 0.03 0.05 0.07 0.09 0.11 0.13 0.15)
    [ -z "${NAH_IN_VM:-}" ] || pauses=(0.02 0.1)
    for pause in "${pauses[@]}"; do
        start_batch
        for ((i = 0; i < 6; i++)); do
            echo "cwg_create $c1 $((2 + i)) 0 $((5102 + i))" >&"$IN"
        done
        sleep "$pause"
        kill -KILL "$BATCH_OF"
        end_batch 137
        no_batch_left
    done
    # A finished link stays. Another link is made now.
    for ((net = 1; net < 8; net++)); do
        cwg site1 create "$c1" "$net" 0 $((5100 + net)) || true
        state=$(cwg site1 show "$c1" "$net" 0 --json)
        [[ $state == *'"state":"waiting for connect"'*"\"listen_port\":$((5100 + net)),"* ]] || fail "$state"
        cwg site1 destroy "$c1" "$net" 0
    done
    wait_for port_free site1 5101
    wait_for port_free site1 5104
}

@test "a batch ends when its caller is killed" {
    start_batch
    ask_for "ok " "cwg_create $c1 7 0 0"
    exec {IN}>&-
    no_batch_left
    exec {OUT}<&-
    BATCH_OF=
    has_device "$c1" wg-7-0
}

# ---- privileges ----

@test "a batch that waits has no effective capability, and its system calls are limited" {
    start_batch
    ask_for "ok " "cwg_create $c1 7 0 0"
    wait_for grep -qx 'State:.*S (sleeping)' "/proc/$BATCH_OF/status"
    [ "$(field_of "$BATCH_OF" CapEff)" = 0000000000000000 ]
    [ "$(field_of "$BATCH_OF" CapInh)" = 0000000000000000 ]
    [ "$(field_of "$BATCH_OF" NoNewPrivs)" = 1 ]
    [ "$(field_of "$BATCH_OF" Seccomp)" = 2 ]
    ! as_app ls "/proc/$BATCH_OF/fd" 2>/dev/null || fail "its caller sees its descriptors"
    ! as_app "$TOOLS/fdsteal" "$BATCH_OF" 0 || fail "its caller takes its descriptors"
    end_batch
}

# bats test_tags=engine
@test "the batch's process that starts engines waits without effective capabilities and the caller's descriptors" {
    [ "$BACKEND" = engine ] || skip "the kernel carries the links: there is no such process"
    local launcher fd what
    start_batch
    ask_for "ok " "cwg_create $c1 7 0 0"
    launcher=$(pgrep -o -P "$BATCH_OF")
    wait_for grep -qx 'State:.*S (sleeping)' "/proc/$launcher/status"
    [ "$(field_of "$launcher" CapEff)" = 0000000000000000 ]
    ! as_app ls "/proc/$launcher/fd" 2>/dev/null || fail "the caller sees its descriptors"
    for fd in "/proc/$launcher/fd"/*; do
        what=$(readlink "$fd")
        case ${fd##*/}:$what in
            [012]:/dev/null | [012]:/ | *:socket:* | *:net:*) ;;
            *) fail "${fd##*/}: $what" ;;
        esac
    done
    # When this process ends no link ends. Only creates fail from then on.
    kill -KILL "$launcher"
    ask_for "error the process that starts the batch's engines has ended" "cwg_create $c1 8 0 0"
    ! has_device "$c1" wg-8-0 || fail "the link is there"
    has_device "$c1" wg-7-0
    ask_for ok "cwg_destroy $c1 7 0"
    end_batch 1
}
