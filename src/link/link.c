#include "link/link.h"

#include <stdio.h>
#include <string.h>

#include "link/decimal.h"

struct link_end link_other_end(struct link_end end)
{
    return (struct link_end){.net = end.net, .host = 1 - end.host};
}

uint32_t link_subnet(uint32_t net)
{
    return (10U << 24) + 2 * net;
}

uint32_t link_address(struct link_end end)
{
    return link_subnet(end.net) + end.host;
}

void link_address_to_text(struct link_end end, char ret_text[static ADDRESS_TEXT_SIZE])
{
    address_ipv4_to_text(link_address(end), ret_text);
}

int link_name(const char *prefix, struct link_end end, char ret_name[static LINK_NAME_SIZE])
{
    char name[64];
    int length = snprintf(name, sizeof(name), "%s-%u-%u", prefix, end.net, end.host);

    if (length < 0 || length >= LINK_NAME_SIZE)
        return -1;
    memcpy(ret_name, name, (size_t)length + 1);
    return 0;
}

int link_name_parse(const char *prefix, const char *name, struct link_end *ret_end)
{
    size_t prefix_length = strlen(prefix);
    char net_text[LINK_NAME_SIZE];
    const char *net;
    const char *dash;
    struct link_end end;

    if (strlen(name) >= LINK_NAME_SIZE || strncmp(name, prefix, prefix_length) != 0 ||
        name[prefix_length] != '-')
        return -1;
    net = name + prefix_length + 1;
    dash = strchr(net, '-');
    if (!dash)
        return -1;
    memcpy(net_text, net, (size_t)(dash - net));
    net_text[dash - net] = '\0';
    if (decimal_parse(net_text, LINK_NET_MAX, &end.net) ||
        decimal_parse(dash + 1, LINK_HOST_MAX, &end.host))
        return -1;
    *ret_end = end;
    return 0;
}

int32_t link_net_limit(size_t prefix_length)
{
    size_t fixed = prefix_length + strlen("--0");
    int64_t limit = 1;

    if (fixed >= LINK_NAME_SIZE - 1)
        return -1;
    for (size_t digits = LINK_NAME_SIZE - 1 - fixed; digits > 0 && limit <= LINK_NET_MAX; digits--)
        limit *= 10;
    return limit - 1 < LINK_NET_MAX ? (int32_t)(limit - 1) : LINK_NET_MAX;
}
