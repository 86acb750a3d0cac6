/* All memory that a private or preshared key is ever in: the keys, the requests that carry them to
 * the kernel or an engine, and the answers that the kernel sends, which hold them too. Not in core
 * dumps, and wiped before exit. */
#pragma once

#include <stdint.h>

#include "helper/netlink/message.h"
#include "link/key.h"

enum {
    SECRET_TEXT_SIZE = 512,
    SECRET_PAGE_SIZE = 65536, /* the largest of any machine: madvise() wants whole pages */
    /* More than the largest link message there can be: a device's altnames take up to 64 KiB
     * (rtnl_prop_list_size(), net/core/rtnetlink.c), and root in a container makes as many as it
     * likes. Pages that no answer reached cost nothing. */
    SECRET_ANSWER_SIZE = 96 * 1024,
};

struct secret {
    struct key private_key;
    struct key preshared_key;
    struct message request;
    char text[SECRET_TEXT_SIZE]; /* of a preshared key, and of a request that it is in */
    _Alignas(SECRET_PAGE_SIZE) uint8_t answer[SECRET_ANSWER_SIZE];
};

extern struct secret secret;

struct failure;

/* Keeps `secret` out of core dumps (madvise(2), MADV_DONTDUMP). Returns 0 or a negative errno. */
int secret_protect(struct failure *failure);

/* Wipes the keys and requests; answers are wiped by netlink.c, as far as they reached. */
void secret_wipe(void);
