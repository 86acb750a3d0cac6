#include "helper/netlink/message.h"

#include <string.h>

void *message_start(struct message *message, uint16_t type, uint16_t flags, size_t size)
{
    /* libmnl skips the padding of attributes: without this, old bytes would be sent. */
    *message = (struct message){0};
    mnl_nlmsg_put_header(message->bytes);
    message->header.nlmsg_type = type;
    message->header.nlmsg_flags = NLM_F_REQUEST | flags;
    return mnl_nlmsg_put_extra_header(&message->header, size);
}

void message_put(struct message *message, uint16_t type, size_t size, const void *data)
{
    if (!mnl_attr_put_check(&message->header, MESSAGE_SIZE, type, size, data))
        message->overflowed = true;
}

void message_put_u16(struct message *message, uint16_t type, uint16_t value)
{
    message_put(message, type, sizeof(value), &value);
}

void message_put_u32(struct message *message, uint16_t type, uint32_t value)
{
    message_put(message, type, sizeof(value), &value);
}

void message_put_string(struct message *message, uint16_t type, const char *text)
{
    message_put(message, type, strlen(text) + 1, text);
}

struct nlattr *message_nest(struct message *message, uint16_t type)
{
    struct nlattr *nest = mnl_attr_nest_start_check(&message->header, MESSAGE_SIZE, type);

    if (!nest)
        message->overflowed = true;
    return nest;
}

void message_unnest(struct message *message, struct nlattr *nest)
{
    if (nest)
        mnl_attr_nest_end(&message->header, nest);
}
