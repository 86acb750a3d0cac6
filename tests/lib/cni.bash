# A small runtime of CNI: it calls the plugin cwg-cni as a runtime does. Bats files source this file.

ATTACHED=/run/cwg-attached
CONTAINER=$(printf 'c%.0s' {1..64})

# The result of the plugins before, which ADD has to pass on, but for the version.
RESULT='"interfaces":[{"name":"cni0"},{"name":"eth0","sandbox":"/run/netns/n1"}],'
RESULT+='"ips":[{"address":"10.88.0.2/16","gateway":"10.88.0.1","interface":1}],"routes":[{"dst":"0.0.0.0/0"}],'
RESULT+='"dns":{}'

# Prints a plugin's configuration, as a runtime writes it: config VERSION [MEMBER...]
config()
{
    local member
    printf '{"cniVersion":"%s","name":"net7","type":"cwg-cni","prevResult":{%s}' "$1" "$RESULT"
    for member in "${@:2}"; do printf ',%s' "$member"; done
    printf '}'
}

# Calls the plugin: cni COMMAND CONFIGURATION [VARIABLE=VALUE...]. Standard input ends behind the configuration.
cni()
{
    env -i CNI_COMMAND="$1" CNI_CONTAINERID="$CONTAINER" CNI_NETNS=/run/netns/n1 CNI_IFNAME=eth0 \
        CNI_PATH=/usr/lib/cni "${@:3}" "$ROOT/build/cwg" plugin cni < <(printf %s "$2")
}

# Prints what the plugin has told of the container in network net7.
told()
{
    cat "$ATTACHED/$CONTAINER+net7"
}

# After `run --separate-stderr cni ...`: it failed with a code, and a text that begins so. It says the protocol's
# version, the newest if none is in use: assert_error CODE TEXT [VERSION]
assert_error()
{
    [ "$status" = 1 ] || fail "exit code $status, not 1: $output"
    [ -z "$stderr" ] || fail "standard error isn't empty: $stderr"
    [ "${#lines[@]}" = 1 ] || fail "not one line: $output"
    [[ $output == "{\"cniVersion\":\"${3:-1.1.0}\",\"code\":$1,\"msg\":\"$2"*'","details":"see cwg-plugins(7)"}' ]] ||
        fail "not $1, $2: $output"
}
