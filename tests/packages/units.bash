# The machine's agent in its unit, as the Debian packages install it, in a VM whose system is a clean Debian. Both ends
# of each link are at this machine, the site a. Sourced by bats files.

load ../lib/helper
load ../lib/within

PACKAGES=$ROOT/build/packages/deb

# Installs packages: install_all NAME...
install_all()
{
    local name
    for name; do cp "$PACKAGES/$name"_*.deb "$BATS_TEST_TMPDIR"; done
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --reinstall install "$BATS_TEST_TMPDIR"/*.deb </dev/null 3>&-
}

say_all()
{
    systemctl status --no-pager --full cwg-agent | tail -n 20
}

as_cwg()
{
    setpriv --reuid cwg --regid cwg --clear-groups env HOME=/var/lib/cwg "$@"
}

# Prints the site as a site declares it.
this_site()
{
    printf '{"site":"a","key":"%s"}' "$(as_cwg cwg keys | grep -o '[^ ]*=$')"
}

all_up()
{
    [[ $(systemctl show --property StatusText --value cwg-agent) =~ ^2\ links,\ ([0-2])\ connected,\ ([0-2])\ in ]] &&
        [ $((BASH_REMATCH[1] + BASH_REMATCH[2])) = 2 ]
}

# Gives the machine an address that sites may have.
add_address()
{
    ip link add d0 type dummy
    ip address add 192.0.2.1/24 dev d0
    ip link set d0 up
}

remove_packages()
{
    apt-get -qq -y purge "$@" </dev/null 3>&- || true
}
