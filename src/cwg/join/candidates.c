#include "cwg/join/candidates.h"

#include <string.h>

/* Adds an address that is the site's own, and of a family that the other has, too. */
static void add_own(const struct site *site, const struct site *other, const char *address,
                    struct addresses *candidates)
{
    const bool ipv6 = strchr(address, ':') != NULL;

    if (candidates->count == CANDIDATES_MAX || !addresses_have(&site->addresses, address))
        return;
    for (int i = 0; i < other->addresses.count; i++) {
        if ((strchr(other->addresses.text[i], ':') != NULL) == ipv6) {
            addresses_add(candidates, address);
            return;
        }
    }
}

void candidates_find(const struct site *site, const struct site *other,
                     const struct addresses *sources, struct addresses *ret_candidates)
{
    *ret_candidates = (struct addresses){.count = 0};
    if (site == other) {
        addresses_add(ret_candidates,
                      site->addresses.count > 0 ? site->addresses.text[0] : "127.0.0.1");
        return;
    }
    for (int i = 0; i < sources->count; i++)
        add_own(site, other, sources->text[i], ret_candidates);
    if (site->host[0])
        add_own(site, other, site->ssh_server, ret_candidates);
    else
        add_own(site, other, other->ssh_client, ret_candidates);
    for (int i = 0; i < site->addresses.count; i++)
        add_own(site, other, site->addresses.text[i], ret_candidates);
}

bool candidates_behind_nat(const struct site *site, const struct site *other,
                           const struct dialled *dialled)
{
    const bool one_is_here = (site->host[0] == '\0') != (other->host[0] == '\0');

    if (!one_is_here || dialled->proxied)
        return false;
    if (!site->host[0])
        return other->ssh_client[0] && !addresses_is_loopback(other->ssh_client) &&
               !addresses_have(&site->addresses, other->ssh_client);
    for (int i = 0; i < dialled->addresses.count; i++) {
        if (addresses_have(&site->addresses, dialled->addresses.text[i]) ||
            addresses_is_loopback(dialled->addresses.text[i]))
            return false;
    }
    return dialled->addresses.count > 0;
}
