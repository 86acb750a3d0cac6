# Waiting for what comes true a while later. Bats files source this file, and define say_all, which prints what helps
# who looks at a failed test.

# Tries a command for so many seconds: within SECONDS COMMAND...
# A quiet machine tries more than ten times a second. On a busy one a try takes longer, and what is waited for comes
# later: there the seconds may become four times as many, until there have been ten tries for each.
within()
{
    local end=$((SECONDS + $1)) last=$((SECONDS + 4 * $1)) tries=$((10 * $1))
    until "${@:2}" >/dev/null 2>&1; do
        if [ "$SECONDS" -gt "$end" ] && { [ "$tries" -le 0 ] || [ "$SECONDS" -gt "$last" ]; }; then
            echo "waited for $((SECONDS - end + $1)) s in vain for: ${*:2}" >&2
            say_all >&2 || true
            return 1
        fi
        tries=$((tries - 1))
        sleep 0.05
    done
}
