/* X25519 (RFC 7748), by libcrypto, in constant time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "link/key.h"

enum { CURVE_SECRET_SIZE = 32 };

struct evp_pkey_st;

/* A key pair. The private key is within libcrypto's object. The holder of the pair owns the object,
 * and hands the pair over by assignment. All zeros: no pair. */
struct curve_pair {
    struct evp_pkey_st *object;
    struct key public_key;
};

/* Does everything once, at start, so that libcrypto has looked up all that it needs. Afterwards
 * libcrypto allocates memory, and does nothing else that the sandbox would see. Returns false
 * without memory. */
bool curve_start(void);

/* Makes a pair from a private key, which the caller wipes. Returns false without memory. */
bool curve_pair_make(const struct key *private_key, struct curve_pair *ret_pair);
/* Wipes and frees the private key. The pair may be none. */
void curve_pair_wipe(struct curve_pair *pair);

/* Writes the secret that `own` shares with the other key. Returns false if the secret is all zero,
 * as it is for points of small order (RFC 7748, section 6.1), or without memory. */
bool curve_share(const struct curve_pair *own, const struct key *other,
                 uint8_t ret_secret[static CURVE_SECRET_SIZE]);
