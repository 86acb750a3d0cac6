# Debian's docker, which tests/vm/engines has unpacked, for tests in the VM. Bats files source this file, and cwg.bash
# before it.

UNPACKED=${NAH_VM_CACHE:-$ROOT/build/vm}/engines

# Starts the daemon. It ends with the VM, or by stop_docker.
start_docker()
{
    [ -d "$UNPACKED" ] || fail "$UNPACKED isn't there: run tests/vm/engines"
    PATH=$UNPACKED/usr/sbin:$UNPACKED/usr/bin:$PATH dockerd --data-root "$WORLD/docker" --pidfile "$WORLD/docker.pid" \
        --group root --bridge none --iptables=false --ip-masq=false --ip-forward=false --userland-proxy=false \
        --storage-driver vfs >"$WORLD/docker.log" 2>&1 3>&- &
}

await_docker()
{
    local i
    for ((i = 0; i < 150; i++)); do
        [ ! -S /run/docker.sock ] || ! docker version || return 0
        sleep 0.2
    done >/dev/null 2>&1
    fail "docker doesn't answer: $(<"$WORLD/docker.log")"
}

stop_docker()
{
    kill "$(<"$WORLD/docker.pid")"
    while [ -e "$WORLD/docker.pid" ]; do sleep 0.1; done
}
