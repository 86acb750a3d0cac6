/* The path of a link's datagrams from home to the peer. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "link/endpoint.h"

struct failure;

enum {
    PATH_MTU_UNKNOWN = 0,
};

/* Finds the MTU of a link to an endpoint: the MTU of the route or its device, less 80 bytes for an
 * IPv6 header (40), a UDP header (8) and WireGuard's own (32 for data: section 5.4.6 of the paper);
 * from 1280, which IPv6 needs, to 65455. PATH_MTU_UNKNOWN without a route. Call it at home. Returns
 * 0, or a negative errno if the endpoint is IPv6 and the kernel has none. */
int path_mtu(const struct endpoint *endpoint, uint32_t *ret_mtu, struct failure *failure);

/* Does the kernel say that no route leads from home to an endpoint? */
bool path_is_missing(const struct endpoint *endpoint);

/* Is an endpoint's address one of home's own? */
bool path_is_local(const struct endpoint *endpoint);

/* Has home no device but lo? False if that can't be found out. */
bool path_is_closed(void);
