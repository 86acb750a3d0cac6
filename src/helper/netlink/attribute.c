#include "helper/netlink/attribute.h"

#include <errno.h>
#include <string.h>

int attributes_each(const void *payload, size_t length, attribute_take *take, void *context)
{
    const char *next = payload;
    size_t left = length;

    while (left > 0) {
        const struct nlattr *attribute = (const void *)next;
        size_t step;
        int result;

        if (left < sizeof(*attribute) || attribute->nla_len < sizeof(*attribute) ||
            attribute->nla_len > left)
            return -EBADMSG;
        result = take(attribute, context);
        if (result)
            return result;
        step = (size_t)MNL_ALIGN(attribute->nla_len);
        if (step > left) /* the last attribute's padding may be missing */
            step = left;
        next += step;
        left -= step;
    }
    return 0;
}

struct table {
    size_t count;
    const struct nlattr **entries;
};

static int note_in_table(const struct nlattr *attribute, void *context)
{
    const struct table *table = context;

    if (mnl_attr_get_type(attribute) < table->count)
        table->entries[mnl_attr_get_type(attribute)] = attribute;
    return 0;
}

int attributes_find(const void *payload, size_t length, size_t count,
                    const struct nlattr *ret_table[])
{
    struct table table = {.count = count, .entries = ret_table};

    for (size_t type = 0; type < count; type++)
        ret_table[type] = NULL;
    return attributes_each(payload, length, note_in_table, &table);
}

int attributes_find_nested(const struct nlattr *nest, size_t count,
                           const struct nlattr *ret_table[])
{
    return attributes_find(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), count,
                           ret_table);
}

int attributes_find_message(const struct nlmsghdr *message, size_t header, size_t count,
                            const struct nlattr *ret_table[])
{
    size_t offset = NLMSG_LENGTH(NLMSG_ALIGN(header));

    if (message->nlmsg_len < offset)
        return -EBADMSG;
    return attributes_find((const char *)message + offset, message->nlmsg_len - offset, count,
                           ret_table);
}

int attribute_bytes(const struct nlattr *attribute, size_t size, void *ret_value)
{
    if (!attribute)
        return -ENODATA;
    if (mnl_attr_get_payload_len(attribute) != size)
        return -EBADMSG;
    memcpy(ret_value, mnl_attr_get_payload(attribute), size);
    return 0;
}

int attribute_optional(const struct nlattr *attribute, size_t size, void *ret_value)
{
    return attribute ? attribute_bytes(attribute, size, ret_value) : 0;
}

int attribute_string(const struct nlattr *attribute, size_t size, char *ret_value)
{
    size_t length;

    if (!attribute)
        return -ENODATA;
    length = mnl_attr_get_payload_len(attribute);
    if (length > size || memchr(mnl_attr_get_payload(attribute), '\0', length) !=
                             mnl_attr_get_str(attribute) + length - 1)
        return -EBADMSG;
    memcpy(ret_value, mnl_attr_get_payload(attribute), length);
    return 0;
}
