/* X25519 (RFC 7748), by libcrypto, in constant time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "link/key.h"

enum { CURVE_SECRET_SIZE = 32 };

struct evp_pkey_st;

/* A key pair. The private key is within libcrypto's object; whoever holds the pair owns it, and a
 * pair is handed over by assignment. All zero: none. */
struct curve_pair {
    struct evp_pkey_st *object;
    struct key public_key;
};

/* To be called at start: does everything once, so that libcrypto has looked up all that it needs.
 * Returns false if there is no memory. Afterwards memory is allocated by libcrypto, and nothing
 * else happens. */
bool curve_start(void);

/* From a private key, which the caller wipes. Returns false if there is no memory. */
bool curve_pair_make(const struct key *private_key, struct curve_pair *ret_pair);
/* Wipes and frees the private key. Takes one that is none. */
void curve_pair_wipe(struct curve_pair *pair);

/* The secret that `own` shares with the other. Returns false if that is all zero, as it is for
 * points of small order (RFC 7748, section 6.1), or if there is no memory. */
bool curve_share(const struct curve_pair *own, const struct key *other,
                 uint8_t ret_secret[static CURVE_SECRET_SIZE]);
