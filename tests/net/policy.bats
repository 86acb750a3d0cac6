#!/usr/bin/env bats
# CWG_OWN_CONTAINERS_ONLY: a caller may make links in his own containers alone. Everything is at one site.
#
#     +------------------------------- site1 -------------------------------+
#     |  +------ c1 ------+   +----- mine -----+   +---- theirs ----+       |
#     |  | root's         |   | the user's     |   | another user's |       |
#     |  +----------------+   +----------------+   +----------------+       |
#     +---------------------------------------------------------------------+
#
# Both users are in the group that may call the helper. The containers live as long as this file.

bats_require_minimum_version 1.5.0
load net

KEY=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=

setup_file()
{
    has_backend || return 0
    install_helper "$ROOT/build/variants/own/$NAME"
    one_site
    container c1
    rootless_container mine "$APP_UID"
    rootless_container theirs $((APP_UID + 1))
    export c1 mine theirs
}

setup()
{
    require_backend
}

teardown_file()
{
    clean_up
}

other_at()
{
    local site=$1
    shift
    at "$site" setpriv --reuid $((APP_UID + 1)) --regid "$APP_GID" --clear-groups --inh-caps=-all -- env -- "$@"
}

# Sets what the helper says of a pid that doesn't exist.
no_such_process()
{
    run --separate-stderr cwg site1 create 4194304 1 0 5001
    assert_failure_with "pid: no such process, or not in a container of yours"
    NO_SUCH_PROCESS=$stderr
}

# The command fails exactly as for a pid that doesn't exist.
as_if_it_did_not_exist()
{
    run --separate-stderr "$@"
    assert_failure_with ""
    [ "$stderr" = "$NO_SUCH_PROCESS" ] || fail "'$stderr' isn't '$NO_SUCH_PROCESS'"
}

links_in()
{
    inside "$1" wg show interfaces
}

@test "with CWG_OWN_CONTAINERS_ONLY the owner of a container makes, connects and destroys links in it" {
    run --separate-stderr cwg site1 create "$mine" 1 0 5001
    assert_success_with_key
    [ "$(wg_of "$mine" wg-1-0 public-key)" = "$output" ]
    run --separate-stderr cwg site1 connect "$mine" 1 1 192.0.2.2:5002 "$KEY"
    assert_success_with ""
    [ "$(wg_of "$mine" wg-1-0 peers)" = "$KEY" ]
    [ "$(cwg site1 show "$mine" | head -n 1)" = "wg-1-0: no handshake yet" ]
    run --separate-stderr cwg site1 destroy "$mine" 1 0
    assert_success_with ""
    [ -z "$(links_in "$mine")" ]
}

@test "with CWG_OWN_CONTAINERS_ONLY other users' and root's containers are as if they didn't exist" {
    no_such_process
    as_if_it_did_not_exist cwg site1 create "$theirs" 1 0 5001
    as_if_it_did_not_exist cwg site1 create "$c1" 1 0 5001
    as_if_it_did_not_exist other_at site1 "$HELPER" cwg_create "$mine" 1 0 5001
    [ -z "$(links_in "$theirs")$(links_in "$c1")$(links_in "$mine")" ]
}

@test "with CWG_OWN_CONTAINERS_ONLY the host's network namespace and the site's are as if they didn't exist" {
    no_such_process
    as_if_it_did_not_exist cwg site1 create 1 1 0 5001
    # shellcheck disable=SC2016
    as_if_it_did_not_exist app_at site1 sh -c '"$0" cwg_create "$$" 1 0 5001' "$HELPER"
    as_if_it_did_not_exist as_app "$HELPER" cwg_create "$$" 1 0 5001
}

@test "with CWG_OWN_CONTAINERS_ONLY a user can't learn of, connect or destroy links in others' containers" {
    run --separate-stderr other_at site1 "$HELPER" cwg_create "$theirs" 2 0 5003
    assert_success_with_key
    no_such_process
    as_if_it_did_not_exist cwg site1 create "$theirs" 2 0 5003
    as_if_it_did_not_exist cwg site1 connect "$theirs" 2 1 192.0.2.2:5002 "$KEY"
    as_if_it_did_not_exist cwg site1 destroy "$theirs" 2 0
    as_if_it_did_not_exist cwg site1 show "$theirs"
    as_if_it_did_not_exist cwg site1 show "$theirs" 2 0
    run --separate-stderr cwg site1 show "$theirs" 3 0 --json
    assert_json_failure no-such-process "pid: no such process, or not in a container of yours;"
    [ -z "$(wg_of "$theirs" wg-2-0 peers)" ]
    other_at site1 "$HELPER" cwg_destroy "$theirs" 2 0
}

@test "with CWG_OWN_CONTAINERS_ONLY a descriptor gives no more rights than a pid" {
    no_such_process
    as_if_it_did_not_exist cwg site1 create fd:9 1 0 5001 9<"/proc/$theirs/ns/net"
    as_if_it_did_not_exist cwg site1 create fd:9 1 0 5001 9<"/proc/$c1/ns/net"
    as_if_it_did_not_exist cwg site1 create fd:9 1 0 5001 9</run/netns/site1
    run --separate-stderr cwg site1 create fd:9 3 0 5005 9<"/proc/$mine/ns/net"
    assert_success_with_key
    cwg site1 destroy "$mine" 3 0
}

@test "with CWG_OWN_CONTAINERS_ONLY root may make links in all containers" {
    local pid
    for pid in "$c1" "$mine" "$theirs"; do
        run --separate-stderr at site1 "$HELPER" cwg_create "$pid" 4 0 5007
        assert_success_with_key
        run --separate-stderr at site1 "$HELPER" cwg_destroy "$pid" 4 0
        assert_success_with ""
    done
}
