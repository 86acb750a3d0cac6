/* Any bytes as a message from the kernel, with parts that come from the container: names, aliases,
 * lists. The first byte chooses the reader. Length and type are made right, because chance seldom
 * does that. */
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "helper/backend/kernel/wgmsg.h"
#include "helper/netlink/rtmsg.h"

enum {
    FAMILY = 0x1f,
    READERS = 5,
};

static const uint16_t types[READERS] = {FAMILY, RTM_NEWLINK, RTM_NEWROUTE, RTM_NEWROUTE,
                                        GENL_ID_CTRL};

static void read_status(const struct nlmsghdr *message)
{
    struct wgmsg_reading reading = {.peer = {{0}}};

    for (int i = 0; i < 3; i++) {
        if (wgmsg_status_parse(message, FAMILY, &reading)) {
            require(i == 0 && reading.status.peers == 0 && reading.status.allowed_count == 0);
            return;
        }
    }
    require(reading.status.allowed_count <= STATUS_ALLOWED_MAX && reading.status.handshake >= 0);
    for (size_t i = 0; i < reading.status.allowed_count; i++)
        require(reading.status.allowed[i].prefix_length <=
                (reading.status.allowed[i].ipv6 ? 128 : 32));
}

static void read_link(const struct nlmsghdr *message)
{
    struct rtmsg_link link;

    if (rtmsg_link_parse(message, &link))
        return;
    require(link.index > 0);
    require(memchr(link.name, '\0', sizeof(link.name)) &&
            memchr(link.kind, '\0', sizeof(link.kind)));
    require(memchr(link.alias, '\0', sizeof(link.alias)));
}

static void read_message(unsigned int reader, const struct nlmsghdr *message)
{
    struct rtmsg_route route;
    struct rtmsg_path path;
    uint16_t family;

    switch (reader) {
    case 0:
        read_status(message);
        break;
    case 1:
        read_link(message);
        break;
    case 2:
        if (rtmsg_route_parse(message, &route) == 0)
            require(route.gateways <= RTMSG_GATEWAYS_MAX && route.prefix_length <= 32);
        break;
    case 3:
        (void)rtmsg_path_parse(message, &path);
        break;
    default:
        if (wgmsg_family_parse(message, &family) == 0)
            require(family >= GENL_MIN_ID);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nlmsghdr *message;

    if (size < 1 + sizeof(*message))
        return 0;
    message = malloc(size - 1);
    memcpy(message, data + 1, size - 1);
    message->nlmsg_len = (uint32_t)(size - 1);
    message->nlmsg_type = types[data[0] % READERS];
    read_message(data[0] % READERS, message);
    free(message);
    return 0;
}
