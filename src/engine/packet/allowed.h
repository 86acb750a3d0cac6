/* Allowed IPs: what the peer may send, and what is sent to it. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/packet/packet.h"

enum { ALLOWED_MAX = 16 };

struct allowed_network {
    struct address address; /* bits behind the prefix are zero */
    uint8_t prefix_length;
};

struct allowed {
    unsigned int count;
    struct allowed_network network[ALLOWED_MAX];
};

/* Returns false if there is no room. One that is there already is not added again. */
bool allowed_add(struct allowed *allowed, const struct allowed_network *network);
bool allowed_contains(const struct allowed *allowed, const struct address *address);

/* 10.0.0.3/32 or 2001:db8::/32; without a prefix length it is the whole address. Bits behind the
 * prefix are cleared. Writes *ret_network on success only. */
bool allowed_from_text(const char *text, struct allowed_network *ret_network);
enum { ALLOWED_TEXT_SIZE = 46 + sizeof("/128") };
void allowed_to_text(const struct allowed_network *network,
                     char ret_text[static ALLOWED_TEXT_SIZE]);
