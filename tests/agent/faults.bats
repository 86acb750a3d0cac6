#!/usr/bin/env bats
# Faults by chance: containers, agents and carriers that end, partitions, spoiled files, for five minutes. Then quiet:
# within 60 seconds all that is wanted is connected, nothing else was touched, and no file has grown. agent.bash draws
# the sites.
#
# NAH_SEED chooses the faults; the test prints its seed. NAH_FAULT_SECONDS is how long they last (300).
# NAH_CARRIER is what carries records: ssh, or etcd.
# The containers live ten minutes longer than the faults: one that ends by itself would look like a link that somebody
# removed.

bats_require_minimum_version 1.5.0
load agent

agents_of_the_file "${NAH_CARRIER:-ssh}"

# shellcheck disable=SC2034 # container() reads it
CONTAINER_SECONDS=$((${NAH_FAULT_SECONDS:-300} + 600))
LINKS=(one two three)
declare -gA NETS=([one]=11 [two]=12 [three]=13)

# Three links, of three containers at each site. The link of net 4, between web and db, was made by hand: nobody may
# touch it.
make_links()
{
    local link key1 key2
    for link in "${LINKS[@]}"; do
        start_container s1 "a_$link"
        start_container s2 "b_$link"
        declare_link "$link" "${NETS[$link]}" "a_$link" "b_$link"
    done
    key1=$(app_at site1 "$HELPER" cwg_create "$web" 4 0 5101)
    key2=$(app_at site2 "$HELPER" cwg_create "$db" 4 1 5102)
    app_at site2 "$HELPER" cwg_connect "$db" 4 0 192.0.2.1:5101 "$key1"
    app_at site1 "$HELPER" cwg_connect "$web" 4 1 192.0.2.2:5102 "$key2"
    inside "$web" ping -q -c 1 -W 5 10.0.0.9
}

# Says whether a link's packets pass: passes LINK
passes()
{
    local pid=a_$1
    inside "${!pid}" ping -q -c 1 -W 0.3 "10.0.0.$((2 * ${NETS[$1]} + 1))"
}

all_pass()
{
    local link
    for link in "${LINKS[@]}"; do passes "$link" || return; done
}

all_say_so()
{
    local link
    for link in "${LINKS[@]}"; do says_up s1 "$link" && says_up s2 "$link" || return; done
}

# One of the words, by chance. The result is in CHOSEN: a subshell would have its own row of chances.
choose()
{
    CHANCE=$(((CHANCE * 1103515245 + 12345) % 2147483648))
    shift $((CHANCE / 65536 % $#))
    CHOSEN=$1
}

# A site and its container of a link: choose_container sets SITE and NAME.
choose_container()
{
    choose s1 s2
    SITE=$CHOSEN
    choose "${LINKS[@]}"
    NAME=a_$CHOSEN
    [ "$SITE" = s1 ] || NAME=b_$CHOSEN
}

# A file that is no record, a half of one, an empty one, or none: spoil_one
spoil_one()
{
    local files path
    choose s1 s2
    mapfile -t files < <(cd "$(store_of "$CHOSEN")" && find in out -type f ! -name '.*' | sort)
    path=$(store_of "$CHOSEN")
    [ ${#files[@]} -gt 0 ] || return 0
    choose "${files[@]}"
    path=$path/$CHOSEN
    choose garbage half empty none
    echo "    $CHOSEN $path"
    case $CHOSEN in
        garbage) head -c 300 /dev/urandom >"$path.spoiled" ;;
        half) head -c 100 "$path" >"$path.spoiled" ;;
        empty) : >"$path.spoiled" ;;
        none) rm -f "$path"; return ;;
    esac
    chown --reference "${path%/*}" "$path.spoiled"
    mv -f "$path.spoiled" "$path"
}

# One fault, with what it takes to see it in the output of a failed test.
fault()
{
    choose restart restart restart stop agent agent carrier partition spoil spoil helper
    echo "$((SECONDS - BEGUN)) s: $CHOSEN"
    case $CHOSEN in
        restart) choose_container; echo "    $NAME"; restart_container "$SITE" "$NAME" ;;
        stop)
            choose_container
            echo "    $NAME"
            stop_container "$SITE" "$NAME"
            pause
            start_container "$SITE" "$NAME"
            ;;
        agent)
            choose s1 s2
            SITE=$CHOSEN
            choose KILL TERM
            end_agent "$SITE" "$CHOSEN"
            pause
            start_agent "$SITE"
            ;;
        carrier) stop_carrier; pause; start_carrier ;;
        partition) part; pause; pause; meet ;;
        spoil) spoil_one ;;
        helper)
            choose s1 s2
            pgrep -u "${UIDS[${OWNER[$CHOSEN]}]}" -f '^net-admin-helper batch' | xargs -r kill -KILL ||
                true # one of them had ended before
            ;;
    esac
    pause
}

pause()
{
    choose 0.1 0.3 1 3
    sleep "$CHOSEN"
}

# The bytes and the name of each file of both agents.
files_of_states()
{
    find "$(state_of_site s1)" "$(state_of_site s2)" -type f ! -name '.*' -printf '%s %p\n'
}

# The files of both agents, and their bytes, at rest.
size_of_states()
{
    files_of_states | awk '{ files++; bytes += $1 } END { print files, bytes }'
}

# What was told of the last fault goes a moment after it: nothing_grew FILES BYTES
nothing_grew()
{
    local files bytes
    read -r files bytes < <(size_of_states)
    [ "$files" -le "$1" ] && [ "$bytes" -le $(($2 + 500)) ]
}

@test "after faults by chance all that is wanted is connected within 60 s, and nothing else was touched or grew" {
    local files bytes
    CHANCE=${NAH_SEED:-$((RANDOM * 32768 + RANDOM))} BEGUN=$SECONDS
    echo "NAH_SEED=$CHANCE"
    make_links
    within 30 all_pass
    within 30 all_say_so
    NOTED=$(ends_of 4)
    read -r files bytes < <(size_of_states)
    BEGUN=$SECONDS
    while ((SECONDS - BEGUN < ${NAH_FAULT_SECONDS:-300})); do fault; done
    echo "$((SECONDS - BEGUN)) s: quiet"
    within 60 all_pass
    within 60 all_say_so
    echo "$((SECONDS - BEGUN)) s: all is connected"
    same_link 4
    [ "$(changes "pid $web")" = 2 ]
    [ "$(changes "pid $db")" = 2 ]
    run ! grep -vE "^mark-| net (4|${NETS[one]}|${NETS[two]}|${NETS[three]}) " "$AUDIT"
    inside "$web" ping -q -c 1 -W 5 10.0.0.9
    within 60 nothing_grew "$files" "$bytes" ||
        fail "the agents had $files files of $bytes bytes, and have"$'\n'"$(files_of_states)"
    CHANGED=$(changes)
    sleep 5
    [ "$(changes)" = "$CHANGED" ]
}
