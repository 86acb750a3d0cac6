#!/usr/bin/env bats
# Containers of Debian's docker declare their ends by labels, to root's agent at site 1. Site 2's end is declared by a
# file. agent.bash draws the sites. For the VM, like tests/cwg/engines.bats: tests/check 6.12-engines
# bats file_tags=slow

bats_require_minimum_version 1.5.0
load agent
load ../cwg/docker

IN_VM=${NAH_IN_VM:+1}
UIDS[root]=0 GIDS[root]=0
OWNER[s1]=root

# The VM's /dev has what the programs need, and no journal.
make_dev()
{
    listen
}

setup_file()
{
    [ -n "$IN_VM" ] || return 0
    has_backend
    start_docker
    make_agents_world
    make_root_known
    make_image
    ln -s "$UNPACKED/usr/bin/docker" "$WORLD/whole"
    PATH=$WORLD/whole:$PATH
    await_docker
    docker import "$WORLD/small.tar" small
    docker import --change "LABEL cwg.link=evil,net=9,host=0,site=s2" "$WORLD/small.tar" hostile
}

setup()
{
    local site
    [ -n "$IN_VM" ] || skip "only in the VM: it needs docker, which the VM alone has"
    require_backend
    PATH=$WORLD/whole:$PATH
    declare -gA KEYS=() AGENTS=()
    for site in s1 s2; do
        install -d -o "${UIDS[${OWNER[$site]}]}" -g "${GIDS[${OWNER[$site]}]}" \
            "$WORLD/home/${OWNER[$site]}"/{agent,containers}
        KEYS[$site]=$(of "$site" cwg keys --state "$(state_of_site "$site")" | cut -d " " -f 3)
    done
    start_container s2 db
    start_carrier
    echo "labels docker" >"$WORLD/cwg.conf"
    start_agent s1 --config "$WORLD/cwg.conf"
    start_agent s2
}

teardown()
{
    [ -n "$IN_VM" ] || return 0
    docker rm --force web evil also >/dev/null 2>&1 || true
    clean_up
}

teardown_file()
{
    [ -n "$IN_VM" ] || return 0
    stop_docker
    end_world
}

# Runs a container: run_in_docker NAME IMAGE [OPTION...]
run_in_docker()
{
    docker run --detach --name "$1" --network none --cap-add NET_RAW --log-driver none "${@:3}" "$2" sleep 100000
}

pid_of()
{
    docker container inspect --format '{{.State.Pid}}' "$1"
}

has_said()
{
    grep -qF -- "$1" "$WORLD/agent-s1.log"
}

look()
{
    kill -HUP "${AGENTS[s1]}"
}

@test "docker's containers declare their ends by labels, through a restart, and until they are removed" {
    declaration s1 x 1 x | python3 -c 'import json, sys
print(json.dumps({"sites": json.load(sys.stdin)["sites"]}))' | of s1 cwg declare --state "$(state_of_site s1)" -
    declaration s2 web-db 7 db | of s2 cwg declare --state "$(state_of_site s2)" -
    run_in_docker web small --label cwg.link=web-db,net=7,host=0,site=s2 # small has no labels
    run_in_docker evil hostile
    run_in_docker also hostile --label cwg.link=also,net=9,host=0,site=s2
    look
    web=$(pid_of web)
    healed web-db 7 200
    within 100 has_said "the label of docker/evil doesn't count: it is its image's"
    within 100 has_said "link also: a label of docker/also declares it"

    docker restart --time 0 web
    web=$(pid_of web)
    healed web-db 7 200
    docker rm --force web
    run_in_docker web small --label cwg.link=web-db,net=7,host=0,site=s2
    web=$(pid_of web)
    healed web-db 7 200

    # The image of a container that runs is removed by force: its label can't be proven, and it keeps its end.
    docker image rm --force small
    look
    within 200 pings 7
    says_up s1 web-db

    docker rm --force web
    within 200 has_said "link web-db: no label declares it any more"
    within 100 test ! -e "$(store_of s1)/status/web-db.0"
}
