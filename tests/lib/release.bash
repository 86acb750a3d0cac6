# Other releases of Debian than this machine's. Sourced by scripts that fetch packages.

# Prints the line of apt's sources for a release, on the mirror that this machine uses: source_of RELEASE
# shellcheck disable=SC2016 # apt's
source_of()
{
    apt-get indextargets --format '$(SITE) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
        awk -v release="$1" '
            !site && $2 !~ /-/ && $3 == "main" && $1 ~ /debian\/?$/ { site = $1 }
            END {
                if (!site) exit 1
                print "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", site, release, "main"
            }' || { echo "apt knows no mirror of Debian" >&2; return 1; }
}
