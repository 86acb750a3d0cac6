# A cwg join that is held at a message, and signals for the processes that have a part in it. Bats files source this
# file after cwg.bash. relay.py stands between cwg and ssh:
#
#     cwg join -+- cwg serve - net-admin-helper batch                            site1, alice
#               +- relay.py - ssh - sshd - cwg serve - net-admin-helper batch    site2, bob

# Prints the pids of one of the processes of the picture.
pid_of()
{
    local alice=${UIDS[alice]} bob=${UIDS[bob]}
    case $1 in
        client) pgrep -u "$alice" -f '^cwg join' ;;
        near_serve) pgrep -u "$alice" -f '^/proc/self/exe serve' ;;
        near_batch) pgrep -u "$alice" -f '^net-admin-helper batch' ;;
        ssh) pgrep -u "$alice" -x ssh ;;
        session) pgrep -f '^sshd: bob' ;;
        serve) pgrep -u "$bob" -f '^cwg serve' ;;
        batch) pgrep -u "$bob" -f '^net-admin-helper batch' ;;
    esac
}

send()
{
    local pids
    wait_for pid_of "$2" # a session may still begin
    mapfile -t pids < <(pid_of "$2")
    kill -"$1" "${pids[@]}"
}

# Starts a join with site2 or FAR in the background, up to a message: join_until MESSAGE. end_of_join waits for its end,
# and sets $status, $stderr and $output as run does.
join_until()
{
    watch_messages "$1"
    cwg join "pid/$c1" "${FAR:-site2}:pid/$c2" >"$HELD/out" 2>"$HELD/err" &
    JOIN=$!
    wait_for test -e "$HELD/held"
}

end_of_join()
{
    local before=$SECONDS
    release_message
    status=0
    wait "$JOIN" || status=$?
    JOIN=
    output=$(<"$HELD/out") stderr=$(<"$HELD/err")
    mapfile -t stderr_lines <"$HELD/err"
    [ $((SECONDS - before)) -le 20 ] || fail "it took $((SECONDS - before)) seconds"
}

after_test()
{
    close_master
    [ -z "${JOIN:-}" ] || { release_message; wait "$JOIN" || true; }
}

# At each of these messages sends a signal to a process. Then the join has failed with status 1 and this text, and
# nothing is left: at_each SIGNAL PROCESS TEXT MESSAGE...
at_each()
{
    local signal=$1 process=$2 text=$3 message
    for message in "${@:4}"; do
        echo "$process at $message" >&2 # shown if this fails
        join_until "$message"
        [[ $message != *:c[or][nm]* ]] || [ -n "$(links_in "$c1")" ] || fail "no link is there yet"
        send "$signal" "$process"
        end_of_join
        if [ "$process" = client ] && [ "$signal" = KILL ]; then
            [ "$status" = 137 ] || fail "exit code $status; $stderr"
        else
            assert_said 1 "$text"
        fi
        nothing_left
    done
}

# In the commit a join may still succeed. Then the link is whole. If it fails nothing is left.
# at_commit SIGNAL PROCESS TEXT MESSAGE...
at_commit()
{
    local message
    for message in "${@:4}"; do
        echo "$2 at $message" >&2
        join_until "$message"
        send "$1" "$2"
        end_of_join
        if [ "$status" = 0 ]; then
            mapfile -t lines <<<"$output"
            assert_joined
            CWG_SSH='' cwg leave "$NET"
        else
            assert_said 1 "$3"
        fi
        nothing_left
    done
}
