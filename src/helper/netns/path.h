/* The path that a link's datagrams take from home to the peer. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "link/endpoint.h"

struct failure;

enum {
    PATH_MTU_UNKNOWN = 0,
};

/* What MTU a link has room for on the way to an endpoint: that of the route, or of the device it
 * leads to, less 80 bytes for an IPv6 header (40), one of UDP (8) and WireGuard's own (32, for
 * data: section 5.4.6 of the paper); from 1280, which IPv6 needs, to 65455. PATH_MTU_UNKNOWN if no
 * route leads there as yet. Asked at home, where we have to be. Returns 0, or a negative errno,
 * where the kernel has no IPv6 for one. */
int path_mtu(const struct endpoint *endpoint, uint32_t *ret_mtu, struct failure *failure);

/* Whether the kernel says that no route leads from home to an endpoint. */
bool path_is_missing(const struct endpoint *endpoint);

/* Whether an endpoint's address is one of home's own. */
bool path_is_local(const struct endpoint *endpoint);

/* Whether home has no network: no device but lo. Where that can't be found out it has one. */
bool path_is_closed(void);
