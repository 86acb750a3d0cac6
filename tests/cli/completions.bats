#!/usr/bin/env bats
# What bash, zsh and fish offer for the program, its tasks and cwg: each shell is asked for real.

bats_require_minimum_version 1.5.0
load cli

TASKS=(cwg_create cwg_connect cwg_destroy cwg_show cwg_list cwg_wait cwg_destroy_all)

setup_file()
{
    # The commands, as they are installed; and a podman that knows two containers, beside a docker that fails.
    local bin=$BATS_FILE_TMPDIR/bin task
    mkdir -p "$bin" "$BATS_FILE_TMPDIR/here/folder"
    for task in "$NAME" "${TASKS[@]}"; do ln -s "$ROOT/build/$NAME" "$bin/$task"; done
    ln -s "$ROOT/build/cwg" "$bin/cwg"
    cat >"$bin/podman" <<'PODMAN'
#!/bin/sh
[ "$1" != ps ] || printf '%s\n' web mail
[ "$1" != inspect ] ||
    printf '%s\n' "$3" "$3" | sed 's/{{.State.Pid}}/4711/; 2s/4711/815/; s/{{.Name}}/web/; 2s/web/mail/'
PODMAN
    printf '#!/bin/sh\nexit 1\n' >"$bin/docker"
    chmod +x "$bin/podman" "$bin/docker"
    touch "$BATS_FILE_TMPDIR/here/file1"
    # A user who reaches some machines, and has joined some links.
    export HOME=$BATS_FILE_TMPDIR/home
    mkdir -p "$HOME/.ssh" "$HOME/.local/state/cwg"
    touch "$HOME/.local/state/cwg/1572871.json" "$HOME/.local/state/cwg/7.json"
    printf '%s\n' 'Host siteone.test' '    User alice' 'Host *.pattern.test' >"$HOME/.ssh/config"
    printf '%s ssh-ed25519 AAAA\n' 'sitetwo.test,192.0.2.2' '[sitethree.test]:2222' '|1|hash=|ed=' \
        >"$HOME/.ssh/known_hosts"
    export PATH=$bin:$PATH ZSH_KNOWN=$BATS_FILE_TMPDIR/known
}

setup()
{
    cd "$BATS_FILE_TMPDIR/here" || return
}

# What a shell offers at the end of a line, sorted, in one line: offered SHELL LINE
offered()
{
    local completions=$ROOT/completions file=$NAME
    local user=(env -i PATH="$PATH" HOME="$HOME" XDG_STATE_HOME="${STATE:-}")
    [[ $2 != "cwg "* ]] || file=cwg
    case $1 in
        bash) "${user[@]}" bash --norc "$ROOT/tests/cli/complete.bash" "$completions/$file.bash" "$2" ;;
        zsh) "${user[@]}" timeout 20 zsh "$ROOT/tests/cli/complete.zsh" "$completions" "$2" "$ZSH_KNOWN" ;;
        fish)
            "${user[@]}" fish --no-config -c "source $completions/$file.fish
                complete -C'$2'" | cut -f 1
            ;;
    esac | sed -E 's/^--[a-z-]+=(.)/\1/; s/[:/]$//' | sort -u | paste -sd ' '
}

# LINE, a '|', and what is to be offered there, by each shell.
check_offers()
{
    local shell line expected
    while IFS='|' read -r line expected; do
        for shell in bash zsh fish; do
            [ "$(offered "$shell" "$line")" = "$expected" ] ||
                fail "$shell, '$line': '$(offered "$shell" "$line")', not '$expected'"
        done
    done
}

@test "the shells' own checks find nothing in the completions" {
    local name
    for name in "$NAME" cwg; do
        shellcheck --shell=bash "$ROOT/completions/$name.bash"
        zsh -n "$ROOT/completions/_$name"
        fish --no-execute "$ROOT/completions/$name.fish"
    done
}

@test "the tasks, and after each option's dash the options that --help lists: no other, and none less" {
    local task tasks options shell
    tasks=$("$NAME" --version | sed -n 's/^tasks: //p')
    # shellcheck disable=SC2086 # words
    check_offers <<<"$NAME |$(printf '%s\n' $tasks --help --version | sort | paste -sd ' ')"
    for task in $tasks; do
        options=$( ("$NAME" "$task" --help | grep -oE '^  --[a-z-]+' | tr -d ' '; echo --help) | sort | paste -sd ' ')
        [ "$task" != cwg_connect ] || [ "$(wc -w <<<"$options")" -gt 3 ]
        check_offers <<<"$NAME $task --|$options"
        [[ $task == batch || $task == check-policy ]] || check_offers <<<"$task --|$options"
    done
}

@test "each command of the program's is completed, and no other" {
    local task tasks
    tasks=$(printf '%s\n' "$NAME" "${TASKS[@]}" | paste -sd ' ')
    [ "$(sed -n 's/^TASKS *:= *//p' "$ROOT/build.mk")" = "${TASKS[*]}" ]
    [ "$(head -n 1 "$ROOT/completions/_$NAME")" = "#compdef $tasks" ]
    [ "$(sed -n 's/^for command in //p' "$ROOT/completions/$NAME.fish")" = "$tasks" ]
    [ "$(env -i bash --norc -c '. "$0"; complete -p' "$ROOT/completions/$NAME.bash" |
        awk '{ print $NF }' | sort)" = "$(tr ' ' '\n' <<<"$tasks" | sort)" ]
}

@test "running containers for a pid, 0 and 1 for a host, files for a file, and nothing for a number" {
    check_offers <<END
$NAME cwg_c|cwg_connect cwg_create
cwg_create |4711 815
cwg_create 4|4711
$NAME cwg_show |4711 815
cwg_create 1 |
cwg_create 1 7 |0 1
cwg_create 1 7 1|1
cwg_create 1 7 1 |
cwg_create --json 1 7 |0 1
$NAME cwg_create 1 --json 7 |0 1
cwg_connect --mtu 1280 1 7 |0 1
cwg_connect --mtu=1280 1 7 |0 1
cwg_connect 1 7 --mtu |
cwg_connect 1 7 --mtu=|
cwg_connect 1 --mtu 1280 --pe|--persistent-keepalive
cwg_connect --preshared-key-file fi|file1
cwg_connect --preshared-key-file=fi|file1
$NAME batch fi|file1
END
}

@test "who may not run the program is offered nothing, and told nothing" {
    local shell
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\necho denied >&2\nexit 126\n' >"$BATS_TEST_TMPDIR/bin/$NAME"
    chmod +x "$BATS_TEST_TMPDIR/bin/$NAME"
    cp "$BATS_TEST_TMPDIR/bin/$NAME" "$BATS_TEST_TMPDIR/bin/cwg_create"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
    for shell in bash zsh fish; do
        run offered "$shell" "$NAME "
        [ -z "$output" ] || fail "$shell: $output"
        run offered "$shell" "cwg_create 1 7 "
        [ -z "$output" ] || fail "$shell: $output"
    done
}

@test "cwg: its commands, and behind each the options that --help lists: no other, and none less" {
    local commands command options
    commands=$(cwg --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | sort)
    [ "$(wc -l <<<"$commands")" -ge 5 ]
    # shellcheck disable=SC2086 # words
    check_offers <<<"cwg |$(printf '%s\n' $commands help --help --version | sort | paste -sd ' ')"
    check_offers <<<"cwg help |$(paste -sd ' ' <<<"$commands")"
    for command in $commands; do
        options=$( (cwg "$command" --help | grep -oE '^  --[a-z-]+' | tr -d ' '; echo --help) | sort | paste -sd ' ')
        [ "$command" != join ] || [ "$(wc -w <<<"$options")" -gt 7 ]
        check_offers <<<"cwg $command --|$options"
    done
}

@test "cwg: containers, nets that were joined, an option's values; nothing of another machine's containers" {
    check_offers <<END
cwg j|join
cwg pid |mail web
cwg pid podman/|podman/mail podman/web
cwg join we|web
cwg join podman/w|podman/web
cwg join web ma|mail
cwg join --psk we|web
cwg join sitetwo.test:we|
cwg join --nat |1 2
cwg join --nat=|1 2
cwg join --mtu |
cwg status |1572871 7
cwg status --json 15|1572871
cwg leave 15|1572871
cwg leave --f|--forget
cwg leave --forget 15|1572871
cwg leave we|web
cwg nonsense |
END
    STATE=$BATS_TEST_TMPDIR/state
    mkdir -p "$STATE/cwg"
    touch "$STATE/cwg/8.json"
    check_offers <<<"cwg status |8"
}

@test "cwg: names of declared links, of the agent that --state names, or of the user's; files and directories" {
    local state=$BATS_FILE_TMPDIR/here/state key
    mkdir -p "$state/store/want" "$HOME/.local/state/cwg/agent/store/want"
    for key in "$state/store/want/web-db.0" "$state/store/want/mail.1" \
        "$HOME/.local/state/cwg/agent/store/want/own.0"; do
        echo '{}' >"$key"
    done
    check_offers <<END
cwg forget --state state |mail web-db
cwg forget --state=state w|web-db
cwg forget --state state mail we|web-db
cwg status --state state ma|mail
cwg declare fi|file1
cwg declare --e|--etcd
cwg declare --etcd --operator-key fi|file1
cwg declare --etcd --operator-key file1 --config fi|file1
cwg forget --o|--operator-key
cwg forget --etcd --operator-key=fi|file1
cwg agent --config fi|file1
cwg agent --config=fi|file1
cwg agent --state fo|folder
cwg agent --site |
END
    [ "$(id -u)" = 0 ] || check_offers <<<"cwg forget |own"
}

@test "cwg: the hosts that ssh knows, by name, without patterns and hashed names, and with a user" {
    check_offers <<END
cwg join sitet|sitethree.test sitetwo.test
cwg join web site|siteone.test sitethree.test sitetwo.test
cwg join alice@siteo|alice@siteone.test
cwg doctor sitet|sitethree.test sitetwo.test
END
    local shell offered
    for shell in bash zsh fish; do
        offered=$(offered "$shell" "cwg join ")
        [[ $offered == *siteone.test* && $offered == *web* && $offered != *[*\|]* ]] || fail "$shell: $offered"
    done
}
