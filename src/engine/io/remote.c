#include "engine/io/remote.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "link/decimal.h"

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
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (remote->address.any.sa_family == AF_INET6) {
        memcpy(ret_source, &remote->address.v6.sin6_addr, 16);
        memcpy(ret_source + 16, &remote->address.v6.sin6_port, 2);
        return;
    }
    memcpy(ret_source, mapped, sizeof(mapped));
    memcpy(ret_source + 12, &remote->address.v4.sin_addr, 4);
    memcpy(ret_source + 16, &remote->address.v4.sin_port, 2);
}

void remote_to_text(const struct remote *remote, char ret_text[static REMOTE_TEXT_SIZE])
{
    bool ipv6 = remote->address.any.sa_family == AF_INET6;
    char address[INET6_ADDRSTRLEN];

    if (ipv6)
        (void)inet_ntop(AF_INET6, &remote->address.v6.sin6_addr, address, sizeof(address));
    else
        (void)inet_ntop(AF_INET, &remote->address.v4.sin_addr, address, sizeof(address));
    (void)snprintf(ret_text, REMOTE_TEXT_SIZE, ipv6 ? "[%s]:%u" : "%s:%u", address,
                   ntohs(ipv6 ? remote->address.v6.sin6_port : remote->address.v4.sin_port));
}

bool remote_from_text(const char *text, struct remote *ret_remote)
{
    struct remote remote = {0};
    char address[INET6_ADDRSTRLEN];
    const char *colon = strrchr(text, ':');
    bool ipv6 = text[0] == '[';
    size_t length = colon ? (size_t)(colon - text) : 0;
    uint32_t port;
    bool good;

    if (ipv6) {
        if (length < 2 || text[length - 1] != ']')
            return false;
        text++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof(address) || decimal_parse(colon + 1, 65535, &port) ||
        port == 0)
        return false;
    memcpy(address, text, length);
    address[length] = '\0';
    if (ipv6) {
        remote.address.v6.sin6_family = AF_INET6;
        remote.address.v6.sin6_port = htons((uint16_t)port);
        good = inet_pton(AF_INET6, address, &remote.address.v6.sin6_addr) == 1;
    } else {
        remote.address.v4.sin_family = AF_INET;
        remote.address.v4.sin_port = htons((uint16_t)port);
        good = inet_pton(AF_INET, address, &remote.address.v4.sin_addr) == 1;
    }
    if (good)
        *ret_remote = remote;
    return good;
}
