/* mac1, mac2 and cookies (the paper, sections 5.3 and 5.4.7; drivers/net/wireguard/cookie.c). Pure:
 * the time, and randomness, are given. Times are in nanoseconds of a clock that runs through
 * suspend (CLOCK_BOOTTIME).
 * hash_start() (hash.h) is to be called before; noise_new() does. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/protocol/noise.h"

struct aead;

enum {
    COOKIE_SIZE = 16,
    COOKIE_SOURCE_SIZE = 18, /* an IPv6 or IPv4-mapped address, and a port, in network byte order */
};

/* The keys by which messages to this end are checked. */
struct cookie_checker {
    uint8_t mac1_key[32];
    uint8_t cookie_key[32];
    uint8_t secret[32];
    int64_t secret_birth; /* a secret is used for two minutes */
    bool has_secret;
};

void cookie_checker_init(struct cookie_checker *checker, const struct key *own_public_key);

enum cookie_verdict {
    COOKIE_INVALID_MAC,
    COOKIE_VALID_MAC,        /* mac1 is right, and mac2 wasn't asked for, or is wrong */
    COOKIE_VALID_MAC_COOKIE, /* both are right: the sender receives at that address */
};

/* Checks a message that ends with its struct message_macs; if `under_load`, mac2 as well. `source`
 * is the sender's address and port. */
enum cookie_verdict cookie_check(const struct cookie_checker *checker, const uint8_t *message,
                                 size_t length, bool under_load,
                                 const uint8_t source[static COOKIE_SOURCE_SIZE], int64_t now);

/* Makes the answer to a message with a right mac1: a cookie for the sender. `random_secret`
 * replaces the secret if that is too old; `nonce` is new randomness. `sender` is the index in the
 * message, in host byte order. */
void cookie_make_reply(struct cookie_checker *checker, struct aead *scratch,
                       const struct message_macs *macs, uint32_t sender,
                       const uint8_t source[static COOKIE_SOURCE_SIZE],
                       const uint8_t random_secret[static 32], const uint8_t nonce[static 24],
                       int64_t now, struct message_cookie *ret_reply);

/* The keys of the MACs on messages to the peer. */
struct cookie_maker {
    uint8_t mac1_key[32];
    uint8_t cookie_key[32];
    uint8_t cookie[COOKIE_SIZE];
    int64_t cookie_birth; /* a cookie is used for two minutes less five seconds */
    bool has_cookie;
    uint8_t last_mac1[COOKIE_SIZE];
    bool sent_mac1; /* a cookie is taken only in answer to a message that was sent */
};

void cookie_maker_init(struct cookie_maker *maker, const struct key *peer_public_key);

/* Writes both MACs at the end of a message of `length` bytes. */
void cookie_add_macs(struct cookie_maker *maker, uint8_t *message, size_t length, int64_t now);

/* Reads a cookie that answers the last message to the peer. Returns false if it is forged. */
bool cookie_read_reply(struct cookie_maker *maker, struct aead *scratch,
                       const struct message_cookie *reply, int64_t now);
