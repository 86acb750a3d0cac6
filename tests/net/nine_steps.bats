#!/usr/bin/env bats
# The nine steps of two sites that link two containers, by a caller without privilege. Picture: net.bash.

bats_require_minimum_version 1.5.0
load net

setup_file()
{
    require_wireguard
    install_helper
}

setup()
{
    require_wireguard
    two_sites
    container c1
    container c2
}

teardown()
{
    clean_up
}

@test "a link made in the nine steps carries pings both ways" {
    link_up 7
    inside "$c1" ping -c 2 -i 0.2 -W 5 10.0.0.15
    inside "$c2" ping -c 2 -i 0.2 -W 5 10.0.0.14
}
