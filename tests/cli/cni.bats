#!/usr/bin/env bats
# The plugin of CNI: each command in each version, each error, and what it leaves for the agent. lib/cni.bash is the
# runtime. cni.bats and containerd.bats of tests/agent have real ones.

bats_require_minimum_version 1.5.0
load cli
load ../lib/cni

setup()
{
    [ -n "${NAH_APART:-}" ] || skip "run it by scripts/apart: it writes to $ATTACHED"
}

teardown()
{
    [ -n "${NAH_APART:-}" ] || return 0
    mount -o remount,rw "$ATTACHED"
    chmod 0755 "$ATTACHED"
    rm -rf "${ATTACHED:?}"/*
}

# Prints the files that tell of containers.
files()
{
    (cd "$ATTACHED" && printf '%s\n' * | paste -sd ' ')
}

# Prints the name that an attachment gets from arguments: name_from ARGUMENTS [MEMBER...]
name_from()
{
    rm -f "$ATTACHED"/*
    cni ADD "$(config 1.1.0 "${@:2}")" CNI_ARGS="$1" >/dev/null
    told | sed 's/.*"name":"\([^"]*\)".*/\1/'
}

@test "VERSION tells the versions, and repeats the one that it is told; it needs no variable and no input" {
    local all='"supportedVersions":["0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]'
    run --separate-stderr cni VERSION '{"cniVersion":"0.4.0"}' CNI_CONTAINERID= CNI_NETNS= CNI_IFNAME=
    assert_success_with "{\"cniVersion\":\"0.4.0\",$all}"
    run --separate-stderr cni VERSION '{"cniVersion":"9.9.9"}'
    assert_success_with "{\"cniVersion\":\"9.9.9\",$all}"
    run --separate-stderr cni VERSION ''
    assert_success_with "{\"cniVersion\":\"1.1.0\",$all}"
}

@test "in each version ADD passes the result on and tells the agent, and DEL takes that back" {
    local version
    for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
        run --separate-stderr cni ADD "$(config "$version" '"link":"web-db,net=7,host=0,site=s2"')"
        assert_success_with "{$RESULT,\"cniVersion\":\"$version\"}"
        [ "$(told)" = "{\"engine\":\"cni\",\"name\":\"$CONTAINER\",\"netns\":\"n1\",\
\"link\":\"web-db,net=7,host=0,site=s2\"}" ] || fail "$(told)"
        run --separate-stderr cni DEL "$(config "$version")"
        assert_success_with ""
        [ -z "$(ls "$ATTACHED")" ] || fail "$(ls "$ATTACHED")"
    done
}

@test "a version that is no plugin's, and a command that a version lacks, are error 1" {
    local version
    for version in 0.2.0 2.0.0 1.1 ''; do
        run --separate-stderr cni ADD "$(config "$version")"
        assert_error 1 "cniVersion: no plugin for $version; "
    done
    run --separate-stderr cni ADD '{"name":"net7","prevResult":{}}'
    assert_error 1 "cniVersion: no plugin for 0.1.0; "
    for version in 0.3.0 0.3.1; do
        run --separate-stderr cni CHECK "$(config "$version")"
        assert_error 1 "cniVersion: $version has no CHECK" "$version"
    done
    for version in 0.3.0 0.3.1 0.4.0 1.0.0; do
        run --separate-stderr cni STATUS "$(config "$version")"
        assert_error 1 "cniVersion: $version has no STATUS" "$version"
        run --separate-stderr cni GC "$(config "$version" '"cni.dev/valid-attachments":[]')"
        assert_error 1 "cniVersion: $version has no GC" "$version"
    done
    [ -z "$(ls "$ATTACHED")" ]
}

@test "an engine other than cni and podman is error 2, with its value" {
    run --separate-stderr cni ADD "$(config 1.0.0 '"engine":"docker"')"
    assert_error 2 'engine: it is \"cni\" or \"podman\", and can'"'"'t be \"docker\"' 1.0.0
    run --separate-stderr cni ADD "$(config 1.0.0 '"engine":["cni"]')"
    assert_error 2 'engine: it is \"cni\" or \"podman\", and can'"'"'t be [\"cni\"]' 1.0.0
    [ -z "$(ls "$ATTACHED")" ]
}

@test "a variable that is missing or wrong is error 4, with its name" {
    local command variable args
    for command in ADD CHECK; do
        for variable in CNI_CONTAINERID CNI_IFNAME CNI_NETNS; do
            run --separate-stderr cni $command "$(config 1.0.0)" $variable=
            assert_error 4 "$variable isn't set" 1.0.0
        done
    done
    for variable in CNI_CONTAINERID CNI_IFNAME; do
        run --separate-stderr cni DEL "$(config 1.0.0)" $variable=
        assert_error 4 "$variable isn't set" 1.0.0
    done
    run --separate-stderr cni "" "$(config 1.0.0)"
    assert_error 4 "CNI_COMMAND isn't set"
    run --separate-stderr cni UPDATE "$(config 1.0.0)"
    assert_error 4 "CNI_COMMAND can't be UPDATE"
    run --separate-stderr cni ADD "$(config 1.0.0)" CNI_CONTAINERID=../passwd
    assert_error 4 'CNI_CONTAINERID can'"'"'t be \"../passwd\"' 1.0.0
    run --separate-stderr cni ADD "$(config 1.0.0)" CNI_CONTAINERID="$CONTAINER$CONTAINER"
    assert_error 4 'CNI_CONTAINERID can'"'"'t be \"ccc' 1.0.0
    # Who chooses one value could otherwise choose the others, too.
    for args in "K8S_POD_NAMESPACE=a;K8S_POD_NAME=b;K8S_POD_NAMESPACE=c" "NOMAD_JOB_ID=a;NOMAD_JOB_ID=" \
        "K8S_POD_NAME=;K8S_POD_NAME=a"; do
        run --separate-stderr cni ADD "$(config 1.0.0)" CNI_ARGS="$args"
        assert_error 4 "CNI_ARGS has ${args%%=*} twice" 1.0.0
    done
    run --separate-stderr cni ADD "$(config 1.0.0)" CNI_ARGS="NOMAD_JOB_ID=x;K8S_POD_NAMESPACE=a;K8S_POD_NAME=b"
    assert_error 4 "CNI_ARGS has arguments of Kubernetes and of Nomad" 1.0.0
    # podman's network may be in the folder in which a runtime of pods looks.
    for args in "K8S_POD_NAMESPACE=evil;K8S_POD_NAME=web" "K8S_POD_NAME=web;K8S_POD_NAMESPACE="; do
        run --separate-stderr cni ADD "$(config 1.0.0 '"engine":"podman"')" CNI_ARGS="$args"
        assert_error 4 'engine: it is \"podman\", but CNI_ARGS is of Kubernetes'"' runtime" 1.0.0
    done
    [ -z "$(ls "$ATTACHED")" ]
}

@test "input that can't be read, and a directory that can't be written, are error 5" {
    run --separate-stderr env CNI_COMMAND=ADD "$ROOT/build/cwg" plugin cni </
    assert_error 5 "can't read standard input: Is a directory"
    cni ADD "$(config 1.0.0)"
    mount -o remount,ro "$ATTACHED"
    run --separate-stderr cni ADD "$(config 1.0.0)"
    assert_error 5 "can't tell the agent of the container: Read-only file system" 1.0.0
    run --separate-stderr cni DEL "$(config 1.0.0)"
    assert_error 5 "can't tell the agent that the container is gone: Read-only file system" 1.0.0
    run --separate-stderr cni GC "$(config 1.1.0 '"cni.dev/valid-attachments":[]')"
    assert_error 5 "can't tell the agent that the container is gone: Read-only file system" 1.1.0
    mount -o remount,rw "$ATTACHED"
    chmod 0777 "$ATTACHED"
    run --separate-stderr cni ADD "$(config 1.0.0)"
    assert_error 5 "$ATTACHED tells nothing: others may write to it" 1.0.0
}

@test "input that is no configuration is error 6" {
    local input
    for input in '' nonsense '[]' '{"cniVersion":"1.0.0"}{}' '{"name":1,"name":2}'; do
        run --separate-stderr cni ADD "$input"
        assert_error 6 "standard input isn't one JSON object"
    done
    run --separate-stderr env CNI_COMMAND=STATUS "$ROOT/build/cwg" plugin cni < <(yes '{' | head -c 1048577)
    assert_error 6 "standard input is longer than 1048576 bytes"
    run --separate-stderr cni ADD '{"cniVersion":1}'
    assert_error 6 "cniVersion: it has to be a text"
}

@test "a configuration that is wrong is error 7; members of others' are none of the plugin's" {
    local name
    for name in '"n/7"' '""' '".n"' 7 null; do
        run --separate-stderr cni ADD "{\"cniVersion\":\"1.0.0\",\"name\":$name,\"prevResult\":{}}"
        assert_error 7 "name: the network's name is letters, " 1.0.0
    done
    name=$CONTAINER$CONTAINER$CONTAINER
    run --separate-stderr cni ADD "{\"cniVersion\":\"1.0.0\",\"name\":\"$name\",\"prevResult\":{}}"
    assert_error 7 "name: it is longer than 128 characters" 1.0.0
    for name in '' ',"prevResult":[]' ',"prevResult":"x"' ',"prevResult":null'; do
        run --separate-stderr cni ADD '{"cniVersion":"1.0.0","name":"net7"'"$name}"
        assert_error 7 "prevResult is missing: cwg-cni stands behind the plugin that makes the container's device" 1.0.0
    done
    run --separate-stderr cni ADD "$(config 1.0.0 '"link":7')"
    assert_error 7 "link: it is no text of up to 512 characters" 1.0.0
    run --separate-stderr cni ADD "$(config 1.0.0 '"link":"web-db,net=7"')"
    assert_error 7 "link: link web-db: it needs net=N, host=0 or host=1, and site=NAME" 1.0.0
    run --separate-stderr cni GC "$(config 1.1.0 '"cni.dev/attachments":[]')"
    assert_error 7 "cni.dev/valid-attachments: it has to be a list of attachments"
    [ -z "$(ls "$ATTACHED")" ]
    run --separate-stderr cni ADD "$(config 1.0.0 '"ipMasq":true' '"args":{"a":[1.5,null]}' '"links":7')"
    [ "$status" = 0 ] || fail "$output"
}

@test "Kubernetes' pods are NAMESPACE.POD, Nomad's groups NAMESPACE.JOB.GROUP, podman's containers as podman has them" {
    [ "$(name_from "IgnoreUnknown=1;K8S_POD_NAMESPACE=prod;K8S_POD_NAME=web-0;K8S_POD_UID=1-2")" = prod.web-0 ]
    [ "$(name_from "NOMAD_ALLOC_ID=1;NOMAD_GROUP_NAME=g;NOMAD_JOB_ID=web;NOMAD_NAMESPACE=default")" = default.web.g ]
    [ "$(name_from "IgnoreUnknown=1;K8S_POD_NAME=web" '"engine":"podman"')" = web ]
    [[ $(told) == '{"engine":"podman",'* ]]
}

@test "a container of no name, of half of one, or of one that no end can have, has its id as its name" {
    local args long
    long=$(printf 'l%.0s' {1..250})
    for args in "" "IgnoreUnknown=1" "K8S_POD_NAME=web" "K8S_POD_NAMESPACE=prod;K8S_POD_NAME=" \
        "K8S_POD_NAMESPACE=prod" "NOMAD_NAMESPACE=default;NOMAD_JOB_ID=web" \
        "NOMAD_NAMESPACE=a;NOMAD_JOB_ID=b/c;NOMAD_GROUP_NAME=d" \
        "K8S_POD_NAMESPACE=prod;K8S_POD_NAME=$long" "XK8S_POD_NAMESPACE=prod;K8S_POD_NAMES=x;;=;K8S_POD_NAME" \
        "K8S_POD_NAMESPACE=.x;K8S_POD_NAME=web" \
        "K8S_POD_NAMESPACE=a.b;K8S_POD_NAME=web" "NOMAD_NAMESPACE=a;NOMAD_JOB_ID=b.c;NOMAD_GROUP_NAME=d" \
        "NOMAD_NAMESPACE=a;NOMAD_JOB_ID=b;NOMAD_GROUP_NAME=c.d" \
        "NOMAD_NAMESPACE=a.b;NOMAD_JOB_ID=c;NOMAD_GROUP_NAME=d"; do
        [ "$(name_from "$args")" = "$CONTAINER" ] || fail "$args: $(told)"
    done
    [ "$(name_from "K8S_POD_NAMESPACE=prod;K8S_POD_NAME=web.1")" = prod.web.1 ]
    long=${long:2}
    [ "$(name_from "K8S_POD_NAMESPACE=prod;K8S_POD_NAME=$long")" = "prod.$long" ]
    [ "$(name_from "K8S_POD_NAMESPACE=prod;K8S_POD_NAME=l$long")" = "$CONTAINER" ]
    [ "$(name_from "K8S_POD_NAME=${long}longer" '"engine":"podman"')" = "$CONTAINER" ]
}

@test "the namespace's file is told of where any user may open it, and no other" {
    local path
    for path in /run/netns/cni-1 /var/run/netns/cni-1; do
        cni ADD "$(config 1.1.0)" CNI_NETNS=$path
        [[ $(told) == *'"netns":"cni-1"'* ]] || fail "$path: $(told)"
    done
    for path in /proc/7/ns/net /run/netns/../cni-1 /run/netns/a/b /run/netns/ /run/netns/.x /run/user/1000/netns/cni-1 \
        /var/run/docker/netns/1 netns/n1; do
        cni ADD "$(config 1.1.0)" CNI_NETNS=$path
        [[ $(told) == *'"netns":""'* ]] || fail "$path: $(told)"
    done
}

@test "a pod's annotation declares ends where the network asks for annotations, beside those of the network" {
    local one=a,net=7,host=0,site=s2 other="b,net=8,host=1,site=s3 c,net=9,host=1,site=s3"
    local asked='"runtimeConfig":{"io.kubernetes.cri.pod-annotations":{"x":"y","cwg.link":"'$other'"}}'
    cni ADD "$(config 1.1.0 "$asked")"
    [[ $(told) == *"\"link\":\"$other\"}" ]] || fail "$(told)"
    cni ADD "$(config 1.1.0 "\"link\":\"$one\"" "$asked")"
    [[ $(told) == *"\"link\":\"$one $other\"}" ]] || fail "$(told)"
    run --separate-stderr cni CHECK "$(config 1.1.0 "\"link\":\"$one\"" "$asked")"
    assert_success_with ""
    cni ADD "$(config 1.1.0 "\"link\":\"$one\"" "\"io.kubernetes.cri.pod-annotations\":{\"cwg.link\":\"$other\"}")"
    [[ $(told) == *"\"link\":\"$one\"}" ]] || fail "$(told)"

    run --separate-stderr cni ADD "$(config 1.1.0 "\"link\":\"$one\"" "${asked/host=1/host=2}")"
    assert_error 7 'annotation cwg.link: link b: \"host=2\": host takes 0 or 1'
    run --separate-stderr cni ADD "$(config 1.1.0 "\"link\":\"$one $one\"" "${asked/b,/$one b,}")"
    assert_error 7 "link, with annotation cwg.link: it declares more than 4 ends"
    one=$(printf 'l%.0s' {1..50}),net=7,host=0,site=$(printf 's%.0s' {1..50})
    run --separate-stderr cni ADD "$(config 1.1.0 "\"link\":\"$one $one\"" "${asked/b,*s3/$one $one}")"
    [ "$status" = 0 ] || fail "$output"
    one+=,port=51801,keepalive=25,mtu=1380
    run --separate-stderr cni ADD "$(config 1.1.0 "\"link\":\"$one $one\"" "${asked/b,*s3/$one $one}")"
    assert_error 7 "link, with annotation cwg.link: it is no text of up to 512 characters"
    [[ $(told) != *mtu* ]]
}

@test "DEL succeeds for what is gone, without a namespace, whatever the configuration has become" {
    local before
    cni ADD "$(config 1.1.0)"
    cni ADD "$(config 1.1.0)" CNI_CONTAINERID=other
    run --separate-stderr cni DEL '{"cniVersion":"1.1.0","name":"net7","link":7,"engine":"x"}' CNI_NETNS= \
        CNI_ARGS="K8S_POD_NAME=a;K8S_POD_NAME=b"
    assert_success_with ""
    [ "$(ls "$ATTACHED")" = other+net7 ]
    before=$(ls "$ATTACHED")
    for _ in 1 2; do
        run --separate-stderr cni DEL "$(config 1.1.0)"
        assert_success_with ""
    done
    run --separate-stderr cni DEL "$(config 1.1.0)" CNI_CONTAINERID=..
    assert_success_with ""
    run --separate-stderr cni DEL "{\"cniVersion\":\"1.0.0\",\"name\":\"$CONTAINER$CONTAINER$CONTAINER\"}"
    assert_success_with ""
    [ "$(ls "$ATTACHED")" = "$before" ]
}

@test "CHECK fails unless the agent is told what ADD would tell it" {
    run --separate-stderr cni CHECK "$(config 0.4.0)" CNI_ARGS="K8S_POD_NAMESPACE=prod;K8S_POD_NAME=web"
    assert_error 100 "nothing tells the agent of cni/prod.web" 0.4.0
    cni ADD "$(config 0.4.0)" CNI_ARGS="K8S_POD_NAMESPACE=prod;K8S_POD_NAME=web"
    run --separate-stderr cni CHECK "$(config 0.4.0)" CNI_ARGS="K8S_POD_NAMESPACE=prod;K8S_POD_NAME=web"
    assert_success_with ""
    run --separate-stderr cni CHECK "$(config 0.4.0)"
    assert_error 100 "nothing tells the agent of cni/$CONTAINER" 0.4.0
    run --separate-stderr cni CHECK "$(config 0.4.0)" CNI_ARGS="K8S_POD_NAMESPACE=prod;K8S_POD_NAME=web" CNI_NETNS=/x
    assert_error 100 "nothing tells the agent of cni/prod.web" 0.4.0
    run --separate-stderr cni CHECK "$(config 0.4.0 '"link":"web-db,net=7,host=0,site=s2"')" \
        CNI_ARGS="K8S_POD_NAMESPACE=prod;K8S_POD_NAME=web"
    assert_error 100 "nothing tells the agent of cni/prod.web" 0.4.0
    chmod 0777 "$ATTACHED"
    run --separate-stderr cni CHECK "$(config 0.4.0)" CNI_ARGS="K8S_POD_NAMESPACE=prod;K8S_POD_NAME=web"
    assert_error 5 "$ATTACHED tells nothing: others may write to it" 0.4.0
}

# Files of containers that have gone may stay until the machine starts anew.
@test "with more files than the agent reads, ADD, CHECK, STATUS and DEL do what they do, and GC removes those" {
    local i
    for ((i = 0; i < 4100; i++)); do
        echo '{"engine":"cni","name":"x","netns":"","link":""}' >"$ATTACHED/$i+net7"
    done
    run --separate-stderr "$ROOT/build/cwg" ps --names
    [ "$status" = 1 ]
    [ "$stderr" = "cwg: more than 4096 files in $ATTACHED" ] || fail "$stderr"
    for i in ADD CHECK STATUS DEL ADD; do
        run --separate-stderr cni $i "$(config 1.1.0)"
        [ "$status" = 0 ] || fail "$i: $output"
    done
    run --separate-stderr cni GC "$(config 1.1.0 "\"cni.dev/valid-attachments\":[{\"containerID\":\"7\"},\
{\"containerID\":\"$CONTAINER\"}]")"
    assert_success_with ""
    [ "$(files)" = "7+net7 $CONTAINER+net7" ] || fail "$(files | head -c 1000)"
    "$ROOT/build/cwg" ps --names
}

@test "the plugin's own file passes its arguments on, and none is known" {
    sed "s|@BINDIR@|$ROOT/build|" "$ROOT/plugins/cni" >"$BATS_TEST_TMPDIR/cwg-cni"
    run --separate-stderr sh "$BATS_TEST_TMPDIR/cwg-cni" ADD </dev/null
    assert_error 4 "cwg-cni takes no arguments; CNI_COMMAND is one"
}

@test "GC removes what the runtime has no more in this network, and nothing else" {
    local valid='{"containerID":"two","ifname":"eth0"},{"containerID":"three","ifname":"eth0"}' id
    for id in one two three; do cni ADD "$(config 1.1.0)" CNI_CONTAINERID=$id; done
    cni ADD "$(config 1.1.0 '"engine":"podman"')" CNI_CONTAINERID=four
    cni ADD "$(config 1.1.0 | sed s/net7/net8/)" CNI_CONTAINERID=five
    # A list with an attachment that can't be read isn't the list of those that are valid.
    run --separate-stderr cni GC "$(config 1.1.0 "\"cni.dev/valid-attachments\":[$valid,{\"ifname\":\"eth0\"}]")"
    assert_error 7 "cni.dev/valid-attachments: it has to be a list of attachments"
    [ "$(files)" = "five+net8 four+net7 one+net7 three+net7 two+net7" ]
    run --separate-stderr cni GC "$(config 1.1.0 "\"cni.dev/valid-attachments\":[$valid]")" CNI_CONTAINERID= \
        CNI_NETNS= CNI_IFNAME=
    assert_success_with ""
    [ "$(files)" = "five+net8 four+net7 three+net7 two+net7" ]
    run --separate-stderr cni GC "$(config 1.1.0 '"cni.dev/valid-attachments":null')"
    assert_success_with ""
    [ "$(files)" = "five+net8 four+net7" ]
}

@test "STATUS is error 50 where the agent can't be told of a container" {
    run --separate-stderr cni STATUS '{"cniVersion":"1.1.0","name":"net7"}' CNI_CONTAINERID= CNI_NETNS= CNI_IFNAME=
    assert_success_with ""
    run --separate-stderr cni STATUS "$(config 1.1.0 '"link":"a"')"
    assert_error 7 "link: link a: it needs net=N"
    mount -o remount,ro "$ATTACHED"
    run --separate-stderr cni STATUS "$(config 1.1.0)"
    assert_error 50 "can't write to $ATTACHED: Read-only file system"
    mount -o remount,rw "$ATTACHED"
    chmod 0777 "$ATTACHED"
    run --separate-stderr cni STATUS "$(config 1.1.0)"
    assert_error 50 "$ATTACHED tells nothing: others may write to it"
}

@test "a user's own runtime tells the user's own agent; the directory is made at the first ADD" {
    local run=$BATS_TEST_TMPDIR/run
    chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR" "$(dirname "$BATS_RUN_TMPDIR")"
    install -d -o "$APP_UID" -g "$APP_GID" -m 0700 "$run"
    as_user()
    {
        cni "$1" "$(config 1.1.0)" XDG_RUNTIME_DIR="$2" setpriv --reuid "$APP_UID" --regid "$APP_GID" --clear-groups \
            --inh-caps=-all --
    }
    run --separate-stderr as_user STATUS "$run"
    assert_success_with ""
    run --separate-stderr as_user ADD "$run"
    [ "$status" = 0 ] || fail "$output"
    [ "$(stat -c '%a %u' "$run/cwg-attached" "$run/cwg-attached/$CONTAINER+net7" | paste -sd ' ')" = \
        "755 $APP_UID 644 $APP_UID" ]
    run --separate-stderr as_user STATUS "$BATS_TEST_TMPDIR"
    assert_error 50 "can't write to $BATS_TEST_TMPDIR: Permission denied"
    run --separate-stderr as_user DEL "$run"
    assert_success_with ""
    [ -z "$(ls -A "$run/cwg-attached")" ]
    [ -z "$(ls -A "$ATTACHED")" ]
}
