#!/usr/bin/env bats
# Containers declare their ends of links by the label cwg.link. agent.bash draws the sites. A stand-in for podman tells
# of labels here; the last test is for the VM, where podman is the real one.

bats_require_minimum_version 1.5.0
load agent

agents_of_the_file

WEB="web-db,net=7,host=0,site=s2"
DB="web-db,net=7,host=1,site=s1"

home_of()
{
    echo "$WORLD/home/${OWNER[$1]}"
}

# As agent.bash's stand-in, and labels/NAME is the label of a container, images/NAME that of its image. `broken` is an
# engine that doesn't answer. Each look for labels leaves a line in `looks`.
make_labelled_podman()
{
    mv "$WORLD/whole/podman" "$WORLD/whole/podman-by-name"
    cat >"$WORLD/whole/podman" <<'EOF'
#!/bin/sh
say() { label=; [ ! -e "$1" ] || read -r label <"$1"; echo "$2 \"$label\""; }
case "$1 $4" in
    "ps --filter")
        echo look >>"$HOME/looks"
        [ ! -e "$HOME/broken" ] || { echo "Error: broken" >&2; exit 125; }
        for file in "$HOME"/labels/*; do [ ! -e "$file" ] || echo "id-${file##*/} ${file##*/}"; done ;;
    "container "*Labels*) shift 4; for id; do say "$HOME/labels/${id#id-}" "$id im-${id#id-} ${id#id-}"; done ;;
    "image "*) shift 4; for id; do say "$HOME/images/${id#im-}" "$id"; done ;;
    *) exec podman-by-name "$@" ;;
esac
EOF
    chmod 0755 "$WORLD/whole/podman"
    for site in s1 s2; do
        install -d -o "${UIDS[${OWNER[$site]}]}" -g "$APP_GID" "$(home_of "$site")"/{labels,images,.config,.config/cwg}
    done
}

setup_file()
{
    has_backend || return 0
    make_agents_world
    make_labelled_podman
}

after_test()
{
    local site
    for site in s1 s2; do
        rm -f "$(home_of "$site")"/{labels/*,images/*,looks,broken,.config/cwg/cwg.conf}
    done
    [ -z "${REAL:-}" ] || for site in s1 s2; do podman_of "$site" rm --all --force --time 0 || true; done
}

# Gives a container a label, and its image one: label SITE NAME LABEL [IMAGE-LABEL]
label()
{
    [ $# -lt 4 ] || echo "$4" >"$(home_of "$1")/images/$2"
    echo "$3" >"$(home_of "$1")/labels/$2"
}

unlabel()
{
    rm "$(home_of "$1")/labels/$2"
}

# The settings of sites allow labels, or don't: allow SITE..., forbid SITE...
allow()
{
    local site
    for site; do echo "labels podman" >"$(home_of "$site")/.config/cwg/cwg.conf"; done
    look "$@"
}

forbid()
{
    local site
    for site; do rm "$(home_of "$site")/.config/cwg/cwg.conf"; kill -HUP "${AGENTS[$site]}"; done
}

looks()
{
    grep -c . "$(home_of "$1")/looks" 2>/dev/null || true
}

has_looked()
{
    [ "$(looks "$1")" -gt "${2:-0}" ] && ! pgrep -P "${AGENTS[$1]}" -x cwg
}

# Has an agent look for labels at once, and waits until it has: look SITE...
look()
{
    local site before
    for site; do
        before=$(looks "$site")
        kill -HUP "${AGENTS[$site]}"
        within 30 has_looked "$site" "$before"
    done
}

status_at()
{
    of "$1" cwg status --state "$(state_of_site "$1")" || true
}

# How many lines of an agent's journal have a text: said SITE TEXT
said()
{
    grep -cF -- "$2" "$WORLD/agent-$1.log" || true
}

has_said()
{
    [ "$(said "$@")" -gt 0 ]
}

has_no_link()
{
    ! inside "$1" grep -q wg- /proc/net/dev
}

has_gone()
{
    [ ! -e "$1" ]
}

@test "a container's label declares its end, where the settings allow labels" {
    know
    label s1 web "$WEB"
    label s2 db "$DB"
    kill -HUP "${AGENTS[s1]}"
    sleep 1
    [ ! -e "$(home_of s1)/looks" ]
    has_no_link "$web"
    allow s1 s2
    healed web-db 7
    [[ $(status_at s1) =~ web-db\ +podman/web\ \(label\)\ .*(connected|in\ session) ]] || fail "$(status_at s1)"
    has_said s1 "link web-db: a label of podman/web declares it"
    [ -z "$(ls "$(store_of s1)/want")" ]
    run ! of s1 cwg forget --state "$(state_of_site s1)" web-db
    [[ $output == *"a label of podman/web declares web-db: remove that container"* ]] || fail "$output"
    restart_container s1 web
    healed web-db 7
    note
    end_agent s1 KILL
    start_agent s1
    sleep 2
    untouched
}

@test "a label takes no end, net or name that the store declares, and a hostile image's label counts for nothing" {
    declare_link web-db 7
    healed web-db 7
    start_container s1 evil
    label s1 evil "web-db,net=7,host=0,site=s2"
    label s1 evil2 "other,net=7,host=1,site=s2"
    label s1 evil3 "web-db,net=9,host=1,site=s2"
    label s1 evil4 "fourth,net=9,host=0,site=s3"
    label s1 evil5 "fifth,net=9,host=0,site=s2,psk=/etc/shadow"
    label s1 evil6 "../../site.s2,net=9,host=0,site=s2"
    label s1 image "sixth,net=9,host=0,site=s2" "sixth,net=9,host=0,site=s2"
    note
    allow s1
    look s1
    # Three more looks by the agent's own clock say nothing new.
    : >"$WORLD/agent-s1.log"
    allow s1
    before=$(looks s1)
    within 60 has_looked s1 $((before + 1))
    [ "$(said s1 "doesn't count")" = 7 ] || fail "$(<"$WORLD/agent-s1.log")"
    has_said s1 "evil doesn't count: podman/web has link web-db, of net 7, by what the store declares"
    has_said s1 "evil2 doesn't count: podman/web has link web-db"
    has_said s1 "evil3 doesn't count: podman/web has link web-db"
    has_said s1 "evil4 doesn't count: site s3 isn't known here"
    has_said s1 'evil5 doesn'"'"'t count: link fifth: "psk=/etc/shadow" is no word of a link'
    has_said s1 "evil6 doesn't count: it has to begin with the link's name"
    has_said s1 "image doesn't count: it is its image's"
    [ -z "$(ls "$(store_of s1)/label" 2>/dev/null)" ]
    has_no_link "$evil"
    untouched
}

@test "of two containers that say the same neither gets the end, and one that has it keeps it" {
    know
    label s2 db "$DB"
    start_container s1 evil
    label s1 web "$WEB"
    label s1 evil "$WEB"
    allow s1 s2
    look s1
    has_said s1 "the label of podman/web doesn't count: the label of podman/evil claims link web-db"
    has_said s1 "the label of podman/evil doesn't count: the label of podman/web claims link web-db"
    has_no_link "$web"
    unlabel s1 evil
    look s1
    healed web-db 7
    note
    label s1 evil "$WEB"
    stop_container s1 web
    look s1
    look s1
    has_no_link "$evil"
    [ "$(said s1 "podman/evil declares it")" = 0 ]
    start_container s1 web
    healed web-db 7
}

@test "a look that fails, or one that misses the label, ends no link; two that miss it do" {
    know
    label s1 web "$WEB"
    label s2 db "$DB"
    allow s1 s2
    healed web-db 7
    note
    touch "$(home_of s1)/broken"
    rm -r "$(store_of s1)/label" # a folder that has gone says nothing
    for _ in 1 2 3; do look s1; done
    sleep 6
    look s1
    untouched
    rm "$(home_of s1)/broken"
    look s1
    within 5 test -e "$(store_of s1)/label/web-db.0"
    unlabel s1 web
    look s1
    label s1 web "$WEB"
    look s1
    unlabel s1 web
    look s1
    sleep 6
    untouched
    look s1
    within 20 has_no_link "$web"
    has_said s1 "link web-db: no label declares it any more"
    within 10 has_gone "$(store_of s1)/status/web-db.0"
    [ -z "$(ls "$(store_of s1)/label")" ]
    label s1 web "$WEB"
    look s1
    healed web-db 7
    forbid s2
    within 20 has_no_link "$db"
}

@test "what the store declares takes an end from its label, and the label has it back" {
    know
    label s1 web "$WEB"
    label s2 db "$DB"
    allow s1 s2
    healed web-db 7
    declaration s1 web-db 7 web ',"off":true' | of s1 cwg declare --state "$(state_of_site s1)" -
    within 10 has_no_link "$web"
    look s1
    look s1
    has_no_link "$web"
    [ -z "$(ls "$(store_of s1)/label")" ]
    of s1 cwg forget --state "$(state_of_site s1)" web-db
    within 20 has_gone "$(store_of s1)/want/web-db.0"
    look s1
    healed web-db 7
}

# Rootless podman, as a site's user: podman_of SITE ARGUMENT...
podman_of()
{
    local site=$1 user=${OWNER[$1]}
    (cd "$(home_of "$site")" && setpriv --reuid "${UIDS[$user]}" --regid "${GIDS[$user]}" --clear-groups \
        --inh-caps=-all -- env -i PATH="$WORLD/whole" HOME="$(home_of "$site")" podman "${@:2}" 3>&-)
}

# Has podman be the real one, for the agents, too.
use_real_podman()
{
    local site first=300000
    REAL=1
    cat >"$WORLD/whole/podman" <<'EOF'
#!/bin/sh
[ "$1 $2" != "ps --all" ] || echo look >>"$HOME/looks"
PATH=/usr/sbin:/usr/bin:/sbin:/bin XDG_RUNTIME_DIR=$HOME/run exec podman "$@"
EOF
    mkdir -p /etc/containers
    printf '[storage]\ndriver = "vfs"\n' >/etc/containers/storage.conf
    printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\nruntime = "crun"\n' \
        >/etc/containers/containers.conf
    make_image
    chmod a+r "$WORLD/small.tar"
    # A file before this one may have given the users' numbers to other names, with ranges of their own.
    truncate -s 0 /etc/subuid /etc/subgid
    for site in s1 s2; do
        install -d -o "${UIDS[${OWNER[$site]}]}" -g "$APP_GID" -m 0700 "$(home_of "$site")/run"
        echo "${OWNER[$site]}:$first:65536" | tee -a /etc/subgid >>/etc/subuid
        first=$((first + 65536))
        podman_of "$site" import "$WORLD/small.tar" small
    done
    podman_of s1 import --change "LABEL cwg.link=evil,net=9,host=0,site=s2" "$WORLD/small.tar" hostile
}

# Runs a container: run_real SITE NAME IMAGE [OPTION...]
run_real()
{
    podman_of "$1" run --detach --name "$2" --network none --cap-add NET_RAW --log-driver none "${@:4}" "$3" \
        sleep 100000
}

pid_of()
{
    podman_of "$1" inspect --format '{{.State.Pid}}' "$2"
}

# bats test_tags=kernel,only-6-12
@test "podman's containers declare their ends by labels, through a restart and until they are removed" {
    [ -n "${NAH_IN_VM:-}" ] || skip "only in the VM: podman needs an account for an ordinary user"
    use_real_podman
    know
    run_real s1 web small --label "cwg.link=$WEB"
    run_real s2 db small --label "cwg.link=$DB"
    run_real s1 evil hostile
    run_real s1 also hostile --label "cwg.link=also,net=9,host=0,site=s2"
    allow s1 s2
    web=$(pid_of s1 web) db=$(pid_of s2 db)
    healed web-db 7 60
    has_said s1 "the label of podman/evil doesn't count: it is its image's"
    has_said s1 "link also: a label of podman/also declares it"
    podman_of s1 restart --time 0 web
    web=$(pid_of s1 web)
    healed web-db 7 60
    podman_of s1 stop --time 0 web
    look s1
    look s1
    [ -e "$(store_of s1)/label/web-db.0" ]
    podman_of s1 rm web
    look s1
    look s1
    within 30 has_gone "$(store_of s1)/label/web-db.0"
    within 30 has_gone "$(store_of s1)/status/web-db.0"
}
