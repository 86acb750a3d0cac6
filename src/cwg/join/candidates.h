/* At which addresses two machines may reach each other. Pure. */
#pragma once

#include <stdbool.h>

#include "cwg/machine/addresses.h"
#include "cwg/site/site.h"

enum {
    CANDIDATES_MAX = 4,
};

/* How one machine is reached by the other. */
struct reach {
    struct addresses candidates; /* the best first; none behind a NAT without a forwarded port */
    bool behind_nat;
};

/* What the ssh configuration says about a host. */
struct dialled {
    struct addresses addresses; /* of the host's name */
    bool proxied;               /* by ProxyJump or ProxyCommand: the addresses are another's */
};

/* Finds the candidates of `site` for `other`. `sources` are the source addresses of the site's
 * routes to the other's addresses. */
void candidates_find(const struct site *site, const struct site *other,
                     const struct addresses *sources, struct addresses *ret_candidates);

/* Returns whether one of two machines seems to be behind a NAT: its address as the other one sees
 * it isn't the machine's own. One of the two is this machine, or nothing can be told. `dialled` is
 * of the remote one. */
bool candidates_behind_nat(const struct site *site, const struct site *other,
                           const struct dialled *dialled);
