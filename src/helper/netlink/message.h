/* A netlink message to send: bytes with a bound, which no append exceeds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

enum {
    MESSAGE_SIZE = 512, /* the largest is some 200 bytes: a peer with endpoint and allowed IPs */
};

struct message {
    union {
        struct nlmsghdr header;
        uint8_t bytes[MESSAGE_SIZE];
    };
    bool overflowed; /* an append didn't fit: the message must not be sent (netlink.h) */
};

/* Starts a message of `type`, with `flags` beside NLM_F_REQUEST. Returns its family header, `size`
 * zero bytes. */
void *message_start(struct message *message, uint16_t type, uint16_t flags, size_t size);

/* Append an attribute; an integer in the machine's byte order. */
void message_put(struct message *message, uint16_t type, size_t size, const void *data);
void message_put_u16(struct message *message, uint16_t type, uint16_t value);
void message_put_u32(struct message *message, uint16_t type, uint32_t value);
void message_put_string(struct message *message, uint16_t type, const char *text);

/* Enclose the appends between the two calls in an attribute of `type`. On overflow message_nest()
 * returns NULL, which message_unnest() takes. */
struct nlattr *message_nest(struct message *message, uint16_t type);
void message_unnest(struct message *message, struct nlattr *nest);
