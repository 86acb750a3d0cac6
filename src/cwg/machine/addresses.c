#include "cwg/machine/addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/endpoint.h"

bool addresses_have(const struct addresses *addresses, const char *text)
{
    for (int i = 0; i < addresses->count; i++) {
        if (strcmp(addresses->text[i], text) == 0)
            return true;
    }
    return false;
}

void addresses_add(struct addresses *addresses, const char *text)
{
    if (addresses->count < ADDRESS_MAX && !addresses_have(addresses, text))
        (void)snprintf(addresses->text[addresses->count++], ADDRESS_SIZE, "%s", text);
}

bool addresses_is_loopback(const char *text)
{
    return strncmp(text, "127.", 4) == 0 || strcmp(text, "::1") == 0;
}

int addresses_canonical(const char *text, char ret_text[static ADDRESS_SIZE])
{
    struct in6_addr address6;
    struct in_addr address;
    struct endpoint endpoint;
    char with_port[ADDRESS_SIZE + 8];

    if (inet_pton(AF_INET6, text, &address6) == 1) {
        if (IN6_IS_ADDR_V4MAPPED(&address6))
            (void)inet_ntop(AF_INET, &address6.s6_addr[12], ret_text, ADDRESS_SIZE);
        else
            (void)inet_ntop(AF_INET6, &address6, ret_text, ADDRESS_SIZE);
    } else if (inet_pton(AF_INET, text, &address) == 1) {
        (void)inet_ntop(AF_INET, &address, ret_text, ADDRESS_SIZE);
    } else {
        return -1;
    }
    /* The helper's own rules for an endpoint's address. */
    (void)snprintf(with_port, sizeof(with_port), strchr(ret_text, ':') ? "[%s]:1" : "%s:1",
                   ret_text);
    return endpoint_parse(with_port, &endpoint) == ENDPOINT_GOOD ? 0 : -1;
}

static int to_text(const struct sockaddr *address, char ret_text[static ADDRESS_SIZE])
{
    char text[ADDRESS_SIZE];
    const void *bytes;

    if (address->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    else if (address->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    else
        return -1;
    if (!inet_ntop(address->sa_family, bytes, text, sizeof(text)))
        return -1;
    return addresses_canonical(text, ret_text);
}

void addresses_list(struct addresses *ret_addresses)
{
    struct ifaddrs *all;

    ret_addresses->count = 0;
    if (getifaddrs(&all) < 0)
        return;
    for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
        char text[ADDRESS_SIZE];

        if (one->ifa_addr && one->ifa_flags & IFF_UP && !(one->ifa_flags & IFF_LOOPBACK) &&
            to_text(one->ifa_addr, text) == 0)
            addresses_add(ret_addresses, text);
    }
    freeifaddrs(all);
}

/* connect() of a UDP socket sends nothing; it looks up the route. */
bool addresses_source(const char *to, char ret_from[static ADDRESS_SIZE])
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof(bound);
    const bool ipv6 = inet_pton(AF_INET6, to, &in6.sin6_addr) == 1;
    const void *address = ipv6 ? (const void *)&in6 : (const void *)&in;
    bool found;
    int fd;

    if (!ipv6 && inet_pton(AF_INET, to, &in.sin_addr) != 1)
        return false;
    fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    found = connect(fd, address, ipv6 ? sizeof(in6) : sizeof(in)) == 0 &&
            getsockname(fd, (struct sockaddr *)&bound, &size) == 0 &&
            to_text((const struct sockaddr *)&bound, ret_from) == 0;
    close(fd);
    return found;
}
