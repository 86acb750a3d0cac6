#include "engine/io/remote.h"

#include <arpa/inet.h>
#include <string.h>

#include "link/address.h"

bool remote_known(const struct remote *remote)
{
    return remote->address.any.sa_family != AF_UNSPEC;
}

bool remote_equal(const struct remote *a, const struct remote *b)
{
    if (a->address.any.sa_family != b->address.any.sa_family)
        return false;
    if (a->address.any.sa_family == AF_INET)
        return a->address.v4.sin_port == b->address.v4.sin_port &&
               a->address.v4.sin_addr.s_addr == b->address.v4.sin_addr.s_addr;
    return a->address.v6.sin6_port == b->address.v6.sin6_port &&
           a->address.v6.sin6_scope_id == b->address.v6.sin6_scope_id &&
           memcmp(&a->address.v6.sin6_addr, &b->address.v6.sin6_addr, sizeof(struct in6_addr)) == 0;
}

void remote_forget_local(struct remote *remote)
{
    memset(&remote->local, 0, sizeof(remote->local));
}

unsigned int remote_device(const struct remote *remote)
{
    return remote->address.any.sa_family == AF_INET6 ? remote->local.v6.ipi6_ifindex
                                                     : (unsigned int)remote->local.v4.ipi_ifindex;
}

bool remote_same_local(const struct remote *a, const struct remote *b)
{
    const struct in6_addr *address = &a->local.v6.ipi6_addr;
    bool same_device = remote_device(a) == remote_device(b);

    if (!remote_known(a) || a->address.any.sa_family != b->address.any.sa_family ||
        remote_device(a) == 0 || remote_device(b) == 0)
        return false;
    if (a->address.any.sa_family == AF_INET6)
        return memcmp(address, &b->local.v6.ipi6_addr, sizeof(*address)) == 0 &&
               (same_device || !IN6_IS_ADDR_LINKLOCAL(address));
    return a->local.v4.ipi_spec_dst.s_addr == b->local.v4.ipi_spec_dst.s_addr && same_device;
}

void remote_to_source(const struct remote *remote, uint8_t ret_source[static REMOTE_SOURCE_SIZE])
{
    if (remote->address.any.sa_family == AF_INET6) {
        memcpy(ret_source, &remote->address.v6.sin6_addr, 16);
        memcpy(ret_source + 16, &remote->address.v6.sin6_port, 2);
        return;
    }
    address_map_ipv4(ntohl(remote->address.v4.sin_addr.s_addr), ret_source);
    memcpy(ret_source + 16, &remote->address.v4.sin_port, 2);
}

struct endpoint remote_to_endpoint(const struct remote *remote)
{
    struct endpoint endpoint = {.ipv6 = remote->address.any.sa_family == AF_INET6};

    if (endpoint.ipv6) {
        memcpy(endpoint.address6, &remote->address.v6.sin6_addr, sizeof(endpoint.address6));
        endpoint.port = ntohs(remote->address.v6.sin6_port);
    } else {
        endpoint.address = ntohl(remote->address.v4.sin_addr.s_addr);
        endpoint.port = ntohs(remote->address.v4.sin_port);
    }
    return endpoint;
}

struct remote remote_from_endpoint(const struct endpoint *endpoint)
{
    struct remote remote = {0};

    if (endpoint->ipv6) {
        remote.address.v6.sin6_family = AF_INET6;
        remote.address.v6.sin6_port = htons(endpoint->port);
        memcpy(&remote.address.v6.sin6_addr, endpoint->address6, sizeof(endpoint->address6));
    } else {
        remote.address.v4.sin_family = AF_INET;
        remote.address.v4.sin_port = htons(endpoint->port);
        remote.address.v4.sin_addr.s_addr = htonl(endpoint->address);
    }
    return remote;
}
