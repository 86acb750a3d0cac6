# Site 1's containers are in CNI's networks, of which cwg-cni tells the agent behind Debian's bridge. The agent is
# alice's, who may ask neither podman nor containerd. agent.bash draws the sites. The file that sources this one has
# add_networks and end_containers.

load agent

IN_VM=${NAH_IN_VM:+1}
ATTACHED=/run/cwg-attached

# The VM's /dev has what the programs need, and no journal.
make_dev()
{
    listen
}

# podman, of root and of the VM.
podman_here()
{
    (cd / && env -i PATH="$PATH" HOME=/root podman "$@" 3>&-)
}

# Installs the plugin as scripts/install does.
install_plugin()
{
    mkdir "$WORLD/cni"
    ln -s /usr/lib/cni/* "$WORLD/cni"
    sed "s|@BINDIR@|$WORLD/whole|" plugins/cni >"$WORLD/cni/cwg-cni"
    chmod 0755 "$WORLD/cni/cwg-cni"
}

# Makes a network behind a bridge of its name: add_network DIRECTORY NAME SUBNET MEMBERS
add_network()
{
    mkdir -p "$WORLD/$1"
    cat >"$WORLD/$1/$2.conflist" <<END
{"cniVersion": "0.4.0", "name": "$2", "plugins": [
 {"type": "bridge", "bridge": "$2", "isGateway": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "$3"}]]}},
 {"type": "cwg-cni", $4}]}
END
}

# Where podman keeps images and containers.
configure_storage()
{
    mkdir -p /etc/containers
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$WORLD/podman/storage" "$WORLD/podman/run" \
        >/etc/containers/storage.conf
}

# Declares site 2's end. Of site 1 it declares the other site alone, and the end, too, with an argument.
declare_ends()
{
    declaration s2 web-db 7 db | of s2 cwg declare --state "$(state_of_site s2)" -
    declaration s1 web-db 7 web | python3 -c 'import json, sys
declared = json.load(sys.stdin)
print(json.dumps(declared if sys.argv[1:] else {"sites": declared["sites"]}))' "$@" |
        of s1 cwg declare --state "$(state_of_site s1)" -
}

setup_file()
{
    [ -n "$IN_VM" ] || return 0
    has_backend
    make_agents_world
    install_plugin
    configure_storage
    make_image
    mkdir -p "$ATTACHED"
    add_networks
}

setup()
{
    [ -n "$IN_VM" ] || skip "only in the VM: it needs containers, and their networks"
    require_kernel
    declare -gA KEYS=() AGENTS=()
    local site
    for site in s1 s2; do
        install -d -o "${UIDS[${OWNER[$site]}]}" -g "$APP_GID" "$WORLD/home/${OWNER[$site]}"/{agent,containers}
        KEYS[$site]=$(of "$site" cwg keys --state "$(state_of_site "$site")" | cut -d " " -f 3)
    done
    echo "labels networks" >"$WORLD/networks.conf"
    start_carrier
    start_agent s1 --config "$WORLD/networks.conf"
    start_agent s2
    start_container s2 db
}

teardown()
{
    [ -n "$IN_VM" ] || return 0
    meet
    end_containers
    clean_up
    rm -rf "$WORLD/home"/{alice,erin}/{agent,containers}
}

teardown_file()
{
    [ -n "$IN_VM" ] || return 0
    end_world
}
