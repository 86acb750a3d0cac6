#!/usr/bin/env bats
# A cwg join of which a process at the other machine is killed, stopped or ended, or ssh, leaves nothing at either end.
# cwg.bash draws the machines, and ends.bash the processes. hostile.bats kills at each message, without ssh.

bats_require_minimum_version 1.5.0
load cwg
load ends

world_of_the_file

@test "ssh killed in a join is noticed, and nothing is left" {
    at_each KILL ssh "site2: the session ended with status 137" answer:create request:commit
    at_commit KILL ssh "" answer:commit
}

@test "an sshd that is killed in a join is noticed, and nothing is left" {
    at_each KILL session "site2: ssh: " answer:create request:commit
}

@test "the other machine's cwg killed in a join is noticed, and nothing is left" {
    at_each KILL serve "site2: ssh ended without a word: the connection was lost, or cwg there was killed, or \
LogLevel QUIET hides why" \
        answer:create request:commit
    at_commit KILL serve "" answer:commit
}

@test "the other machine's helper killed in a join is noticed, and nothing is left" {
    at_each KILL batch "site2: net-admin-helper ended with status 137, and said nothing" \
        request:create answer:connect
}

@test "the other machine's helper that dies inside a create leaves no link" {
    local machine=$WORLD/no-helper
    cat >"$machine/net-admin-helper" <<END
#!/bin/sh
while read -r line; do
    answer=\$("$HELPER" \$line) || exit
    case \$line in cwg_create*) kill -KILL \$\$ ;; esac
    echo "ok\${answer:+ \$answer}"
done
END
    chmod 0755 "$machine/net-admin-helper"
    run --separate-stderr cwg join "pid/$c1" "no-helper:pid/$c2"
    rm "$machine/net-admin-helper"
    assert_said 1 "no-helper: net-admin-helper ended with status 137, and said nothing"
    nothing_left
}

@test "an sshd that hangs is noticed within seconds, and nothing is left" {
    join_until answer:create
    send STOP session
    end_of_join
    assert_said 1 "site2: ssh: Timeout, server 192.0.2.2 not responding."
    wait_for no_links
    send CONT session
    nothing_left
}

@test "a connection of ssh's that is shared (ControlMaster), and hangs, is noticed, and nothing is left" {
    open_master
    FAR=shared join_until answer:create
    kill -STOP "$MASTER"
    end_of_join
    close_master
    assert_said 1 "shared: nothing heard for 10 seconds: the connection is dead, or cwg there is stopped"
    nothing_left
}

@test "a container that ends in a join is said to have ended, and nothing is left" {
    join_until request:create
    end_container "$c2"
    end_of_join
    assert_said 1 "site2: pid/$c2 has ended"
    wait_for no_links "$c1"
}
