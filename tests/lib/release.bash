# Lines of apt's sources, on the mirror that this machine uses. Sourced by scripts that fetch packages.

# Prints the line for another release of Debian: source_of RELEASE
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

# Prints the lines for all that this machine has of its own release: updates and security, too.
# shellcheck disable=SC2016 # apt's
own_sources()
{
    apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' | sort -u |
        awk '
            $3 == "main" && $1 ~ /debian(-security)?\/?$/ {
                print "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", $1, $2, "main"
                found = 1
            }
            END { exit !found }' || { echo "apt knows no mirror of Debian" >&2; return 1; }
}
