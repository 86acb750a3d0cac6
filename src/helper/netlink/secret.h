/* Holds each private or preshared key, the requests that carry one to the kernel or an engine, and
 * the kernel's answers, which have keys, too. No other memory ever has a key. Core dumps leave it
 * out; it is wiped before exit. */
#pragma once

#include <stdint.h>

#include "helper/netlink/message.h"
#include "link/key.h"

enum {
    SECRET_TEXT_SIZE = 512,
    SECRET_PAGE_SIZE = 65536, /* the largest page of any machine: madvise() wants whole pages */
    /* More than the largest link message: a device's altnames take up to 64 KiB
     * (rtnl_prop_list_size(), net/core/rtnetlink.c), and root in a container may make any number.
     * Pages that no answer reached cost nothing. */
    SECRET_ANSWER_SIZE = 96 * 1024,
};

struct secret {
    struct key private_key;
    struct key preshared_key;
    struct message request;
    char text[SECRET_TEXT_SIZE]; /* a preshared key, or a request that has one */
    _Alignas(SECRET_PAGE_SIZE) uint8_t answer[SECRET_ANSWER_SIZE];
};

extern struct secret secret;

struct failure;

/* Keeps `secret` out of core dumps (madvise(2), MADV_DONTDUMP). Returns 0 or a negative errno. */
int secret_protect(struct failure *failure);

/* Wipes keys and requests. netlink.c wipes the answers. */
void secret_wipe(void);
