#include "cwg/machine/addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
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

socklen_t addresses_to_socket(const char *text, uint16_t port, struct sockaddr_storage *ret_address)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    *ret_address = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1) {
        memcpy(ret_address, &in6, sizeof(in6));
        return sizeof(in6);
    }
    if (inet_pton(AF_INET, text, &in.sin_addr) != 1)
        return 0;
    memcpy(ret_address, &in, sizeof(in));
    return sizeof(in);
}

/* connect() of a UDP socket sends nothing; it looks up the route. */
bool addresses_source(const char *to, char ret_from[static ADDRESS_SIZE])
{
    struct sockaddr_storage address, bound = {0};
    const socklen_t length = addresses_to_socket(to, 9, &address);
    socklen_t size = sizeof(bound);
    bool found;
    int fd;

    if (!length)
        return false;
    fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    found = connect(fd, (const struct sockaddr *)&address, length) == 0 &&
            getsockname(fd, (struct sockaddr *)&bound, &size) == 0 &&
            to_text((const struct sockaddr *)&bound, ret_from) == 0;
    close(fd);
    return found;
}

bool addresses_of_ssh(int word, char ret_address[static ADDRESS_SIZE])
{
    const char *connection = getenv("SSH_CONNECTION");
    char copy[256];
    char *rest = copy, *text = NULL;

    (void)snprintf(copy, sizeof(copy), "%s", connection ? connection : "");
    for (int i = 0; i <= word; i++)
        text = strsep(&rest, " ");
    return text && addresses_canonical(text, ret_address) == 0;
}
