#!/usr/bin/env bats
# Containers of podman with the annotation cwg.link, of which a hook tells the agent. It is for podmans that know no
# plugins of networks, and so for the VM with Debian 12: `tests/check 6.12-engines`. podman.bash has the sites,
# cli/plugin.bats what the hook is told.
# bats file_tags=slow

bats_require_minimum_version 1.5.0
SYSTEM=
[ -z "${NAH_IN_VM:-}" ] || [ -x /usr/lib/podman/netavark ] || SYSTEM=1
load podman

install_plugin()
{
    install -d /usr/share/containers/oci/hooks.d
    sed "s|@BINDIR@|$WORLD/whole|" "$ROOT/plugins/oci-hook.json" >/usr/share/containers/oci/hooks.d/cwg.json
}

@test "containers with the annotation, of root's podman and of a user's, are linked at each start, as declared" {
    run_container s1 web --network none --annotation cwg.link=
    run_container s2 db --network none --annotation cwg.link=
    seek s1 web
    seek s2 db
    declare_link web-db 7
    start_agents
    linked_at_each_start
}

@test "a container whose annotation has a text doesn't start, the journal says why, and nothing is attached" {
    run run_container s1 web --network none --annotation cwg.link=web-db
    [ "$status" != 0 ]
    [[ $output == *"error executing hook \`$WORLD/whole/cwg\`"* ]] || fail "$output"
    wait_for grep -q 'oci-hook: annotation cwg.link: podman takes annotations from images, too' "$AUDIT"
    is_detached s1
}
