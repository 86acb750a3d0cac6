#!/usr/bin/env bats
# The plugins that engines of containers call: what they answer to requests recorded from netavark 1.14 and from podman
# 4.3.1, and what they leave for the agent. netavark.bats and podman_hook.bats
# of tests/agent have podman itself.

bats_require_minimum_version 1.5.0
load cli

ID=2f1f017280e15e6c0594f249583d25b6b4b37fb1c251a3a09c7c0d6446927d06
NETNS=/run/netns/netns-1aa4719b-088f-884e-5ce4-ffffcbc2fbc2
LINK=web-db,net=7,host=0,site=s2
NOTHING='{"dns_search_domains":[],"dns_server_ips":[],"interfaces":{}}'

setup()
{
    CWG=$ROOT/build/cwg
    chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$(dirname "$BATS_RUN_TMPDIR")" "$BATS_TEST_TMPDIR"
    RUNTIME=$BATS_TEST_TMPDIR/run
    install -d -o "$APP_UID" -g "$APP_GID" -m 0700 "$RUNTIME"
    ATTACHED=$RUNTIME/cwg-attached
}

# Calls a plugin as a user, with what the engine says: plugin INPUT KIND ARGUMENT...
plugin()
{
    local input=$1
    shift
    run --separate-stderr as_app env XDG_RUNTIME_DIR="$RUNTIME" "$CWG" plugin "$@" <<<"$input"
}

# What netavark says of a container: request [FILTER]
request()
{
    jq -c "${1:-.}" <<END
{"container_id": "$ID", "container_name": "web", "port_mappings": null, "network": {"dns_enabled": true,
 "driver": "cwg", "id": "d9f63386f87589fb7f93bb22b30541c1463759d26c3ad4635aedc913289c99d1", "internal": false,
 "ipv6_enabled": false, "name": "cwgnet", "network_interface": null, "options": {"link": "$LINK"},
 "ipam_options": null, "subnets": null, "routes": null, "network_dns_servers": null},
 "network_options": {"aliases": ["2f1f017280e1"], "interface_name": "eth0", "static_ips": null, "static_mac": null,
 "options": null}}
END
}

# What podman asks about a network that it is about to make: network [FILTER]
network()
{
    jq -c "${1:-.}" <<END
{"name": "cwgnet", "id": "a643db3bf72e93b461fee05304a4e349e55a880e525dc2b69a4c8b52c27d2fb6", "driver": "cwg",
 "created": "0001-01-01T00:00:00Z", "ipv6_enabled": false, "internal": false, "dns_enabled": true,
 "options": {"link": "$LINK"}}
END
}

# What the runtime says when a container has been made: created ANNOTATIONS
created()
{
    jq -c --argjson given "$1" '.annotations += $given' <<END
{"ociVersion": "1.0", "id": "$ID", "pid": 32, "root": "/rootfs",
 "bundle": "/var/lib/containers/storage/overlay-containers/$ID/userdata", "status": "created",
 "annotations": {"io.container.manager": "libpod", "io.kubernetes.cri-o.TTY": "false"}}
END
}

# What podman says when a container has ended.
stopped()
{
    created "$1" | jq -c 'del(.pid, .root, .annotations["io.container.manager"]) | .status = "stopped"'
}

# The container is attached, and what its file says; or no container is: attached [NETWORK JSON]
attached()
{
    if [ $# = 0 ]; then
        [ -z "$(find "$RUNTIME" -type f)" ] || fail "left: $(find "$RUNTIME" -type f)"
    else
        [ "$(ls "$ATTACHED")" = "$ID+$1" ] || fail "not $ID+$1: $(ls -a "$ATTACHED")"
        diff <(jq -S . "$ATTACHED/$ID+$1") <(jq -S . <<<"$2")
    fi
}

# After plugin(): an error of netavark's protocol, and nothing is attached: refused TEXT
refused()
{
    [ "$status" = 1 ] || fail "exit status $status"
    [ -z "$stderr" ] || fail "on standard error: $stderr"
    [ "$(jq -r 'keys[]' <<<"$output")" = error ] || fail "$output"
    [[ $(jq -r .error <<<"$output") == "$1"* ]] || fail "not '$1': $output"
    attached
}

# After plugin(): a hook's error, and nothing is attached: hook_refused TEXT
hook_refused()
{
    [ "$status" = 1 ] || fail "exit status $status"
    [ -z "$output" ] || fail "on standard output: $output"
    [[ $stderr == "cwg oci-hook: $1"* ]] || fail "not '$1': $stderr"
    [ "${#stderr_lines[@]}" = 1 ]
    attached
}

@test "a plugin's kind that is missing or unknown is a wrong command line" {
    run --separate-stderr "$CWG" plugin
    [ "$status" = 2 ]
    [[ $stderr == "cwg: plugin needs a kind: "* ]] || fail "$stderr"
    run --separate-stderr "$CWG" plugin nonesuch
    [ "$status" = 2 ]
    [ "$stderr" = "cwg: no such kind of plugin" ]
}

@test "netavark: info says the versions of the plugin and of its protocol" {
    plugin '' netavark info
    assert_success_with "{\"version\":\"$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")\",\"api_version\":\"1.0.0\"}"
}

@test "netavark: a network is made as it is, but without a name service" {
    local filter
    for filter in . 'del(.options)' '.options = null' '.options = {}' '.options.link = ""' \
        '.options.link = "a,net=1,host=0,site=x b,net=2,host=1,site=y"' '.subnets = []' '.internal = true'; do
        plugin "$(network "$filter")" netavark create
        [ "$status" = 0 ] || fail "$output"
        diff <(jq -S . <<<"$output") <(network "$filter" | jq -S '.dns_enabled = false')
    done
    attached
}

@test "netavark: a network with another option, a wrong link or a subnet is refused" {
    plugin "$(network '.options.mtu = "1400"')" netavark create
    refused 'a network of cwg has no option "mtu", but link alone: all else belongs into that one, as in --opt link=w'
    plugin "$(network '.options.link = "web-db,net=7"')" netavark create
    refused 'option link: link web-db: it needs net=N, host=0 or host=1, and site=NAME'
    plugin "$(network '.options.link = " "')" netavark create
    refused 'option link: it declares nothing'
    plugin "$(network '.options.link = 7')" netavark create
    refused 'option link: it is no text of up to 512 characters'
    plugin "$(network '.options.link = "x" * 513')" netavark create
    refused 'option link: it is no text of up to 512 characters'
    plugin "$(network '.subnets = [{"subnet": "10.1.0.0/24", "gateway": "10.1.0.1"}]')" netavark create
    refused 'a network of cwg has no subnet'
}

@test "netavark: setup attaches the container with its namespace and the network's link, and teardown removes that" {
    plugin "$(request)" netavark setup "$NETNS"
    assert_success_with "$NOTHING"
    attached cwgnet "{\"engine\": \"podman\", \"name\": \"web\", \"netns\": \"${NETNS##*/}\", \"link\": \"$LINK\"}"
    plugin "$(request)" netavark setup "$NETNS-next"
    assert_success_with "$NOTHING"
    attached cwgnet "{\"engine\": \"podman\", \"name\": \"web\", \"netns\": \"${NETNS##*/}-next\", \"link\": \"$LINK\"}"
    plugin "$(request '.network.name = "other"')" netavark teardown "$NETNS"
    assert_success_with ''
    [ -e "$ATTACHED/$ID+cwgnet" ]
    plugin "$(request)" netavark teardown "$NETNS"
    assert_success_with ''
    attached
}

@test "netavark: teardown of what is gone, or was never there, succeeds" {
    plugin "$(request)" netavark teardown "$NETNS"
    assert_success_with ''
    [ ! -e "$ATTACHED" ]
    plugin "$(request)" netavark setup "$NETNS"
    for _ in 1 2; do
        plugin "$(request)" netavark teardown "$NETNS"
        assert_success_with ''
    done
    attached
}

@test "netavark: a network without a link attaches the container, which declares nothing" {
    local filter
    for filter in 'del(.network.options)' '.network.options = null' '.network.options = {}' \
        '.network.options.link = null' '.network.options.link = ""'; do
        plugin "$(request "$filter")" netavark setup "$NETNS"
        assert_success_with "$NOTHING"
        attached cwgnet "{\"engine\": \"podman\", \"name\": \"web\", \"netns\": \"${NETNS##*/}\", \"link\": \"\"}"
    done
}

@test "netavark: a namespace's file counts if it is directly in /run/netns, where the agent can find it" {
    local path
    plugin "$(request)" netavark setup "/var$NETNS"
    attached cwgnet "{\"engine\": \"podman\", \"name\": \"web\", \"netns\": \"${NETNS##*/}\", \"link\": \"$LINK\"}"
    for path in "/run/user/4242/netns/${NETNS##*/}" /run/netns/ /run/netns/.. /run/netns/a/b netns/a "$NETNS "; do
        plugin "$(request)" netavark setup "$path"
        assert_success_with "$NOTHING"
        attached cwgnet "{\"engine\": \"podman\", \"name\": \"web\", \"netns\": \"\", \"link\": \"$LINK\"}"
    done
}

@test "netavark: of two networks of a container each has its own attachment" {
    plugin "$(request)" netavark setup "$NETNS"
    plugin "$(request '.network.name = "other" | .network.options = null')" netavark setup "$NETNS"
    assert_success_with "$NOTHING"
    plugin "$(request)" netavark teardown "$NETNS"
    attached other "{\"engine\": \"podman\", \"name\": \"web\", \"netns\": \"${NETNS##*/}\", \"link\": \"\"}"
}

@test "netavark: a container that can't be attached is an error, and leaves nothing" {
    local filter
    for filter in 'del(.container_id)' '.container_id = 7' '.container_id = null'; do
        plugin "$(request "$filter")" netavark setup "$NETNS"
        refused '"container_id" is missing, or too long'
    done
    plugin "$(request '.container_id = "a" * 100')" netavark setup "$NETNS"
    refused '"container_id" is missing, or too long'
    plugin "$(request '.container_id = "../x"')" netavark setup "$NETNS"
    refused "a container's id can't be \"../x\""
    plugin "$(request 'del(.container_name)')" netavark setup "$NETNS"
    refused '"container_name" is missing, or too long'
    plugin "$(request '.container_name = "a b"')" netavark setup "$NETNS"
    refused "a container's name can't be \"a b\""
    plugin "$(request '.container_name = "a" * 254')" netavark setup "$NETNS"
    refused '"container_name" is missing, or too long'
    for filter in 'del(.network)' '.network = "cwgnet"' '.network.name = ""' '.network.name = "a/b"' \
        '.network.name = "n" * 129'; do
        plugin "$(request "$filter")" netavark setup "$NETNS"
        refused ''
        plugin "$(request "$filter")" netavark teardown "$NETNS"
        refused ''
    done
}

@test "netavark: setup refuses an address and a link that podman's file of the network has got wrong" {
    plugin "$(request '.network_options.static_ips = ["10.0.0.1"]')" netavark setup "$NETNS"
    refused 'network cwgnet: its link gives the container an address; leave --ip and --mac-address out'
    plugin "$(request '.network_options.static_mac = "02:00:00:00:00:01"')" netavark setup "$NETNS"
    refused 'network cwgnet: its link gives'
    plugin "$(request '.network.options.link = "web-db"')" netavark setup "$NETNS"
    refused 'option link: link web-db: it needs'
    plugin "$(request '.network.options.isolate = "true"')" netavark setup "$NETNS"
    refused 'a network of cwg has no option "isolate"'
}

@test "netavark: input that isn't one object, is doubled, or longer than 1 MiB is refused" {
    local input
    for input in '' x '[]' '{}{}' '{"name": "a", "name": "b"}' "$(request)x"; do
        plugin "$input" netavark setup "$NETNS"
        refused "standard input isn't one JSON object"
    done
    plugin "$(network '.labels.x = "y" * 1048000')" netavark create
    [ "$status" = 0 ] || fail "$output"
    plugin "$(network '.labels.x = "y" * 1049000')" netavark create
    refused 'standard input is longer than 1048576 bytes'
    run --separate-stderr as_app env XDG_RUNTIME_DIR="$RUNTIME" "$CWG" plugin netavark create < <(printf '{}\0 ')
    refused "standard input isn't one JSON object"
    run --separate-stderr as_app env XDG_RUNTIME_DIR="$RUNTIME" "$CWG" plugin netavark create </
    refused "can't read standard input: Is a directory"
}

@test "netavark: arguments that netavark doesn't give are an error of its protocol" {
    local arguments
    for arguments in '' nonesuch setup 'setup a b' teardown 'create a' 'info a'; do
        # shellcheck disable=SC2086 # several words
        plugin '' netavark $arguments
        refused 'netavark calls it as create, setup NETNS, teardown NETNS or info'
    done
}

@test "netavark: where others may write to the directory, or it can't be made, setup says so" {
    as_app install -d -m 0777 "$ATTACHED"
    plugin "$(request)" netavark setup "$NETNS"
    refused "$ATTACHED tells nothing: others may write to it, or it is another user's; chmod 0755 $ATTACHED, \
if it is yours"
    plugin "$(request)" netavark teardown "$NETNS"
    refused "$ATTACHED tells nothing"
    rmdir "$ATTACHED"
    chmod a-w "$RUNTIME"
    plugin "$(request)" netavark setup "$NETNS"
    refused "can't open $ATTACHED: "
    plugin "$(request)" netavark teardown "$NETNS"
    assert_success_with ''
}

@test "netavark: root's attachments are in /run/cwg-attached, and each user may read them" {
    [ -n "${NAH_APART:-}" ] || skip "only with scripts/apart: /run/cwg-attached is the machine's"
    run --separate-stderr "$CWG" plugin netavark setup "$NETNS" < <(request)
    assert_success_with "$NOTHING"
    [ "$(stat -c %a:%u /run/cwg-attached)" = 755:0 ]
    [ "$(as_app jq -r .name "/run/cwg-attached/$ID+cwgnet")" = web ]
    run --separate-stderr "$CWG" plugin netavark teardown "$NETNS" < <(request)
    assert_success_with ''
    [ -z "$(ls -A /run/cwg-attached)" ]
}

# A hook is called by a runtime, and the runtime by conmon. A shell stands for each. conmon's arguments after the script
# are of podman 4.3.1: hook STATE [conmon's ARGUMENT...]
hook()
{
    local conmon=${CONMON:-$BATS_TEST_TMPDIR/conmon} input=$BATS_TEST_TMPDIR/input
    ln -sf "$(command -v bash)" "$BATS_TEST_TMPDIR/conmon"
    cat >"$input" <<<"$1"
    shift
    [ $# -gt 0 ] || set -- -c "$ID" -u "$ID" -r /usr/bin/crun -b /bundle -p /pidfile -n web --exit-dir /run/libpod/exits
    # shellcheck disable=SC2016 # the shells' own
    printf '(bash -c "%s; exit \\$?"; exit $?); exit $?\n' "'$CWG' plugin oci-hook <'$input'" \
        >"$BATS_TEST_TMPDIR/script"
    run --separate-stderr as_app env XDG_RUNTIME_DIR="$RUNTIME" "$conmon" "$BATS_TEST_TMPDIR/script" \
        --api-version 1 "$@"
}

WEB='{"engine": "podman", "name": "web", "netns": "", "link": ""}'

@test "OCI hook: a container with the annotation is attached when it is made, and no more when it has ended" {
    local word
    hook "$(created '{"cwg.link": ""}')"
    assert_success_with ''
    attached oci-hook "$WEB"
    # podman calls it twice, without conmon.
    for _ in 1 2; do
        plugin "$(stopped '{"cwg.link": ""}')" oci-hook
        assert_success_with ''
        attached
    done
    # The runtimes' words for a container that is made differ.
    for word in creating running created; do
        hook "$(created '{"cwg.link": ""}' | jq -c ".status = \"$word\"")"
        assert_success_with ''
        attached oci-hook "$WEB"
    done
    rm "$ATTACHED"/*
    hook "$(created '{"cwg.name": "web"}')"
    assert_success_with ''
    attached
    hook "$(created '{}' | jq -c 'del(.annotations)')"
    assert_success_with ''
    attached
}

# podman up to 4.5 takes annotations from images.
@test "OCI hook: an image's annotations declare no link, and give the container no other name" {
    hook "$(created '{"cwg.link": "", "cwg.name": "db"}')"
    assert_success_with ''
    attached oci-hook "$WEB"
    rm "$ATTACHED"/*
    hook "$(created "{\"cwg.link\": \"$LINK\"}")"
    hook_refused 'annotation cwg.link: podman takes annotations from images, too, so it declares nothing'
}

@test "OCI hook: the container's name is conmon's, whose runtime has called the hook" {
    hook "$(created '{"cwg.link": ""}')" -c "${ID}0" -u "$ID" -n web
    hook_refused "no conmon tells the container's name"
    hook "$(created '{"cwg.link": ""}')" -c "$ID" -n
    hook_refused "no conmon tells the container's name"
    CONMON=$(command -v bash) hook "$(created '{"cwg.link": ""}')" -c "$ID" -n web
    hook_refused "no conmon tells the container's name"
}

@test "OCI hook: a user's is called without an environment by podman, and knows the user's directory" {
    local state
    hook "$(created '{"cwg.link": ""}')"
    attached oci-hook "$WEB"
    state=$(stopped '{"cwg.link": ""}')
    run --separate-stderr as_app unshare --user --map-root-user env -i "$CWG" plugin oci-hook <<<"$state"
    [ "$status" = 0 ]
    attached oci-hook "$WEB"
    run --separate-stderr as_app unshare --user --map-root-user env -i XDG_RUNTIME_DIR="$RUNTIME" "$CWG" \
        plugin oci-hook <<<"$state"
    assert_success_with ''
    attached
}

@test "OCI hook: a wrong annotation, a wrong name and a wrong state are refused" {
    hook "$(created '{"cwg.link": 7}')"
    hook_refused 'annotation cwg.link: '
    hook "$(created '{"cwg.link": ""}')" -c "$ID" -n "a b"
    hook_refused "no conmon tells the container's name"
    hook "$(created '{"cwg.link": ""}' | jq -c 'del(.id)')"
    hook_refused 'standard input is no state of a container'
    hook "$(created '{"cwg.link": ""}' | jq -c '.id = "a" * 80')"
    hook_refused 'standard input is no state of a container'
    hook "$(created '{"cwg.link": ""}' | jq -c 'del(.status)')"
    hook_refused 'standard input is no state of a container'
    plugin x oci-hook
    hook_refused "standard input isn't one JSON object"
    plugin '' oci-hook more
    [ "$status" = 2 ]
    [ "$stderr" = "cwg oci-hook: it takes no arguments" ]
}
