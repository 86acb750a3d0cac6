/* The links that this user has joined, a file each: $XDG_STATE_HOME/cwg/NET.json. Nothing in them
 * is secret. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cwg/container/container.h"
#include "link/key.h"

struct joined_end {
    struct end end;                /* with the engine that has the container */
    char device[16];               /* of the link */
    char key[KEY_TEXT_LENGTH + 1]; /* its public key; "" if it isn't known */
};

struct joined {
    uint32_t net;
    int64_t when;             /* seconds since 1970 */
    struct joined_end end[2]; /* host 0 and host 1 */
    char link[64];            /* as which the agents keep it; "": they don't */
};

/* Opens the file of the locks, and makes it, and the folder, if they aren't there. Returns a
 * descriptor, or -1: nothing can be remembered. */
int joined_open_locks(struct failure *failure);

/* Writes a link down, in the place of another one of that net. Returns 0, or -1. */
int joined_write(const struct joined *joined, struct failure *failure);

/* Reads a link. Returns 0; 1 if there is none of that net; or -1. */
int joined_read(uint32_t net, struct joined *ret_joined, struct failure *failure);

/* Lists the nets of all links, in order. Returns their number, or -1. The caller frees *ret_nets.
 */
int joined_list(uint32_t **ret_nets, struct failure *failure);

/* Are two ends containers of the same name at the same machine? */
bool joined_is_same_end(const struct joined_end *a, const struct joined_end *b);

/* Forgets a link. */
void joined_forget(uint32_t net);
