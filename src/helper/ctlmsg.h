/* What the helper says to a running engine, as text: one request of WireGuard's cross-platform
 * configuration protocol. And what it finds an engine by: the alias of its device, and the name of
 * its control socket. Pure: bytes in, values out. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "link/peer.h"

enum {
    CTLMSG_SIZE = 512,      /* of a request; the longest has some 330 bytes */
    CTLMSG_TOKEN_SIZE = 16, /* random bytes: no two links have the same */
    CTLMSG_ALIAS_SIZE = 96, /* with its NUL */
    CTLMSG_PLACE_SIZE =
        24,                /* what a name is made of: eight bytes of the namespace, and the token */
    CTLMSG_NAME_SIZE = 60, /* with its NUL */
    /* The netlink port, in the engine's own network namespace, at which it is asked how it is. */
    CTLMSG_PORT = 1,
    CTLMSG_TYPE = 0x10, /* nlmsg_type of a question, and of its answer */
};

/* Makes `peer` the peer. An engine has one: another key replaces it, and the same key changes the
 * rest of it and keeps the session. So there is no replace_peers, which would end that. May hold a
 * preshared key: to be wiped. Returns the length. */
size_t ctlmsg_set_peer(char ret_text[static CTLMSG_SIZE], const struct peer *peer);

/* Which process carries a device, and what the helper that started it told it to be found by. */
struct ctlmsg_engine {
    int process; /* 0 stands for none */
    uint8_t token[CTLMSG_TOKEN_SIZE];
};

/* The alias of an engine's device. */
void ctlmsg_alias(const struct ctlmsg_engine *engine, char ret_alias[static CTLMSG_ALIAS_SIZE]);

/* Reads an alias that is exactly what ctlmsg_alias() writes. Returns 0, or -EBADMSG. No more than a
 * hint: root in the container can write it. */
int ctlmsg_alias_parse(const char *alias, struct ctlmsg_engine *ret_engine);

/* What makes the name of an engine whose device is in the network namespace with this inode: what
 * the engine is told. */
void ctlmsg_place(const struct ctlmsg_engine *engine, uint64_t inode,
                  uint8_t ret_place[static CTLMSG_PLACE_SIZE]);

/* The abstract name that it listens by, without the NUL that an abstract name starts with
 * (unix(7)). */
void ctlmsg_name(const uint8_t place[static CTLMSG_PLACE_SIZE],
                 char ret_name[static CTLMSG_NAME_SIZE]);
